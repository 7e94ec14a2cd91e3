//! The life of one replica, folded.

use super::parts::{replicas, set_phase, with_rollout};
use super::{restart, routes, volumes};
use crate::deployment::state::{Replica, ReplicaPhase, TargetState};
use crate::event::{ReplicaRemoved, ReplicaRestarted, ReplicaStarted, RestartCause};
use crate::ids::ReplicaId;

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

pub(super) fn replica_healthy(state: &mut TargetState, id: ReplicaId) {
    set_phase(state, id, ReplicaPhase::Healthy);
    restart::healthy(state, id);
}

/// The same replica with its current address; it is considered as well as it was, unless the restart was
/// requested, which waits for it to become well.
pub(super) fn restarted(state: &mut TargetState, e: &ReplicaRestarted) {
    // A replica whose container had gone by then got another one.
    let asked = e.cause == RestartCause::Asked;
    let same = |r: &&mut Replica| r.id == e.r && (asked || r.container_id.as_ref() == Some(&e.container_id));
    if let Some(replica) = replicas(state).find(same) {
        replica.container_id = Some(e.container_id.clone());
        replica.address = e.address.clone();
        replica.fixed = e.fixed;
    }
    restart::restarted(state, e);
}

pub(super) fn replica_removed(state: &mut TargetState, e: &ReplicaRemoved) {
    let id = e.r;
    volumes::found(state, id, &e.volumes);
    routes::drained(state, id);
    state.strays.retain(|stray| *stray != id);
    set_phase(state, id, ReplicaPhase::Removed);
}
