//! The edge with replicas that misbehave and clients that mean harm: no Docker needed.

mod checks;
mod hostile;
mod http2;
mod identity;
mod inspector;
mod routes;
mod secure;
mod serving;
mod tunnels;

use haloy_edge::identity::{Inspector, Looked, Place, Process, Sighting, Subject};
use haloy_edge::{AcmeOptions, CheckTimes, Client, EdgeOptions, run};
use haloy_ledger::edge::{Route, RouteSnapshot};
use haloy_ledger::ids::*;
use haloy_ledger::outcome::Backend;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// An edge in a folder of its own.
struct Edge {
    folder: tempfile::TempDir,
    at: SocketAddr,
    secure: SocketAddr,
    client: Client,
    ended: tokio::task::JoinHandle<Result<(), haloy_edge::EdgeError>>,
}

fn free() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port")
}

/// Servers of this process stand for containers, named by where they listen: each is where its name says.
#[derive(Debug)]
struct Servers;

#[async_trait::async_trait]
impl Inspector for Servers {
    async fn inspect(&self, subject: &Subject) -> Looked {
        let at: Option<SocketAddr> = subject.container.as_ref().and_then(|name| name.parse().ok());
        at.map_or(Looked::Gone, |at| running("the first", "the only", at))
    }
}

/// A container since a start, at an address by an endpoint, without a visible process.
fn running(started: &str, endpoint: &str, at: SocketAddr) -> Looked {
    let place = Place { network: "net".to_owned(), endpoint: endpoint.to_owned(), address: at.ip() };
    Looked::Running(Sighting {
        container: "c".to_owned(),
        started: started.to_owned(),
        process: None,
        places: vec![place],
    })
}

async fn edge() -> Edge {
    edge_with(Arc::new(Servers)).await
}

async fn edge_with(inspector: Arc<dyn Inspector>) -> Edge {
    // Nothing listens there: no test contacts a public authority.
    edge_asking(inspector, "https://127.0.0.1:9/directory".to_owned()).await
}

async fn edge_asking(inspector: Arc<dyn Inspector>, directory: String) -> Edge {
    let authority = AcmeOptions { directory: Some(directory), root: None };
    let folder = tempfile::tempdir().expect("a folder");
    let (at, secure) = (free(), free());
    let options = EdgeOptions {
        folder: folder.path().to_owned(),
        http: vec![at],
        https: vec![secure],
        acme: authority,
        metrics: None,
        patience: Duration::from_millis(1500),
        answer: Duration::from_millis(1200),
        // Short intervals, so that tests are quick; only replicas whose route names a health path are checked
        // at all.
        checks: CheckTimes { every: Duration::from_millis(100), limit: Duration::from_millis(150) },
        takeover: false,
        access_log: Default::default(),
        inspector,
    };
    let ended = tokio::spawn(run(options));
    let client = Client::new(folder.path());
    while client.status().await.is_err() {
        assert!(!ended.is_finished(), "the edge does not start");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Edge { folder, at, secure, client, ended }
}

/// A replica: what it receives, and what it does with a connection.
struct Replica {
    at: SocketAddr,
    requests: Arc<AtomicUsize>,
}

/// Answers every request on a connection, reporting what it saw; `/tunnel` echoes.
async fn replica(name: &'static str) -> Replica {
    answering(TcpListener::bind("127.0.0.1:0").await.expect("a port"), name)
}

fn answering(listener: TcpListener, name: &'static str) -> Replica {
    let at = listener.local_addr().expect("an address");
    let requests = Arc::<AtomicUsize>::default();
    let seen = Arc::clone(&requests);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, name, Arc::clone(&seen)));
        }
    });
    Replica { at, requests }
}

async fn serve(mut stream: TcpStream, name: &str, seen: Arc<AtomicUsize>) {
    let (mut bytes, mut chunk) = (Vec::new(), [0; 16384]);
    loop {
        while let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            bytes.drain(..end + 4);
            // The end of a chunked body looks like the end of a head.
            if !head.contains(" HTTP/1.1") {
                continue;
            }
            seen.fetch_add(1, Ordering::SeqCst);
            if head.starts_with("GET /tunnel") {
                let switch =
                    b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n";
                stream.write_all(switch).await.expect("written");
                let (mut read, mut write) = stream.split();
                drop(tokio::io::copy(&mut read, &mut write).await);
                return;
            }
            let body = format!("{name}\n{head}");
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            if stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return,
            Ok(count) => bytes.extend_from_slice(&chunk[..count]),
        }
    }
}

fn ledger() -> LedgerId {
    serde_json::from_str("\"01k99pmrstvwxyz0123456789a\"").expect("an id")
}

fn replica_at(at: SocketAddr) -> ReplicaId {
    ReplicaId { deployment: DeploymentId::from_parts(1, 1), index: at.port() }
}

fn route(domain: &str, at: &[SocketAddr]) -> Route {
    let backends = at.iter().map(|at| Backend {
        replica: replica_at(*at),
        container: Some(at.to_string()),
        address: at.ip().to_string(),
        port: at.port(),
        health: None,
    });
    Route {
        domain: domain.to_owned(),
        aliases: Vec::new(),
        app: AppName::new("web").expect("a name"),
        target: TargetName::new("t").expect("a name"),
        backends: backends.collect(),
        acme: None,
    }
}

fn snapshot(generation: u64, routes: Vec<Route>) -> RouteSnapshot {
    RouteSnapshot { ledger: ledger(), generation, routes }
}

/// Sends bytes and reads until the other side is silent for a moment or closes.
async fn exchange(at: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(at).await.expect("the edge listens");
    // The edge may close before it has read everything: that is an answer, too.
    drop(stream.write_all(bytes).await);
    let (mut answer, mut chunk) = (Vec::new(), [0; 65536]);
    while let Ok(Ok(count)) = tokio::time::timeout(Duration::from_millis(400), stream.read(&mut chunk)).await
    {
        if count == 0 {
            break;
        }
        answer.extend_from_slice(&chunk[..count]);
    }
    String::from_utf8_lossy(&answer).into_owned()
}

async fn get(at: SocketAddr, host: &str) -> String {
    exchange(at, format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes()).await
}

/// What Prometheus would read.
async fn metrics(edge: &Edge) -> String {
    let mut stream =
        tokio::net::UnixStream::connect(edge.folder.path().join("edge.sock")).await.expect("it listens");
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: edge\r\n\r\n").await.expect("written");
    let mut text = String::new();
    stream.read_to_string(&mut text).await.expect("answered");
    text
}
