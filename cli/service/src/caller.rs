//! Caller of a command, and its metadata.

use haloy_ledger::ledger::ActorFacts;
use serde::{Deserialize, Serialize};

/// Caller of a command, as established by the side that knows: the command for its own process, a server for
/// its clients. Not a part of a request, since a client could claim anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Actor, and how its identity is known.
    pub actor: ActorFacts,
    /// Name of the caller's machine, where it is known.
    pub host: Option<String>,
    /// Address that the request came from; none where it came from this machine.
    pub address: Option<String>,
    /// Program and version of the caller.
    pub tool: String,
}

/// Why, as the caller gives it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandMetadata {
    /// Reason.
    pub reason: Option<String>,
    /// Ticket.
    pub ticket: Option<String>,
    /// Idempotency key.
    pub key: Option<String>,
}
