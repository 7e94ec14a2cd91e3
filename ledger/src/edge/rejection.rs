//! Why a rule of the edge said no: typed, and something that the user can act on.

use serde::Serialize;

/// A rule of the edge said no. Nothing is recorded, at the target neither.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "rejection")]
pub enum Rejection {
    /// Another target has a domain that is asked for.
    #[error("domain {domain} belongs to {holder}")]
    DomainTaken {
        /// The name that was asked for.
        domain: String,
        /// App and target that have it.
        holder: String,
        /// It is only an alias there, so it cannot be moved by itself.
        alias: bool,
    },
}
