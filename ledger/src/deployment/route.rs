//! Routes that a target desires from the edge: which replicas get its requests. Derived, never stored.
//!
//! A replica gets requests once it is well, and gets none from the moment that the plan wants it gone.
//! So it is the plan of containers that decides, and this file only puts the edge in between: out of
//! the route first, then drained, then stopped.

use super::moves::{Step, moves};
use super::state::{Direction, Replica, ReplicaPhase, Rollout, TargetState};
use crate::defect::{Defect, planted};
use crate::event::HookStage;
use crate::ids::ReplicaId;
use crate::outcome::{Backend, DesiredRoutes};
use crate::release::{ConfigSnapshot, RolloutStrategy};

/// Routes that the target desires now.
pub fn desired_routes(state: &TargetState) -> DesiredRoutes {
    desired_given(state, &moves(state))
}

/// Routes that the target desires, given what the plan wants to do with containers.
fn desired_given(state: &TargetState, moves: &[Step]) -> DesiredRoutes {
    let goes = |id: ReplicaId| moves.contains(&Step::Stop(id));
    let unsure = unsure(state);
    let old = state.current.iter().flat_map(|live| {
        live.replicas.iter().filter_map(|replica| backend(replica, &live.spec.config, unsure))
    });
    let rollout = state.rollout.as_ref();
    let new = rollout.into_iter().flat_map(|rollout| incoming(state, rollout));
    let mut backends: Vec<Backend> = old.chain(new).filter(|backend| !goes(backend.replica)).collect();
    backends.sort_by_key(|backend| backend.replica);
    let removing = state.stop.as_ref().is_some_and(|stop| stop.remove);
    let is_new = |backend: &Backend| {
        rollout.is_some_and(|rollout| {
            backend.replica.deployment == rollout.deployment
                && backend.replica.index < rollout.spec.config.replicas
        })
    };
    let domains = match rollout.filter(|_| backends.iter().any(is_new)) {
        Some(rollout) => rollout.spec.config.domains.clone(),
        None if removing => Vec::new(),
        None => state.routes.base.clone(),
    };
    if domains.is_empty() { DesiredRoutes::default() } else { DesiredRoutes { domains, backends } }
}

/// Whether replicas that run and are not known to be well get requests: only where nothing else would answer,
/// after a restart that failed. They may be well by then, and the edge finds out.
fn unsure(state: &TargetState) -> bool {
    let old = state.current.iter().filter(|live| !live.stopped).flat_map(|live| &live.replicas);
    let new = state.rollout.iter().flat_map(|rollout| &rollout.replicas);
    let unfinished = state.stop.is_some() || state.restart.is_some();
    !unfinished && old.chain(new).all(|replica| replica.phase != ReplicaPhase::Healthy)
}

fn backend(replica: &Replica, config: &ConfigSnapshot, unsure: bool) -> Option<Backend> {
    let well = replica.phase == ReplicaPhase::Healthy
        || unsure && replica.phase == ReplicaPhase::Started
        || planted(Defect::RouteUnhealthy) && replica.phase == ReplicaPhase::Started;
    let address = replica.address.clone().filter(|_| well)?;
    let (container, health) = (replica.container_id.clone(), Some(config.health.path.clone()));
    Some(Backend { replica: replica.id, container, address, port: config.port, health })
}

/// Replicas of the rollout that may get requests, were it not for what the plan does with them.
fn incoming(state: &TargetState, rollout: &Rollout) -> Vec<Backend> {
    let new = rollout.spec.config.replicas;
    let forward = rollout.direction == Direction::Forward;
    let well =
        rollout.replicas.iter().filter(|r| r.id.index < new && r.phase == ReplicaPhase::Healthy).count();
    let all_at_once = rollout.spec.config.rollout == RolloutStrategy::BlueGreen;
    let held_back = forward && all_at_once && well < usize::from(new);
    let allowed = |replica: &&Replica| match (replica.id.index < new, forward) {
        (true, true) => !held_back,
        // On the way back nothing new begins: replicas that got requests go on until the old ones are back.
        (true, false) => state.routes.replicas.contains(&replica.id),
        (false, _) => true,
    };
    let config = |replica: &Replica| match (&state.current, replica.id.index < new) {
        (Some(live), false) => &live.spec.config,
        (_, true) | (None, false) => &rollout.spec.config,
    };
    rollout
        .replicas
        .iter()
        .filter(allowed)
        .filter_map(|replica| backend(replica, config(replica), false))
        .collect()
}

/// Puts the edge between what the plan wants and what is done.
pub(super) fn gate(state: &TargetState, moves: Vec<Step>) -> Vec<Step> {
    let routes = &state.routes;
    let pending = !routes.abandoned && routes.changes != routes.acknowledged_change;
    let routed = |id: &ReplicaId| {
        !routes.abandoned && (routes.replicas.contains(id) || routes.possibly_routed.contains(id))
    };
    let gated = moves.into_iter().filter_map(|step| match step {
        Step::Stop(_) if planted(Defect::StopRouted) => Some(step),
        // Addresses are reused: out of the route first, even where nothing runs any more.
        Step::Stop(id) | Step::Remove(id) if routed(&id) => None,
        Step::Stop(id) if routes.leaving.contains(&id) => Some(Step::Drain(id)),
        Step::Hook(hook) if pending && hook.stage == HookStage::PostDeploy => None,
        other => Some(other),
    });
    gated.chain(pending.then_some(Step::Routes)).collect()
}
