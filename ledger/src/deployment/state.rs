//! The state of one target: what the rules need, bounded, without history and without secrets.

pub use super::standing::{Holds, ImageSeen, Origin, RetainedRelease, Standing, TagNow};

use crate::event::{HookId, PushedTag, SecretsFrom};
use crate::ids::*;
use crate::outcome::{DesiredRoutes, Failure, HookExit};
use crate::release::{Domain, MadeVolume, ReleaseSpec, ResolvedImage, Retention, TaggedImage};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// State of one (app, target), folded from its stream. How it is stored is for the read model to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetState {
    /// App and target.
    pub key: TargetKey,
    /// What runs, or is stopped; none before the first success.
    pub current: Option<Live>,
    /// A rollout that was requested and not admitted: nothing of it has begun.
    pub proposed: Option<Rollout>,
    /// The running rollout.
    pub rollout: Option<Rollout>,
    /// A stop that was requested and is not finished.
    pub stop: Option<Stop>,
    /// A restart that was requested and is not finished.
    pub restart: Option<Restart>,
    /// Releases that are kept or still hold an artefact: most recently live first.
    pub releases: Vec<RetainedRelease>,
    /// Names that people gave to releases.
    pub names: BTreeMap<ReleaseName, DeploymentId>,
    /// A name that is still being applied on the engine or in the registry.
    pub naming: Option<Naming>,
    /// Retention in force: that of the latest deploy.
    pub retention: Option<Retention>,
    /// How often a release was made live here: orders releases without any clock.
    pub lives: u64,
    /// Routes at the edge for this target, and the state of applying them.
    pub routes: Routes,
    /// Containers that should be gone and could not be removed: the next rollout removes them.
    pub strays: Vec<ReplicaId>,
    /// Volumes that haloy made and no container of this target has any more, oldest first. They stay until
    /// their removal is requested.
    pub volumes: Vec<LeftVolume>,
    /// The last deployment that ended, and how.
    pub last_ended: Option<(DeploymentId, Ending)>,
}

/// How a deployment ended. Never unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Live and well.
    Succeeded,
    /// Failed; see whether the target is unchanged.
    Failed,
    /// Failed, the previous release was restored.
    RolledBack,
    /// Cancelled.
    Cancelled,
    /// haloy died in the middle.
    Interrupted,
    /// A gate refused the deployment, and nothing of it started.
    Refused,
}

/// The release that is live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Live {
    /// The deployment (deploy or rollback) that made it live.
    pub deployment: DeploymentId,
    /// The release, by the deploy that made it.
    pub release: DeploymentId,
    /// Configuration of the release, without private values.
    pub spec: Arc<ReleaseSpec>,
    /// Image of the release.
    pub image: ResolvedImage,
    /// Tag of the release on the engine.
    pub tagged: TaggedImage,
    /// Containers of the release.
    pub replicas: Vec<Replica>,
    /// The target was stopped on request.
    pub stopped: bool,
    /// Source of its secrets.
    pub secrets: SecretsFrom,
    /// Volumes that haloy made for its containers, once those are gone: what the next one takes over.
    pub volumes: Vec<MadeVolume>,
}

/// A container of this target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replica {
    /// Id of the replica.
    pub id: ReplicaId,
    /// Where it is in its life.
    pub phase: ReplicaPhase,
    /// Id on the engine, once started.
    pub container_id: Option<String>,
    /// Address, once started.
    pub address: Option<String>,
    /// The address is the container's own for as long as that exists.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fixed: bool,
    /// Volumes of it that haloy made, for paths that the configuration does not name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<MadeVolume>,
}

impl Replica {
    /// A replica whose container has not been reported.
    pub fn new(id: ReplicaId, phase: ReplicaPhase) -> Self {
        Self { id, phase, container_id: None, address: None, fixed: false, volumes: Vec::new() }
    }
}

/// A volume that haloy made and no container of its target has any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftVolume {
    /// Path and name.
    pub made: MadeVolume,
    /// The replica that had it last.
    pub replica: ReplicaId,
    /// Whether its removal is planned.
    pub pruning: bool,
    /// Attempts at that removal.
    pub attempts: u32,
}

/// Where a replica is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplicaPhase {
    /// Was being started when the rollout turned: may or may not exist.
    Wanted,
    /// Runs; not known to be well.
    Started,
    /// Runs and is well.
    Healthy,
    /// Was being retired when the rollout turned: may or may not run.
    Leaving,
    /// Did not become well.
    Unhealthy,
    /// No longer runs; its container may be there.
    Stopped,
    /// The container is gone.
    Removed,
}

/// Direction of a rollout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Towards the new release.
    Forward,
    /// Back to the old one, because of this.
    Back {
        /// Why.
        cause: Failure,
        /// An old replica was retired before the turn.
        after_retired: bool,
    },
}

