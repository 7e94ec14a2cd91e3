//! Pieces that events are made of.

use crate::ids::{DeploymentId, Timestamp};
use crate::release::{ReleaseSpec, ResolvedImage};
use serde::{Deserialize, Serialize};

/// What a deployment was asked to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeploymentKind {
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
    /// When the commit was made, as it says itself. Since version 3 of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub committed: Option<Timestamp>,
}

/// The engine that a deployment is to run on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineUsed {
    /// Which executor: `docker`.
    pub executor: String,
    /// Version of the engine.
    pub version: String,
    /// What it can do beyond the least that every engine can, in order of name.
    pub capabilities: Vec<String>,
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
    /// The gate.
    pub gate: Gate,
    /// What it said.
    pub decision: Decision,
    /// The rule of it, where it has rules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The policy that the rule is of, and its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// What it rests on: positions of events, ids of credentials and grants.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
}

/// What stands between a request and its effects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gate {
    /// None is configured.
    Open,
    /// What the caller may do.
    Access,
    /// A reason has to be given.
    Reason,
    /// A ticket has to be given.
    Ticket,
    /// Others have to agree.
    Approvals,
    /// Times at which nothing is deployed.
    Freeze,
    /// Where images may come from.
    Image,
    /// Which commits and branches may be deployed.
    Git,
    /// Who may ask, and how that has to be known.
    Actor,
    /// The same image has to have been live elsewhere first.
    Promoted,
    /// There has to be a release to go back to.
    Fallback,
    /// Time has to pass between two.
    Pace,
    /// An override has to be reviewed first.
    Reviewed,
    /// A program of the user decides.
    External,
}

/// What a gate said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// It may pass.
    Passed,
    /// It would not pass, and the rule only warns.
    Warned,
    /// The rule is not for this.
    Exempt,
    /// It did not pass, and somebody who may do so overrode that.
    Overridden,
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

/// Where a hook ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RanAt {
    /// On the machine of the ledger.
    #[default]
    Server,
    /// On the machine of the one who asked.
    Caller,
}

/// Why a replica gets no requests, or gets them again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UpstreamCause {
    /// The engine has no such container.
    Gone,
    /// The container does not run.
    NotRunning,
    /// The container has no address that can be reached.
    NoAddress,
    /// What answered is not the container, or was started after the connection was made.
    NotTheReplica,
    /// The engine does not answer, so nothing can be shown.
    EngineAway,
    /// The container does not accept connections.
    Refused,
    /// It was shown to be the replica.
    Verified,
    /// It does not answer the checks of the edge, or not in time. This and the two that follow since version 2 of
    /// their events.
    Unanswered,
    /// It answers the checks of the edge with an error, and did not do so before.
    Unwell,
    /// It answers the checks of the edge again.
    Answers,
}

/// What somebody did in a replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExecWhat {
    /// Ran a command.
    Exec,
    /// Opened a way to a port.
    Tunnel,
}

/// Something kept for a release that takes room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Artefact {
    /// Our own tag on the engine.
    LocalTag(String),
    /// A tag in the registry.
    RegistryTag(String),
    /// A volume on the engine that the image asked for and the configuration does not name.
    Volume(String),
}

impl Artefact {
    /// The tag, or the name of the volume.
    pub fn tag(&self) -> &str {
        match self {
            Self::LocalTag(tag) | Self::RegistryTag(tag) | Self::Volume(tag) => tag,
        }
    }

    /// Whether it is a volume, rather than a tag.
    pub fn is_volume(&self) -> bool {
        match self {
            Self::Volume(_) => true,
            Self::LocalTag(_) | Self::RegistryTag(_) => false,
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

/// Why a replica was found otherwise than the log had it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RestartCause {
    /// Its container did not run, and nobody had asked for that: it was started again.
    NotRunning,
    /// It runs, at another address: the engine or somebody else started it again.
    Moved,
    /// Somebody asked for a restart. Since version 2.
    Asked,
}
