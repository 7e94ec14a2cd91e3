//! The subject of the contract: an executor, and worlds in which it can be watched.

use crate::contract::{Capability, EffectContext, EffectRequest, Executor, ProgressSink, Scope, Values};
use async_trait::async_trait;
use haloy_ledger::deployment::Effect;
use haloy_ledger::ids::{AppName, DeploymentId, EffectId, EffectNumber, LedgerId, TargetKey, TargetName};
use haloy_ledger::outcome::Outcome;
use haloy_ledger::read::Routes;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// An effect, and what travels beside it.
#[derive(Clone)]
pub struct Step {
    /// Kind of effect.
    pub number: EffectNumber,
    /// What the effect acts on, within the deployment.
    pub subject: String,
    /// The effect.
    pub effect: Effect,
    /// Resolved values.
    pub values: Values,
    /// Routes, for a router.
    pub routes: Option<Arc<Routes>>,
}

impl Step {
    /// An effect that needs no values and no routes.
    pub fn new(number: EffectNumber, subject: impl Into<String>, effect: Effect) -> Self {
        Self { number, subject: subject.into(), effect, values: Values::default(), routes: None }
    }

    /// The same, with values.
    #[must_use]
    pub fn with(self, values: Values) -> Self {
        Self { values, ..self }
    }

    /// The same, with routes.
    #[must_use]
    pub fn routed(self, routes: Routes) -> Self {
        Self { routes: Some(Arc::new(routes)), ..self }
    }
}

/// An effect for an executor that may be another one than the world's: one whose registry is silent, say.
#[derive(Clone)]
pub struct Case {
    /// The executor.
    pub executor: Arc<dyn Executor>,
    /// What is performed.
    pub step: Step,
}

/// A target that is always the same, so that worlds can be compared.
pub fn default_scope() -> Scope {
    let (app, target) = (AppName::new("conformance"), TargetName::new("t"));
    let key = TargetKey { app: app.expect("a name"), target: target.expect("a name") };
    Scope { ledger: LedgerId::from_parts(1, 1), key }
}

/// A deployment that is always the same.
pub fn default_deployment() -> DeploymentId {
    DeploymentId::from_parts(1_790_000_000_000, 7)
}

/// A world in which an executor is watched.
#[async_trait]
pub trait World: Send + Sync {
    /// Whose effects they are.
    fn scope(&self) -> Scope {
        default_scope()
    }

    /// The deployment that owes them.
    fn deployment(&self) -> DeploymentId {
        default_deployment()
    }

    /// An executor for this world that remembers nothing, as a process has one that has just begun.
    fn executor(&self) -> Arc<dyn Executor>;

    /// The next effect, given what came of those before; none at the end.
    fn next(&self, done: &[Outcome]) -> Option<Step>;

    /// The present state, as far as effects change it, in the same words for every world of the subject.
    async fn state(&self) -> String;

    /// Effects that this world, or another one, refuses or lets fail.
    async fn refused(&self) -> Vec<Case>;

    /// Effects that do not end by themselves for a minute or more, for executors that have done nothing yet.
    async fn endless(&self) -> Vec<Case>;

    /// Effects whose outcome, error or progress contains this foreign text.
    async fn telling(&self, secret: &str) -> Vec<Case>;

    /// Takes away what was made.
    async fn clear(&self) {}
}

/// An executor that is held to the contract.
#[async_trait]
pub trait Subject: Send + Sync {
    /// Name in findings.
    fn name(&self) -> String;

    /// Whether effects are repeated after a crash. A user's commands are not: their effects are unknown.
    fn repeats_after_a_crash(&self) -> bool {
        true
    }

    /// Capabilities that no world of the subject can show.
    fn not_shown(&self) -> &'static [Capability] {
        &[]
    }

    /// A world in which nothing was done yet.
    async fn world(&self) -> Box<dyn World>;
}

/// Beside a step: how long it may take, who may cancel it, and where its progress goes.
pub(super) struct Beside {
    pub(super) limit: Duration,
    pub(super) cancel: CancellationToken,
    pub(super) progress: Arc<dyn ProgressSink>,
}

pub(super) fn context(world: &dyn World, step: &Step, beside: Beside) -> EffectContext {
    let (deployment, number, subject) = (world.deployment(), step.number, step.subject.clone());
    EffectContext {
        request: EffectRequest {
            id: EffectId { deployment, number, subject },
            scope: world.scope(),
            deployment,
            attempt: 1,
            facts: BTreeMap::new(),
        },
        deadline: Instant::now() + beside.limit,
        cancel: beside.cancel,
        progress: beside.progress,
        values: Arc::new(step.values.clone()),
        routes: step.routes.clone(),
    }
}
