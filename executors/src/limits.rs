//! How long anything outside of this process is waited for, and how much of its output is taken: every limit
//! of the executors, by name. Those of the edge are in `edge/src/limits.rs`; docs/limits.md is made from
//! both.

use haloy_ledger::release::HealthSpec;
use std::time::Duration;

/// Silence of a service, before its name is shown.
pub const SILENCE_TOLD: Duration = Duration::from_secs(2);
/// How long Docker may take to answer its first request, unless `HALOY_DOCKER_TIMEOUT` is set.
pub const ENGINE_HELLO: Duration = Duration::from_secs(10);
/// How long Docker may be silent while it answers a question.
pub const ENGINE_ANSWER: Duration = Duration::from_secs(30);
/// How long Docker may be silent while it makes, starts, stops, removes or measures something; longer than the
/// longest graceful stop.
pub const ENGINE_SLOW: Duration = Duration::from_secs(120);
/// How long Docker may be silent while it fetches or sends the layers of an image.
pub const ENGINE_LAYERS: Duration = Duration::from_secs(300);
/// Between two looks for new replicas, while their logs are followed.
pub const LOGS_LOOK: Duration = Duration::from_secs(1);
/// Longest line of a log, in bytes; a longer one is given in pieces.
pub const LOG_LINE: usize = 1 << 20;
/// How long a registry may take for one answer, every hop included, where `HALOY_REGISTRY_TIMEOUT` does not say.
pub const REGISTRY_ANSWER: Duration = Duration::from_secs(15);
/// How long one look for an image in its registry may take.
pub const REGISTRY_LOOK: Duration = Duration::from_secs(20);
/// A registry that asks for patience does not make a deploy wait longer than this.
pub const REGISTRY_PATIENCE: Duration = Duration::from_secs(120);
/// How long a credential helper may take.
pub const HELPER: Duration = Duration::from_secs(30);
/// Most that is read of what a credential helper says, in bytes.
pub const HELPER_BYTES: u64 = 64 * 1024;
/// How long the program of a secret provider (`sops`, `op`) may take for one source; it may ask its user.
pub const PROVIDER: Duration = Duration::from_secs(60);
/// Most that is taken of what the program of a secret provider writes, in bytes.
pub const PROVIDER_BYTES: usize = 1 << 20;
/// How long a replica may take to become healthy, apart from `min_ready_seconds`, where neither
/// `HALOY_HEALTH_TIMEOUT` nor `health_timeout_seconds` is set.
pub const HEALTH: Duration = Duration::from_secs(60);
/// How long a replica may take to answer one probe.
pub const PROBE: Duration = Duration::from_secs(5);
/// How long another haloy on this machine may hold the addresses of a network.
pub const ADDRESSES_HELD: Duration = Duration::from_secs(15);
/// How long a requested container may take to appear.
pub const APPEARS: Duration = Duration::from_secs(2);
/// How long an image may take to be found, named or tagged, a network to be made, routes to be applied, and a
/// replica to be drained or stopped.
pub const SHORT_EFFECT: Duration = Duration::from_secs(60);
/// How long a replica may take to be started or removed, and a tag or a volume to be removed.
pub const CONTAINER_EFFECT: Duration = Duration::from_secs(120);
/// How long a tag may take to be deleted from a registry, which is queried for every other tag first.
pub const DELETE_EFFECT: Duration = Duration::from_secs(5 * 60);
/// How long a hook may run.
pub const HOOK: Duration = Duration::from_secs(10 * 60);
/// How long a release command may run.
pub const RELEASE_COMMAND: Duration = Duration::from_secs(60 * 60);
/// How long an image may take to be fetched or sent.
pub const LAYERS_EFFECT: Duration = Duration::from_secs(15 * 60);
/// How long an image may take to be built.
pub const BUILD_EFFECT: Duration = Duration::from_secs(30 * 60);
/// How long anything that keeps no limit of its own is waited for beyond it.
pub const GRACE: Duration = Duration::from_secs(30);
/// Size of the log of the edge, in bytes, from which on the next start begins another; the previous one is
/// kept.
pub const EDGE_LOG: u64 = 1 << 20;
/// How long an edge may take to answer after it was started.
pub const EDGE_STARTING: Duration = Duration::from_secs(10);

/// How long a replica may take to become healthy, apart from `min_ready_seconds`: the limit for all of them
/// if set, otherwise that of its release.
pub fn healthy_within(said: Option<Duration>, health: &HealthSpec) -> Duration {
    let own = || health.timeout_seconds.map(|seconds| Duration::from_secs(seconds.into()));
    said.or_else(own).unwrap_or(HEALTH)
}
