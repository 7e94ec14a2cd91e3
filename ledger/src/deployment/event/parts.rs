//! Pieces that events are made of.

use crate::ids::{AppName, DeploymentId, TargetName};
use crate::release::{ReleaseSpec, ResolvedImage};
use serde::{Deserialize, Serialize};

/// What a deployment was asked to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    /// Make a new release and make it live.
    Deploy {
        /// The release to be made.
        release: Box<ReleaseSpec>,
    },
    /// Make an older release live again.
    Rollback {
        /// The release to restore, by the deploy that made it.
        restores: DeploymentId,
        /// Its configuration, copied without private values: those stay with its own request.
        release: Box<ReleaseSpec>,
        /// Its image.
        image: Box<ResolvedImage>,
        /// The release that is left.
        leaves: Option<DeploymentId>,
        /// Values whose fingerprint differs from the restored release's.
        changed_secrets: Vec<ChangedSecret>,
        /// Where the values come from: resolved anew, or as recorded.
        secrets: SecretsFrom,
    },
}

/// Where a rollback takes the values of secrets from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretsFrom {
    /// Their sources, asked again; the recorded ones where a source cannot be asked here.
    Auto,
    /// Their sources, asked again; an error where one cannot be asked.
    Fresh,
    /// The values that the release was deployed with.
    Recorded,
}

/// The state of the working tree that a deploy was asked from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GitFacts {
    /// Commit id, in hex.
    pub commit: String,
    /// Branch, if one was checked out.
    pub branch: Option<String>,
    /// There were uncommitted changes.
    pub dirty: bool,
}

/// The CI job that a deploy was asked by, as its environment says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CiFacts {
    /// `github`, `gitlab`, ...
    pub system: String,
    /// Id of the run, as that system shows it.
    pub run: String,
}

/// Which gate let a deployment pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Admission {
    /// Name of the gate.
    pub gate: String,
    /// What it said.
    pub decision: String,
}

/// Which command around a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HookStage {
    /// Before anything starts.
    PreDeploy,
    /// After all replicas were switched.
    PostDeploy,
}

/// A hook, by stage and place in the file, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct HookId {
    /// Before or after.
    pub stage: HookStage,
    /// Its place in the list.
    pub index: u16,
}

/// Something kept for a release that takes room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Artefact {
    /// Our own tag on the engine.
    LocalTag(String),
    /// A tag in the registry.
    RegistryTag(String),
}

impl Artefact {
    /// The tag itself.
    pub fn tag(&self) -> &str {
        match self {
            Self::LocalTag(tag) | Self::RegistryTag(tag) => tag,
        }
    }

    /// Whether it is the release's own tag, rather than a name that somebody gave it.
    pub fn is_own(&self, release: DeploymentId) -> bool {
        is_own_tag(self.tag(), release)
    }
}

/// Whether a tag on the engine is `<slug>:<release>`, rather than a name that somebody gave it.
pub fn is_own_tag(tag: &str, release: DeploymentId) -> bool {
    tag.rsplit_once(':').is_some_and(|(_, tag)| tag == release.to_string())
}

/// Why an artefact may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PruneRule {
    /// More than `count` good releases were live more recently.
    BeyondCount,
    /// Its deployment did not succeed.
    NeverGood,
    /// Its strategy is `none` and another release is current.
    StrategyNone,
    /// Its strategy is `registry`: the host keeps the current release's tag only.
    HostKeepsCurrent,
    /// Asked for by a person.
    Asked,
}

/// Where an image should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImagePlace {
    /// On this Docker engine.
    Engine(String),
    /// In the registry of its reference.
    Registry,
}

/// A tag of a release in its registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushedTag {
    /// Repository and tag.
    pub reference: crate::ids::ImageRef,
    /// What it is to point at.
    pub digest: crate::ids::Digest,
}

/// The retention in force before a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetentionBefore {
    /// Strategy.
    pub strategy: crate::release::HistoryStrategy,
    /// Count.
    pub count: u16,
}

/// A value that is another one now than when the release was deployed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedSecret {
    /// Name of the variable or credential.
    pub name: String,
    /// Fingerprint of the value that this deployment uses.
    pub fingerprint: crate::release::Fingerprint,
}

/// The target that has a domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Which app.
    pub app: AppName,
    /// Which target of it.
    pub target: TargetName,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.app, self.target)
    }
}
