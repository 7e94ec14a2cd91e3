//! Requests, as data.

use crate::config::{Providers, TargetConfig};
use crate::facts::Why;
use haloy_ledger::deployment::event::{CiFacts, GitFacts, SecretsFrom};
use haloy_ledger::ids::{ReleaseName, TargetKey};
use haloy_ledger::release::HistoryStrategy;
use std::time::Duration;

/// A deploy of several targets.
pub struct DeployRequest {
    /// The targets, in file order.
    pub targets: Vec<TargetConfig>,
    /// Domains that another target has are taken over.
    pub move_domains: bool,
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
    /// Sources of secret providers, as the file names them now.
    pub providers: Providers,
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
    /// Only of the container with this id, beginning of an id, or name.
    pub container: Option<String>,
    /// Last lines of each replica.
    pub tail: Option<u32>,
    /// Go on.
    pub follow: bool,
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

/// A name for a release.
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
    pub why: Why,
}

/// A name that is no longer wanted.
pub struct UntagRequest {
    /// Targets to look in; none = all.
    pub keys: Option<Vec<TargetKey>>,
    /// The name.
    pub name: ReleaseName,
    /// From the registry as well.
    pub push: bool,
    /// Why.
    pub why: Why,
}

/// A word about whether a release is kept.
pub struct KeepRequest {
    /// Targets to look in; none = all.
    pub keys: Option<Vec<TargetKey>>,
    /// The release: a name, an id or a prefix.
    pub release: String,
    /// Which word.
    pub keep: Keep,
    /// Why; the basis of a hold.
    pub why: Why,
}

/// Whether a release is kept whatever the count says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// By our own wish.
    Pin,
    /// No longer so.
    Unpin,
    /// Because somebody must have it.
    Hold,
    /// No longer so.
    ReleaseHold,
}

/// Another retention, to be tried.
#[derive(Debug, Clone)]
pub struct WhatIfRequest {
    /// Earlier releases kept.
    pub count: u16,
    /// Strategy; none = the one in force.
    pub strategy: Option<HistoryStrategy>,
    /// How far back past rollbacks are tried.
    pub over: Duration,
}

/// A stop, as asked for.
#[derive(Debug, Clone)]
pub struct StopRequest {
    /// What is to stop.
    pub key: TargetKey,
    /// The containers go, too.
    pub remove: bool,
    /// Volumes that go with them, each by its name.
    pub volumes: Vec<String>,
}
