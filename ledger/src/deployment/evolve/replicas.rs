//! The life of one replica, folded.

use super::{routes, volumes, with_rollout};
use crate::deployment::event::{ReplicaRemoved, ReplicaRestarted, ReplicaStarted};
use crate::deployment::state::{Replica, ReplicaPhase, TargetState};
use crate::ids::ReplicaId;

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

pub(super) fn replica_started(state: &mut TargetState, e: &ReplicaStarted) {
    let started = Replica {
        id: e.r,
        phase: ReplicaPhase::Started,
        container_id: Some(e.container_id.clone()),
        address: e.address.clone(),
        fixed: e.fixed,
        volumes: e.volumes.clone(),
    };
    with_rollout(state, e.r.deployment, |rollout| {
        rollout.replicas.retain(|r| r.id != e.r);
        rollout.replicas.push(started);
        rollout.replicas.sort_by_key(|r| r.id);
    });
}

/// The same replica with the address that it has now; it is taken for as well as it was.
pub(super) fn restarted(state: &mut TargetState, e: &ReplicaRestarted) {
    let same = |r: &&mut Replica| r.id == e.r && r.container_id.as_ref() == Some(&e.container_id);
    if let Some(replica) = replicas(state).find(same) {
        replica.address = e.address.clone();
        replica.fixed = e.fixed;
    }
}

pub(super) fn replica_removed(state: &mut TargetState, e: &ReplicaRemoved) {
    let id = e.r;
    volumes::found(state, id, &e.volumes);
    routes::drained(state, id);
    state.strays.retain(|stray| *stray != id);
    set_phase(state, id, ReplicaPhase::Removed);
}
