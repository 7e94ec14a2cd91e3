//! What happened, in the past tense. Kind numbers are for ever: never reused, never renumbered.
//!
//! A new field is a new version of its kind and a step in `log/upcast.rs`.

mod catalogue;
mod groups;
mod kinds;
mod kinds_edge;
mod kinds_kept;
mod parts;

pub use catalogue::{FieldInfo, KindInfo};
pub(crate) use groups::{edge_events, hold_events, ledger_events, registry_events, step_events};
pub use kinds::*;
pub use parts::*;

use crate::private::{FieldNumber, Private};

/// Numbers of private fields that belong to one kind of event, not to its configuration.
pub mod field {
    /// Longer foreign text of a failure.
    pub const DETAIL: u32 = 21;
    /// Last lines of a container or hook.
    pub const LOG_TAIL: u32 = 22;
    /// Why a release is held.
    pub const BASIS: u32 = 23;
}

impl Event {
    /// Every private value of the event, with its field number.
    pub fn private_fields(&mut self) -> Vec<(FieldNumber, &mut Private)> {
        match self {
            Self::DeploymentRequested(e) => match &mut e.ask {
                Ask::Deploy { release } => release.config.private_fields(),
                // The literals stay with the request that made the release: one redaction is enough.
                Ask::Rollback { .. } => Vec::new(),
            },
            Self::HookFinished(e) => vec![(field::LOG_TAIL, &mut e.log_tail)],
            Self::ReplicaUnhealthy(e) => vec![(field::LOG_TAIL, &mut e.log_tail)],
            Self::EffectFailed(e) => vec![(field::DETAIL, &mut e.detail)],
            Self::HoldPlaced(e) => vec![(field::BASIS, &mut e.basis)],
            Self::LedgerCreated(_)
            | Self::FormatRaised(_)
            | Self::KeyAdded(_)
            | Self::KeyRetired(_)
            | Self::ClockStepped(_)
            | Self::ClockAccepted(_)
            | Self::Recovered(_)
            | Self::PayloadRedacted(_)
            | Self::DeploymentAdmitted(_)
            | Self::CancelRequested(_)
            | Self::ImageResolved(_)
            | Self::ImageBuilt(_)
            | Self::ImagePulled(_)
            | Self::ImageTagged(_)
            | Self::NetworkReady(_)
            | Self::ReplicaStarted(_)
            | Self::ReplicaHealthy(_)
            | Self::RoutesApplied(_)
            | Self::ReplicaDrained(_)
            | Self::ReplicaStopped(_)
            | Self::ReplicaRemoved(_)
            | Self::EffectAttemptFailed(_)
            | Self::RolloutTurnedBack(_)
            | Self::RolloutInterrupted(_)
            | Self::DeploymentSucceeded(_)
            | Self::DeploymentFailed(_)
            | Self::DeploymentRolledBack(_)
            | Self::DeploymentCancelled(_)
            | Self::DeploymentInterrupted(_)
            | Self::PrunePlanned(_)
            | Self::ArtefactPruned(_)
            | Self::PruneFailed(_)
            | Self::ImageLost(_)
            | Self::ImageFound(_)
            | Self::ImagePushed(_)
            | Self::TagMoved(_)
            | Self::RegistryUnreachable(_)
            | Self::ImagesChecked(_)
            | Self::ReleaseTagged(_)
            | Self::ReleaseUntagged(_)
            | Self::ReleasePinned(_)
            | Self::ReleaseUnpinned(_)
            | Self::HoldReleased(_)
            | Self::RetentionChanged(_)
            | Self::StopRequested(_)
            | Self::TargetStopped(_)
            | Self::DomainClaimed(_)
            | Self::DomainReleased(_)
            | Self::DomainMoved(_)
            | Self::CertificateIssued(_)
            | Self::CertificateFailed(_)
            | Self::CertificateImported(_)
            | Self::AcmeAccountCreated(_)
            | Self::EdgeStarted(_)
            | Self::EdgeReplaced(_) => Vec::new(),
        }
    }
}
