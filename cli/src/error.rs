//! What a user is told when something went wrong, and the one table of exit codes.

use crate::output::foreign;
use std::fmt;

/// Kinds of bad endings; each has an exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Something did not work.
    Operational,
    /// Wrong use, or a mistake in the configuration.
    Usage,
    /// A deployment failed; what ran before was not touched.
    Failed,
    /// A deployment failed and the release before was restored.
    RolledBack,
    /// Over several targets: some worked.
    Partial,
    /// A rebuilt read model differs, or a check failed.
    Verification,
    /// A gate or a policy said no.
    Blocked,
    /// Somebody else holds the ledger or the target.
    Locked,
    /// A precondition does not hold.
    Precondition,
    /// Nothing to roll back to, or not restorable.
    NotRestorable,
    /// Stopped by the user.
    Interrupted,
}

/// The exit code where something is not as it should be, and the command was asked to say so with it.
pub const DIFFERENCES: u8 = 10;

/// The exit code of a panic.
pub const BUG: u8 = 70;

/// Every exit code and what it means.
pub const EXIT_CODES: &[(u8, &str)] = &[
    (0, "done"),
    (1, "operational error"),
    (2, "wrong use, or a mistake in the configuration"),
    (3, "the deployment failed; what ran before was not touched"),
    (4, "the deployment failed; the release before was restored, and seen to run"),
    (5, "over several targets: some worked, some did not"),
    (6, "a verification failed"),
    (7, "blocked by a policy (reserved)"),
    (8, "locked, or timed out waiting"),
    (9, "a precondition does not hold: the same key for another command, or a ledger of a newer haloy"),
    (DIFFERENCES, "something is not as it should be, with `--exit-code`"),
    (11, "nothing to roll back to, or not restorable"),
    (12, "stopped watching, the work goes on (reserved)"),
    (BUG, "a bug in haloy"),
    (129, "left at once: the terminal went away (SIGHUP)"),
    (130, "interrupted: what was on its way has gone back, or was left at once"),
    (143, "left at once: told to end (SIGTERM)"),
];

impl Kind {
    /// Its name, for programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Operational => "operational",
            Self::Usage => "usage",
            Self::Failed => "failed",
            Self::RolledBack => "rolled_back",
            Self::Partial => "partial",
            Self::Verification => "verification",
            Self::Blocked => "blocked",
            Self::Locked => "locked",
            Self::Precondition => "precondition",
            Self::NotRestorable => "not_restorable",
            Self::Interrupted => "interrupted",
        }
    }

    /// The exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Operational => 1,
            Self::Usage => 2,
            Self::Failed => 3,
            Self::RolledBack => 4,
            Self::Partial => 5,
            Self::Verification => 6,
            Self::Blocked => 7,
            Self::Locked => 8,
            Self::Precondition => 9,
            Self::NotRestorable => 11,
            Self::Interrupted => 130,
        }
    }
}

/// What failed and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// Decides the exit code.
    pub kind: Kind,
    /// What failed, and why.
    pub message: String,
    /// The command to run, or the thing to change.
    pub hint: Option<String>,
    /// The message has lines of its own, each of them fit to be shown.
    pub several: bool,
}

impl Error {
    /// An error without a hint.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None, several: false }
    }

    /// For programs: what `-o json` prints in place of an answer.
    pub fn json(&self) -> serde_json::Value {
        let data = serde_json::json!({
            "kind": self.kind.name(),
            "exit_code": self.kind.code(),
            "message": self.message,
            "hint": self.hint,
        });
        serde_json::json!({ "schema": "haloy/error/1", "data": data })
    }

    /// With a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl std::error::Error for Error {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.several {
            true => f.write_str(&self.message)?,
            false => f.write_str(&foreign::message(&self.message))?,
        }
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {}", foreign::message(hint)),
            None => Ok(()),
        }
    }
}

impl From<crate::config::ConfigError> for Error {
    fn from(error: crate::config::ConfigError) -> Self {
        use crate::config::{ConfigError, LocateError};
        let hint = match &error {
            ConfigError::Locate(LocateError::Several(_, names)) => {
                Some(format!("remove one, or name one: --config {}", names.join(" or --config ")))
            }
            ConfigError::Locate(_) => Some("write a haloy.yaml, or name one with --config FILE".to_owned()),
            ConfigError::NoTarget { close, .. } => {
                close.as_ref().map(|close| format!("did you mean `{close}`?"))
            }
            ConfigError::WhichTarget { .. } => Some("name one with --target, or use --all".to_owned()),
            ConfigError::Unreadable { .. } | ConfigError::Problems(_) | ConfigError::Ended => None,
        };
        let several = matches!(error, ConfigError::Problems(_));
        let kind = if matches!(error, ConfigError::Ended) { Kind::Interrupted } else { Kind::Usage };
        Self { kind, message: error.to_string(), hint, several }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_row_in_the_table() {
        for kind in [
            Kind::Operational,
            Kind::Usage,
            Kind::Failed,
            Kind::RolledBack,
            Kind::Partial,
            Kind::Verification,
            Kind::Locked,
            Kind::Precondition,
            Kind::NotRestorable,
            Kind::Interrupted,
        ] {
            assert!(EXIT_CODES.iter().any(|(code, _)| *code == kind.code()), "{kind:?}");
        }
    }
}
