//! What is reported: outcomes and failed attempts of effects.
//!
//! The fence: a report counts only while its effect is still owed. A late report changes nothing.

use super::deciding::Deciding;
use super::{commands, conclude, restart};
use crate::defect::{Defect, planted};
use crate::deployment::effect::{Effect, owed};
use crate::deployment::state::TargetState;
use crate::event::*;
use crate::ids::{EffectId, EffectNumber, ReplicaId, Timestamp};
use crate::outcome::*;

/// Attempts at an effect before it counts as failed. The time between them is the dispatcher's.
pub fn max_attempts(effect: EffectNumber) -> u32 {
    match effect {
        // A hook is never repeated: its effects are unknown.
        EffectNumber::RunHook | EffectNumber::RunReleaseCommand => 1,
        // What clears up is worth more patience.
        EffectNumber::StopReplica
        | EffectNumber::RemoveReplica
        | EffectNumber::RemoveLocalTag
        | EffectNumber::RemoveVolume
        | EffectNumber::DeleteRegistryTag => 5,
        EffectNumber::ResolveImage
        | EffectNumber::BuildImage
        | EffectNumber::PullImage
        | EffectNumber::TagImage
        | EffectNumber::EnsureNetwork
        | EffectNumber::StartReplica
        | EffectNumber::AwaitHealthy
        | EffectNumber::ApplyRoutes
        | EffectNumber::Drain
        | EffectNumber::PushTag
        | EffectNumber::PushImage => 3,
    }
}

/// A failed attempt, as reported.
pub(super) struct Attempt {
    pub(super) effect: EffectId,
    pub(super) why: FailureReport,
    pub(super) retryable: bool,
}

pub(super) fn record(state: &TargetState, id: EffectId, outcome: Outcome, at: Timestamp) -> Vec<TargetEvent> {
    let unfenced = planted(Defect::LateOutcome);
    let counts = |owed: &EffectId| *owed == id || unfenced && owed.number == id.number;
    let Some((id, effect)) = owed(state).into_iter().find(|(owed, _)| counts(owed)) else {
        return Vec::new();
    };
    let mut deciding = Deciding::new(state);
    apply(&mut deciding, &id, &effect, outcome);
    conclude::conclude(&mut deciding, Some(at));
    deciding.events
}

pub(super) fn record_attempt(state: &TargetState, attempt: Attempt, at: Timestamp) -> Vec<TargetEvent> {
    let Attempt { effect: eff, why, retryable } = attempt;
    let Some((_, effect)) = owed(state).into_iter().find(|(owed, _)| *owed == eff) else {
        return Vec::new();
    };
    let mut deciding = Deciding::new(state);
    let number = attempts_so_far(state, &eff) + 1;
    if retryable {
        let (cause, detail) = (why.cause.clone(), why.private());
        deciding.push(EffectAttemptFailed { eff: eff.clone(), attempt: number, cause, detail, retryable });
    }
    if !retryable || number >= max_attempts(eff.number) {
        give_up(&mut deciding, &eff, &effect, GivenUp { why, attempts: number });
        conclude::conclude(&mut deciding, Some(at));
    }
    deciding.events
}

fn attempts_so_far(state: &TargetState, eff: &EffectId) -> u32 {
    if eff.number == EffectNumber::RemoveVolume {
        let left = state.volumes.iter().find(|left| left.made.volume == eff.subject);
        return left.map_or(0, |left| left.attempts);
    }
    let own = is_own_tag(&eff.subject, eff.deployment);
    if let Some(naming) = state.naming.as_ref().filter(|_| !own) {
        return naming.attempts.get(eff).copied().unwrap_or(0);
    }
    if eff.number == EffectNumber::ApplyRoutes {
        return state.routes.attempts;
    }
    if eff.number == EffectNumber::RemoveLocalTag {
        return state.kept(eff.deployment).map_or(0, |k| k.prune_attempts);
    }
    let attempts = match (&state.stop, &state.restart, &state.rollout) {
        (Some(stop), ..) => Some(&stop.attempts),
        (None, Some(restart), _) => Some(&restart.attempts),
        (None, None, Some(rollout)) => Some(&rollout.attempts),
        (None, None, None) => None,
    };
    attempts.and_then(|a| a.get(eff)).copied().unwrap_or(0)
}

