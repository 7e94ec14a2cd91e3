//! Commands to a target and reports about it: imperative, carrying every fact they need.

use crate::event::{ChangedSecret, CiFacts, EngineUsed, GitFacts, PushedTag, RestartCause, SecretsFrom};
use crate::ids::{DeploymentId, EffectId, ReleaseName, ReplicaId, Timestamp};
use crate::outcome::{Failure, Observed, Outcome, RegistrySeen};
use crate::release::{ReleaseRecord, ReleaseSpec};

/// A command to one target. Clock, randomness and lookups are done before it is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Make a new release live.
    Deploy(Box<Deploy>),
    /// Make an older release live again.
    Rollback(Box<Rollback>),
    /// Stop the rollout and go back.
    Cancel {
        /// The deployment; refused if another one is running.
        id: DeploymentId,
    },
    /// An effect ended.
    RecordOutcome {
        /// The effect; ignored if it is no longer owed.
        effect: EffectId,
        /// How it ended.
        outcome: Box<Outcome>,
        /// When.
        at: Timestamp,
    },
    /// An attempt at an effect failed; more may follow.
    RecordAttempt {
        /// The effect; ignored if it is no longer owed.
        effect: EffectId,
        /// Why.
        cause: Failure,
        /// Longer foreign text; becomes private.
        detail: String,
        /// Whether another attempt can help.
        retryable: bool,
        /// When.
        at: Timestamp,
    },
    /// Look at what is really there, and record what changed.
    RecordObserved {
        /// What was seen.
        observed: Observed,
    },
    /// The images of these releases were looked for, on the engine and in their registries.
    RecordChecked {
        /// Releases that were looked for.
        releases: Vec<DeploymentId>,
        /// Answers of the registries about releases that are kept there.
        seen: Vec<RegistrySeen>,
        /// When.
        at: Timestamp,
    },
    /// Give a release a name, or give the name to another release.
    Tag {
        /// The name.
        name: ReleaseName,
        /// The release that is to have it.
        release: DeploymentId,
        /// The tag to make in its registry, looked up by the caller; none if not asked for.
        push: Option<PushedTag>,
    },
    /// Take a name away.
    Untag {
        /// The name.
        name: ReleaseName,
        /// The tag to remove from its registry, looked up by the caller; none if not asked for.
        pushed: Option<crate::ids::ImageRef>,
    },
    /// Keep a release whatever the count is, or only by the count.
    Pin {
        /// The release.
        release: DeploymentId,
        /// Keep it, or not any more.
        pinned: bool,
    },
    /// Keep a release because it is needed as evidence or by order.
    Hold {
        /// The release.
        release: DeploymentId,
        /// Why; becomes private.
        basis: String,
    },
    /// Release a hold.
    ReleaseHold {
        /// The release.
        release: DeploymentId,
    },
    /// haloy died in the middle of a rollout: decide, from what is really there, how it ends.
    Settle {
        /// What was seen.
        observed: Observed,
        /// When.
        at: Timestamp,
    },
    /// Replicas that should run were found otherwise than recorded: they run again, or elsewhere.
    RecordRestarted {
        /// What they are now.
        restarted: Vec<Restarted>,
    },
    /// Remove every artefact that no rule keeps.
    Prune {
        /// Volumes to remove as well, each by its name: no rule ever removes one.
        volumes: Vec<String>,
    },
    /// Restart the replicas of the current release, one after the other.
    Restart {
        /// When.
        at: Timestamp,
    },
    /// End a restart with the replica that is being restarted.
    CancelRestart,
    /// Stop the current release.
    Stop {
        /// The containers go, too.
        remove: bool,
        /// Volumes that go with them, each by its name.
        volumes: Vec<String>,
        /// When.
        at: Timestamp,
    },
}

/// A replica that runs again, or elsewhere than recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restarted {
    /// Which replica.
    pub replica: ReplicaId,
    /// Container, unchanged by the restart.
    pub container_id: String,
    /// Current address.
    pub address: Option<String>,
    /// The address is the container's own for as long as that exists.
    pub fixed: bool,
    /// What was found.
    pub cause: RestartCause,
}

/// The facts of a deploy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deploy {
    /// Id of the deployment, made by the caller.
    pub id: DeploymentId,
    /// When the command was given.
    pub at: Timestamp,
    /// What to make live. May hold plain private values: they are committed before encoding.
    pub release: ReleaseSpec,
    /// The working tree.
    pub git: Option<GitFacts>,
    /// The CI job.
    pub ci: Option<CiFacts>,
    /// The engine, where it was known at that time.
    pub engine: Option<EngineUsed>,
    /// Domains that another target has are taken over from it.
    pub move_domains: bool,
}

/// The facts of a rollback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rollback {
    /// Id of the deployment, made by the caller.
    pub id: DeploymentId,
    /// When the command was given.
    pub at: Timestamp,
    /// The release to restore, looked up by the caller.
    pub to: ReleaseRecord,
    /// Engine that the rollback would run on, as it reports itself; none if it did not answer.
    pub engine_id: Option<String>,
    /// Values whose fingerprint differs from the recorded one.
    pub changed_secrets: Vec<ChangedSecret>,
    /// Where the values come from.
    pub secrets: SecretsFrom,
    /// The working tree.
    pub git: Option<GitFacts>,
    /// The CI job.
    pub ci: Option<CiFacts>,
    /// The engine, where it was known at that time.
    pub engine: Option<EngineUsed>,
}

impl Command {
    /// The name of the command.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Deploy(_) => "Deploy",
            Self::Rollback(_) => "Rollback",
            Self::Cancel { .. } => "Cancel",
            Self::RecordOutcome { .. } => "RecordOutcome",
            Self::RecordAttempt { .. } => "RecordAttempt",
            Self::RecordObserved { .. } => "RecordObserved",
            Self::RecordChecked { .. } => "RecordChecked",
            Self::Tag { .. } => "Tag",
            Self::Untag { .. } => "Untag",
            Self::Pin { .. } => "Pin",
            Self::Hold { .. } => "Hold",
            Self::ReleaseHold { .. } => "ReleaseHold",
            Self::Settle { .. } => "Settle",
            Self::RecordRestarted { .. } => "RecordRestarted",
            Self::Prune { .. } => "Prune",
            Self::Restart { .. } => "Restart",
            Self::CancelRestart => "CancelRestart",
            Self::Stop { .. } => "Stop",
        }
    }
}
