//! What stands beside the engine in the same simulated world: a registry, and a router.

use super::world::SimulatedExecutor;
use crate::executor::*;
use async_trait::async_trait;
use haloy_ledger::deployment::Effect;
use haloy_ledger::ids::ReplicaId;
use haloy_ledger::outcome::*;
use std::sync::Arc;

/// An executor of another role than the engine's: what it does happens to the world of the engine, and is seen
/// there.
pub struct SimulatedBeside {
    world: Arc<SimulatedExecutor>,
    role: Role,
}

impl SimulatedBeside {
    /// The registry of a simulated engine.
    pub fn registry(world: Arc<SimulatedExecutor>) -> Self {
        Self { world, role: Role::Registry }
    }

    /// The router of a simulated engine.
    pub fn router(world: Arc<SimulatedExecutor>) -> Self {
        Self { world, role: Role::Router }
    }
}

#[async_trait]
impl Executor for SimulatedBeside {
    fn role(&self) -> Role {
        self.role
    }

    async fn execute(&self, cx: &EffectContext, effect: &Effect) -> Result<Outcome, ExecutorError> {
        self.world.execute(cx, effect).await
    }

    async fn observe(&self, _: &Scope) -> Result<Observed, ExecutorError> {
        Ok(Observed::default())
    }

    async fn log_tail(&self, _: &Scope, _: ReplicaId, _: &Values) -> Result<LogTail, ExecutorError> {
        Ok(LogTail::default())
    }
}
