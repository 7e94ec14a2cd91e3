//! What went wrong, as data: for people, and by its kind for programs.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Kinds of bad endings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Something did not work.
    Operational,
    /// Wrong use, or a mistake in the configuration.
    Usage,
    /// A deployment failed; what ran before was not touched.
    Failed,
    /// A deployment failed and the previous release was restored.
    RolledBack,
    /// Over several targets: some worked.
    Partial,
    /// A rebuilt read model differs, or a check failed.
    Verification,
    /// A gate or a policy refused.
    Blocked,
    /// Another process holds the ledger or the target.
    Locked,
    /// A precondition does not hold.
    Precondition,
    /// Nothing to roll back to, or not restorable.
    NotRestorable,
    /// Stopped by the user.
    Interrupted,
}

impl Kind {
    /// Name for programs.
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
}

/// What failed and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Error {
    /// What kind of bad ending it is.
    pub kind: Kind,
    /// What failed, and why. It may contain foreign text.
    pub message: String,
    /// The command to run, or the thing to change.
    pub hint: Option<String>,
    /// Whether the message has lines of its own, each of them fit to be shown.
    #[serde(default)]
    pub several: bool,
}

impl Error {
    /// An error without a hint.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None, several: false }
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
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}