/// A deployment in progress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rollout {
    /// The deployment.
    pub deployment: DeploymentId,
    /// When it was requested.
    pub requested: Timestamp,
    /// The release that it makes live: its own id for a deploy.
    pub release: DeploymentId,
    /// The configuration of that release, without private values.
    pub spec: Arc<ReleaseSpec>,
    /// Whether it is a rollback.
    pub rollback: bool,
    /// Where its secrets come from.
    pub secrets: SecretsFrom,
    /// Forward or back.
    pub direction: Direction,
    /// Whether its cancellation was requested.
    pub cancelled: bool,
    /// Whether haloy died in the middle of it, at least once.
    pub interrupted: bool,
    /// Hooks that ended.
    pub hooks: Vec<(HookId, HookExit)>,
    /// How the release command ended, once it has.
    pub release_command: Option<HookExit>,
    /// The image, once known.
    pub image: Option<ResolvedImage>,
    /// Tag of the image, once made.
    pub tagged: Option<TaggedImage>,
    /// The network, once there.
    pub network_id: Option<String>,
    /// New replicas by index; indices from `spec.config.replicas` on are restored ones of the old
    /// release.
    pub replicas: Vec<Replica>,
    /// Failed attempts, per effect that is still owed.
    pub attempts: BTreeMap<EffectId, u32>,
}

/// A stop in progress.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    /// The containers go, too.
    pub remove: bool,
    /// Volumes that go with them, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<String>,
    /// Failed attempts, per effect that is still owed.
    pub attempts: BTreeMap<EffectId, u32>,
}

/// A restart in progress: one replica after the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restart {
    /// Replicas that are still to be restarted; the first is the current one.
    pub left: Vec<ReplicaId>,
    /// Replicas that were restarted, and are well again.
    pub done: Vec<ReplicaId>,
    /// The first of `left` runs again, and is not known to be well.
    pub started: bool,
    /// Why the restart ends with the current replica, where it does.
    pub cause: Option<Failure>,
    /// Failed attempts, per effect that is still owed.
    pub attempts: BTreeMap<EffectId, u32>,
}

/// What the edge does for a target, as far as the log knows.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Routes {
    /// Domains that the edge routes here.
    pub domains: Vec<Domain>,
    /// Replicas that get requests, in order of their id.
    pub replicas: Vec<ReplicaId>,
    /// Routes that the target should have after the last event.
    #[serde(rename = "wished")]
    pub desired: DesiredRoutes,
    /// How often `desired` changed; names the effect, so that an answer to an older state does not count.
    pub changes: u64,
    /// Value of `changes` when the edge last confirmed the routes.
    #[serde(rename = "told")]
    pub acknowledged_change: u64,
    /// Replicas that became desired since then: the call of another target may have brought them to the edge.
    #[serde(rename = "maybe")]
    pub possibly_routed: Vec<ReplicaId>,
    /// Replicas that get no new requests and may still have old ones.
    pub leaving: Vec<ReplicaId>,
    /// Domains of the live release: what a failed rollout goes back to.
    pub base: Vec<Domain>,
    /// Size of the log that the routes were computed from; 0 before the first time.
    pub generation: u64,
    /// The deployment for which routes were last applied.
    #[serde(rename = "by")]
    pub applied_for: Option<DeploymentId>,
    /// Failed attempts since the edge last confirmed the routes.
    pub attempts: u32,
    /// The edge could not be reached; the next command that changes something tries again.
    #[serde(rename = "given_up")]
    pub abandoned: bool,
}

/// A name that is being applied on the engine and in the registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Naming {
    /// The release that has it, or had it.
    pub release: DeploymentId,
    /// Change to make on the engine.
    pub local: Option<LocalNaming>,
    /// Tag to put in the registry.
    pub push: Option<PushedTag>,
    /// What is to go from the registry.
    pub unpush: Option<ImageRef>,
    /// Failed attempts, per effect that is still owed.
    pub attempts: BTreeMap<EffectId, u32>,
}

/// What a name needs on the engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalNaming {
    /// `<slug>:<name>`.
    pub local_tag: String,
    /// The image that it is to point at; none if the tag is to go.
    pub image_id: Option<Digest>,
}

impl TargetState {
    /// A target before its first event.
    pub fn new(key: TargetKey) -> Self {
        Self {
            key,
            current: None,
            proposed: None,
            rollout: None,
            stop: None,
            restart: None,
            releases: Vec::new(),
            names: BTreeMap::new(),
            naming: None,
            retention: None,
            lives: 0,
            routes: Routes::default(),
            strays: Vec::new(),
            volumes: Vec::new(),
            last_ended: None,
        }
    }

    /// The release that runs, where one does.
    pub fn current_release(&self) -> Option<DeploymentId> {
        self.current.as_ref().map(|live| live.release)
    }

    /// What is kept of a release, if anything.
    pub fn kept(&self, release: DeploymentId) -> Option<&RetainedRelease> {
        self.releases.iter().find(|k| k.release == release)
    }
}
