//! Requests and answers about evidence: heads, proofs, keys, erasure.

use crate::CommandMetadata;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What to verify.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyRequest {
    /// Entries below this position are trusted to match their published hashes.
    pub since: u64,
    /// A checkpoint that was kept elsewhere, as bytes.
    pub against: Option<Vec<u8>>,
    /// Only this published tree, with these keys; without a ledger.
    pub published: Option<(PathBuf, Vec<String>)>,
}

/// The newest signed head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckpointAnswer {
    /// Name of the log.
    pub origin: String,
    /// Entries.
    pub size: u64,
    /// Root over them, in hex.
    pub root: String,
    /// What its signature is checked with.
    pub verifier_key: Option<String>,
    /// The checkpoint, as it was signed.
    pub checkpoint: String,
}

/// A proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProofRow {
    /// Position of the event.
    pub position: u64,
    /// Kind of the event.
    pub kind: String,
    /// The proof (c2sp.org/tlog-proof@v1).
    pub proof: String,
}

/// A key of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRow {
    /// `signing`, `fingerprint` or `vault`.
    pub purpose: String,
    /// Id of the proof.
    pub id: String,
    /// What signatures are checked with.
    pub verifier_key: Option<String>,
    /// The event that made it known.
    pub added: u64,
    /// The event that retired it.
    pub retired: Option<u64>,
}

/// What to erase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedactRequest {
    /// `#position`, or a deployment by name, id or prefix: every event of it.
    pub what: String,
    /// Ranges of field numbers; all if empty.
    pub fields: Vec<(u32, u32)>,
    /// The law, the request or the contract that demands it; recorded, and not private.
    pub basis: String,
    /// Reason, ticket and idempotency key.
    pub why: CommandMetadata,
}
