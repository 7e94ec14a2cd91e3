//! Answers about what is kept and what goes, as data.

use haloy_ledger::ids::{DeploymentId, Position};
use haloy_ledger::read::PastRollback;
use haloy_ledger::release::{HistoryStrategy, Retention};
use serde::{Deserialize, Serialize};

/// What a prune removes, or would.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PruneAnswer {
    /// App.
    pub app: String,
    /// Target.
    pub target: String,
    /// Whether the removal was done.
    pub applied: bool,
    /// Release, tag, rule, bytes where known.
    pub artefacts: Vec<PruneRow>,
    /// Volumes that haloy made, that no container of the target has, and that no configuration names: with
    /// `applied` they are gone, except those that stay because they are in use.
    pub volumes: Vec<VolumeRow>,
    /// Bytes that come back if all of them are removed, shared layers counted once; none if Docker did not
    /// answer.
    pub bytes: Option<u64>,
    /// Releases that stay by a pin or a hold.
    pub held: Vec<HeldRow>,
}

/// A release that is pinned or held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldRow {
    /// The release.
    pub release: DeploymentId,
    /// A hold; otherwise a pin.
    pub hold: bool,
    /// Where that was recorded.
    pub at: Position,
    /// Actor.
    pub by: Option<String>,
    /// Why.
    pub reason: Option<String>,
}

/// What a name, a pin or a hold came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptAnswer {
    /// App.
    pub app: String,
    /// Target.
    pub target: String,
    /// The release.
    pub release: DeploymentId,
    /// Whether something was recorded; false if it was already so.
    pub changed: bool,
    /// What the engine or the registry could not be brought to.
    pub failed: Vec<String>,
}

/// What giving a name would change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagPreview {
    /// App.
    pub app: String,
    /// Target.
    pub target: String,
    /// The release that would have it.
    pub release: DeploymentId,
    /// Another release that has it now.
    pub before: Option<DeploymentId>,
}

/// Releases that a new retention would make unrestorable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// App and target.
    pub key: haloy_ledger::ids::TargetKey,
    /// The count in force.
    pub before: u16,
    /// The new one.
    pub after: u16,
    /// The releases.
    pub releases: Vec<DeploymentId>,
}

/// What another retention would mean.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhatIfAnswer {
    /// App.
    pub app: String,
    /// Target.
    pub target: String,
    /// The retention in force.
    pub now: Option<Retention>,
    /// Strategy that was tried.
    pub strategy: HistoryStrategy,
    /// Count that was tried.
    pub count: u16,
    /// What would be restorable once the next deploy applies it.
    pub keeps: Vec<WhatIfRow>,
    /// What would not be any more.
    pub drops: Vec<WhatIfRow>,
    /// Tags on the engine that would go with them.
    pub tags: Vec<String>,
    /// Bytes that would come back, shared layers counted once; none if Docker did not say.
    pub bytes: Option<u64>,
    /// Rollbacks of the past, and whether they would have been possible.
    pub past: Vec<PastRollback>,
}

/// A release in a what-if.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhatIfRow {
    /// The release.
    pub release: DeploymentId,
    /// Image.
    pub image: String,
}

/// A volume that haloy made, for a path of the image that the configuration does not name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeRow {
    /// Name on the engine.
    pub volume: String,
    /// The path that it was made for.
    pub path: String,
    /// The deployment whose replica has it, or had it last.
    pub deployment: DeploymentId,
    /// A container of the target has it.
    pub used: bool,
    /// Bytes in it, where the engine reports them.
    pub bytes: Option<u64>,
    /// Whether it stays after all: something else uses it.
    pub stays: bool,
}

/// An artefact that no rule keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PruneRow {
    /// The release.
    pub release: DeploymentId,
    /// Tag.
    pub tag: String,
    /// Why it may go.
    pub rule: haloy_ledger::event::PruneRule,
    /// Bytes of the image, shared layers included.
    pub bytes: Option<u64>,
}
