//! What a deployment makes live: the configuration snapshot and how its image is kept.

mod commands;
mod fingerprint;
pub mod labels;
pub mod names;
pub mod volumes;

pub use commands::{CommandForm, HookLine, Hooks, ReleaseCommand};
pub use fingerprint::Fingerprint;
pub use volumes::{MadeVolume, UncoveredVolumes};

use crate::ids::{DeploymentId, Digest, ImageRef};
use crate::private::Private;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Where a release's image is kept so that a rollback can find it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HistoryStrategy {
    /// Tagged on the engine that runs it.
    Local,
    /// By digest in the registry that it came from.
    Registry,
    /// Nowhere: nothing is restorable, everything is still known.
    None,
}

impl fmt::Display for HistoryStrategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Local => "local",
            Self::Registry => "registry",
            Self::None => "none",
        })
    }
}

/// How many releases stay restorable, and how. Never decides what stays known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    /// Where images are kept.
    pub strategy: HistoryStrategy,
    /// Earlier successful releases kept beside the current one; 1..=1000, 0 for `none`.
    pub count: u16,
    /// Glob that the tag must match; only for `registry`.
    pub pattern: Option<String>,
}

/// How one release replaces another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RolloutStrategy {
    /// One new replica becomes healthy, one old one is retired, and so on.
    Rolling,
    /// Every old replica retired first.
    Replace,
    /// All new replicas healthy, then all old retired.
    BlueGreen,
}

/// How containers are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NamingStrategy {
    /// `<app>-<target>-<tail of the deployment id>-<replica>`.
    Dynamic,
    /// The alias of the configuration, else the app's name; needs `replace` and one replica.
    Static,
}

/// When an image is fetched although one of that name is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PullPolicy {
    /// Ask the registry each time.
    Always,
    /// Ask only if the engine has none.
    IfMissing,
    /// Never ask.
    Never,
}

/// Where a value came from. The value itself is never here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValueSource {
    /// Written in the file itself.
    Literal,
    /// A variable of the environment of the command.
    Env(String),
    /// A file, relative to the configuration file.
    File(String),
    /// `provider:source:key`.
    Secret(String),
}

/// A named value: an env entry, a build argument, a credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValueEntry {
    /// Name of the variable.
    pub name: String,
    /// Where its value comes from.
    pub source: ValueSource,
    /// Tells two values apart without showing them.
    pub fingerprint: Fingerprint,
    /// The value, for literals only: private, so that it can be erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Private>,
}

/// How the image is built, where it is built here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildSpec {
    /// Absolute path of the build context on the machine of the command.
    pub context: String,
    /// Relative to the context.
    pub dockerfile: String,
    /// `os/arch`, where given.
    pub platform: Option<String>,
    /// Build arguments.
    pub args: Vec<ValueEntry>,
    /// The result is pushed to the registry of its reference, and deployed by the digest it got there.
    #[serde(default)]
    pub push: bool,
}

/// Credentials of a registry, by source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistryAuth {
    /// Host of the registry; none = taken from the repository.
    pub server: Option<String>,
    /// User name.
    pub username: ValueEntry,
    /// Password or token.
    pub password: ValueEntry,
}

/// The image, and how to get it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageSpec {
    /// What the user named, tag included.
    pub reference: ImageRef,
    /// When the registry is queried.
    pub pull_policy: PullPolicy,
    /// Present if the image is built rather than pulled.
    pub build: Option<BuildSpec>,
    /// Present if the registry needs credentials.
    pub registry: Option<RegistryAuth>,
}

/// How a replica is found to be well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthSpec {
    /// Path of the HTTP probe; Docker's HEALTHCHECK is used where the image has one.
    pub path: String,
    /// Seconds that a replica must stay healthy before the next step; 0..=600.
    pub min_ready_seconds: u16,
    /// Seconds that it may take to become healthy; none = the default. Since version 3 of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<u32>,
    /// Headers of the probe, in file order. Since version 3 of the request.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<ValueEntry>,
}