struct GivenUp {
    why: FailureReport,
    attempts: u32,
}

/// The effect failed for good: records that in the way of its kind, and turns the rollout back.
fn give_up(deciding: &mut Deciding, eff: &EffectId, effect: &Effect, failed: GivenUp) {
    let GivenUp { why, attempts } = failed;
    match effect {
        Effect::RemoveLocalTag { local_tag } if is_own_tag(local_tag, eff.deployment) => {
            let artefact = Artefact::LocalTag(local_tag.clone());
            let detail = why.private();
            deciding.push(PruneFailed { rel: eff.deployment, artefact, cause: why.cause, detail });
        }
        Effect::RemoveVolume { volume } => {
            let (artefact, detail) = (Artefact::Volume(volume.clone()), why.private());
            deciding.push(PruneFailed { rel: eff.deployment, artefact, cause: why.cause, detail });
        }
        Effect::RunHook { .. } => {
            let log_tail = format!("{}\n{}", why.cause, why.detail).into();
            commands::finished(deciding, eff.deployment, effect, HookExit::Killed, log_tail);
        }
        Effect::TagImage { .. } | Effect::PullImage { .. } => {
            let lost = lost_image(&deciding.state, &why);
            deciding.push(failure(eff, &why, attempts));
            if let Some(lost) = lost {
                deciding.push(lost);
            }
            conclude::turn_back(deciding, why);
        }
        // What cannot be drained is stopped all the same: it gets no new requests.
        Effect::Drain { .. } => deciding.push(failure(eff, &why, attempts)),
        Effect::ResolveImage { .. }
        | Effect::ApplyRoutes { .. }
        | Effect::BuildImage { .. }
        | Effect::PushImage { .. }
        | Effect::PushTag { .. }
        | Effect::DeleteRegistryTag { .. }
        | Effect::RemoveLocalTag { .. }
        | Effect::EnsureNetwork { .. }
        | Effect::StartReplica(_)
        | Effect::AwaitHealthy { .. }
        | Effect::StopReplica { .. }
        | Effect::RemoveReplica { .. }
        | Effect::RunReleaseCommand { .. } => {
            deciding.push(failure(eff, &why, attempts));
            restart::failed(deciding, effect, &why.cause);
            conclude::turn_back(deciding, why);
        }
    }
}

fn failure(eff: &EffectId, why: &FailureReport, attempts: u32) -> EffectFailed {
    EffectFailed { eff: eff.clone(), cause: why.cause.clone(), attempts, detail: why.detail.as_str().into() }
}

/// A rollback that finds its image gone has learnt something about the world.
fn lost_image(state: &TargetState, why: &FailureReport) -> Option<TargetEvent> {
    let rollout = state.rollout.as_ref().filter(|r| r.rollback)?;
    let kept = state.kept(rollout.release).filter(|k| !k.is_lost())?;
    if let Some(origin) = &kept.origin {
        return super::world::not_in_registry(kept.release, origin, why);
    }
    let engine = kept.tagged.as_ref()?.engine_id.clone();
    (why.cause.code == FailureCode::ImageNotFound).then(|| {
        let (rel, place) = (rollout.release, ImagePlace::Engine(engine));
        ImageLost { rel, place, cause: why.cause.clone(), detail: why.private() }.into()
    })
}

