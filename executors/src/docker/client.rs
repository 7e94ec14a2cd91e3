//! Finding and connecting to the engine, as the docker command does.

use super::errors;
use super::transport;
use crate::contract::{ExecutorError, Retry};
use crate::limits::{ENGINE_HELLO, ENGINE_SLOW};
use bollard::{API_DEFAULT_VERSION, Docker};
use haloy_edge::Waits;
use haloy_ledger::outcome::FailureCode;
use std::path::Path;
use std::time::{Duration, Instant};

const DEFAULT_SOCKET: &str = "unix:///var/run/docker.sock";

/// How to reach Docker.
#[derive(Debug, Clone, Default)]
pub struct DockerOptions {
    /// `unix:///path`, `tcp://host:port`; none = `DOCKER_HOST`, else the default socket.
    pub host: Option<String>,
    /// How long a replica may take to become healthy, instead of the limit of its release.
    pub health: Option<Duration>,
    /// File with the last use of fixed addresses; none = the existing containers are enough.
    pub used_addresses: Option<std::path::PathBuf>,
    /// How long it may take to answer its first request; none = [`ENGINE_HELLO`].
    pub hello: Option<Duration>,
    /// Receives the services that are waited for. Without it the library's own connections are used, which
    /// are kept and have one limit for everything: for callers with limits of their own.
    pub waits: Option<Waits>,
}

impl DockerOptions {
    pub(super) fn hello(&self) -> Duration {
        self.hello.unwrap_or(ENGINE_HELLO)
    }
}

impl EngineFacts {
    /// Current time of its clock, in seconds since 1970; none where the engine did not report it.
    pub(super) fn now_seconds(&self) -> Option<i64> {
        let then = self.clock.parse::<jiff::Timestamp>().ok()?.as_second();
        then.checked_add(i64::try_from(self.asked.elapsed().as_secs()).ok()?)
    }
}

/// Facts about the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineFacts {
    /// Id of the engine: a local image is restorable on this one only.
    pub engine_id: String,
    /// Version of the engine.
    pub version: String,
    /// Version of its interface that is used.
    pub api_version: String,
    /// `os/arch` of images that it runs.
    pub platform: String,
    /// Time of its own clock, RFC 3339, when it was queried.
    pub clock: String,
    /// When it was queried.
    pub asked: Instant,
    /// Where it was reached.
    pub host: String,
    /// Registries that it speaks to without TLS.
    pub insecure_registries: Vec<String>,
    /// Number of CPUs, where it reports that.
    pub cpus: Option<u32>,
}

/// Why Docker cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ConnectError {
    /// Nothing answers there.
    #[error("Docker does not answer at {host}: {cause}")]
    Unreachable {
        /// Where.
        host: String,
        /// Error of the system.
        cause: String,
    },
    /// The engine takes connections, and never answers.
    #[error("Docker at {host} takes the connection and does not answer: nothing was heard for {} s", waited.as_secs())]
    Silent {
        /// Where.
        host: String,
        /// For how long.
        waited: Duration,
    },
    /// The socket exists, but not for this user.
    #[error("this user may not use Docker's socket at {host}: {cause}")]
    Permission {
        /// Where.
        host: String,
        /// Error of the system.
        cause: String,
    },
    /// The address is not one.
    #[error("`{host}` is not an address of Docker: {cause}")]
    BadHost {
        /// Where.
        host: String,
        /// Why.
        cause: String,
    },
}

impl ConnectError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "start Docker (`systemctl start docker`), or set DOCKER_HOST",
            Self::Silent { .. } => {
                "see what it does with `journalctl -u docker`, and start it again (`systemctl restart docker`)"
            }
            Self::Permission { .. } => {
                "add the user to the group of the socket (`usermod -aG docker USER`, then log in again), or run as root"
            }
            Self::BadHost { host, .. } if host.starts_with("ssh://") => {
                "run haloy on that server, or bring its socket here: `ssh -nNT -L /tmp/docker.sock:/var/run/docker.sock SERVER`, then DOCKER_HOST=unix:///tmp/docker.sock"
            }
            Self::BadHost { .. } => "set DOCKER_HOST to unix:///path or tcp://host:port",
        }
    }

    pub(crate) fn into_executor_error(self) -> ExecutorError {
        let (code, retryable) = match &self {
            Self::Unreachable { .. } | Self::Silent { .. } => (FailureCode::EngineUnreachable, true),
            Self::Permission { .. } => (FailureCode::EnginePermission, false),
            Self::BadHost { .. } => (FailureCode::EngineUnreachable, false),
        };
        let words = match &self {
            Self::Unreachable { .. } | Self::Silent { .. } => "Docker does not answer",
            Self::Permission { .. } => "this user may not use Docker's socket",
            Self::BadHost { .. } => "DOCKER_HOST is not an address of Docker",
        };
        ExecutorError::new(code, words)
            .saying(format!("{self}; {}", self.hint()))
            .retry(Retry::now_if(retryable))
    }
}

pub(super) struct Connection {
    pub(super) docker: Docker,
    pub(super) facts: EngineFacts,
}

