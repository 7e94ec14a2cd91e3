//! Who asks, and why.

use haloy_ledger::ledger::ActorFacts;
use serde::{Deserialize, Serialize};

/// Who asks, as established by the side that knows: the command for its own process, a server for whoever is at the
/// other end. No part of a request, since whoever makes that could claim anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Who, and how that is known.
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
