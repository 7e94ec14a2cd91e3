//! What the hands report: plain data, stored in the log as part of events.
//!
//! A [`Failure`] is an outcome that went wrong: a code and words of our own. What others wrote about it (an
//! engine, a registry, a program) goes beside it, as a detail that events keep private.

mod failure;
mod observed;
mod tail;
mod words;

pub use failure::{Failure, FailureCode, FailureReport};
pub use tail::{LogTail, cut};
pub use words::{Ours, Public, Words, ours};

pub use observed::{Condition, Observed, ObservedReplica, ObservedTag, RegistryAnswer, RegistrySeen};

use crate::ids::{Digest, ImageRef, ReplicaId};
use crate::release::{Domain, MadeVolume, ResolvedImage};
use serde::{Deserialize, Serialize};

/// How a replica was found healthy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HealthHow {
    /// Docker's HEALTHCHECK.
    Healthcheck,
    /// An HTTP request to the container's own address.
    Http,
    /// A probe run inside the container.
    Exec,
}

/// Where a pulled image came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PulledFrom {
    /// Fetched.
    Registry,
    /// Already on the engine.
    Present,
}

/// How a hook ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HookExit {
    /// With this code.
    Code(i32),
    /// Killed by this signal, or by its deadline.
    Killed,
    /// Unknown: haloy was killed meanwhile. Never repeated.
    Unknown,
}

/// The result of an effect. One variant per kind of effect, and one for failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The tag was resolved.
    ImageResolved(ResolvedImage),
    /// The image was built.
    ImageBuilt {
        /// Id on the engine.
        image_id: Digest,
        /// BLAKE3 of the context's files, in hex.
        context_digest: String,
        /// BLAKE3 of the Dockerfile, in hex.
        dockerfile_digest: String,
        /// `os/arch` of the result.
        platform: String,
        /// Bytes.
        size: Option<u64>,
    },
    /// The image, or another tag of it, is in the registry.
    ImagePushed {
        /// Reference in the registry.
        reference: ImageRef,
        /// Digest of its manifest.
        digest: Digest,
    },
    /// The tag is gone from the registry.
    RegistryTagRemoved,
    /// The image is on the engine.
    ImagePulled {
        /// Id on the engine.
        image_id: Digest,
        /// Bytes fetched.
        bytes: u64,
        /// Fetched or present.
        from: PulledFrom,
    },
    /// Our own tag points at it.
    ImageTagged {
        /// `<slug>:<deployment id>`.
        local_tag: String,
        /// Image that it points at.
        image_id: Digest,
        /// Engine that holds the image.
        engine_id: String,
    },
    /// The network is ready.
    NetworkReady {
        /// Id on the engine.
        network_id: String,
    },
    /// The container runs.
    ReplicaStarted {
        /// Id on the engine.
        container_id: String,
        /// Address of its own on the network, where it has one.
        address: Option<String>,
        /// The address is the container's own for as long as that exists: kept over restarts.
        fixed: bool,
        /// Image that it runs.
        image_id: Digest,
        /// Volumes of it that haloy made, for paths that the configuration does not name.
        volumes: Vec<MadeVolume>,
    },
    /// The replica is well, and stayed so long enough.
    ReplicaHealthy {
        /// Probes made.
        probes: u32,
        /// Milliseconds from start to healthy.
        took_ms: u64,
        /// Kind of probe.
        how: HealthHow,
    },
    /// The replica did not become well.
    ReplicaUnhealthy {
        /// Why.
        cause: Failure,
        /// Text of the probe or the engine; private.
        detail: String,
        /// Probes made.
        probes: u32,
        /// Code that the container ended with, where it ended.
        exit_code: Option<i64>,
        /// Last lines of its log, masked.
        log_tail: LogTail,
    },
    /// The edge has the routes of the newest snapshot, read back from it.
    RoutesApplied {
        /// Generation that it has.
        generation: u64,
        /// BLAKE3 of its table, in hex.
        digest: String,
        /// What the snapshot holds for this target.
        domains: Vec<Domain>,
        /// Replicas of this target that get requests.
        routed: Vec<ReplicaId>,
    },
    /// A replica has no more requests, or was given no more time.
    ReplicaDrained {
        /// Requests that were cut off.
        left_in_flight: u32,
        /// Milliseconds that it took.
        took_ms: u64,
    },
    /// The replica no longer runs.
    ReplicaStopped {
        /// Code that it ended with, where there was one to stop.
        exit_code: Option<i64>,
        /// Whether it had to be killed.
        forced: bool,
    },
    /// The container is gone.
    ReplicaRemoved {
        /// Id it had, where it was there.
        container_id: Option<String>,
        /// Volumes of it that the configuration does not name; they stay.
        volumes: Vec<MadeVolume>,
    },
    /// The volume is gone, with its data.
    VolumeRemoved {
        /// Bytes given back, as reported by the engine.
        freed: u64,
    },
    /// Our tag is gone from the engine.
    LocalTagRemoved {
        /// Bytes given back.
        freed: u64,
        /// Other tags still hold the image.
        shared: bool,
    },
    /// A hook ended.
    HookFinished {
        /// How.
        exit: HookExit,
        /// Last lines of its log, masked.
        log_tail: LogTail,
    },
    /// The effect failed, for good.
    Failed {
        /// Why.
        cause: Failure,
        /// Longer foreign text; private.
        detail: String,
    },
}

/// Where a replica answers requests.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Backend {
    /// Which replica.
    pub replica: ReplicaId,
    /// Container on the engine that should answer. None only in what older versions wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// Address of the container when it started, without port. A hint: the engine gives the address to
    /// another container once this one has stopped.
    pub address: String,
    /// Port that it listens on.
    pub port: u16,
    /// Path of the health checks of the edge: that of its own release. None only in what older versions
    /// wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<String>,
}

impl Backend {
    /// The same, without what not every version recorded.
    #[must_use]
    pub fn bare(self) -> Self {
        Self { container: None, health: None, ..self }
    }
}

/// Desired routes of a target: its domains and the replicas that answer for them. No domain, no route.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DesiredRoutes {
    /// Domains; a domain without backends is answered by the edge itself.
    pub domains: Vec<Domain>,
    /// Replicas that are to get requests, in order of their id.
    pub backends: Vec<Backend>,
}

impl DesiredRoutes {
    /// The same, with only those fields of its replicas that rows of every version hold. A replica that gets
    /// another container is not well in between, which is a change by itself; and the health check of its
    /// release never changes.
    pub(crate) fn bare(mut self) -> Self {
        self.backends = self.backends.into_iter().map(Backend::bare).collect();
        self
    }

    /// The replicas.
    pub fn replicas(&self) -> Vec<ReplicaId> {
        self.backends.iter().map(|backend| backend.replica).collect()
    }
}
