//! What stands beside the engine in the same simulated world: a registry, and a router.

use super::world::SimulatedExecutor;
use crate::contract::*;
use async_trait::async_trait;
use haloy_ledger::deployment::Effect;
use haloy_ledger::outcome::*;
use std::sync::Arc;

/// An executor of another role than the engine's: its effects change the world of the engine, and are visible
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

    fn capabilities(&self) -> &'static [Capability] {
        match self.role {
            Role::Registry => &[Capability::RegistryTags],
            Role::Router => &[Capability::Routes],
            Role::Engine | Role::Hooks => &[],
        }
    }

    async fn execute(&self, cx: &EffectContext, effect: &Effect) -> Result<Outcome, ExecutorError> {
        if Role::of(effect) != self.role {
            return Err(ExecutorError::not_supported("this is not for the simulated registry or router"));
        }
        self.world.act(cx, effect).await
    }

    async fn observe(&self, _: &Scope) -> Result<Observed, ExecutorError> {
        Ok(Observed::default())
    }
}
