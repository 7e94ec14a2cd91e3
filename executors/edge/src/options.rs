//! What an edge is started with, and why one does not run.

use super::identity::Inspector;
use super::limits::{CHECK_EVERY, CHECK_TIME};
use instant_acme::LetsEncrypt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// What an edge is started with.
#[derive(Debug, Clone)]
pub struct EdgeOptions {
    /// Folder of its socket and its state.
    pub folder: PathBuf,
    /// Addresses for http.
    pub http: Vec<SocketAddr>,
    /// Addresses for https.
    pub https: Vec<SocketAddr>,
    /// Where certificates come from.
    pub acme: AcmeOptions,
    /// Address for Prometheus; none = only the socket.
    pub metrics: Option<SocketAddr>,
    /// How long a client may take to send the head of a request, and stay idle between two.
    pub patience: Duration,
    /// How long a replica may take to begin its answer, from the last piece of the request on.
    pub answer: Duration,
    /// How often replicas are checked.
    pub checks: CheckTimes,
    /// Takes over from the edge that runs in this folder.
    pub takeover: bool,
    /// Where a line for each request goes.
    pub access_log: AccessLog,
    /// Says where containers are.
    pub inspector: Arc<dyn Inspector>,
}

/// Why an edge does not run.
#[derive(Debug, thiserror::Error)]
pub enum EdgeError {
    /// An address cannot be listened at.
    #[error("cannot listen at {address}: {source}")]
    Listen {
        /// The address.
        address: String,
        /// Why.
        source: std::io::Error,
    },
    /// The folder cannot be used.
    #[error("the folder {folder} cannot be used: {source}")]
    Folder {
        /// The folder.
        folder: String,
        /// Why.
        source: std::io::Error,
    },
    /// The access log cannot be written to.
    #[error("the access log cannot be opened: {0}")]
    AccessLog(std::io::Error),
    /// The machine gives no more threads.
    #[error("no threads to serve with: {0}")]
    Threads(std::io::Error),
    /// Another one serves here.
    #[error("an edge already runs here, process {0}")]
    Runs(u32),
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
    /// The one that runs did not hand over.
    #[error("the edge that runs did not hand over: {0}")]
    Handoff(String),
}

impl EdgeOptions {
    pub(super) fn folder_error(&self, source: std::io::Error) -> EdgeError {
        EdgeError::Folder { folder: self.folder.display().to_string(), source }
    }

    /// The port that clients have to name; none if it is the usual one.
    pub(super) fn public_port(&self, secure: bool) -> Option<u16> {
        let usual = if secure { 443 } else { 80 };
        let listens = if secure { &self.https } else { &self.http };
        listens.first().map(SocketAddr::port).filter(|port| *port != usual)
    }
}

/// Where certificates come from.
#[derive(Debug, Clone, Default)]
pub struct AcmeOptions {
    /// Directory of the authority; none = Let's Encrypt.
    pub directory: Option<String>,
    /// Certificate of the authority's own server, where the system does not know it.
    pub root: Option<PathBuf>,
}

impl AcmeOptions {
    /// The directory, with the names of well-known ones understood.
    pub fn directory(&self) -> String {
        match self.directory.as_deref() {
            None | Some("production") => LetsEncrypt::Production.url().to_owned(),
            Some("staging") => LetsEncrypt::Staging.url().to_owned(),
            Some(url) => url.to_owned(),
        }
    }
}

/// How often replicas are checked, and how long one may take to answer.
#[derive(Debug, Clone, Copy)]
pub struct CheckTimes {
    /// From the beginning of a check to that of the next.
    pub every: Duration,
    /// Until the head of the answer.
    pub limit: Duration,
}

impl Default for CheckTimes {
    fn default() -> Self {
        Self { every: CHECK_EVERY, limit: CHECK_TIME }
    }
}

/// Where the access log goes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum AccessLog {
    /// Nowhere.
    #[default]
    Off,
    /// To stdout of the edge.
    Stdout,
    /// Appended to a file, which SIGHUP reopens: so it can be rotated.
    File(PathBuf),
}

impl std::str::FromStr for AccessLog {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "" | "off" => Self::Off,
            "stdout" | "-" => Self::Stdout,
            path => Self::File(PathBuf::from(path)),
        })
    }
}

impl EdgeError {
    pub(super) fn copied(source: std::io::Error) -> Self {
        Self::Listen { address: "an address that it already listens at".to_owned(), source }
    }
}
