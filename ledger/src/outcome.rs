//! What the hands report: plain data, stored in the log as part of events.
//!
//! A [`Failure`] is an outcome that went wrong. It is small, has no source chain and no secrets:
//! what an operator needs to read later. Longer foreign text goes into a private detail.

mod observed;

pub use observed::{Observed, ObservedReplica, ObservedTag, RegistryAnswer, RegistrySeen};

use crate::ids::{Digest, ImageRef, ReplicaId};
use crate::release::{Domain, ResolvedImage};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Why an effect failed, in one word. Names are stored: never renamed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureCode {
    /// The registry, or the engine, has no such image.
    ImageNotFound,
    /// The registry asks for credentials, or refuses these.
    Unauthorized,
    /// The registry did not answer.
    RegistryUnreachable,
    /// Docker did not answer.
    EngineUnreachable,
    /// Docker's socket refuses this user.
    EnginePermission,
    /// The image is made for another architecture.
    PlatformMismatch,
    /// The image could not be built.
    BuildFailed,
    /// A container that is not ours has this name.
    NameTaken,
    /// The container could not be started.
    StartFailed,
    /// The container ended before it was healthy.
    ExitedEarly,
    /// Probes were answered, but never well.
    NeverHealthy,
    /// Nothing listens on the port.
    PortNotListening,
    /// A hook ended with a code other than 0.
    HookFailed,
    /// It cannot be known whether the hook ran: the process was killed meanwhile.
    HookUnknown,
    /// No space left on the engine.
    DiskFull,
    /// The deadline passed.
    TimedOut,
    /// Cancelled by the user.
    Cancelled,
    /// haloy died in the middle.
    Interrupted,
    /// The value of a variable or credential could not be had.
    ValueMissing,
    /// The edge did not answer, or could not be started.
    EdgeUnreachable,
    /// The edge does not take this: a newer one was applied, or it is another ledger's.
    EdgeRefused,
    /// This version of haloy cannot do this.
    NotSupported,
    /// Anything else; the text says what.
    Other,
}

/// An outcome that went wrong: typed, small, kept in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The kind.
    pub code: FailureCode,
    /// One sentence without secrets, at most [`Failure::MAX_TEXT`] bytes.
    pub text: String,
}

impl Failure {
    /// Longest text, in bytes.
    pub const MAX_TEXT: usize = 400;

    /// A failure with its text cut to the limit, in one line: others write some of it (authorities,
    /// registries), and it is shown on terminals.
    pub fn new(code: FailureCode, text: impl Into<String>) -> Self {
        let text: String = text.into();
        let text = text.replace(|c: char| c.is_control(), " ");
        Self { code, text: cut(text, Self::MAX_TEXT) }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Cuts a text to at most `max` bytes, at a character.
pub fn cut(mut text: String, max: usize) -> String {
    if text.len() > max {
        let mut at = max.saturating_sub('…'.len_utf8());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        text.truncate(at);
        text.push('…');
    }
    text
}

/// Last lines of a container or hook, secrets masked; at most 50 lines and 8 KiB.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LogTail(pub String);

impl LogTail {
    /// Most lines kept.
    pub const MAX_LINES: usize = 50;
    /// Most bytes kept.
    pub const MAX_BYTES: usize = 8 * 1024;

    /// Keeps the last lines within both limits, with every value of `secrets` masked.
    pub fn new(text: &str, secrets: &[String]) -> Self {
        let mut masked = text.to_owned();
        for secret in secrets.iter().filter(|s| s.len() >= 4) {
            masked = masked.replace(secret.as_str(), "***");
        }
        let lines: Vec<&str> = masked.lines().collect();
        let mut kept = lines[lines.len().saturating_sub(Self::MAX_LINES)..].join("\n");
        if kept.len() > Self::MAX_BYTES {
            let mut at = kept.len() - Self::MAX_BYTES;
            while !kept.is_char_boundary(at) {
                at += 1;
            }
            kept = kept.split_off(at);
        }
        Self(kept)
    }
}

/// How a replica was found healthy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HealthHow {
    /// Docker's HEALTHCHECK said so.
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
    /// Nobody knows: haloy was killed meanwhile. Never repeated.
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
        /// What it is called there.
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
        /// What it points at.
        image_id: Digest,
        /// Which engine holds it.
        engine_id: String,
    },
    /// The network is there.
    NetworkReady {
        /// Id on the engine.
        network_id: String,
    },
    /// The container runs.
    ReplicaStarted {
        /// Id on the engine.
        container_id: String,
        /// Its own address on the network, where it has one.
        address: Option<String>,
        /// Image that it runs.
        image_id: Digest,
    },
    /// It is well, and stayed so long enough.
    ReplicaHealthy {
        /// Probes made.
        probes: u32,
        /// Milliseconds from start to healthy.
        took_ms: u64,
        /// Which kind of probe said so.
        how: HealthHow,
    },
    /// It did not become well.
    ReplicaUnhealthy {
        /// Why.
        cause: Failure,
        /// Probes made.
        probes: u32,
        /// Code that the container ended with, where it ended.
        exit_code: Option<i64>,
        /// Its last lines, masked.
        log_tail: LogTail,
    },
    /// The edge routes as the newest snapshot says, read back from it.
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
    /// It no longer runs.
    ReplicaStopped {
        /// Code that it ended with, where there was one to stop.
        exit_code: Option<i64>,
        /// It had to be killed.
        forced: bool,
    },
    /// The container is gone.
    ReplicaRemoved {
        /// Id it had, where it was there.
        container_id: Option<String>,
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
        /// Its last lines, masked.
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
    /// Its address, without port.
    pub address: String,
    /// Port that it listens on.
    pub port: u16,
}

/// What a target wishes: its domains and who answers for them. No domain, no route.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Wish {
    /// Domains; a domain without backends is answered by the edge itself.
    pub domains: Vec<Domain>,
    /// Replicas that are to get requests, in order of their id.
    pub backends: Vec<Backend>,
}

impl Wish {
    /// The replicas of it.
    pub fn replicas(&self) -> Vec<ReplicaId> {
        self.backends.iter().map(|backend| backend.replica).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_stays_one_line_and_moves_no_cursor() {
        let failure = Failure::new(FailureCode::Other, "no\u{1b}[2J such\nhost");
        assert_eq!(failure.text, "no [2J such host");
    }
}
