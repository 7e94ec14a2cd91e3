//! The contract of everything that acts on the world.

use crate::mask::Mask;
use async_trait::async_trait;
use haloy_ledger::deployment::Effect;
use haloy_ledger::ids::{DeploymentId, EffectId, LedgerId, TargetKey};
use haloy_ledger::outcome::{Failure, FailureCode, LogTail, Observed, ObservedReplica, Outcome, Words};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;
use tokio_util::sync::CancellationToken;

/// What an executor acts on. An effect has exactly one role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Containers, networks and the images on the engine.
    Engine,
    /// Images in a registry.
    Registry,
    /// Domains and routes.
    Router,
    /// Commands of the user on this machine.
    Hooks,
}

impl Role {
    /// The role that performs an effect.
    pub fn of(effect: &Effect) -> Self {
        match effect {
            Effect::ResolveImage { registry: true, .. }
            | Effect::PushTag { .. }
            | Effect::DeleteRegistryTag { .. } => Self::Registry,
            Effect::ResolveImage { registry: false, .. }
            | Effect::PushImage { .. }
            | Effect::BuildImage { .. }
            | Effect::PullImage { .. }
            | Effect::TagImage { .. }
            | Effect::EnsureNetwork { .. }
            | Effect::StartReplica(_)
            | Effect::AwaitHealthy { .. }
            | Effect::StopReplica { .. }
            | Effect::RemoveReplica { .. }
            | Effect::RemoveLocalTag { .. }
            | Effect::RemoveVolume { .. }
            | Effect::RunReleaseCommand { .. } => Self::Engine,
            Effect::ApplyRoutes { .. } | Effect::Drain { .. } => Self::Router,
            Effect::RunHook { .. } => Self::Hooks,
        }
    }
}

/// One target of one ledger: what labels say and `observe` is limited to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope {
    /// Which ledger.
    pub ledger: LedgerId,
    /// Which target of it.
    pub key: TargetKey,
}

/// Resolved values: never in an effect, never in the log, never printed.
#[derive(Clone, Default)]
pub struct Values {
    /// Environment of the replicas, in file order.
    pub env: Vec<(String, String)>,
    /// Build arguments.
    pub build_args: Vec<(String, String)>,
    /// Registry: server, user name, password.
    pub registry: Option<RegistryLogin>,
    /// Headers of the health probe, in file order.
    pub health_headers: Vec<(String, String)>,
    /// The release command; none if there is none, or if it was erased.
    pub release_command: Option<String>,
    /// Lines of the hooks before, then of those after; none for one that was erased.
    pub hooks: (Vec<Option<String>>, Vec<Option<String>>),
    /// What must not appear in any text that others write: secrets and credentials.
    pub mask: Arc<Mask>,
}

/// Credentials of a registry.
#[derive(Clone)]
pub struct RegistryLogin {
    /// Host; none = that of the image.
    pub server: Option<String>,
    /// User name.
    pub username: String,
    /// Password or token.
    pub password: String,
}

impl std::fmt::Debug for Values {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.env.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Values").field("env", &names).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for RegistryLogin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RegistryLogin").field("server", &self.server).finish_non_exhaustive()
    }
}

/// What an effect tells while it runs. Lost progress is no loss.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// A line of a build, a pull or a hook.
    Line(String),
    /// Bytes done of bytes to do.
    Bytes {
        /// Done.
        done: u64,
        /// In all, where known.
        total: Option<u64>,
    },
    /// A probe was made, with what it saw.
    Probe {
        /// Number of the probe, from 1.
        number: u32,
        /// `200`, `503`, `connection refused`.
        saw: String,
    },
}

/// Where progress goes.
pub trait ProgressSink: Send + Sync {
    /// Takes note; must not block.
    fn progress(&self, effect: &EffectId, progress: Progress);
}

/// Drops all progress.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProgress;

impl ProgressSink for NoProgress {
    fn progress(&self, _effect: &EffectId, _progress: Progress) {}
}

