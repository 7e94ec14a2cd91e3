//! The contract of everything that acts on the world.
//!
//! `messages` is what crosses the boundary, as data; `capability`, what an executor can do; `error`, what an
//! attempt failed of and when another can help; `context`, what an executor works with in this process.
//! With the feature `contract-tests`, `tests` holds an executor to it.

mod capability;
mod context;
mod error;
mod messages;
#[cfg(feature = "contract-tests")]
pub mod tests;

pub use capability::Capability;
pub use context::{EffectContext, NoProgress, ProgressSink, RegistryLogin, Values};
pub use error::{ExecutorError, Retry};
pub use messages::{EffectRequest, PROTOCOL, Progress, Role, Scope};

use async_trait::async_trait;
use haloy_ledger::deployment::Effect;
use haloy_ledger::outcome::{Observed, ObservedReplica, Outcome};

/// An executor: the hands of one role.
///
/// # Contract
/// - `execute` MUST be idempotent by `cx.request.id`: performing an effect again, at any time, in any
///   process, MUST leave the world as after the first time and report an equivalent outcome.
/// - It MUST adopt what carries the labels of the same effect, and MUST NOT touch anything whose
///   labels name another ledger or that has none.
/// - An effect that removes or stops MUST succeed if there is nothing to remove or stop.
/// - It MUST end by `cx.deadline` and soon after `cx.cancel`; a cancelled effect returns
///   [`FailureCode::Cancelled`](haloy_ledger::outcome::FailureCode) and leaves nothing half made
///   that its labels would not find.
/// - An outcome that went wrong by the world's fault (unhealthy, hook failed) is an `Ok` outcome;
///   an attempt that could not be made or finished is an `Err`, saying when a retry can help.
/// - Foreign text need not be masked: the dispatcher does it, once, for whatever comes back. It MUST be
///   whole, though: what is cut or split here goes through [`Lines`](crate::mask::Lines) before. A credential that is
///   found on the way MUST be given to `cx.values.mask`.
/// - It MUST refuse what needs none of its `capabilities`, with
///   [`FailureCode::NotSupported`](haloy_ledger::outcome::FailureCode).
/// - `observe` MUST report everything in scope that is really there, or fail; never less.
#[async_trait]
pub trait Executor: Send + Sync {
    /// The one role that it fills.
    fn role(&self) -> Role;

    /// Capabilities: the same for as long as it lives.
    fn capabilities(&self) -> &'static [Capability];

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
}
