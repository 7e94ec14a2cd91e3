//! The socket of commands: 0600 in a folder 0700, so that who may use it may own the edge anyway.

use super::body::{self, Body};
use super::handoff;
use super::limits::{DRAIN, SNAPSHOT_BYTES};
use super::server::Edge;
pub use super::store::Reported;
use super::table::{Refused, decode};
use haloy_ledger::edge::RouteSnapshot;
use haloy_ledger::ids::Timestamp;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::{UnixListener, UnixStream};

const SOCKET: &str = "edge.sock";

/// What an edge says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EdgeStatus {
    /// Its version.
    pub version: String,
    /// Its process.
    pub pid: u32,
    /// Addresses that it listens at for http.
    pub http: Vec<SocketAddr>,
    /// Addresses that it listens at for https.
    pub https: Vec<SocketAddr>,
    /// Certificates that it has.
    pub certificates: Vec<CertificateStatus>,
    /// Ledger that it serves; none before the first routes.
    pub ledger: Option<String>,
    /// Generation of its routes.
    pub generation: Option<u64>,
    /// Digest of its routes.
    pub digest: String,
    /// Routes.
    pub routes: usize,
    /// Replicas, and requests on their way through each.
    pub replicas: Vec<ReplicaStatus>,
    /// Things that happened and are not in the log yet.
    pub reports: usize,
}

/// A replica, as the edge sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplicaStatus {
    /// Where it listens.
    pub address: SocketAddr,
    /// Requests and tunnels on their way.
    pub in_flight: u32,
    /// It did not accept a connection a moment ago.
    pub marked: bool,
}

/// A certificate, as the edge has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateStatus {
    /// Names that it is for.
    pub names: Vec<String>,
    /// Serial number, in hex.
    pub serial: String,
    /// When it ends.
    pub not_after: Timestamp,
    /// The user brought it.
    pub own: bool,
}

/// What draining came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drained {
    /// Requests that were still on their way.
    pub left_in_flight: u32,
    /// Milliseconds that it took.
    pub took_ms: u64,
}

#[derive(Serialize, Deserialize)]
struct Applied {
    generation: u64,
    digest: String,
}

#[derive(Serialize, Deserialize)]
struct Drain {
    address: SocketAddr,
    limit_ms: u64,
}

#[derive(Serialize, Deserialize)]
struct Upgrade {
    program: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Problem {
    error: String,
}

/// Makes the socket, in place of one that an edge before left behind.
pub fn bind(folder: &Path) -> std::io::Result<UnixListener> {
    use std::os::unix::fs::PermissionsExt;
    let (path, new) = (folder.join(SOCKET), folder.join(format!("{SOCKET}.{}", std::process::id())));
    let listener = UnixListener::bind(&new)?;
    std::fs::set_permissions(&new, std::fs::Permissions::from_mode(0o600))?;
    std::fs::rename(&new, &path)?;
    Ok(listener)
}

/// Answers commands until it is dropped.
pub async fn serve(edge: Arc<Edge>, listener: UnixListener, handed: Arc<Vec<std::net::TcpListener>>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let (edge, handed) = (Arc::clone(&edge), Arc::clone(&handed));
        tokio::spawn(async move {
            let service = service_fn(|request| command(Arc::clone(&edge), Arc::clone(&handed), request));
            let mut builder = hyper::server::conn::http1::Builder::new();
            // A command that breaks off asked for nothing.
            drop(builder.keep_alive(false).serve_connection(TokioIo::new(stream), service).await);
        });
    }
}

