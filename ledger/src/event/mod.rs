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
pub(crate) use groups::{
    edge_events, hold_events, ledger_events, registry_events, running_events, step_events,
};
pub use kinds::*;
pub use parts::*;

use crate::private::{FieldNumber, Private};

/// Numbers of private fields that belong to one kind of event, not to its configuration.
pub mod field {
    /// What others wrote about a failure.
    pub const DETAIL: u32 = 21;
    /// Last lines of a container or hook.
    pub const LOG_TAIL: u32 = 22;
    /// Why a release is held.
    pub const BASIS: u32 = 23;
    /// A command line.
    pub const ARGV: u32 = 32;
}

fn detail(detail: &mut Option<Private>) -> Vec<(FieldNumber, &mut Private)> {
    detail.iter_mut().map(|detail| (field::DETAIL, detail)).collect()
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
            Self::ReleaseCommandFinished(e) => vec![(field::LOG_TAIL, &mut e.log_tail)],
            Self::ReplicaUnhealthy(e) => {
                let detail = e.detail.iter_mut().map(|detail| (field::DETAIL, detail));
                detail.chain([(field::LOG_TAIL, &mut e.log_tail)]).collect()
            }
            Self::EffectFailed(e) => vec![(field::DETAIL, &mut e.detail)],
            Self::EffectAttemptFailed(e) => detail(&mut e.detail),
            Self::RolloutTurnedBack(e) => detail(&mut e.detail),
            Self::PruneFailed(e) => detail(&mut e.detail),
            Self::ImageLost(e) => detail(&mut e.detail),
            Self::RegistryUnreachable(e) => detail(&mut e.detail),
            Self::CertificateFailed(e) => detail(&mut e.detail),
            Self::ExecRun(e) => vec![(field::ARGV, &mut e.argv)],
            Self::HoldPlaced(e) => vec![(field::BASIS, &mut e.basis)],
            ledger_events!()
            | Self::DeploymentAdmitted(_)
            | Self::DeploymentRefused(_)
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
            | Self::RolloutInterrupted(_)
            | Self::DeploymentSucceeded(_)
            | Self::DeploymentFailed(_)
            | Self::DeploymentRolledBack(_)
            | Self::DeploymentCancelled(_)
            | Self::DeploymentInterrupted(_)
            | Self::PrunePlanned(_)
            | Self::ArtefactPruned(_)
            | Self::ImageFound(_)
            | Self::ImagePushed(_)
            | Self::TagMoved(_)
            | Self::ImagesChecked(_)
            | Self::ReleaseTagged(_)
            | Self::ReleaseUntagged(_)
            | Self::ReleasePinned(_)
            | Self::ReleaseUnpinned(_)
            | Self::HoldReleased(_)
            | Self::RetentionChanged(_)
            | Self::StopRequested(_)
            | Self::TargetStopped(_)
            | Self::ReplicaRestarted(_)
            | Self::RestartRequested(_)
            | Self::RestartCutShort(_)
            | Self::RestartEnded(_)
            | Self::DomainClaimed(_)
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
