//! Whether an outcome is a success, and whether two outcomes are equivalent.

use crate::contract::ExecutorError;
use haloy_ledger::deployment::Effect;
use haloy_ledger::outcome::{HookExit, Outcome};
use std::mem::discriminant;

/// Whether an outcome shows that the effect was done, and that it went well.
pub fn good(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::ReplicaUnhealthy { .. } | Outcome::Failed { .. } => false,
        Outcome::HookFinished { exit, .. } => *exit == HookExit::Code(0),
        Outcome::ImageResolved(_)
        | Outcome::ImageBuilt { .. }
        | Outcome::ImagePushed { .. }
        | Outcome::RegistryTagRemoved
        | Outcome::ImagePulled { .. }
        | Outcome::ImageTagged { .. }
        | Outcome::NetworkReady { .. }
        | Outcome::ReplicaStarted { .. }
        | Outcome::ReplicaHealthy { .. }
        | Outcome::RoutesApplied { .. }
        | Outcome::ReplicaDrained { .. }
        | Outcome::ReplicaStopped { .. }
        | Outcome::ReplicaRemoved { .. }
        | Outcome::VolumeRemoved { .. }
        | Outcome::LocalTagRemoved { .. } => true,
    }
}

/// Whether an outcome is one of this effect, and of its subject.
pub fn answers(effect: &Effect, outcome: &Outcome) -> bool {
    use {Effect as E, Outcome as O};
    match (effect, outcome) {
        (E::ResolveImage { image, .. }, O::ImageResolved(resolved)) => resolved.reference == image.reference,
        (E::PushTag { reference, digest }, O::ImagePushed { reference: pushed, digest: of }) => {
            (reference, digest) == (pushed, of)
        }
        (E::PushImage { reference, .. }, O::ImagePushed { reference: pushed, .. }) => reference == pushed,
        (E::TagImage { image_id, local_tag, .. }, O::ImageTagged { image_id: of, local_tag: tag, .. }) => {
            (image_id, local_tag) == (of, tag)
        }
        (E::StartReplica(spec), O::ReplicaStarted { image_id, .. }) => spec.image_id == *image_id,
        (E::BuildImage { .. }, O::ImageBuilt { .. })
        | (E::DeleteRegistryTag { .. }, O::RegistryTagRemoved)
        | (E::PullImage { .. }, O::ImagePulled { .. })
        | (E::EnsureNetwork { .. }, O::NetworkReady { .. })
        | (E::AwaitHealthy { .. }, O::ReplicaHealthy { .. } | O::ReplicaUnhealthy { .. })
        | (E::ApplyRoutes { .. }, O::RoutesApplied { .. })
        | (E::Drain { .. }, O::ReplicaDrained { .. })
        | (E::StopReplica { .. }, O::ReplicaStopped { .. })
        | (E::RemoveReplica { .. }, O::ReplicaRemoved { .. })
        | (E::RemoveLocalTag { .. }, O::LocalTagRemoved { .. })
        | (E::RemoveVolume { .. }, O::VolumeRemoved { .. })
        | (E::RunHook { .. } | E::RunReleaseCommand { .. }, O::HookFinished { .. }) => true,
        (_effect, _other) => false,
    }
}

/// Whether a repeated effect has an equivalent outcome: the same facts. Times, counts and bytes are those of
/// one attempt, and only the first attempt finds what it removes.
pub fn equivalent(first: &Outcome, again: &Outcome) -> bool {
    use Outcome as O;
    match (first, again) {
        (
            O::ImageBuilt { image_id: one, context_digest: of, .. },
            O::ImageBuilt { image_id, context_digest, .. },
        ) => (one, of) == (image_id, context_digest),
        (O::ImagePulled { image_id: one, .. }, O::ImagePulled { image_id, .. }) => one == image_id,
        (O::ReplicaUnhealthy { cause: one, .. }, O::ReplicaUnhealthy { cause, .. })
        | (O::Failed { cause: one, .. }, O::Failed { cause, .. }) => one.code == cause.code,
        (O::HookFinished { exit: one, .. }, O::HookFinished { exit, .. }) => one == exit,
        (O::ReplicaHealthy { .. }, O::ReplicaHealthy { .. })
        | (O::ReplicaDrained { .. }, O::ReplicaDrained { .. })
        | (O::ReplicaStopped { .. }, O::ReplicaStopped { .. })
        | (O::ReplicaRemoved { .. }, O::ReplicaRemoved { .. })
        | (O::VolumeRemoved { .. }, O::VolumeRemoved { .. })
        | (O::LocalTagRemoved { .. }, O::LocalTagRemoved { .. }) => true,
        (first, again) => discriminant(first) == discriminant(again) && first == again,
    }
}

/// The same of results: what failed may fail in other words.
pub(super) fn same(first: &Result<Outcome, ExecutorError>, again: &Result<Outcome, ExecutorError>) -> bool {
    match (first, again) {
        (Ok(first), Ok(again)) => equivalent(first, again),
        (Err(first), Err(again)) => first.cause.code == again.cause.code,
        (Ok(_), Err(_)) | (Err(_), Ok(_)) => false,
    }
}
