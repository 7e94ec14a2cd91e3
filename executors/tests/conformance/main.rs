//! Every executor is held to the contract by the same suite, and the suite is shown executors that break it.

mod commands;
mod engine;
mod engines;
mod planted;
mod registries;
#[path = "../routed/mod.rs"]
mod routed;
mod routers;
#[path = "../server/mod.rs"]
mod server;

use haloy_executors::contract::tests::{Case, Step, Subject, suite};
use haloy_executors::*;
use haloy_ledger::ids::*;
use std::sync::Arc;

fn digest(of: u8) -> Digest {
    Digest::new(format!("sha256:{}", format!("{of:02x}").repeat(32))).expect("a digest")
}

/// A simulated world in which nothing comes to an end.
fn endless_simulation() -> Arc<SimulatedExecutor> {
    Arc::new(SimulatedExecutor::new(1, Faults { delay_ms: 1 << 40, ..Faults::default() }))
}

/// One case for each step, all of one executor.
fn cases(executor: &Arc<dyn Executor>, steps: impl IntoIterator<Item = Step>) -> Vec<Case> {
    steps.into_iter().map(|step| Case { executor: Arc::clone(executor), step }).collect()
}

async fn keeps_the_contract(subject: &dyn Subject) {
    let found = suite(subject).await;
    assert!(found.is_empty(), "{}", found.join("\n"));
}
