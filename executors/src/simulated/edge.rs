//! The edge of the simulated world: routes in memory, taken by generation like those of the real one.

use super::world::World;
use crate::contract::*;
use crate::router::settles;
use haloy_ledger::ids::ReplicaId;
use haloy_ledger::outcome::*;

pub(super) fn apply(world: &mut World, cx: &EffectContext) -> Result<Outcome, ExecutorError> {
    let refused = |text: &'static str| ExecutorError::new(FailureCode::EdgeRefused, text);
    let Some(routes) = &cx.routes else { return Err(refused("no routes came with the effect")) };
    let haloy_ledger::read::Routes { snapshot, targets, .. } = routes.as_ref();
    let newer = world.routes.as_ref().filter(|current| current.generation > snapshot.generation);
    let in_force = match newer {
        Some(newer) if settles(newer, snapshot, &cx.request.scope) => newer.clone(),
        Some(_other) => return Err(refused("a newer generation is in force").retry(Retry::Now)),
        None => snapshot.clone(),
    };
    let own = targets.get(&cx.request.scope.key).cloned().unwrap_or_default();
    let (generation, digest) = (in_force.generation, in_force.digest());
    world.routes = Some(in_force);
    Ok(Outcome::RoutesApplied { generation, digest, domains: own.domains, routed: own.routed })
}

/// Whether the edge still sends requests to a replica.
pub(super) fn routed(world: &World, replica: ReplicaId) -> bool {
    let routes = world.routes.iter().flat_map(|snapshot| &snapshot.routes);
    routes.flat_map(|route| &route.backends).any(|backend| backend.replica == replica)
}
