//! Parts of a state that events of several kinds change.

use crate::deployment::state::{Replica, ReplicaPhase, Rollout, TargetState};
use crate::ids::{DeploymentId, ReplicaId};

pub(in crate::deployment) fn with_rollout(
    state: &mut TargetState,
    id: DeploymentId,
    change: impl FnOnce(&mut Rollout),
) {
    if let Some(rollout) = state.rollout.as_mut().filter(|r| r.deployment == id) {
        change(rollout);
    }
}

pub(super) fn replicas(state: &mut TargetState) -> impl Iterator<Item = &mut Replica> {
    let old = state.current.iter_mut().flat_map(|live| &mut live.replicas);
    let new = state.rollout.iter_mut().flat_map(|rollout| &mut rollout.replicas);
    old.chain(new)
}

pub(super) fn set_phase(state: &mut TargetState, id: ReplicaId, phase: ReplicaPhase) {
    if let Some(replica) = replicas(state).find(|r| r.id == id) {
        replica.phase = phase;
    }
}
