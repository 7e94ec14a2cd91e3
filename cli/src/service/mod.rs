//! What haloy can be asked. Commands talk to this trait, never to a ledger, so that the one behind
//! it can later be another process or another machine. The answers are the JSON output.

mod answers;
mod answers_kept;
pub mod embedded;
mod evidence;
mod health;
mod requests;
mod status;

pub use answers::*;
pub use answers_kept::*;
pub use evidence::*;
pub use health::*;
pub use requests::*;
pub use status::*;

use crate::error::Error;
use crate::facts::Why;
use async_trait::async_trait;
use haloy_edge::{EdgeStatus, Silent};
use haloy_executors::{EngineOffer, LogLine};
use haloy_ledger::deployment::{Effect, Event};
use haloy_ledger::ids::{EffectId, TargetKey};
use haloy_ledger::integrity::verify::Report;
use haloy_ledger::ledger::{Backup, KeyChange, Recovery, Redacted};
use haloy_ledger::release::Retention;
use std::path::Path;
use std::sync::Arc;

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
    /// Who is waited for and silent, told about once a second; nobody, if the list is empty.
    fn waiting(&self, silent: &[Silent]);
}

/// Everything that haloy can be asked.
#[async_trait]
pub trait Service: Send + Sync {
    /// What the engine has for a target; none where none answers.
    async fn offer(&self) -> Option<EngineOffer>;
    /// Makes new releases live.
    async fn deploy(&self, request: DeployRequest, follow: Arc<dyn Follow>) -> Result<Deployed, Error>;
    /// Which release a rollback would restore.
    async fn rollback_choice(&self, key: &TargetKey, to: Option<&str>) -> Result<Choice, Error>;
    /// Makes an older release live.
    async fn rollback(
        &self,
        request: RollbackRequest,
        follow: Arc<dyn Follow>,
    ) -> Result<DeploymentAnswer, Error>;
    /// What can be restored; with `all`, every other deploy as well, and why it cannot.
    async fn rollback_targets(
        &self,
        keys: Option<Vec<TargetKey>>,
        all: bool,
    ) -> Result<Vec<TargetsAnswer>, Error>;
    /// Looks whether the images of these targets are where they should be, and records what changed.
    async fn check(&self, keys: &[TargetKey], why: &Why, follow: Arc<dyn Follow>) -> Result<(), Error>;
    /// What giving a name would change.
    async fn tag_preview(&self, request: &TagRequest) -> Result<TagPreview, Error>;
    /// Gives a release a name.
    async fn tag(&self, request: TagRequest, follow: Arc<dyn Follow>) -> Result<KeptAnswer, Error>;
    /// Takes a name away.
    async fn untag(&self, request: UntagRequest, follow: Arc<dyn Follow>) -> Result<KeptAnswer, Error>;
    /// Pins or holds a release, or lets it go.
    async fn keep(&self, request: KeepRequest, follow: Arc<dyn Follow>) -> Result<KeptAnswer, Error>;
    /// Releases that are pinned or held, and by whom.
    async fn held(&self, keys: Option<Vec<TargetKey>>) -> Result<Vec<HeldRow>, Error>;
    /// Releases that these retentions would drop, and the ones in force would not.
    async fn dropped(&self, wanted: Vec<(TargetKey, Retention)>) -> Result<Vec<Dropped>, Error>;
    /// What another retention would keep, drop and save, and what it would have cost.
    async fn what_if(
        &self,
        keys: Option<Vec<TargetKey>>,
        request: &WhatIfRequest,
    ) -> Result<Vec<WhatIfAnswer>, Error>;
    /// Every target that the ledger knows, whether or not a file still names it.
    async fn targets(&self) -> Result<Vec<TargetKey>, Error>;
    /// What targets do; every target of the ledger where none is named.
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
    /// Volumes of a target that haloy made and nobody names.
    async fn volumes(&self, key: &TargetKey) -> Result<Vec<VolumeRow>, Error>;
    /// Restarts what runs, one replica after the other.
    async fn restart(
        &self,
        key: &TargetKey,
        why: &Why,
        follow: Arc<dyn Follow>,
    ) -> Result<StatusAnswer, Error>;
    /// Stops what runs.
    async fn stop(
        &self,
        request: StopRequest,
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
    /// Checks the whole ledger, whatever state it is in.
    async fn verify(&self, request: VerifyRequest) -> Result<Report, Error>;
    /// The newest signed head.
    async fn checkpoint(&self) -> Result<CheckpointAnswer, Error>;
    /// Proofs that the events of a deployment, or the one at a position, are in the log.
    async fn prove(&self, what: &str) -> Result<Vec<ProofRow>, Error>;
    /// The keys of the ledger.
    async fn keys(&self) -> Result<Vec<KeyRow>, Error>;
    /// A new signing key in place of the one in use; `lost`: in place of keys that are gone.
    async fn change_keys(&self, lost: bool, why: &Why) -> Result<KeyChange, Error>;
    /// Erases private values.
    async fn redact(&self, request: RedactRequest) -> Result<Redacted, Error>;
    /// Makes anew what is damaged.
    async fn recover(&self, why: &Why) -> Result<Recovery, Error>;
    /// Copies the ledger while it is in use.
    async fn backup(&self, into: &Path) -> Result<Backup, Error>;
    /// Puts a backup in the place of the ledger.
    async fn restore(&self, from: &Path, older: bool, why: &Why) -> Result<Recovery, Error>;
    /// Whose domain is whose, and what the edge has in force.
    async fn routes(&self) -> Result<RoutesAnswer, Error>;
    /// What the edge says of itself.
    async fn edge_status(&self) -> Result<EdgeStatus, Error>;
    /// Makes the edge take over what changed on disk.
    async fn edge_reload(&self) -> Result<EdgeStatus, Error>;
    /// Ends the edge.
    async fn edge_stop(&self) -> Result<EdgeStatus, Error>;
    /// This program takes over from the edge that runs.
    async fn edge_upgrade(&self) -> Result<EdgeStatus, Error>;
    /// Whether everything that haloy needs is there.
    async fn doctor(&self) -> Result<Vec<Finding>, Error>;
}
