//! How an error ends a command: the message for the user, and the one table of exit codes.

use crate::output::{foreign, print_error_line};
use std::fmt;

pub use haloy_service::{Error, Kind};

/// The exit code for differences, where the command was asked to report them with it.
pub const DIFFERENCES: u8 = 10;

/// The exit code of a panic.
pub const BUG: u8 = 70;

/// Every exit code and its meaning.
pub const EXIT_CODES: &[(u8, &str)] = &[
    (0, "done"),
    (1, "operational error"),
    (2, "wrong use, or a mistake in the configuration"),
    (3, "the deployment failed; what ran before was not touched"),
    (4, "the deployment failed; the previous release was restored, and seen to run"),
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
    (130, "interrupted: what was in progress was rolled back, or was left at once"),
    (143, "left at once: told to end (SIGTERM)"),
];

/// The exit code of a kind of bad ending.
pub fn code(kind: Kind) -> u8 {
    match kind {
        Kind::Operational => 1,
        Kind::Usage => 2,
        Kind::Failed => 3,
        Kind::RolledBack => 4,
        Kind::Partial => 5,
        Kind::Verification => 6,
        Kind::Blocked => 7,
        Kind::Locked => 8,
        Kind::Precondition => 9,
        Kind::NotRestorable => 11,
        Kind::Interrupted => 130,
    }
}

/// The exit code of what failed, or did not.
pub fn exit(failure: Option<Kind>) -> u8 {
    failure.map_or(0, code)
}

/// For programs: what `-o json` prints in place of an answer.
pub fn json(error: &Error) -> serde_json::Value {
    let data = serde_json::json!({
        "kind": error.kind.name(),
        "exit_code": code(error.kind),
        "message": error.message,
        "hint": error.hint,
    });
    serde_json::json!({ "schema": "haloy/error/1", "data": data })
}

/// An error as a terminal may show it: words of others in it are shown, and never obeyed.
pub struct Shown<'a>(pub &'a Error);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Error { message, hint, several, .. } = self.0;
        match several {
            true => f.write_str(message)?,
            false => f.write_str(&foreign::message(message))?,
        }
        match hint {
            Some(hint) => write!(f, "\nhint: {}", foreign::message(hint)),
            None => Ok(()),
        }
    }
}

/// Tells a user what went wrong.
pub fn tell(error: &Error) {
    print_error_line(&Shown(error));
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
            assert!(EXIT_CODES.iter().any(|(known, _)| *known == code(kind)), "{kind:?}");
        }
    }
}