/// Everything beside the effect that an executor needs to perform it.
#[derive(Clone)]
pub struct EffectContext {
    /// Identity of the effect: the same over attempts and restarts.
    pub id: EffectId,
    /// Whose.
    pub scope: Scope,
    /// The deployment or rollback that owes it.
    pub deployment: DeploymentId,
    /// Number of this attempt, from 1.
    pub attempt: u32,
    /// When to give up.
    pub deadline: Instant,
    /// Set when the effect is no longer owed: stop soon, leave nothing half done.
    pub cancel: CancellationToken,
    /// Where progress goes.
    pub progress: Arc<dyn ProgressSink>,
    /// Resolved values.
    pub values: Arc<Values>,
    /// The newest routes of all targets, for the role Router only.
    pub routes: Option<Arc<haloy_ledger::read::Routes>>,
    /// `HALOY_*` facts for hooks.
    pub facts: Arc<BTreeMap<String, String>>,
}

/// What others wrote, behind our own words: for people, never for the log.
fn said(detail: &str) -> String {
    if detail.is_empty() { String::new() } else { format!(": {detail}") }
}

/// Why an attempt failed. Its birthplace says whether another attempt can help.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{cause}{}", said(detail))]
pub struct ExecutorError {
    /// Our own words; goes into the log.
    pub cause: Failure,
    /// What others wrote, secrets masked; goes into the log as a private value.
    pub detail: String,
    /// Whether another attempt can help.
    pub retryable: bool,
}

impl ExecutorError {
    /// A failure in our own words. Another attempt does not help.
    pub fn new(code: FailureCode, words: impl Into<Words>) -> Self {
        Self { cause: Failure::new(code, words), detail: String::new(), retryable: false }
    }

    /// The same with what others wrote about it; private wherever it is recorded.
    pub fn saying(self, detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), ..self }
    }

    /// The same, saying whether another attempt can help.
    pub fn retryable(self, retryable: bool) -> Self {
        Self { retryable, ..self }
    }
}

/// An executor: the hands of one role.
///
/// # Contract
/// - `execute` MUST be idempotent by `cx.id`: performing an effect again, at any time, in any
///   process, MUST leave the world as after the first time and report an equivalent outcome.
/// - It MUST adopt what carries the labels of the same effect, and MUST NOT touch anything whose
///   labels name another ledger or that has none.
/// - An effect that removes or stops MUST succeed if there is nothing to remove or stop.
/// - It MUST end by `cx.deadline` and soon after `cx.cancel`; a cancelled effect returns
///   [`FailureCode::Cancelled`](haloy_ledger::outcome::FailureCode) and leaves nothing half made
///   that its labels would not find.
/// - An outcome that went wrong by the world's fault (unhealthy, hook failed) is an `Ok` outcome;
///   an attempt that could not be made or finished is an `Err`, saying whether a retry can help.
/// - Text of others need not be masked: the dispatcher does it, once, for whatever comes back. It MUST be whole,
///   though: what is cut or split here goes through [`Lines`](crate::mask::Lines) before. A credential that is
///   found on the way MUST be told to `cx.values.mask`.
/// - `observe` MUST report everything in scope that is really there, or fail; never less.
#[async_trait]
pub trait Executor: Send + Sync {
    /// The one role that it fills.
    fn role(&self) -> Role;

    /// Performs one effect. See the contract.
    async fn execute(&self, cx: &EffectContext, effect: &Effect) -> Result<Outcome, ExecutorError>;

    /// What is really there.
    async fn observe(&self, scope: &Scope) -> Result<Observed, ExecutorError>;

    /// Only the replicas, of many targets of one ledger, in their order: as few questions to the world as it can
    /// be done with.
    async fn observe_replicas(&self, scopes: &[Scope]) -> Result<Vec<Vec<ObservedReplica>>, ExecutorError> {
        let mut found = Vec::with_capacity(scopes.len());
        for scope in scopes {
            found.push(self.observe(scope).await?.replicas);
        }
        Ok(found)
    }

    /// Last lines of a replica's log, masked by `values`; empty where there is none.
    async fn log_tail(
        &self,
        scope: &Scope,
        replica: haloy_ledger::ids::ReplicaId,
        values: &Values,
    ) -> Result<LogTail, ExecutorError>;
}