impl HealthSpec {
    /// With the default time limit, and no headers of its own.
    pub fn new(path: impl Into<String>, min_ready_seconds: u16) -> Self {
        Self { path: path.into(), min_ready_seconds, timeout_seconds: None, headers: Vec::new() }
    }
}

/// A domain and its aliases, which redirect to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Domain {
    /// The name that serves.
    pub domain: String,
    /// Names that redirect.
    pub aliases: Vec<String>,
}

/// Whether certificates are requested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AcmeMode {
    /// For every name.
    On,
    /// For none.
    Off,
}

/// What is done about a missing replica, while a command watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Supervise {
    /// The replica is started again.
    Heal,
    /// The replica is reported.
    Report,
}

/// Upper bounds for one replica.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resources {
    /// Bytes of memory.
    pub memory_bytes: Option<u64>,
    /// Thousandths of a CPU.
    pub milli_cpus: Option<u32>,
}

/// Everything that the configuration file says about one target, resolved, without secrets.
///
/// At most [`ConfigSnapshot::MAX_BYTES`] encoded; a larger one is refused before it is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigSnapshot {
    /// The image.
    pub image: ImageSpec,
    /// How releases are kept.
    pub retention: Retention,
    /// How releases replace each other.
    pub rollout: RolloutStrategy,
    /// How containers are named.
    pub naming: NamingStrategy,
    /// Name of every container on its network, and of a static one by its name, too; none = as before this
    /// field existed: nothing, and the app's name. Since version 4 of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// How many replicas run; 1..=100.
    pub replicas: u16,
    /// Port that the app listens on.
    pub port: u16,
    /// When a replica counts as well.
    pub health: HealthSpec,
    /// Environment, in file order.
    pub env: Vec<ValueEntry>,
    /// `source:/path[:options]`, as Docker takes them.
    pub volumes: Vec<String>,
    /// What becomes of a `VOLUME` of the image that `volumes` does not cover; none = it is kept. Since
    /// version 3 of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uncovered_volumes: Option<UncoveredVolumes>,
    /// Docker network of the replicas.
    pub network: String,
    /// Domains routed to the replicas.
    pub domains: Vec<Domain>,
    /// Account address for certificates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acme_email: Option<Private>,
    /// Commands before and after.
    pub hooks: Hooks,
    /// Runs once in the new image, before any replica starts. Since version 3 of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release_command: Option<ReleaseCommand>,
    /// Whether Docker's init is process 1; none = as the image needs it. Since version 3 of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init: Option<bool>,
    /// Seconds between the signal to stop and the kill; none = the default. Since version 3 of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_timeout_seconds: Option<u32>,
    /// Whether certificates are requested; none = depends on the names. Since version 3 of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acme: Option<AcmeMode>,
    /// What `haloy serve` does about a replica that is gone; none = the default. Since version 3 of the
    /// request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supervise: Option<Supervise>,
    /// Limits per replica.
    pub resources: Resources,
    /// `host[:port]` that the file names; none = this machine.
    pub server: Option<String>,
    /// Whether deploy and rollback need a confirmation.
    pub protected: bool,
}

impl ConfigSnapshot {
    /// Largest encoded snapshot: what fits in one entry of the log beside its envelope.
    pub const MAX_BYTES: usize = 48 * 1024;

