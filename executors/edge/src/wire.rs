//! Messages on the command socket, as both sides know them.

use super::identity::Subject;
use haloy_ledger::edge::Report;
use haloy_ledger::ids::{ReplicaId, Timestamp};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::PathBuf;

/// The socket of commands, in the folder of the edge.
pub(super) const SOCKET: &str = "edge.sock";

/// Status of an edge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EdgeStatus {
    /// Version of the edge.
    pub version: String,
    /// Process id.
    pub pid: u32,
    /// Addresses that it listens at for http.
    pub http: Vec<SocketAddr>,
    /// Addresses that it listens at for https.
    pub https: Vec<SocketAddr>,
    /// Certificates that it has.
    pub certificates: Vec<CertificateStatus>,
    /// Domains whose certificate an authority refused.
    pub refused: Vec<RefusedCertificate>,
    /// The authority, and names that it is asked for; an older edge leaves this out.
    #[serde(default)]
    pub authority: Option<AuthorityStatus>,
    /// Files of certificates that cannot be served, and why.
    pub unreadable: Vec<String>,
    /// Ledger that it serves; none before the first routes.
    pub ledger: Option<String>,
    /// Generation of its routes.
    pub generation: Option<u64>,
    /// Digest of its routes.
    pub digest: String,
    /// Routes.
    pub routes: usize,
    /// Replicas, and requests in flight through each.
    pub replicas: Vec<ReplicaStatus>,
    /// Things that happened and are not in the log yet.
    pub reports: usize,
    /// Whether it takes no connections any more, and ends once it has no requests.
    pub leaving: bool,
}

/// A replica, as the edge sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplicaStatus {
    /// The replica; an older edge leaves this out.
    #[serde(default)]
    pub subject: Option<Subject>,
    /// Where it was when it started, as the routes say; an older edge does not say.
    #[serde(default)]
    pub recorded: Option<SocketAddr>,
    /// Where it is, as last seen; none where that is not known.
    pub address: Option<SocketAddr>,
    /// Why it gets no new connection; none where nothing is in doubt.
    #[serde(default)]
    pub doubt: Option<String>,
    /// Why checks keep it out of the route; none where they do not. Where no other is well, it gets requests
    /// all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub out: Option<String>,
    /// Requests and tunnels in flight.
    pub in_flight: u32,
    /// Whether the last attempt to connect failed.
    pub marked: bool,
}

/// The authority that an edge requests certificates from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorityStatus {
    /// Address of its directory.
    pub directory: String,
    /// Names that certificates are requested for, now or when they are due.
    pub names: Vec<String>,
    /// Address of its terms, if it has one.
    pub terms: Option<String>,
    /// Whether it was queried for the terms.
    pub asked: bool,
}

/// A certificate, as the edge has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateStatus {
    /// Names that it is for.
    pub names: Vec<String>,
    /// Serial number, in hex.
    pub serial: String,
    /// When it ends.
    pub not_after: Timestamp,
    /// The user brought it.
    pub own: bool,
}

impl CertificateStatus {
    /// Whether clients that ask for a name accept it: by the name itself, or a wildcard one label above.
    pub fn is_for(&self, name: &str) -> bool {
        let above = name.split_once('.').map(|(_, above)| format!("*.{above}"));
        self.names.iter().any(|known| known == name || Some(known) == above.as_ref())
    }
}

/// A certificate that an authority did not issue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedCertificate {
    /// The domain.
    pub domain: String,
    /// Why, in the words of the authority.
    pub cause: String,
    /// Time of the next attempt.
    pub next_try: Timestamp,
}

/// What draining came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drained {
    /// Requests that were still in flight.
    pub left_in_flight: u32,
    /// Milliseconds that it took.
    pub took_ms: u64,
}

/// Something that happened, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reported {
    /// Unique: makes it recorded once.
    pub key: String,
    /// When it happened.
    pub at: Timestamp,
    /// What.
    pub what: Report,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Applied {
    pub(super) generation: u64,
    pub(super) digest: String,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Drain {
    pub(super) replica: ReplicaId,
    pub(super) limit_ms: u64,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Upgrade {
    pub(super) program: PathBuf,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Problem {
    pub(super) error: String,
}
