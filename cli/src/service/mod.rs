//! What haloy can be asked. Commands talk to this trait, never to a ledger, so that the one behind
//! it can later be another process or another machine. The answers are the JSON output.

mod answers;
pub mod embedded;

pub use answers::*;

use crate::config::TargetConfig;
use crate::error::Error;
use crate::facts::Why;
use async_trait::async_trait;
use haloy_executors::{LogLine, TargetKey};
use haloy_ledger::deployment::event::{CiFacts, GitFacts, SecretsFrom};
use haloy_ledger::deployment::{Effect, Event};
use haloy_ledger::ids::EffectId;
use std::sync::Arc;

/// A deploy of several targets.
pub struct DeployRequest {
    /// The targets, in file order.
    pub targets: Vec<TargetConfig>,
    /// Why.
    pub why: Why,
    /// The working tree.
    pub git: Option<GitFacts>,
    /// The CI job.
    pub ci: Option<CiFacts>,
}

/// A rollback of one target.
pub struct RollbackRequest {
    /// Which target.
    pub key: TargetKey,
    /// An id, a prefix of one, `~n`; none = the default.
    pub to: Option<String>,
    /// Where values come from.
    pub secrets: SecretsFrom,
    /// Why.
    pub why: Why,
    /// The working tree.
    pub git: Option<GitFacts>,
    /// The CI job.
    pub ci: Option<CiFacts>,
}

/// Which lines of which containers.
#[derive(Debug, Clone)]
pub struct LogsRequest {
    /// Which target.
    pub key: TargetKey,
    /// Last lines of each replica.
    pub tail: Option<u32>,
    /// Go on.
    pub follow: bool,
    /// With timestamps.
    pub timestamps: bool,
}

/// Which events.
#[derive(Debug, Clone, Default)]
pub struct EventsRequest {
    /// From this position.
    pub from: u64,
    /// At most.
    pub limit: Option<usize>,
    /// Of this target.
    pub key: Option<TargetKey>,
    /// Of these kinds.
    pub kinds: Vec<String>,
    /// Of this deployment, by id or prefix.
    pub deployment: Option<String>,
}

/// Is told what happens meanwhile.
pub trait Follow: Send + Sync {
    /// An effect is being performed.
    fn started(&self, key: &TargetKey, id: &EffectId, effect: &Effect);
    /// Events were recorded.
    fn recorded(&self, key: &TargetKey, events: &[Event]);
    /// A line of a build, a pull or a hook; a probe.
    fn line(&self, id: &EffectId, line: &str);
    /// Something worth knowing that is no event.
    fn note(&self, text: &str);
}

/// Everything that haloy can be asked.
#[async_trait]
pub trait Service: Send + Sync {
    /// Makes new releases live.
    async fn deploy(
        &self,
        request: DeployRequest,
        follow: Arc<dyn Follow>,
    ) -> Result<Vec<DeploymentAnswer>, Error>;
    /// Which release a rollback would restore.
    async fn rollback_choice(&self, key: &TargetKey, to: Option<&str>) -> Result<Choice, Error>;
    /// Makes an older release live.
    async fn rollback(
        &self,
        request: RollbackRequest,
        follow: Arc<dyn Follow>,
    ) -> Result<DeploymentAnswer, Error>;
    /// What can be restored, and what cannot and why.
    async fn rollback_targets(&self, key: &TargetKey) -> Result<TargetsAnswer, Error>;
    /// What runs. All targets if none is named.
    async fn status(&self, keys: Option<Vec<TargetKey>>) -> Result<Vec<StatusAnswer>, Error>;
    /// Deployments, newest first.
    async fn history(&self, keys: Option<Vec<TargetKey>>, limit: usize) -> Result<Vec<HistoryRow>, Error>;
    /// One deployment.
    async fn show(&self, id: &str) -> Result<ShowAnswer, Error>;
    /// The log.
    async fn events(&self, request: EventsRequest) -> Result<Vec<EventRow>, Error>;
    /// What containers wrote.
    async fn logs(
        &self,
        request: LogsRequest,
        each: &mut (dyn FnMut(LogLine) + Send),
    ) -> Result<usize, Error>;
    /// Stops what runs.
    async fn stop(
        &self,
        key: &TargetKey,
        remove: bool,
        why: &Why,
        follow: Arc<dyn Follow>,
    ) -> Result<StatusAnswer, Error>;
    /// What no rule keeps; removes it where `apply`.
    async fn prune(
        &self,
        key: &TargetKey,
        apply: bool,
        why: &Why,
        follow: Arc<dyn Follow>,
    ) -> Result<PruneAnswer, Error>;
    /// Ends what a crash left.
    async fn settle(&self, why: &Why, follow: Arc<dyn Follow>) -> Result<Vec<DeploymentAnswer>, Error>;
    /// Rebuilds every read model from the log and compares.
    async fn replay(&self, progress: &mut (dyn FnMut(u64) + Send)) -> Result<ReplayAnswer, Error>;
    /// Whether everything that haloy needs is there.
    async fn doctor(&self) -> Result<Vec<Finding>, Error>;
}