    /// Every private value of the snapshot, with its field number.
    pub fn private_fields(&mut self) -> Vec<(crate::private::FieldNumber, &mut Private)> {
        let build_args = self.image.build.iter_mut().flat_map(|b| &mut b.args);
        let credentials = self.image.registry.iter_mut().flat_map(|r| [&mut r.username, &mut r.password]);
        let numbered = |base: u32| move |(i, e): (usize, _)| (base + i as u32, e);
        let entries = (self.env.iter_mut().enumerate().map(numbered(field::ENV)))
            .chain(build_args.enumerate().map(numbered(field::BUILD_ARG)))
            .chain(credentials.enumerate().map(numbered(field::CREDENTIAL)))
            .chain(self.health.headers.iter_mut().enumerate().map(numbered(field::HEADER)));
        let entries = entries
            .filter_map(|(number, entry): (u32, &mut ValueEntry)| Some((number, entry.value.as_mut()?)));
        let hooks = self.hooks.pre_deploy.iter_mut().chain(&mut self.hooks.post_deploy);
        let lines =
            hooks.enumerate().filter_map(|(i, hook)| Some((field::HOOK + i as u32, hook.line.as_mut()?)));
        let release = self.release_command.iter_mut();
        let release = release.filter_map(|command| Some((field::ARGV, command.line.as_mut()?)));
        let email = self.acme_email.as_mut().map(|email| (field::ACME_EMAIL, email));
        entries.chain(lines).chain(release).chain(email).collect()
    }

    /// The same without private values: what state and digests hold.
    pub fn without_private(&self) -> Self {
        let mut bare = self.clone();
        let build_args = bare.image.build.iter_mut().flat_map(|b| &mut b.args);
        let credentials = bare.image.registry.iter_mut().flat_map(|r| [&mut r.username, &mut r.password]);
        let entries = bare.env.iter_mut().chain(build_args).chain(credentials);
        for entry in entries.chain(&mut bare.health.headers) {
            entry.value = None;
        }
        for hook in bare.hooks.pre_deploy.iter_mut().chain(&mut bare.hooks.post_deploy) {
            hook.line = None;
        }
        if let Some(command) = &mut bare.release_command {
            command.line = None;
        }
        bare.acme_email = None;
        bare
    }
}

/// Numbers of a snapshot's private fields.
pub mod field {
    /// Account address for certificates.
    pub const ACME_EMAIL: u32 = 20;
    /// User name, then password of the registry.
    pub const CREDENTIAL: u32 = 30;
    /// First env entry; the others follow in order.
    pub const ENV: u32 = 1000;
    /// First build argument; the others follow in order.
    pub const BUILD_ARG: u32 = 5000;
    /// First hook before, the others before and then those after follow in order.
    pub const HOOK: u32 = 6000;
    /// First header of the health probe; the others follow in order.
    pub const HEADER: u32 = 7000;
    /// The release command.
    pub const ARGV: u32 = 32;
}

/// What a deploy makes live, as recorded in its request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseSpec {
    /// The configuration, resolved.
    pub config: ConfigSnapshot,
    /// BLAKE3 of the configuration without private values, in hex.
    pub config_digest: String,
}

/// Where an image came from, as resolved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolvedImage {
    /// The requested reference.
    pub reference: ImageRef,
    /// Digest of the index, where the reference names one.
    pub index_digest: Option<Digest>,
    /// Digest of the manifest for this platform; none for an image that no registry knows.
    pub digest: Option<Digest>,
    /// Id of the image on the engine, once it is there.
    pub image_id: Option<Digest>,
    /// `os/arch`.
    pub platform: String,
    /// Bytes, where known.
    pub size: Option<u64>,
    /// When the image was made, RFC 3339, as it says itself.
    pub created: Option<String>,
    /// `org.opencontainers.image.revision`, where labelled.
    pub revision: Option<String>,
    /// `org.opencontainers.image.source`, where labelled.
    pub source: Option<String>,
}

/// An older release, as looked up for a rollback: what `decide` needs of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseRecord {
    /// The deploy that made it.
    pub release: DeploymentId,
    /// Configuration of the release.
    pub spec: ReleaseSpec,
    /// Image of the release.
    pub image: ResolvedImage,
    /// Tag on the engine, and the engine.
    pub tagged: Option<TaggedImage>,
}

/// A release's own tag on an engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaggedImage {
    /// `<slug>:<deployment id>`.
    pub local_tag: String,
    /// Id of the image behind it.
    pub image_id: Digest,
    /// Id of the Docker engine that holds it.
    pub engine_id: String,
}
