//! Routes of the edge, folded.

use crate::deployment::route::desired_routes;
use crate::deployment::state::{Direction, TargetState};
use crate::event::RoutesApplied;
use crate::ids::{EffectNumber, ReplicaId};

/// The edge has applied the desired routes: replicas that left have yet to finish their requests.
pub(super) fn applied(state: &mut TargetState, e: &RoutesApplied) {
    let routes = &mut state.routes;
    let possibly_routed = std::mem::take(&mut routes.possibly_routed);
    let before = std::mem::take(&mut routes.replicas).into_iter().chain(possibly_routed);
    routes.leaving.extend(before);
    routes.leaving.retain(|id| !e.routed.contains(id));
    routes.leaving.sort();
    routes.leaving.dedup();
    routes.replicas.clone_from(&e.routed);
    routes.domains.clone_from(&e.domains);
    routes.generation = e.generation;
    routes.acknowledged_change = routes.changes;
    routes.applied_for = Some(e.id);
    routes.attempts = 0;
    routes.abandoned = false;
}

/// After every event: the routes that the target desires now, and replicas that may be routed because of it.
pub(super) fn remember(state: &mut TargetState) {
    let named = state.rollout.iter().any(|rollout| !rollout.spec.config.domains.is_empty());
    let routes = &state.routes;
    // Most targets have no domains, and so no routes.
    if !named && routes.base.is_empty() && routes.desired.domains.is_empty() {
        return;
    }
    let desired = desired_routes(state).bare();
    let routes = &mut state.routes;
    if desired == routes.desired {
        return;
    }
    routes.possibly_routed.extend(desired.replicas().into_iter().filter(|id| !routes.replicas.contains(id)));
    routes.possibly_routed.sort();
    routes.possibly_routed.dedup();
    routes.desired = desired;
    routes.changes += 1;
}

/// No request of the replica is left at the edge.
pub(super) fn drained(state: &mut TargetState, id: ReplicaId) {
    state.routes.leaving.retain(|leaving| *leaving != id);
}

/// A new reason to call the edge: attempts start again.
pub(super) fn try_again(state: &mut TargetState) {
    state.routes.attempts = 0;
    state.routes.abandoned = false;
}

/// The edge could not be reached; true if nothing else follows from that.
pub(super) fn failed(state: &mut TargetState, number: EffectNumber, id: Option<ReplicaId>) -> bool {
    match (number, id) {
        (EffectNumber::Drain, Some(id)) => drained(state, id),
        (EffectNumber::ApplyRoutes, _) => {
            // Forward, the rollout turns back; otherwise the remaining steps are done without the edge.
            let forward = state.rollout.as_ref().is_some_and(|r| r.direction == Direction::Forward);
            state.routes.abandoned = !forward;
        }
        _other => return false,
    }
    true
}
