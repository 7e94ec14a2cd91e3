//! Parts of events.

use crate::ids::{DeploymentId, Timestamp};
use crate::release::{ReleaseSpec, ResolvedImage};
use serde::{Deserialize, Serialize};

/// What a deployment should do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeploymentKind {
    /// Make a new release and make it live.
    Deploy {
        /// The release to make.
        release: Box<ReleaseSpec>,
    },
    /// Make an older release live again.
    Rollback {
        /// The release to restore, by the deploy that made it.
        restores: DeploymentId,
        /// Configuration of that release, copied without private values: those stay with its own request.
        release: Box<ReleaseSpec>,
        /// Image of that release.
        image: Box<ResolvedImage>,
        /// The release that is left.
        leaves: Option<DeploymentId>,
        /// Values whose fingerprint differs from that of the restored release.
        changed_secrets: Vec<ChangedSecret>,
        /// Source of the values: resolved again, or as recorded.
        secrets: SecretsFrom,
    },
}

/// Where a rollback takes the values of secrets from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretsFrom {
    /// Resolved again from their sources; the recorded values where a source is not available here.
    Auto,
    /// Resolved again from their sources; an error where one is not available.
    Fresh,
    /// The values that the release was deployed with.
    Recorded,
}

/// The state of the working tree that a deploy was started from.
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
    /// Name of the executor: `docker`.
    pub executor: String,
    /// Version of the engine.
    pub version: String,
    /// Capabilities beyond what every engine has, in order of name.
    pub capabilities: Vec<String>,
}

/// The CI job that started a deploy, as its environment says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CiFacts {
    /// `github`, `gitlab`, ...
    pub system: String,
    /// Id of the run, as that system shows it.
    pub run: String,
}

/// The gate that let a deployment pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Admission {
    /// The gate.
    pub gate: Gate,
    /// Decision of the gate.
    pub decision: Decision,
    /// Rule of the gate, where it has rules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The policy that the rule is of, and its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// Basis of the decision: positions of events, ids of credentials and grants.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
}

/// What stands between a request and its effects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gate {
    /// No gate is configured.
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
    /// Who may deploy, and how their identity has to be known.
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

/// Decision of a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// The deployment may pass.
    Passed,
    /// The deployment would not pass, and the rule only warns.
    Warned,
    /// The rule is not for this.
    Exempt,
    /// The deployment did not pass, and an authorised person overrode that.
    Overridden,
}

/// A command around a deployment.
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
    /// Place in the list.
    pub index: u16,
}

/// Where a hook ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RanAt {
    /// On the machine of the ledger.
    #[default]
    Server,
    /// On the machine of the caller.
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
    /// It proved to be the replica.
    Verified,
    /// It does not answer the checks of the edge, or not in time. This and the two that follow since version 2 of
    /// their events.
    Unanswered,
    /// It answers the checks of the edge with an error, and did not do so before.
    Unwell,
    /// It answers the checks of the edge again.
    Answers,
}

/// What was done in a replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExecWhat {
    /// Ran a command.
    Exec,
    /// A tunnel to a port was opened.
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
    /// A volume on the engine that the image declares and the configuration does not name.
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

    /// Whether it is the release's own tag, rather than a name given by a user.
    pub fn is_own(&self, release: DeploymentId) -> bool {
        is_own_tag(self.tag(), release)
    }
}

/// Whether a tag on the engine is `<slug>:<release>`, rather than a name given by a user.
pub fn is_own_tag(tag: &str, release: DeploymentId) -> bool {
    tag.rsplit_once(':').is_some_and(|(_, tag)| tag == release.to_string())
}

/// Why an artefact may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PruneRule {
    /// More than `count` good releases were live more recently.
    BeyondCount,
    /// The deployment did not succeed.
    NeverGood,
    /// Its strategy is `none` and another release is current.
    StrategyNone,
    /// Its strategy is `registry`: the host keeps the current release's tag only.
    HostKeepsCurrent,
    /// Requested by a person.
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
    /// Digest that the tag should point at.
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
    /// The container did not run, though it should: it was started again.
    NotRunning,
    /// The container runs at another address: the engine, or a user, restarted it.
    Moved,
    /// The restart was requested. Since version 2.
    Asked,
}
