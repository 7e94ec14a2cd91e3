//! The command socket: 0600 in a folder 0700, so that its users might own the edge anyway. The other side is
//! `client`.

use super::acme;
use super::body::{self, Body};
use super::handoff;
use super::identity::Subject;
use super::limits::{DRAIN, ENGINE_TIME, SCRAPE_TIME, SNAPSHOT_BYTES};
use super::metrics::{Load, Now};
use super::scrape;
use super::shared::Edge;
use super::standing::Stands;
use super::table::{Refused, decode};
use super::upstream::Upstream;
use super::wire::*;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::UnixListener;

/// Pause after a connection that could not be taken: file descriptors may have run out.
const BUSY: Duration = Duration::from_millis(10);

/// Makes the socket, in place of one that an edge before left behind.
pub fn bind(folder: &Path) -> std::io::Result<UnixListener> {
    use std::os::unix::fs::PermissionsExt;
    // A socket is bound, not written, so `files` has nothing for it; it is of no use after a power loss.
    let (path, new) = (folder.join(SOCKET), folder.join(format!("{SOCKET}.{}", std::process::id())));
    let listener = UnixListener::bind(&new)?;
    std::fs::set_permissions(&new, std::fs::Permissions::from_mode(0o600))?;
    std::fs::rename(&new, &path)?;
    Ok(listener)
}

/// Answers commands until it is dropped.
pub async fn serve(edge: Arc<Edge>, mut listener: UnixListener) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = edge.lifecycle.socket_lost.notified() => {
                match bind(&edge.options.folder) {
                    Ok(anew) => listener = anew,
                    Err(error) => eprintln!("haloy edge: the socket of commands is lost: {error}"),
                }
                continue;
            }
        };
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(BUSY).await;
            continue;
        };
        let edge = Arc::clone(&edge);
        tokio::spawn(async move {
            let service = service_fn(|request| command(Arc::clone(&edge), request));
            let mut builder = hyper::server::conn::http1::Builder::new();
            // A command that breaks off requested nothing.
            drop(builder.keep_alive(false).serve_connection(TokioIo::new(stream), service).await);
        });
    }
}

