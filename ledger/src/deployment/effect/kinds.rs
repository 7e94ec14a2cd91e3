//! Effects, as data.

use crate::event::HookId;
use crate::ids::{DeploymentId, Digest, EffectId, EffectNumber, ImageRef, ReplicaId};
use crate::outcome::DesiredRoutes;
use crate::release::{BuildSpec, CommandForm, HealthSpec, ImageSpec, MadeVolume, PullPolicy, Resources};
use serde::{Deserialize, Serialize};

/// An act owed to the world. Versioned data: third-party executors will read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Find out which image the reference means now, and that this engine can run it.
    ResolveImage {
        /// What the user named.
        image: Box<ImageSpec>,
        /// Only the registry's answer counts, not an image of that name on the engine.
        registry: bool,
    },
    /// Build the image on the engine.
    BuildImage {
        /// How.
        build: BuildSpec,
        /// Tag that the image gets at once, so that no other prune can remove it.
        local_tag: String,
    },
    /// Push what was built, so that other machines and a later rollback can have it.
    PushImage {
        /// The image on the engine.
        image_id: Digest,
        /// Where to.
        reference: ImageRef,
    },
    /// Give a release another tag in its registry, without moving a layer.
    PushTag {
        /// Repository and new tag.
        reference: ImageRef,
        /// Digest that the tag should point at.
        digest: Digest,
    },
    /// Take a tag out of a registry, if no other tag has its image. Fine if it is gone.
    DeleteRegistryTag {
        /// Repository and tag.
        reference: ImageRef,
    },
    /// Have the image on the engine, fetched by digest where one is known.
    PullImage {
        /// What the user named.
        reference: ImageRef,
        /// Digest that the reference was resolved to; none for an image that only the engine knows.
        digest: Option<Digest>,
        /// Whether to ask the registry at all.
        policy: PullPolicy,
    },
    /// Give the image the release's own tag.
    TagImage {
        /// What to tag.
        image_id: Digest,
        /// `<slug>:<release>`.
        local_tag: String,
        /// Entries of `volumes:`, given where an image that keeps data elsewhere must not be started.
        covering: Option<Vec<String>>,
    },
    /// Have the network.
    EnsureNetwork {
        /// Name of the network.
        network: String,
    },
    /// Create and start a container, or adopt the one that carries this effect's id.
    StartReplica(Box<ReplicaSpec>),
    /// Wait until the replica is well for long enough, or cannot become so.
    AwaitHealthy {
        /// Which replica.
        replica: ReplicaId,
        /// Container of the replica.
        container_id: String,
        /// Address of the replica, as reported when it started.
        address: Option<String>,
        /// Port that it listens on.
        port: u16,
        /// When the replica counts as well. Values of its headers travel beside the effect.
        health: HealthSpec,
        /// First domain of the app: used as host of the probe.
        domain: Option<String>,
    },
    /// Tell the edge who gets requests. The newest routes of all targets travel beside the effect, so
    /// that many targets settle with one call.
    ApplyRoutes {
        /// Routes that this target should have.
        #[serde(rename = "wish")]
        desired: DesiredRoutes,
    },
    /// Wait until a replica that gets no new requests has ended those that it had, or the limit is over.
    Drain {
        /// The replica; the edge knows it by its container, at whatever address that is now.
        replica: ReplicaId,
    },
    /// Stop a container gracefully; fine if it does not run or is gone.
    StopReplica {
        /// Which replica.
        replica: ReplicaId,
        /// Seconds between the signal and the kill.
        grace_seconds: u32,
        /// Its start was requested and no result was received: the container may yet appear.
        expected: bool,
    },
    /// Remove a container; fine if it is gone. Found by its labels, so one that was
    /// started without anybody recording it is removed as well.
    RemoveReplica {
        /// Which replica.
        replica: ReplicaId,
    },
    /// Remove our own tag; the image goes with its last tag. Fine if it is gone.
    RemoveLocalTag {
        /// `<slug>:<release>`.
        local_tag: String,
    },
    /// Remove a volume that haloy made, with its data, on explicit request by name. Fine if it is gone, never
    /// forced.
    RemoveVolume {
        /// Name of the volume.
        volume: String,
    },
    /// Run a command of the user on this machine. Never repeated after a crash.
    RunHook {
        /// The hook. Its command line, for `$SHELL -c`, is private and travels beside the effect.
        hook: HookId,
        /// Folder to run in.
        folder: String,
    },
    /// Run the release command in a container of its own, to its end. Never repeated after a crash. The
    /// command is private and travels beside the effect.
    RunReleaseCommand {
        /// How it is run.
        form: CommandForm,
        /// The container: that of the first replica, by another name.
        container: Box<ReplicaSpec>,
    },
}

/// Everything needed to create one container, but the values of its environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplicaSpec {
    /// Which replica.
    pub replica: ReplicaId,
    /// Name of the container.
    pub name: String,
    /// Additional name on its network.
    pub alias: Option<String>,
    /// The release that it runs.
    pub release: DeploymentId,
    /// Image by id: tags can move, ids cannot.
    pub image_id: Digest,
    /// Network, by name; the executor resolves it to an id.
    pub network: String,
    /// Names of the environment variables; their values come with the context.
    pub env: Vec<String>,
    /// `source:/path[:options]`.
    pub volumes: Vec<String>,
    /// Volumes of the container that it replaces, for paths of the image that `volumes` does not cover.
    pub takes_over: Vec<MadeVolume>,
    /// Port that the app listens on.
    pub port: u16,
    /// Limits.
    pub resources: Resources,
    /// Whether Docker's init is process 1; none = as the image needs it.
    pub init: Option<bool>,
    /// Seconds between the signal to stop and the kill.
    pub grace_seconds: u32,
}

/// The id of an effect, the same over attempts and restarts.
pub(super) fn id(deployment: DeploymentId, number: EffectNumber, subject: impl ToString) -> EffectId {
    EffectId { deployment, number, subject: subject.to_string() }
}
