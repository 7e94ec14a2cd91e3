//! A client of the command socket: messages of haloy to its edge.

use super::handoff;
use super::limits::{EDGE_ANSWER, SNAPSHOT_BYTES};
use super::said;
use super::waits::Waits;
use super::wire::{Applied, Drain, Drained, EdgeStatus, Problem, Reported, SOCKET, Upgrade};
use haloy_ledger::edge::RouteSnapshot;
use haloy_ledger::ids::ReplicaId;
use http_body_util::{BodyExt, Limited};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::UnixStream;

/// Why a command did not reach the edge, or was refused.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ControlError {
    /// No edge runs here.
    #[error("no edge answers at {0}")]
    NotRunning(String),
    /// The edge broke off.
    #[error("the edge broke off: {0}")]
    BrokeOff(String),
    /// The edge refused.
    #[error("{error}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// Text of the answer.
        error: String,
    },
}

/// A client of the socket.
#[derive(Debug, Clone)]
pub struct Client {
    socket: PathBuf,
    waits: Waits,
}

impl Client {
    /// Client of the edge in a folder, whether it runs or not.
    pub fn new(folder: &Path) -> Self {
        Self { socket: folder.join(SOCKET), waits: Waits::default() }
    }

    /// Tells there whenever the edge is waited for.
    #[must_use]
    pub fn with_waits(self, waits: Waits) -> Self {
        Self { waits, ..self }
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Vec<u8>,
        limit: Duration,
    ) -> Result<T, ControlError> {
        let broke = |error: &hyper::Error| ControlError::BrokeOff(said::http(error));
        let cut = |error: &(dyn std::error::Error + 'static)| {
            let why = said::chain(error).unwrap_or_else(|| "its answer is too long".to_owned());
            ControlError::BrokeOff(why)
        };
        let strange = || ControlError::BrokeOff("its answer cannot be read".to_owned());
        let asked = async {
            let stream = UnixStream::connect(&self.socket).await;
            // No edge is there only where nothing listens: a socket without permission does not show that.
            let stream = stream.map_err(|error| match error.kind() {
                ErrorKind::NotFound | ErrorKind::ConnectionRefused => {
                    ControlError::NotRunning(self.socket.display().to_string())
                }
                _unusable => ControlError::BrokeOff(said::io(&error)),
            })?;
            let io = TokioIo::new(stream);
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(io).await.map_err(|error| broke(&error))?;
            tokio::spawn(async move { drop(connection.await) });
            let request = Request::builder().method(method).uri(path).header("host", "edge");
            let request = request.body(http_body_util::Full::new(bytes::Bytes::from(body)));
            let request = request.map_err(|_| strange())?;
            let response = sender.send_request(request).await.map_err(|error| broke(&error))?;
            let status = response.status();
            let collected = Limited::new(response.into_body(), SNAPSHOT_BYTES).collect().await;
            let bytes = collected.map_err(|error| cut(error.as_ref()))?.to_bytes();
            if status.is_success() {
                return serde_json::from_slice(&bytes).map_err(|_| strange());
            }
            let told: Result<Problem, _> = serde_json::from_slice(&bytes);
            let error = told.map_or_else(|_| format!("status {status}"), |problem| problem.error);
            Err(ControlError::Refused { status: status.as_u16(), error })
        };
        let answered = self.waits.during("the edge", tokio::time::timeout(limit, asked)).await;
        let late = || ControlError::BrokeOff(format!("no answer within {} s", limit.as_secs()));
        answered.unwrap_or_else(|_| Err(late()))
    }

    /// Status of the edge.
    pub async fn status(&self) -> Result<EdgeStatus, ControlError> {
        self.ask(Method::GET, "/status", Vec::new(), EDGE_ANSWER).await
    }

    /// The routes that it serves.
    pub async fn routes(&self) -> Result<Option<RouteSnapshot>, ControlError> {
        self.ask(Method::GET, "/routes", Vec::new(), EDGE_ANSWER).await
    }

    /// Puts routes in force; generation and digest as the edge has them.
    pub async fn apply(&self, snapshot: &RouteSnapshot) -> Result<(u64, String), ControlError> {
        let body = serde_json::to_vec(snapshot).map_err(|e| ControlError::BrokeOff(e.to_string()))?;
        let Applied { generation, digest } = self.ask(Method::PUT, "/routes", body, EDGE_ANSWER).await?;
        Ok((generation, digest))
    }

    /// Address for mail of an authority, by domain; a domain without one gets no certificate from an
    /// authority.
    pub async fn contacts(&self, contacts: &BTreeMap<String, String>) -> Result<EdgeStatus, ControlError> {
        let body = serde_json::to_vec(contacts).map_err(|error| ControlError::BrokeOff(error.to_string()))?;
        self.ask(Method::PUT, "/contacts", body, EDGE_ANSWER).await
    }

    /// The same, after the edge has located every replica.
    pub async fn status_seen(&self) -> Result<EdgeStatus, ControlError> {
        self.ask(Method::GET, "/status/seen", Vec::new(), EDGE_ANSWER).await
    }

    /// Waits until no request is in flight through a replica.
    pub async fn drain(&self, replica: ReplicaId, limit: Duration) -> Result<Drained, ControlError> {
        let limit_ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
        let body = serde_json::to_vec(&Drain { replica, limit_ms });
        let body = body.map_err(|error| ControlError::BrokeOff(error.to_string()))?;
        self.ask(Method::POST, "/drain", body, limit + EDGE_ANSWER).await
    }

    /// Things that happened and are not in the log yet.
    pub async fn reports(&self) -> Result<Vec<Reported>, ControlError> {
        self.ask(Method::GET, "/reports", Vec::new(), EDGE_ANSWER).await
    }

    /// Tells the edge that these reports are in the log now.
    pub async fn taken(&self, keys: &[String]) -> Result<EdgeStatus, ControlError> {
        let body = serde_json::to_vec(keys).map_err(|error| ControlError::BrokeOff(error.to_string()))?;
        self.ask(Method::POST, "/reports/taken", body, EDGE_ANSWER).await
    }

    /// Tells the edge to read certificates again and to reopen its access log.
    pub async fn reload(&self) -> Result<EdgeStatus, ControlError> {
        self.ask(Method::POST, "/reload", Vec::new(), EDGE_ANSWER).await
    }

    /// Tells the edge to leave; it finishes requests in flight first.
    pub async fn stop(&self) -> Result<EdgeStatus, ControlError> {
        self.ask(Method::POST, "/stop", Vec::new(), EDGE_ANSWER).await
    }

    /// Tells the edge to hand over to a program.
    pub async fn upgrade(&self, program: &Path) -> Result<EdgeStatus, ControlError> {
        let body = serde_json::to_vec(&Upgrade { program: program.to_owned() });
        let body = body.map_err(|error| ControlError::BrokeOff(error.to_string()))?;
        self.ask(Method::POST, "/upgrade", body, handoff::PATIENCE + EDGE_ANSWER).await
    }
}
