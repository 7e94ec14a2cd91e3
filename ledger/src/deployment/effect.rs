//! What a target owes the world: acts as data, derived from the state, never remembered.
//!
//! Effects carry no secret values. Values of the environment and credentials travel beside them,
//! see `EffectContext` in the executors.

use crate::deployment::event::HookId;
use crate::ids::{Digest, ImageRef, ReplicaId};
use crate::release::{BuildSpec, HealthSpec, ImageSpec, PullPolicy, Resources};
use serde::{Deserialize, Serialize};

/// One act owed to the world. Versioned data: third-party executors will read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Find out which image the reference means now, and that this engine can run it.
    ResolveImage {
        /// What the user named.
        image: ImageSpec,
    },
    /// Build the image on the engine.
    BuildImage {
        /// How.
        build: BuildSpec,
        /// Tag that the result gets at once, so that nobody's prune can take it.
        local_tag: String,
    },
    /// Have the image on the engine, fetched by digest where one is known.
    PullImage {
        /// What the user named.
        reference: ImageRef,
        /// What it was resolved to; none for an image that only the engine knows.
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
    },
    /// Have the network.
    EnsureNetwork {
        /// Its name.
        network: String,
    },
    /// Create and start a container, or adopt the one that carries this effect's id.
    StartReplica(Box<ReplicaSpec>),
    /// Wait until the replica is well for long enough, or cannot become so.
    AwaitHealthy {
        /// Which replica.
        replica: ReplicaId,
        /// Its container.
        container_id: String,
        /// Its address, as reported when it started.
        address: Option<String>,
        /// Port that it listens on.
        port: u16,
        /// When it counts as well.
        health: HealthSpec,
    },
    /// Stop a container gracefully; fine if it does not run or is gone.
    StopReplica {
        /// Which replica.
        replica: ReplicaId,
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
    /// Run a command of the user on this machine. Never repeated after a crash.
    RunHook {
        /// Which hook.
        hook: HookId,
        /// The command line, for `$SHELL -c`.
        command: String,
        /// Folder to run in.
        folder: String,
    },
}

/// Everything needed to create one container, but the values of its environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplicaSpec {
    /// Which replica.
    pub replica: ReplicaId,
    /// Name of the container.
    pub name: String,
    /// The release that it runs.
    pub release: crate::ids::DeploymentId,
    /// Image by id: tags can move, ids cannot.
    pub image_id: Digest,
    /// Network, by name; the executor resolves it to an id.
    pub network: String,
    /// Names of the environment variables; their values come with the context.
    pub env: Vec<String>,
    /// `source:/path[:options]`.
    pub volumes: Vec<String>,
    /// Port that the app listens on.
    pub port: u16,
    /// Limits.
    pub resources: Resources,
}
