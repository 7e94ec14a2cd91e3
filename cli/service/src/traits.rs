//! Everything that haloy can do, in five parts. The parts of its implementation have the same names.

use crate::{
    BackupRequest, CheckRequest, CheckpointAnswer, Choice, CommandMetadata, Counter, DeployRequest, Deployed,
    DeploymentAnswer, Dropped, Error, EventRow, EventsRequest, Finding, Follow, HeldRow, HistoryRow,
    KeepRequest, KeptAnswer, KeyRow, LogsRequest, ProofRow, PruneAnswer, PruneRequest, RedactRequest,
    ReleaseSources, ReplayAnswer, RestartRequest, RestoreRequest, RollbackAnswer, RollbackRequest,
    RoutesAnswer, ShowAnswer, StatusAnswer, StopRequest, TagPreview, TagRequest, TargetsAnswer, UntagRequest,
    VerifyRequest, VolumeRow, WhatIfAnswer, WhatIfRequest,
};
use async_trait::async_trait;
use haloy_edge::EdgeStatus;
use haloy_executors::{EngineOffer, LogLine};
use haloy_ledger::ids::TargetKey;
use haloy_ledger::integrity::verify::Report;
use haloy_ledger::ledger::{Backup, KeyChange, Recovery, Redacted};
use haloy_ledger::release::Retention;
use std::sync::Arc;

/// What the record and the machine say; nothing changes.
#[async_trait]
pub trait Reads: Send + Sync {
    /// Every target that the ledger knows, whether or not a file still names it.
    async fn targets(&self) -> Result<Vec<TargetKey>, Error>;
    /// What targets do; every target of the ledger where none is named.
    async fn status(&self, keys: Option<Vec<TargetKey>>) -> Result<Vec<StatusAnswer>, Error>;
    /// Deployments, newest first.
    async fn history(&self, keys: Option<Vec<TargetKey>>, limit: usize) -> Result<Vec<HistoryRow>, Error>;
    /// Shows a deployment.
    async fn show(&self, id: &str) -> Result<ShowAnswer, Error>;
    /// The log.
    async fn events(&self, request: EventsRequest) -> Result<Vec<EventRow>, Error>;
    /// Output of containers, line by line; returns how many of them there are.
    async fn logs(
        &self,
        request: LogsRequest,
        each: &mut (dyn FnMut(LogLine) + Send),
    ) -> Result<usize, Error>;
    /// What can be restored; with `all`, every other deploy as well, and why it cannot.
    async fn rollback_targets(
        &self,
        keys: Option<Vec<TargetKey>>,
        all: bool,
    ) -> Result<Vec<TargetsAnswer>, Error>;
    /// The release that a rollback would restore.
    async fn rollback_choice(&self, key: &TargetKey, to: Option<&str>) -> Result<Choice, Error>;
    /// Where the values of the release come from that a rollback would restore.
    async fn rollback_sources(&self, key: &TargetKey, to: Option<&str>) -> Result<ReleaseSources, Error>;
    /// Volumes of a target that haloy made and no configuration names.
    async fn volumes(&self, key: &TargetKey) -> Result<Vec<VolumeRow>, Error>;
    /// What the engine has for a target; none where none answers.
    async fn offer(&self) -> Option<EngineOffer>;
    /// Checks of everything that haloy needs.
    async fn doctor(&self) -> Result<Vec<Finding>, Error>;
}

/// What runs.
#[async_trait]
pub trait Deploys: Send + Sync {
    /// Makes new releases live.
    async fn deploy(&self, request: DeployRequest, follow: Arc<dyn Follow>) -> Result<Deployed, Error>;
    /// Makes an older release live.
    async fn rollback(
        &self,
        request: RollbackRequest,
        follow: Arc<dyn Follow>,
    ) -> Result<RollbackAnswer, Error>;
    /// Restarts what runs, one replica after the other.
    async fn restart(&self, request: RestartRequest, follow: Arc<dyn Follow>) -> Result<StatusAnswer, Error>;
    /// Stops what runs.
    async fn stop(&self, request: StopRequest, follow: Arc<dyn Follow>) -> Result<StatusAnswer, Error>;
    /// Ends what a crash left.
    async fn settle(
        &self,
        why: CommandMetadata,
        follow: Arc<dyn Follow>,
    ) -> Result<Vec<DeploymentAnswer>, Error>;
}

/// What is kept, and what goes.
#[async_trait]
pub trait Keeping: Send + Sync {
    /// Looks whether the images of these targets are where they should be, and records what changed.
    async fn check(&self, request: CheckRequest, follow: Arc<dyn Follow>) -> Result<(), Error>;
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
        request: WhatIfRequest,
    ) -> Result<Vec<WhatIfAnswer>, Error>;
    /// Artefacts that no rule keeps; removes them where requested.
    async fn prune(&self, request: PruneRequest, follow: Arc<dyn Follow>) -> Result<PruneAnswer, Error>;
}

/// The ledger itself: its evidence, its keys, its copies.
#[async_trait]
pub trait Maintenance: Send + Sync {
    /// Rebuilds every read model from the log and compares.
    async fn replay(&self) -> Result<ReplayAnswer, Error>;
    /// Checks the whole ledger, whatever state it is in.
    async fn verify(&self, request: VerifyRequest, counter: Counter) -> Result<Report, Error>;
    /// The newest signed head.
    async fn checkpoint(&self) -> Result<CheckpointAnswer, Error>;
    /// Proofs that the events of a deployment, or the one at a position, are in the log.
    async fn prove(&self, what: &str) -> Result<Vec<ProofRow>, Error>;
    /// The keys of the ledger.
    async fn keys(&self) -> Result<Vec<KeyRow>, Error>;
    /// A new signing key in place of the one in use.
    async fn rotate_key(&self, why: CommandMetadata) -> Result<KeyChange, Error>;
    /// Keys that are here, and new ones for those that are missing, in place of keys that are gone.
    async fn adopt_keys(&self, why: CommandMetadata) -> Result<KeyChange, Error>;
    /// Erases private values.
    async fn redact(&self, request: RedactRequest) -> Result<Redacted, Error>;
    /// Rebuilds what is damaged.
    async fn recover(&self, why: CommandMetadata) -> Result<Recovery, Error>;
    /// Copies the ledger while it is in use.
    async fn backup(&self, request: BackupRequest) -> Result<Backup, Error>;
    /// Puts a backup in the place of the ledger.
    async fn restore(&self, request: RestoreRequest) -> Result<Recovery, Error>;
}

/// The edge: the process that routes requests to replicas.
#[async_trait]
pub trait Edge: Send + Sync {
    /// Owners of domains, and the routes in force at the edge.
    async fn routes(&self) -> Result<RoutesAnswer, Error>;
    /// Status of the edge.
    async fn edge_status(&self) -> Result<EdgeStatus, Error>;
    /// Makes the edge take over what changed on disk.
    async fn edge_reload(&self) -> Result<EdgeStatus, Error>;
    /// Ends the edge.
    async fn edge_stop(&self) -> Result<EdgeStatus, Error>;
    /// The program of the options takes over from the edge that runs.
    async fn edge_upgrade(&self) -> Result<EdgeStatus, Error>;
}

/// Everything that haloy can do.
pub trait Service: Reads + Deploys + Keeping + Maintenance + Edge {}

impl<T: Reads + Deploys + Keeping + Maintenance + Edge> Service for T {}
