//! The actual state: answers of the engines and registries that were checked.

use super::Failure;
use crate::ids::{DeploymentId, Digest, ReplicaId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Condition of a running container, from the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// Nothing speaks against it: its HEALTHCHECK is well, or it has none.
    #[default]
    Well,
    /// The HEALTHCHECK has not decided yet.
    Starting,
    /// The HEALTHCHECK fails.
    Unhealthy,
    /// The container is paused.
    Paused,
    /// The process ended, and the engine is about to restart it.
    Restarting,
}

/// A container of ours, as the engine shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedReplica {
    /// The replica, by its labels.
    pub replica: ReplicaId,
    /// Id on the engine.
    pub container_id: String,
    /// Whether it runs.
    pub running: bool,
    /// Address, where it runs.
    pub address: Option<String>,
    /// Code that it ended with.
    pub exit_code: Option<i64>,
    /// Killed for memory.
    pub oom: bool,
    /// Condition, where it runs. It changes by the second: no event keeps it.
    #[serde(skip)]
    pub condition: Condition,
    /// How often the engine restarted it by itself; none where that was not queried. No event keeps that
    /// either.
    #[serde(skip)]
    pub restarts: Option<u64>,
}

/// A tag of ours, as the engine shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedTag {
    /// `<slug>:<deployment id>`.
    pub local_tag: String,
    /// Image that it points at.
    pub image_id: Digest,
    /// Bytes.
    pub size: u64,
}

/// Answer of a registry about the image of one release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistrySeen {
    /// The release.
    pub release: DeploymentId,
    /// Answer of the registry.
    pub answer: RegistryAnswer,
}

/// Answer of a registry about an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RegistryAnswer {
    /// The recorded digest is there, and `tag` is the digest that the tag points at.
    There {
        /// None if the tag is gone.
        tag: Option<Digest>,
    },
    /// The recorded digest is not there.
    Gone {
        /// What the tag points at; none if it is gone, too.
        tag: Option<Digest>,
    },
    /// The registry gave no answer.
    Unknown {
        /// Why.
        cause: Failure,
        /// Text of the registry, or of the connection; private.
        detail: String,
    },
}

/// What is really there for one target: the answer of `observe`, sorted, complete for its scope.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Observed {
    /// Id of the engine.
    pub engine_id: String,
    /// Containers that carry our labels, by replica.
    pub replicas: Vec<ObservedReplica>,
    /// Tags of the app's own repository `<slug>`, by name. Of all targets of the app.
    pub tags: Vec<ObservedTag>,
    /// Every image that the engine has, under whichever name. No event keeps that.
    #[serde(skip)]
    pub images: BTreeSet<Digest>,
}