async fn command(
    edge: Arc<Edge>,
    request: Request<Incoming>,
) -> Result<Response<Body>, std::convert::Infallible> {
    let (parts, incoming) = request.into_parts();
    let Ok(collected) = Limited::new(incoming, SNAPSHOT_BYTES).collect().await else {
        return Ok(problem(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large or broke off"));
    };
    let bytes = collected.to_bytes();
    let changes = matches!(parts.uri.path(), "/upgrade") || parts.method == Method::PUT;
    if changes && edge.lifecycle.leave.is_cancelled() {
        return Ok(problem(StatusCode::SERVICE_UNAVAILABLE, "this edge is leaving"));
    }
    Ok(match (&parts.method, parts.uri.path()) {
        (&Method::GET, "/status") => answer(&status(&edge)),
        (&Method::GET, "/status/seen") => {
            look_at_all(&edge).await;
            answer(&status(&edge))
        }
        (&Method::GET, "/routes") => answer(&edge.routing.table().snapshot),
        (&Method::GET, "/metrics") => Response::new(body::text(metrics(&edge))),
        (&Method::PUT, "/routes") => apply(&edge, &bytes),
        (&Method::PUT, "/contacts") => match serde_json::from_slice(&bytes) {
            Ok(contacts) => match edge.store.keep_contacts(&contacts) {
                Ok(()) => {
                    edge.tls.acme.look.notify_one();
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
        (&Method::POST, "/reload") => {
            edge.reload();
            answer(&status(&edge))
        }
        (&Method::POST, "/stop") => {
            edge.lifecycle.leave.cancel();
            answer(&status(&edge))
        }
        (&Method::POST, "/upgrade") => match serde_json::from_slice::<Upgrade>(&bytes) {
            Ok(asked) => upgrade(&edge, asked.program).await,
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

/// By the name of the replica, which stays the same wherever it is.
fn counted(upstream: &Arc<Upstream>) -> (String, Load) {
    let Subject { app, target, replica, .. } = upstream.subject();
    let load = Load { in_flight: upstream.in_flight(), out: upstream.stands() == Stands::Out };
    (format!("{app}/{target}/{replica}"), load)
}

fn replicas(edge: &Edge) -> Vec<ReplicaStatus> {
    let all = edge.routing.upstreams.all().into_iter();
    all.map(|upstream| {
        let (address, doubt) = upstream.seen();
        ReplicaStatus {
            subject: Some(upstream.subject().clone()),
            recorded: Some(upstream.recorded()),
            address,
            doubt: doubt.map(|doubt| doubt.to_string()),
            out: upstream.out(),
            in_flight: upstream.in_flight(),
            marked: upstream.marked(),
        }
    })
    .collect()
}

/// Locates every replica, for as long as the caller may wait.
async fn look_at_all(edge: &Arc<Edge>) {
    let mut looks = tokio::task::JoinSet::new();
    for upstream in edge.routing.upstreams.all() {
        looks.spawn(async move { upstream.verify_now().await });
    }
    // Replicas that have not answered by then are reported as last seen.
    let all = async { while looks.join_next().await.is_some() {} };
    drop(tokio::time::timeout(ENGINE_TIME, all).await);
}

fn status(edge: &Edge) -> EdgeStatus {
    let table = edge.routing.table();
    let snapshot = table.snapshot.as_ref();
    EdgeStatus {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        http: edge.options.http.clone(),
        https: edge.options.https.clone(),
        certificates: edge.tls.certs.all().iter().map(certificate).collect(),
        refused: edge.tls.acme.failures().into_iter().map(refused).collect(),
        authority: Some(authority(edge)),
        unreadable: edge.tls.certs.unreadable(),
        ledger: snapshot.map(|snapshot| snapshot.ledger.to_string()),
        generation: table.generation(),
        digest: table.digest.clone(),
        routes: snapshot.map_or(0, |snapshot| snapshot.routes.len()),
        replicas: replicas(edge),
        reports: edge.store.reports().len(),
        leaving: edge.lifecycle.leave.is_cancelled(),
    }
}

fn authority(edge: &Edge) -> AuthorityStatus {
    let names = acme::in_question(&edge.routing, &edge.tls, &edge.store)
        .into_iter()
        .flat_map(|(names, _)| names)
        .collect();
    let known = edge.tls.acme.terms.known();
    let asked = known.is_some();
    AuthorityStatus { directory: edge.tls.authority.directory(), names, terms: known.flatten(), asked }
}

fn certificate(cert: &Arc<super::certs::Cert>) -> CertificateStatus {
    CertificateStatus {
        names: cert.names.clone(),
        serial: cert.serial.clone(),
        not_after: cert.not_after,
        own: cert.own,
    }
}

fn refused((domain, failed): (String, super::challenges::Failed)) -> RefusedCertificate {
    RefusedCertificate { domain, cause: failed.why, next_try: failed.next_try }
}

fn metrics(edge: &Edge) -> String {
    let first =
        |cert: Arc<super::certs::Cert>| Some((cert.names.first()?.clone(), cert.not_after.0 / 1_000_000_000));
    edge.observed.metrics.text(&Now {
        generation: edge.routing.table().generation(),
        replicas: edge.routing.upstreams.all().iter().map(counted).collect(),
        certificates: edge.tls.certs.all().into_iter().filter_map(first).collect(),
        lost_lines: edge.observed.access.lost(),
    })
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

/// Answers `/metrics` where an address is given for it, once the previous edge has left it.
pub async fn metrics_at(edge: Arc<Edge>) {
    let Some(address) = edge.options.metrics else { return };
    let listener = loop {
        match tokio::net::TcpListener::bind(address).await {
            Ok(listener) => break listener,
            Err(_taken) => tokio::time::sleep(Duration::from_secs(1)).await,
        }
    };
    scrape::serve(listener, SCRAPE_TIME, move |path| match path {
        "/metrics" => metrics(&edge),
        _elsewhere => String::from("see /metrics\n"),
    })
    .await;
}

/// Waits until no request is in flight through a replica; tunnels are ended at once.
async fn drain(edge: &Edge, asked: &Drain) -> Drained {
    let started = Instant::now();
    let limit = Duration::from_millis(asked.limit_ms).min(DRAIN);
    let upstreams = edge.routing.upstreams.of(asked.replica);
    let in_flight = || upstreams.iter().map(|upstream| upstream.in_flight()).sum();
    // A late request: the replica may be in the route again.
    for upstream in upstreams.iter().filter(|upstream| !edge.routing.table_guard().routes_to(upstream)) {
        upstream.leave();
    }
    while (in_flight() > 0 || edge.lifecycle.predecessor.lives()) && started.elapsed() < limit {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let left_in_flight = in_flight();
    drop(upstreams);
    edge.routing.upstreams.forget_unused();
    Drained { left_in_flight, took_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX) }
}

/// Starts the program that takes over, hands it the listeners, and leaves once it serves.
async fn upgrade(edge: &Arc<Edge>, program: PathBuf) -> Response<Body> {
    let giving = Arc::clone(edge);
    let done = tokio::task::spawn_blocking(move || {
        let mut listeners = giving.lifecycle.listeners();
        if listeners.is_empty() {
            return Err(std::io::Error::other("it was already handed over"));
        }
        let next = handoff::hand_over(&giving.options, &listeners, &program)?;
        // Not twice: two would serve beside each other.
        listeners.clear();
        Ok(next)
    })
    .await;
    match done.unwrap_or_else(|error| Err(std::io::Error::other(error))) {
        Ok(next) => {
            // Closed when this process ends: the next edge waits for that before a replica may go.
            edge.lifecycle.successor.set(Some(next));
            edge.lifecycle.leave.cancel();
            answer(&status(edge))
        }
        Err(error) => {
            // The successor may have replaced this edge's socket with its own.
            edge.lifecycle.socket_lost.notify_one();
            problem(StatusCode::INTERNAL_SERVER_ERROR, &format!("the edge goes on unchanged: {error}"))
        }
    }
}
