//! Words of our own: what hashed bytes may hold of a failure.
//!
//! The log is for ever, so what an engine, a registry or a program wrote must not get into it by way of a
//! sentence. The compiler sees to that: [`Words`] is made of texts of this program and of values whose types
//! are marked with [`Ours`]; a `String` or a `&str` from elsewhere is neither.

use crate::ids::*;
use std::fmt;

/// A sentence of our own: made from a text of this program, or with [`words!`](crate::words).
///
/// ```compile_fail
/// let said = String::from("what the engine said");
/// let words = haloy_ledger::words!("starting it: {}", said);
/// ```
/// ```compile_fail
/// let said = String::from("what the engine said");
/// let words = haloy_ledger::words!("starting it: {said}");
/// ```
/// ```compile_fail
/// fn words(said: &str) -> haloy_ledger::outcome::Words { said.into() }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words(String);

impl Words {
    /// For [`words!`](crate::words) alone, which lets only [`Ours`] in.
    #[doc(hidden)]
    pub fn formatted(text: fmt::Arguments<'_>) -> Self {
        Self(text.to_string())
    }

    /// The sentence.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl From<&'static str> for Words {
    fn from(text: &'static str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Marks values that may stand in hashed bytes: numbers, ids, and names that an event holds anyway.
pub trait Ours: fmt::Display {}

impl<T: Ours + ?Sized> Ours for &T {}

/// Passes on a value that is ours; anything else does not compile.
pub fn ours<T: Ours + ?Sized>(value: &T) -> &T {
    value
}

/// A word of the configuration that the request holds in clear text (a network, a path, the name of a
/// variable), or an address that an event holds. The caller has made sure of that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Public<'a>(pub &'a str);

impl fmt::Display for Public<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

macro_rules! ours {
    ($($ty:ty),+ $(,)?) => { $( impl Ours for $ty {} )+ };
}

ours!(
    u8,
    u16,
    u32,
    u64,
    usize,
    i8,
    i16,
    i32,
    i64,
    isize,
    bool,
    &'static str,
    Words,
    Public<'_>,
    AppName,
    TargetName,
    DeploymentId,
    ReplicaId,
    ReleaseName,
    ImageRef,
    Digest,
    EffectId,
    LedgerId,
    Position,
);

/// A sentence of our own with values in it, each of a type that is marked with
/// [`Ours`](crate::outcome::Ours): `words!("ended with code {}", code)`. Values stand behind the text: a name
/// in braces would get past the mark.
#[macro_export]
macro_rules! words {
    ($text:literal $(, $value:expr)* $(,)?) => {
        // `concat!` takes away the text's right to name variables of the caller.
        $crate::outcome::Words::formatted(format_args!(concat!($text) $(, $crate::outcome::ours(&$value))*))
    };
}

#[cfg(test)]
mod tests {
    use crate::outcome::Public;

    #[test]
    fn values_that_are_ours_are_put_in() {
        let words = words!("port {} of {} in {}", 80_u16, Public("web"), "all");
        assert_eq!(words.to_string(), "port 80 of web in all");
    }
}
