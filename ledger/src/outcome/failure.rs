//! An outcome that went wrong: a code, and words of our own.

use super::tail::cut;
use super::words::Words;
use crate::private::Private;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Why an effect failed, in one word. Names are stored: never renamed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureCode {
    /// The registry, or the engine, has no such image.
    ImageNotFound,
    /// The registry asks for credentials, or refuses the given ones.
    Unauthorized,
    /// The registry did not answer.
    RegistryUnreachable,
    /// Docker did not answer.
    EngineUnreachable,
    /// Docker's socket refuses this user.
    EnginePermission,
    /// The image is made for another architecture.
    PlatformMismatch,
    /// The image could not be built.
    BuildFailed,
    /// A container that is not ours has this name.
    NameTaken,
    /// The container could not be started.
    StartFailed,
    /// The container ended before it was healthy.
    ExitedEarly,
    /// Probes were answered, but never well.
    NeverHealthy,
    /// Nothing listens on the port.
    PortNotListening,
    /// A hook ended with a code other than 0.
    HookFailed,
    /// Whether the hook ran is not known: the process was killed meanwhile.
    HookUnknown,
    /// No space left on the engine.
    DiskFull,
    /// The deadline passed.
    TimedOut,
    /// Cancelled by the user.
    Cancelled,
    /// haloy died in the middle.
    Interrupted,
    /// The value of a variable or credential could not be had.
    ValueMissing,
    /// The edge did not answer, or could not be started.
    EdgeUnreachable,
    /// The edge does not take this: a newer one was applied, or it is another ledger's.
    EdgeRefused,
    /// The release command ended with a code other than 0.
    ReleaseCommandFailed,
    /// Whether the release command ran is not known: the process was killed meanwhile.
    ReleaseCommandUnknown,
    /// The container is not, or cannot be shown to be, the one that was started.
    ReplicaNotVerified,
    /// A volume is in use by a container.
    VolumeInUse,
    /// The image keeps data at a path that no entry of `volumes:` covers.
    VolumeUncovered,
    /// This version of haloy cannot do this.
    NotSupported,
    /// Anything else; the text describes it.
    Other,
}

/// An outcome that went wrong: typed, small, kept in the log, in bytes that are hashed and never erased.
///
/// The text is made of [`Words`] only: foreign text does not fit. Text from before format 3 may hold some,
/// and is read as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The kind.
    pub code: FailureCode,
    text: String,
}

impl Failure {
    /// Longest text, in bytes.
    pub const MAX_TEXT: usize = 400;

    /// A failure in our own words, in one line, cut to the limit.
    pub fn new(code: FailureCode, text: impl Into<Words>) -> Self {
        let text = text.into().into_string();
        // Names of the configuration may hold anything, and this is shown on terminals.
        let text = text.replace(|c: char| c.is_control(), " ");
        Self { code, text: cut(text, Self::MAX_TEXT) }
    }

    /// One sentence, at most [`Failure::MAX_TEXT`] bytes.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A failure as it is reported: our own words, and beside them what others wrote about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureReport {
    /// The kind, and our own words.
    pub cause: Failure,
    /// What others wrote; private wherever it is recorded.
    pub detail: String,
}

impl FailureReport {
    /// Most bytes that are kept of what others wrote.
    pub const MAX_DETAIL: usize = 4096;

    /// With what others wrote, cut to the limit.
    pub fn new(cause: Failure, detail: String) -> Self {
        Self { cause, detail: cut(detail, Self::MAX_DETAIL) }
    }

    /// What others wrote, as a private field; none where they wrote nothing.
    pub fn private(&self) -> Option<Private> {
        (!self.detail.is_empty()).then(|| self.detail.as_str().into())
    }
}

impl From<Failure> for FailureReport {
    fn from(cause: Failure) -> Self {
        Self { cause, detail: String::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Public;
    use crate::words;

    #[test]
    fn a_name_of_the_configuration_stays_one_line_and_moves_no_cursor() {
        let failure = Failure::new(FailureCode::Other, words!("no {}", Public("\u{1b}[2J such\nnetwork")));
        assert_eq!(failure.text(), "no  [2J such network");
    }
}