pub(super) async fn connect(options: &DockerOptions) -> Result<Connection, ConnectError> {
    // reqwest-less, but bollard's TLS needs a provider; a second installation is not an error.
    drop(rustls::crypto::ring::default_provider().install_default());
    let host = host(options);
    if host.starts_with("ssh://") {
        return Err(ConnectError::BadHost {
            host,
            cause: "haloy does not reach an engine over SSH".to_owned(),
        });
    }
    check_socket(&host)?;
    let limit = options.hello();
    match tokio::time::timeout(limit, greet(options, host.clone())).await {
        Ok(connected) => connected,
        Err(_) => Err(ConnectError::Silent { host, waited: limit }),
    }
}

async fn greet(options: &DockerOptions, host: String) -> Result<Connection, ConnectError> {
    let bad = |error: bollard::errors::Error| ConnectError::BadHost {
        host: host.clone(),
        cause: errors::sentence(&error),
    };
    let seconds = ENGINE_SLOW.as_secs();
    let tls = std::env::var("DOCKER_TLS_VERIFY").is_ok_and(|verify| !verify.is_empty());
    let network = ["tcp://", "http://"].iter().any(|scheme| host.starts_with(scheme));
    let docker = match &options.waits {
        _secured if host.starts_with("tcp://") && tls => Docker::connect_with_ssl_defaults(),
        Some(waits) if network || host.starts_with("unix://") => transport::client(&host, waits),
        Some(_) | None if network => Docker::connect_with_http(&host, seconds, API_DEFAULT_VERSION),
        Some(_) | None => Docker::connect_with_unix(&host, seconds, API_DEFAULT_VERSION),
    };
    let docker = docker.map_err(bad)?;
    let unreachable = |error: &bollard::errors::Error| unreachable(&host, error);
    // Both at once, and each once: the engine takes longer for either than for a list of containers.
    let (engine, info) = tokio::join!(docker.version(), docker.info());
    let engine = engine.map_err(|error| unreachable(&error))?;
    let api_version = agreed(engine.api_version.as_deref());
    let docker = pinned(docker, &api_version);
    let info = match info {
        Ok(info) => info,
        // An engine that is newer than this program may say it in a way of its own, and says it in ours if asked.
        Err(_) => docker.info().await.map_err(|error| unreachable(&error))?,
    };
    let platform = format!("{}/{}", engine.os.unwrap_or_default(), engine.arch.unwrap_or_default());
    let facts = EngineFacts {
        engine_id: info.id.unwrap_or_default(),
        version: engine.version.unwrap_or_default(),
        api_version,
        platform,
        clock: info.system_time.unwrap_or_default(),
        asked: Instant::now(),
        host,
        insecure_registries: insecure(info.registry_config),
        cpus: info.ncpu.and_then(|cpus| u32::try_from(cpus).ok()).filter(|cpus| *cpus > 0),
    };
    Ok(Connection { docker, facts })
}

/// The newest version of Docker's interface that both sides know; our own where the engine says none.
fn agreed(engine: Option<&str>) -> String {
    let ours = (API_DEFAULT_VERSION.major_version, API_DEFAULT_VERSION.minor_version);
    let parsed = engine.and_then(|version| {
        let (major, minor) = version.split_once('.')?;
        Some((major.parse().ok()?, minor.parse().ok()?))
    });
    let (major, minor) = parsed.map_or(ours, |engine| ours.min(engine));
    format!("{major}.{minor}")
}

/// Names that the engine was told not to ask for TLS; the user said so there, once.
fn insecure(config: Option<bollard::models::RegistryServiceConfig>) -> Vec<String> {
    let known = config.and_then(|config| config.index_configs).unwrap_or_default();
    let plain = known.into_iter().filter(|(_, index)| index.secure == Some(false));
    plain.map(|(name, _)| name).collect()
}

fn host(options: &DockerOptions) -> String {
    let given = options.host.clone().or_else(|| std::env::var("DOCKER_HOST").ok());
    given.filter(|host| !host.is_empty()).unwrap_or_else(|| DEFAULT_SOCKET.to_owned())
}

/// A missing or forbidden socket has its own sentence; bollard's does not tell them apart.
fn check_socket(host: &str) -> Result<(), ConnectError> {
    let Some(path) = host.strip_prefix("unix://") else { return Ok(()) };
    match std::os::unix::net::UnixStream::connect(Path::new(path)) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            Err(ConnectError::Permission { host: host.to_owned(), cause: error.to_string() })
        }
        Err(error) => Err(ConnectError::Unreachable { host: host.to_owned(), cause: error.to_string() }),
    }
}

fn unreachable(host: &str, error: &bollard::errors::Error) -> ConnectError {
    ConnectError::Unreachable { host: host.to_owned(), cause: errors::sentence(error) }
}

/// bollard sends URLs without a version, so that the engine answers at its newest interface; pin
/// the one that was negotiated.
fn pinned(docker: Docker, api_version: &str) -> Docker {
    let prefix = format!("/v{api_version}");
    docker.with_request_modifier(move |mut request| {
        let mut parts = request.uri().clone().into_parts();
        let path = parts.path_and_query.as_ref().map_or("/", |path| path.as_str());
        if let Ok(path) = format!("{prefix}{path}").parse() {
            parts.path_and_query = Some(path);
            if let Ok(uri) = hyper::Uri::from_parts(parts) {
                *request.uri_mut() = uri;
            }
        }
        request
    })
}
