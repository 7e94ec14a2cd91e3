//! Kinds of the stream `edge`, in order of number: domains and certificates.
//!
//! Reserved, never to be used for anything else: 103, 104, 122 and 123.

use super::field;
use super::parts::UpstreamCause;
use crate::ids::{AppName, DeploymentId, ReplicaId, TargetKey, TargetName, Timestamp};
use crate::outcome::Failure;
use crate::private::{FieldNumber, Private};

super::catalogue::events! {
    /// What happened at the edge.
    EdgeEvent;

    /// A domain and its aliases belong to a target from now on.
    100 = DomainClaimed v 1 since "0.1.0" {
        /// The domain.
        domain: String,
        /// Names that redirect to it.
        aliases: Vec<String>,
        /// App that owns the domain.
        app: AppName,
        /// Target that owns the domain.
        target: TargetName,
        /// The deployment that claimed it; gives it back if it fails.
        id: DeploymentId,
    }
    /// A domain is free, or with the one that had it before the deployment that claimed it.
    101 = DomainReleased v 1 since "0.1.0" {
        /// The domain.
        domain: String,
        /// App that owned the domain.
        app: AppName,
        /// Target that owned the domain.
        target: TargetName,
        /// The deployment that ended without it.
        id: DeploymentId,
        /// New owner, where the domain goes back: the deployment had taken it over, and failed.
        back_to: Option<TargetKey>,
    }
    /// A domain went from one target to another, in one switch of the edge.
    102 = DomainMoved v 1 since "0.1.0" {
        /// The domain.
        domain: String,
        /// Target that owned the domain.
        from: TargetKey,
        /// Target that owns the domain now.
        to: TargetKey,
        /// The deployment that took it over.
        id: DeploymentId,
    }
    /// An authority issued a certificate.
    110 = CertificateIssued v 1 since "0.1.0" {
        /// Names that it is for.
        names: Vec<String>,
        /// Serial number, in hex.
        serial: String,
        /// When it ends.
        not_after: Timestamp,
        /// Directory of the authority.
        ca: String,
        /// The account at the authority.
        account: String,
        /// Whether it replaces one that was about to expire.
        renewal: bool,
    }
    /// An authority issued no certificate. What was served before is served on.
    111 = CertificateFailed v 2 since "0.1.0" {
        /// Requested names.
        names: Vec<String>,
        /// Why.
        cause: Failure,
        /// What the authority wrote about it.
        #[serde(default, skip_serializing_if = "Option::is_none")] detail: Option<Private>,
        /// Time of the next attempt.
        next_try: Timestamp,
    }
    /// A certificate of the user's own is served.
    112 = CertificateImported v 1 since "0.1.0" {
        /// Names that it is for.
        names: Vec<String>,
        /// Serial number, in hex.
        serial: String,
        /// When it ends.
        not_after: Timestamp,
    }
    /// An account was made at an authority.
    113 = AcmeAccountCreated v 1 since "0.1.0" {
        /// Directory of the authority.
        directory: String,
        /// The account, as the authority names it.
        account: String,
    }
    /// A replica that should get requests gets none. At most six an hour for one target.
    114 = UpstreamDown v 2 since "0.2.0" {
        /// App of the replica.
        app: AppName,
        /// Target of the replica.
        target: TargetName,
        /// The replica.
        r: ReplicaId,
        /// Why.
        cause: UpstreamCause,
        /// Further changes of this target's replicas since the last event, which were only counted.
        more: u32,
    }
    /// A replica gets requests again.
    115 = UpstreamUp v 2 since "0.2.0" {
        /// App of the replica.
        app: AppName,
        /// Target of the replica.
        target: TargetName,
        /// The replica.
        r: ReplicaId,
        /// Why.
        cause: UpstreamCause,
        /// Further changes of this target's replicas since the last event, which were only counted.
        more: u32,
    }
    /// An edge started to serve.
    120 = EdgeStarted v 1 since "0.1.0" {
        /// Version of the edge.
        version: String,
        /// Generation of the routes that it found; none if it found none.
        generation: Option<u64>,
    }
    /// An edge took over from another without a pause.
    121 = EdgeReplaced v 1 since "0.1.0" {
        /// Version of the one that left.
        before: String,
        /// Version of the one that serves.
        after: String,
    }
}

impl EdgeEvent {
    /// Every private value of the event, with its field number.
    pub(super) fn private_fields(&mut self) -> Vec<(FieldNumber, &mut Private)> {
        match self {
            Self::CertificateFailed(e) => field::detail(&mut e.detail),
            Self::DomainClaimed(_)
            | Self::DomainReleased(_)
            | Self::DomainMoved(_)
            | Self::CertificateIssued(_)
            | Self::CertificateImported(_)
            | Self::AcmeAccountCreated(_)
            | Self::UpstreamDown(_)
            | Self::UpstreamUp(_)
            | Self::EdgeStarted(_)
            | Self::EdgeReplaced(_) => Vec::new(),
        }
    }
}
