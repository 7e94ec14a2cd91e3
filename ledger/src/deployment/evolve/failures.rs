//! Effects that failed, once or for good, folded.

use super::parts::{set_phase, with_rollout};
use super::routes;
use crate::deployment::kept;
use crate::deployment::state::{Direction, Replica, ReplicaPhase, TargetState};
use crate::event::{EffectAttemptFailed, EffectFailed};
use crate::ids::{EffectId, EffectNumber, ReplicaId};

pub(super) fn attempt_failed(state: &mut TargetState, e: &EffectAttemptFailed) {
    if kept::attempt_failed(state, e) {
        return;
    }
    if e.eff.number == EffectNumber::ApplyRoutes {
        state.routes.attempts = e.attempt;
    } else if let Some(stop) = &mut state.stop {
        stop.attempts.insert(e.eff.clone(), e.attempt);
    } else if let Some(restart) = &mut state.restart {
        restart.attempts.insert(e.eff.clone(), e.attempt);
    } else if let Some(rollout) = &mut state.rollout {
        rollout.attempts.insert(e.eff.clone(), e.attempt);
    }
}

/// Whether a stop is given up when this effect of it failed for good. Neither a container that is stopped
/// and cannot be removed, nor an edge that cannot be told, is a reason.
pub(crate) fn gives_up_stop(effect: &EffectId) -> bool {
    use EffectNumber as N;
    let of_a_replica = effect.subject.parse::<u16>().is_ok();
    let aside = of_a_replica && matches!(effect.number, N::Drain | N::RemoveReplica);
    !aside && effect.number != N::ApplyRoutes
}

/// An effect that failed for good must not be owed for ever: what it was for is given up.
pub(super) fn effect_failed(state: &mut TargetState, e: &EffectFailed) {
    use EffectNumber as N;
    // What could not be made known stays a name of the record; it can be given again.
    state.naming = None;
    let id = e.eff.subject.parse().ok().map(|index| ReplicaId { deployment: e.eff.deployment, index });
    if routes::failed(state, e.eff.number, id) {
        return;
    }
    if state.stop.is_some() {
        match id.filter(|_| !gives_up_stop(&e.eff)) {
            // It is stopped, which is what counts; its container is removed by the next rollout.
            Some(id) => {
                set_phase(state, id, ReplicaPhase::Removed);
                state.strays.push(id);
            }
            // What cannot be stopped may run, and so may what was being stopped beside it: the stop is
            // given up, and can be asked for again.
            None => {
                state.stop = None;
                let runs =
                    |r: &&mut Replica| matches!(r.phase, ReplicaPhase::Started | ReplicaPhase::Healthy);
                for replica in state.current.iter_mut().flat_map(|live| &mut live.replicas).filter(runs) {
                    replica.phase = ReplicaPhase::Leaving;
                }
            }
        }
        return;
    }
    let Some(id) = id else { return };
    if state.restart.is_some() {
        // The end of a restart is an event of its own. What could not be stopped may be down all the same,
        // stopped by an attempt whose answer was lost: it is known to be well no more.
        if e.eff.number == N::StopReplica {
            set_phase(state, id, ReplicaPhase::Started);
        }
        return;
    }
    let going_back = (state.rollout.as_ref()).is_some_and(|r| matches!(r.direction, Direction::Back { .. }));
    match e.eff.number {
        N::StartReplica => with_rollout(state, id.deployment, |rollout| {
            // It may have been created; its container is looked for on the way back.
            rollout.replicas.push(Replica::new(id, ReplicaPhase::Unhealthy));
            rollout.replicas.sort_by_key(|r| r.id);
        }),
        N::AwaitHealthy => set_phase(state, id, ReplicaPhase::Unhealthy),
        N::StopReplica | N::RemoveReplica if going_back => {
            set_phase(state, id, ReplicaPhase::Removed);
            state.strays.push(id);
        }
        N::StopReplica => set_phase(state, id, ReplicaPhase::Leaving),
        N::RemoveReplica
        | N::ResolveImage
        | N::BuildImage
        | N::PullImage
        | N::TagImage
        | N::EnsureNetwork
        | N::ApplyRoutes
        | N::Drain
        | N::RemoveLocalTag
        | N::PushTag
        | N::DeleteRegistryTag
        | N::RunHook
        | N::PushImage
        | N::RemoveVolume
        | N::RunReleaseCommand => {}
    }
}
