//! A restart in progress, folded: which replicas are left, and how the current one stands.

use super::parts::set_phase;
use super::routes;
use crate::deployment::plan::{self, Step};
use crate::deployment::state::{ReplicaPhase, Restart, TargetState};
use crate::event::{ReplicaRestarted, RestartCause, RestartCutShort, RestartRequested, TargetEvent};
use crate::ids::ReplicaId;

pub(super) fn evolve(state: &mut TargetState, event: &TargetEvent) {
    match event {
        TargetEvent::RestartRequested(e) => requested(state, e),
        TargetEvent::RestartCutShort(e) => cut_short(state, e),
        TargetEvent::RestartEnded(_) => ended(state),
        _other => {}
    }
}

fn requested(state: &mut TargetState, e: &RestartRequested) {
    routes::try_again(state);
    state.restart = Some(Restart {
        left: e.replicas.clone(),
        done: Vec::new(),
        started: false,
        cause: None,
        attempts: Default::default(),
    });
}

/// The container of the current replica runs again: now the restart waits for it to become well.
pub(super) fn restarted(state: &mut TargetState, e: &ReplicaRestarted) {
    let Some(restart) = state.restart.as_mut().filter(|restart| restart.left.first() == Some(&e.r)) else {
        return;
    };
    if e.cause != RestartCause::Asked {
        return;
    }
    restart.started = true;
    set_phase(state, e.r, ReplicaPhase::Started);
}

/// The current replica is well again: the next one may go.
pub(super) fn healthy(state: &mut TargetState, id: ReplicaId) {
    let Some(restart) = state.restart.as_mut().filter(|restart| restart.started) else { return };
    if restart.left.first() == Some(&id) {
        restart.left.remove(0);
        restart.done.push(id);
        restart.started = false;
    }
}

/// Only the current replica is finished: it may already have been stopped.
fn cut_short(state: &mut TargetState, e: &RestartCutShort) {
    let steps = plan::steps(state);
    let Some(first) = state.restart.as_ref().and_then(|restart| restart.left.first().copied()) else {
        return;
    };
    // A replica that still gets requests, or is being drained, was not touched.
    let touching = [Step::Stop(first), Step::StartAgain(first), Step::AwaitAgain(first)];
    let begun = touching.iter().any(|step| steps.contains(step));
    routes::try_again(state);
    if let Some(restart) = &mut state.restart {
        restart.left.truncate(usize::from(begun));
        restart.cause = Some(e.cause.clone());
        restart.attempts.clear();
    }
}

/// Replicas that the restart left should run, whatever became of them: from now on they are expected to.
fn ended(state: &mut TargetState) {
    state.restart = None;
    for replica in state.current.iter_mut().flat_map(|live| &mut live.replicas) {
        if !plan::serves(replica) {
            replica.phase = ReplicaPhase::Started;
        }
    }
}
