//! Why a rule of the edge rejected a command: typed, and something that the user can act on.

use serde::Serialize;

/// A rule of the edge rejected the command. Nothing is recorded, at the target neither.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "rejection")]
pub enum Rejection {
    /// Another target has a requested domain.
    #[error("domain {domain} belongs to {holder}")]
    DomainTaken {
        /// The requested name.
        domain: String,
        /// App and target that have it.
        holder: String,
        /// The name is only an alias there, so it cannot be moved by itself.
        alias: bool,
    },
}
