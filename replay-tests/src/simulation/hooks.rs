//! Hooks of the simulation.

use super::parts::Random;
use async_trait::async_trait;
use haloy_executors::*;
use haloy_ledger::deployment::Effect;
use haloy_ledger::locks::locked;
use haloy_ledger::outcome::{HookExit, LogTail, Observed, Outcome};
use std::sync::Mutex;

/// Hooks that end well or not, from the seed.
pub(super) struct SimHooks(pub(super) Mutex<Random>);

#[async_trait]
impl Executor for SimHooks {
    fn role(&self) -> Role {
        Role::Hooks
    }
    fn capabilities(&self) -> &'static [Capability] {
        &[Capability::Hooks]
    }
    async fn execute(&self, _: &EffectContext, _: &Effect) -> Result<Outcome, ExecutorError> {
        let failed = locked(&self.0).percent(20);
        Ok(Outcome::HookFinished { exit: HookExit::Code(i32::from(failed)), log_tail: LogTail::default() })
    }
    async fn observe(&self, _: &Scope) -> Result<Observed, ExecutorError> {
        Ok(Observed::default())
    }
}
