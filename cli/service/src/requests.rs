//! Requests, as data.

use crate::{CommandMetadata, ReleaseValues, Values};
use haloy_ledger::event::{CiFacts, GitFacts, SecretsFrom};
use haloy_ledger::ids::{ReleaseName, TargetKey};
use haloy_ledger::release::{ConfigSnapshot, HistoryStrategy};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Duration;

/// One target, ready to be deployed. Its values, and so its serialised form, hold secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetRequest {
    /// App and target.
    pub key: TargetKey,
    /// The configuration. Its values have no fingerprints yet, only the ledger can make them; its private
    /// parts are among `values`.
    pub config: ConfigSnapshot,
    /// Values of the configuration.
    pub values: Values,
}

/// A deploy of several targets. In its serialised form it holds secrets: it goes only to the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeployRequest {
    /// The targets, in file order.
    pub targets: Vec<TargetRequest>,
    /// Domains that another target has are taken over.
    pub move_domains: bool,
    /// Why.
    pub why: CommandMetadata,
    /// The working tree.
    pub git: Option<GitFacts>,
    /// The CI job.
    pub ci: Option<CiFacts>,
}

/// A rollback of one target. In its serialised form it may hold secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RollbackRequest {
    /// The target.
    pub key: TargetKey,
    /// An id, a prefix of one, `~n`; none = the default.
    pub to: Option<String>,
    /// Where values come from.
    pub secrets: SecretsFrom,
    /// What their sources say now, of the release that [`rollback_sources`](crate::Reads::rollback_sources) named.
    pub values: Option<ReleaseValues>,
    /// Why.
    pub why: CommandMetadata,
    /// The working tree.
    pub git: Option<GitFacts>,
    /// The CI job.
    pub ci: Option<CiFacts>,
}

/// Targets whose images should be checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckRequest {
    /// The targets.
    pub keys: Vec<TargetKey>,
    /// Why.
    pub why: CommandMetadata,
}

/// Selection of log lines and containers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogsRequest {
    /// The target.
    pub key: TargetKey,
    /// Only of the container with this id, beginning of an id, or name.
    pub container: Option<String>,
    /// Last lines of each replica.
    pub tail: Option<u32>,
    /// Go on.
    pub follow: bool,
}

/// Selection of events.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventsRequest {
    /// From this position.
    pub from: u64,
    /// At most.
    pub limit: Option<usize>,
    /// Only of this target.
    pub key: Option<TargetKey>,
    /// Only of these kinds.
    pub kinds: Vec<String>,
    /// Only of this deployment, by id or prefix.
    pub deployment: Option<String>,
}

/// A name for a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagRequest {
    /// Targets to look in; none = all.
    pub keys: Option<Vec<TargetKey>>,
    /// The release: a name, an id or a prefix.
    pub release: String,
    /// The name.
    pub name: ReleaseName,
    /// In the registry as well.
    pub push: bool,
    /// Why.
    pub why: CommandMetadata,
}

/// A name to remove.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UntagRequest {
    /// Targets to look in; none = all.
    pub keys: Option<Vec<TargetKey>>,
    /// The name.
    pub name: ReleaseName,
    /// From the registry as well.
    pub push: bool,
    /// Why.
    pub why: CommandMetadata,
}

/// A word about whether a release is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeepRequest {
    /// Targets to look in; none = all.
    pub keys: Option<Vec<TargetKey>>,
    /// The release: a name, an id or a prefix.
    pub release: String,
    /// Pin or hold.
    pub keep: Keep,
    /// Why; the basis of a hold.
    pub why: CommandMetadata,
}

/// Whether a release is kept whatever the count is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Keep {
    /// Wanted by its owners.
    Pin,
    /// No longer so.
    Unpin,
    /// Needed as evidence or by order.
    Hold,
    /// No longer so.
    ReleaseHold,
}

/// Another retention, to try.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhatIfRequest {
    /// Earlier releases kept.
    pub count: u16,
    /// Strategy; none = the one in force.
    pub strategy: Option<HistoryStrategy>,
    /// How far back past rollbacks are tried.
    pub over: Duration,
}

/// A request to stop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopRequest {
    /// What is to stop.
    pub key: TargetKey,
    /// The containers go, too.
    pub remove: bool,
    /// Volumes that go with them, each by its name.
    pub volumes: Vec<String>,
    /// Why.
    pub why: CommandMetadata,
}

/// A request to restart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestartRequest {
    /// What is to restart.
    pub key: TargetKey,
    /// Why.
    pub why: CommandMetadata,
}

/// A request to prune.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PruneRequest {
    /// The target.
    pub key: TargetKey,
    /// What is found is removed.
    pub apply: bool,
    /// Why.
    pub why: CommandMetadata,
}

/// A copy of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupRequest {
    /// Folder that it is copied into, on the machine of the ledger.
    pub into: PathBuf,
}

/// A backup that takes the place of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreRequest {
    /// Folder of the backup, on the machine of the ledger.
    pub from: PathBuf,
    /// Also if it is older than what was signed here.
    pub older: bool,
    /// Why.
    pub why: CommandMetadata,
}