fn apply(deciding: &mut Deciding, eff: &EffectId, effect: &Effect, outcome: Outcome) {
    let id = eff.deployment;
    let subject = |index: &str| index.parse().ok().map(|index| ReplicaId { deployment: id, index });
    match outcome {
        Outcome::ImageResolved(image) => deciding.push(ImageResolved { id, image }),
        Outcome::ImageBuilt { image_id, context_digest, dockerfile_digest, platform, size } => {
            deciding.push(ImageBuilt { id, image_id, context_digest, dockerfile_digest, platform, size });
        }
        Outcome::ImagePushed { reference, digest } => deciding.push(ImagePushed { id, reference, digest }),
        Outcome::RegistryTagRemoved => {
            if let Effect::DeleteRegistryTag { reference } = effect {
                let artefact = Artefact::RegistryTag(reference.to_string());
                deciding.push(ArtefactPruned { rel: id, artefact, freed: 0, shared: false });
            }
        }
        Outcome::ImagePulled { image_id, bytes, from } => {
            deciding.push(ImagePulled { id, image_id, bytes, from });
        }
        Outcome::ImageTagged { local_tag, image_id, engine_id } => {
            let rel = deciding.state.rollout.as_ref().map_or(id, |r| r.release);
            deciding.push(ImageTagged { id, rel, local_tag, image_id, engine_id });
        }
        Outcome::NetworkReady { network_id } => deciding.push(NetworkReady { id, network_id }),
        Outcome::HookFinished { exit, log_tail } => {
            commands::finished(deciding, id, effect, exit, log_tail.0.into());
        }
        Outcome::LocalTagRemoved { freed, shared } => {
            if let Effect::RemoveLocalTag { local_tag } = effect {
                let artefact = Artefact::LocalTag(local_tag.clone());
                deciding.push(ArtefactPruned { rel: id, artefact, freed, shared });
            }
        }
        Outcome::VolumeRemoved { freed } => {
            if let Effect::RemoveVolume { volume } = effect {
                let artefact = Artefact::Volume(volume.clone());
                deciding.push(ArtefactPruned { rel: id, artefact, freed, shared: false });
            }
        }
        Outcome::Failed { cause, detail } => {
            let attempts = attempts_so_far(&deciding.state, eff) + 1;
            give_up(deciding, eff, effect, GivenUp { why: FailureReport::new(cause, detail), attempts });
        }
        Outcome::RoutesApplied { generation, digest, domains, mut routed } => {
            routed.sort();
            let routes = &deciding.state.routes;
            let before = routes.replicas.iter().chain(&routes.possibly_routed);
            let out = before.filter(|id| !routed.contains(id)).copied().collect();
            deciding.push(RoutesApplied { id, generation, digest, domains, routed, out });
        }
        Outcome::ReplicaStarted { .. }
        | Outcome::ReplicaHealthy { .. }
        | Outcome::ReplicaUnhealthy { .. }
        | Outcome::ReplicaDrained { .. }
        | Outcome::ReplicaStopped { .. }
        | Outcome::ReplicaRemoved { .. } => {
            if let Some(r) = subject(&eff.subject) {
                apply_replica(deciding, r, effect, outcome);
            }
        }
    }
}

fn apply_replica(deciding: &mut Deciding, r: ReplicaId, effect: &Effect, outcome: Outcome) {
    match outcome {
        Outcome::ReplicaStarted { container_id, address, fixed, .. } if deciding.state.restart.is_some() => {
            let cause = RestartCause::Asked;
            deciding.push(ReplicaRestarted { r, container_id, address, fixed, cause });
        }
        Outcome::ReplicaStarted { container_id, address, fixed, image_id, volumes } => {
            deciding.push(ReplicaStarted { r, container_id, address, fixed, image_id, volumes });
        }
        Outcome::ReplicaHealthy { probes, took_ms, how } => {
            deciding.push(ReplicaHealthy { r, probes, took_ms, how });
        }
        Outcome::ReplicaUnhealthy { cause, detail, probes, exit_code, log_tail } => {
            let why = FailureReport::new(cause, detail);
            let (cause, detail, log_tail) = (why.cause.clone(), why.private(), log_tail.0.into());
            deciding.push(ReplicaUnhealthy { r, cause, detail, probes, exit_code, log_tail });
            restart::failed(deciding, effect, &why.cause);
            conclude::turn_back(deciding, why);
        }
        Outcome::ReplicaDrained { left_in_flight, took_ms } => {
            deciding.push(ReplicaDrained { r, left_in_flight, took_ms });
        }
        Outcome::ReplicaStopped { exit_code, forced } => {
            deciding.push(ReplicaStopped { r, exit_code, forced });
        }
        Outcome::ReplicaRemoved { container_id, volumes } => {
            deciding.push(ReplicaRemoved { r, container_id, volumes });
        }
        Outcome::ImageResolved(_)
        | Outcome::ImageBuilt { .. }
        | Outcome::ImagePushed { .. }
        | Outcome::RegistryTagRemoved
        | Outcome::ImagePulled { .. }
        | Outcome::ImageTagged { .. }
        | Outcome::NetworkReady { .. }
        | Outcome::HookFinished { .. }
        | Outcome::LocalTagRemoved { .. }
        | Outcome::VolumeRemoved { .. }
        | Outcome::RoutesApplied { .. }
        | Outcome::Failed { .. } => {}
    }
}
