//! The edge of the simulated world: routes in memory, taken by generation like those of the real one.

use super::world::{SimulatedExecutor, World};
use crate::edge::router::settles;
use crate::executor::*;
use async_trait::async_trait;
use haloy_ledger::deployment::Effect;
use haloy_ledger::ids::ReplicaId;
use haloy_ledger::outcome::*;
use std::sync::Arc;

/// The router of the same simulated world.
pub struct SimulatedRouter(pub Arc<SimulatedExecutor>);

#[async_trait]
impl Executor for SimulatedRouter {
    fn role(&self) -> Role {
        Role::Router
    }

    async fn execute(&self, cx: &EffectContext, effect: &Effect) -> Result<Outcome, ExecutorError> {
        self.0.execute(cx, effect).await
    }

    async fn observe(&self, _: &Scope) -> Result<Observed, ExecutorError> {
        Ok(Observed::default())
    }

    async fn log_tail(&self, _: &Scope, _: ReplicaId, _: &Values) -> Result<LogTail, ExecutorError> {
        Ok(LogTail::default())
    }
}

pub(super) fn apply(world: &mut World, cx: &EffectContext) -> Result<Outcome, ExecutorError> {
    let refused = |text: &'static str, retryable| {
        ExecutorError::new(FailureCode::EdgeRefused, text).retryable(retryable)
    };
    let Some(routes) = &cx.routes else { return Err(refused("no routes came with the effect", false)) };
    let haloy_ledger::ledger::Routes { snapshot, targets, .. } = routes.as_ref();
    let newer = world.routes.as_ref().filter(|current| current.generation > snapshot.generation);
    let in_force = match newer {
        Some(newer) if settles(newer, snapshot, &cx.scope) => newer.clone(),
        Some(_other) => return Err(refused("a newer generation is in force", true)),
        None => snapshot.clone(),
    };
    let own = targets.get(&(cx.scope.app.clone(), cx.scope.target.clone())).cloned().unwrap_or_default();
    let (generation, digest) = (in_force.generation, in_force.digest());
    world.routes = Some(in_force);
    Ok(Outcome::RoutesApplied { generation, digest, domains: own.domains, routed: own.routed })
}

/// Whether the edge still sends requests to a replica.
pub(super) fn routed(world: &World, replica: ReplicaId) -> bool {
    let routes = world.routes.iter().flat_map(|snapshot| &snapshot.routes);
    routes.flat_map(|route| &route.backends).any(|backend| backend.replica == replica)
}
