//! App and target names, as `haloy.yaml` spells them.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Longest name that is accepted, in bytes: a DNS label, since names end up in container names.
const MAX_NAME: usize = 63;

/// A text that is not the identifier it was read as.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not {what}: {rule}", shown(text))]
pub struct InvalidId {
    /// What was expected, with its article: `an app name`.
    pub what: &'static str,
    /// The text as it was given.
    pub text: String,
    /// The rule that it breaks.
    pub rule: &'static str,
}

/// Bytes of a refused text that are shown, about.
const SHOWN: usize = 120;

/// A text of others as it can be printed: its beginning, with what a terminal would act on written out.
fn shown(text: &str) -> String {
    let mut shown = String::new();
    for c in text.chars() {
        if shown.len() >= SHOWN {
            shown.push('…');
            break;
        }
        // Formatting characters turn a line around, or hide in it.
        let hidden = matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        match c.is_control() || hidden {
            true => shown.extend(c.escape_unicode()),
            false => shown.push(c),
        }
    }
    shown
}

pub(super) const NAME_RULE: &str =
    "use letters, digits, `-` and `_`, starting with a letter or digit, 63 at most";

fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    text.len() <= MAX_NAME
        && bytes.next().is_some_and(|b| b.is_ascii_alphanumeric())
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// The slug of a name: what Docker accepts in a repository or container name.
///
/// Lower case, every run of other characters becomes one `-`, and `-` is trimmed from both ends.
pub fn slug(name: &str) -> String {
    let mut slug = String::with_capacity(name.len());
    for c in name.chars().map(|c| c.to_ascii_lowercase()) {
        if c.is_ascii_lowercase() || c.is_ascii_digit() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(slug.trim_end_matches('-').len());
    slug
}

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks the rule and takes the name.
            pub fn new(text: impl Into<String>) -> Result<Self, InvalidId> {
                let text = text.into();
                if is_name(&text) {
                    Ok(Self(text))
                } else {
                    Err(InvalidId { what: $what, text, rule: NAME_RULE })
                }
            }

            /// The name as it was written.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The name as Docker accepts it; see [`slug`].
            pub fn slug(&self) -> String {
                slug(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name_type!(
    /// What is deployed: `name` in `haloy.yaml`.
    AppName,
    "an app name"
);
name_type!(
    /// A named place that an app is deployed to: `production`, `staging`, or `default`.
    TargetName,
    "a target name"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_documented_rule() {
        for good in ["a", "A1", "my-app", "my_app", "0x"] {
            assert!(AppName::new(good).is_ok(), "{good}");
        }
        for bad in ["", "-a", "_a", "a b", "a/b", "ä", &"x".repeat(64)] {
            assert!(AppName::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn slugs_are_what_docker_accepts() {
        assert_eq!(slug("My__App"), "my-app");
        assert_eq!(slug("a--b_"), "a-b");
        assert_eq!(slug("safe-app"), "safe-app");
    }
}