async fn command(
    edge: Arc<Edge>,
    handed: Arc<Vec<std::net::TcpListener>>,
    request: Request<Incoming>,
) -> Result<Response<Body>, std::convert::Infallible> {
    let (parts, incoming) = request.into_parts();
    let Ok(collected) = Limited::new(incoming, SNAPSHOT_BYTES).collect().await else {
        return Ok(problem(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large or broke off"));
    };
    let bytes = collected.to_bytes();
    Ok(match (&parts.method, parts.uri.path()) {
        (&Method::GET, "/status") => answer(&status(&edge)),
        (&Method::GET, "/routes") => answer(&edge.table().snapshot),
        (&Method::GET, "/metrics") => Response::new(body::text(metrics(&edge))),
        (&Method::PUT, "/routes") => apply(&edge, &bytes),
        (&Method::PUT, "/contacts") => match serde_json::from_slice(&bytes) {
            Ok(contacts) => match edge.store.keep_contacts(&contacts) {
                Ok(()) => {
                    edge.acme.look.notify_one();
                    answer(&status(&edge))
                }
                Err(error) => problem(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
            },
            Err(error) => problem(StatusCode::BAD_REQUEST, &error.to_string()),
        },
        (&Method::POST, "/drain") => match serde_json::from_slice(&bytes) {
            Ok(asked) => answer(&drain(&edge, &asked).await),
            Err(error) => problem(StatusCode::BAD_REQUEST, &error.to_string()),
        },
        (&Method::GET, "/reports") => answer(&edge.store.reports()),
        (&Method::POST, "/reports/taken") => match serde_json::from_slice::<Vec<String>>(&bytes) {
            Ok(keys) => match edge.store.taken(&keys) {
                Ok(()) => answer(&status(&edge)),
                Err(error) => problem(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
            },
            Err(error) => problem(StatusCode::BAD_REQUEST, &error.to_string()),
        },
        (&Method::POST, "/stop") => {
            edge.leave.cancel();
            answer(&status(&edge))
        }
        (&Method::POST, "/upgrade") => match serde_json::from_slice::<Upgrade>(&bytes) {
            Ok(asked) => upgrade(&edge, handed, asked.program).await,
            Err(error) => problem(StatusCode::BAD_REQUEST, &error.to_string()),
        },
        _unknown => problem(StatusCode::NOT_FOUND, "the edge has no such command"),
    })
}

fn answer<T: Serialize>(value: &T) -> Response<Body> {
    match serde_json::to_string(value) {
        Ok(text) => Response::new(body::text(text)),
        Err(error) => problem(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

fn problem(status: StatusCode, error: &str) -> Response<Body> {
    let mut response = answer(&Problem { error: error.to_owned() });
    *response.status_mut() = status;
    response
}

fn in_flight(edge: &Edge) -> Vec<ReplicaStatus> {
    let all = edge.upstreams.all().into_iter();
    all.map(|upstream| ReplicaStatus {
        address: upstream.address,
        in_flight: upstream.in_flight(),
        marked: upstream.marked(),
    })
    .collect()
}

fn status(edge: &Edge) -> EdgeStatus {
    let table = edge.table();
    let snapshot = table.snapshot.as_ref();
    EdgeStatus {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        http: edge.options.http.clone(),
        https: edge.options.https.clone(),
        certificates: edge.certs.all().iter().map(certificate).collect(),
        ledger: snapshot.map(|snapshot| snapshot.ledger.to_string()),
        generation: table.generation(),
        digest: table.digest.clone(),
        routes: snapshot.map_or(0, |snapshot| snapshot.routes.len()),
        replicas: in_flight(edge),
        reports: edge.store.reports().len(),
    }
}

fn certificate(cert: &Arc<super::certs::Cert>) -> CertificateStatus {
    CertificateStatus {
        names: cert.names.clone(),
        serial: cert.serial.clone(),
        not_after: cert.not_after,
        own: cert.own,
    }
}

fn metrics(edge: &Edge) -> String {
    let replicas = in_flight(edge).into_iter().map(|r| (r.address.to_string(), r.in_flight));
    edge.metrics.text(edge.table().generation(), &replicas.collect::<Vec<_>>())
}

fn apply(edge: &Edge, bytes: &[u8]) -> Response<Body> {
    let applied = decode(bytes).and_then(|snapshot| edge.apply(snapshot));
    match applied {
        Ok(table) => {
            answer(&Applied { generation: table.generation().unwrap_or(0), digest: table.digest.clone() })
        }
        Err(refused @ Refused::Unreadable(_)) => problem(StatusCode::BAD_REQUEST, &refused.to_string()),
        Err(refused @ Refused::NotKept(_)) => problem(StatusCode::INSUFFICIENT_STORAGE, &refused.to_string()),
        Err(refused) => problem(StatusCode::CONFLICT, &refused.to_string()),
    }
}

/// Waits until nothing is on its way through a replica; tunnels are told to end at once.
async fn drain(edge: &Edge, asked: &Drain) -> Drained {
    let started = Instant::now();
    let limit = Duration::from_millis(asked.limit_ms).min(DRAIN);
    let upstream = edge.upstreams.find(asked.address);
    let in_flight = || upstream.as_ref().map_or(0, |upstream| upstream.in_flight());
    if let Some(upstream) = &upstream {
        upstream.cut.cancel();
    }
    while in_flight() > 0 && started.elapsed() < limit {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let left_in_flight = in_flight();
    drop(upstream);
    edge.upstreams.forget_unused();
    Drained { left_in_flight, took_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX) }
}

/// Starts the program that takes over, hands it the listeners, and leaves once it serves.
async fn upgrade(
    edge: &Arc<Edge>,
    handed: Arc<Vec<std::net::TcpListener>>,
    program: PathBuf,
) -> Response<Body> {
    let options = edge.options.clone();
    let done = tokio::task::spawn_blocking(move || handoff::hand_over(&options, &handed, &program)).await;
    match done.unwrap_or_else(|error| Err(std::io::Error::other(error))) {
        Ok(()) => {
            edge.leave.cancel();
            answer(&status(edge))
        }
        Err(error) => problem(StatusCode::INTERNAL_SERVER_ERROR, &format!("it goes on as it is: {error}")),
    }
}

/// Why a command did not reach the edge, or was refused.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ControlError {
    /// None runs here.
    #[error("no edge answers at {0}")]
    NotRunning(String),
    /// It broke off.
    #[error("the edge broke off: {0}")]
    BrokeOff(String),
    /// It said no.
    #[error("{error}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// Its words.
        error: String,
    },
}

/// A client of the socket.
#[derive(Debug, Clone)]
pub struct Client {
    socket: PathBuf,
}

impl Client {
    /// Of the edge in a folder, whether it runs or not.
    pub fn new(folder: &Path) -> Self {
        Self { socket: folder.join(SOCKET) }
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Vec<u8>,
        limit: Duration,
    ) -> Result<T, ControlError> {
        let broke = |error: &dyn std::fmt::Display| ControlError::BrokeOff(error.to_string());
        let asked = async {
            let stream = UnixStream::connect(&self.socket).await;
            let stream = stream.map_err(|_| ControlError::NotRunning(self.socket.display().to_string()))?;
            let io = TokioIo::new(stream);
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(io).await.map_err(|error| broke(&error))?;
            tokio::spawn(async move { drop(connection.await) });
            let request = Request::builder().method(method).uri(path).header("host", "edge");
            let request = request.body(http_body_util::Full::new(bytes::Bytes::from(body)));
            let request = request.map_err(|error| broke(&error))?;
            let response = sender.send_request(request).await.map_err(|error| broke(&error))?;
            let status = response.status();
            let collected = Limited::new(response.into_body(), SNAPSHOT_BYTES).collect().await;
            let bytes = collected.map_err(|error| broke(&error))?.to_bytes();
            if status.is_success() {
                return serde_json::from_slice(&bytes).map_err(|error| broke(&error));
            }
            let told: Result<Problem, _> = serde_json::from_slice(&bytes);
            let error = told.map_or_else(|_| format!("status {status}"), |problem| problem.error);
            Err(ControlError::Refused { status: status.as_u16(), error })
        };
        let answered = tokio::time::timeout(limit, asked).await;
        answered.unwrap_or_else(|_| Err(ControlError::BrokeOff("it did not answer in time".to_owned())))
    }

    /// What it says of itself.
    pub async fn status(&self) -> Result<EdgeStatus, ControlError> {
        self.ask(Method::GET, "/status", Vec::new(), SHORT).await
    }

    /// The routes that it serves.
    pub async fn routes(&self) -> Result<Option<RouteSnapshot>, ControlError> {
        self.ask(Method::GET, "/routes", Vec::new(), SHORT).await
    }

    /// Puts routes in force; generation and digest as the edge has them.
    pub async fn apply(&self, snapshot: &RouteSnapshot) -> Result<(u64, String), ControlError> {
        let body = serde_json::to_vec(snapshot).map_err(|e| ControlError::BrokeOff(e.to_string()))?;
        let Applied { generation, digest } = self.ask(Method::PUT, "/routes", body, SHORT).await?;
        Ok((generation, digest))
    }

    /// Whom an authority may write to, by domain; a domain without gets no certificate of one.
    pub async fn contacts(&self, contacts: &BTreeMap<String, String>) -> Result<EdgeStatus, ControlError> {
        let body = serde_json::to_vec(contacts).map_err(|error| ControlError::BrokeOff(error.to_string()))?;
        self.ask(Method::PUT, "/contacts", body, SHORT).await
    }

    /// Waits until nothing is on its way through a replica.
    pub async fn drain(&self, address: SocketAddr, limit: Duration) -> Result<Drained, ControlError> {
        let limit_ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
        let body = serde_json::to_vec(&Drain { address, limit_ms });
        let body = body.map_err(|error| ControlError::BrokeOff(error.to_string()))?;
        self.ask(Method::POST, "/drain", body, limit + SHORT).await
    }

    /// Things that happened and are not in the log yet.
    pub async fn reports(&self) -> Result<Vec<Reported>, ControlError> {
        self.ask(Method::GET, "/reports", Vec::new(), SHORT).await
    }

    /// These are in the log now.
    pub async fn taken(&self, keys: &[String]) -> Result<EdgeStatus, ControlError> {
        let body = serde_json::to_vec(keys).map_err(|error| ControlError::BrokeOff(error.to_string()))?;
        self.ask(Method::POST, "/reports/taken", body, SHORT).await
    }

    /// Asks it to leave; it ends what is on its way first.
    pub async fn stop(&self) -> Result<EdgeStatus, ControlError> {
        self.ask(Method::POST, "/stop", Vec::new(), SHORT).await
    }

    /// Asks it to hand over to a program.
    pub async fn upgrade(&self, program: &Path) -> Result<EdgeStatus, ControlError> {
        let body = serde_json::to_vec(&Upgrade { program: program.to_owned() });
        let body = body.map_err(|error| ControlError::BrokeOff(error.to_string()))?;
        self.ask(Method::POST, "/upgrade", body, handoff::PATIENCE + SHORT).await
    }
}

const SHORT: Duration = Duration::from_secs(10);
