//! The stream `edge`: owners of domains, and certificates. Pure, like `deployment`.
//!
//! A claim is made with the admission of a deployment, in the same append. It takes effect once the
//! edge routes the domain to that deployment's replicas, and is given back by the append that ends the
//! deployment if it fails. So a domain never has two owners, and none is lost on the way.

mod decide;
mod rejection;
mod snapshot;
mod state;
#[cfg(test)]
mod tests;

pub use decide::{claim, follow, known, report};
pub use rejection::Rejection;
pub use snapshot::{Route, RouteSnapshot, TargetRoutes, snapshot};
pub use state::{Certificate, Claim, EdgeState, evolve};

/// Something that happened at the edge while no command held the ledger, as the edge reports it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case", tag = "report")]
pub enum Report {
    /// A certificate was issued.
    Issued {
        /// Names that it is for.
        names: Vec<String>,
        /// Serial number, in hex.
        serial: String,
        /// When it ends.
        not_after: crate::ids::Timestamp,
        /// Directory of the authority.
        ca: String,
        /// The account at the authority.
        account: String,
        /// Whether it replaces one that was about to expire.
        renewal: bool,
    },
    /// No certificate was issued.
    NotIssued {
        /// Requested names.
        names: Vec<String>,
        /// Why.
        cause: crate::outcome::Failure,
        /// What the authority wrote about it. None in a report of an edge before format 3, whose cause holds
        /// the words of the authority.
        #[serde(default)]
        detail: Option<String>,
        /// Time of the next attempt.
        next_try: crate::ids::Timestamp,
    },
    /// The user's own certificate is served.
    Imported {
        /// Names that it is for.
        names: Vec<String>,
        /// Serial number, in hex.
        serial: String,
        /// When it ends.
        not_after: crate::ids::Timestamp,
    },
    /// An account was made.
    Account {
        /// Directory of the authority.
        directory: String,
        /// As the authority names it.
        account: String,
    },
    /// A replica that should get requests gets none.
    Down {
        /// App of the replica.
        app: crate::ids::AppName,
        /// Target of the replica.
        target: crate::ids::TargetName,
        /// The replica.
        r: crate::ids::ReplicaId,
        /// Why.
        cause: crate::event::UpstreamCause,
        /// Further changes of this target's replicas since the last report, which were only counted.
        more: u32,
    },
    /// A replica gets requests again.
    Up {
        /// App of the replica.
        app: crate::ids::AppName,
        /// Target of the replica.
        target: crate::ids::TargetName,
        /// The replica.
        r: crate::ids::ReplicaId,
        /// Why.
        cause: crate::event::UpstreamCause,
        /// Further changes of this target's replicas since the last report, which were only counted.
        more: u32,
    },
    /// The edge started.
    Started {
        /// Version of the edge.
        version: String,
        /// Generation that it found.
        generation: Option<u64>,
    },
    /// The edge took over from another.
    Replaced {
        /// Version of the one that left.
        before: String,
        /// Version of the one that serves.
        after: String,
    },
}
