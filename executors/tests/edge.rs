//! The edge with replicas that misbehave and clients that mean harm: no Docker needed.

use haloy_executors::edge::{Client, EdgeOptions, run, table::decode};
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
    _folder: tempfile::TempDir,
    at: SocketAddr,
    client: Client,
}

async fn edge() -> Edge {
    let folder = tempfile::tempdir().expect("a folder");
    let at = std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port");
    let options = EdgeOptions {
        folder: folder.path().to_owned(),
        http: vec![at],
        https: Vec::new(),
        acme: Default::default(),
        metrics: None,
        patience: Duration::from_millis(700),
        takeover: false,
        access_log: Default::default(),
    };
    tokio::spawn(run(options));
    let client = Client::new(folder.path());
    while client.status().await.is_err() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Edge { _folder: folder, at, client }
}

/// A replica: what it is sent, and what it does with a connection.
struct Replica {
    at: SocketAddr,
    requests: Arc<AtomicUsize>,
}

/// Answers every request on a connection, telling what it saw; `/tunnel` echoes.
async fn replica(name: &'static str) -> Replica {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
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

fn route(domain: &str, at: &[SocketAddr]) -> Route {
    let id = DeploymentId::from_parts(1, 1);
    let backends = at.iter().zip(0..).map(|(at, index)| Backend {
        replica: ReplicaId { deployment: id, index },
        address: at.ip().to_string(),
        port: at.port(),
    });
    Route {
        domain: domain.to_owned(),
        aliases: Vec::new(),
        app: AppName::new("web").expect("a name"),
        target: TargetName::new("t").expect("a name"),
        backends: backends.collect(),
    }
}

fn snapshot(generation: u64, routes: Vec<Route>) -> RouteSnapshot {
    RouteSnapshot { ledger: ledger(), generation, routes }
}

/// Sends bytes and reads until the other side is silent for a moment or closes.
async fn exchange(at: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(at).await.expect("the edge listens");
    // It may close before it has read everything: that is an answer, too.
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

#[tokio::test]
async fn what_a_client_says_of_itself_is_not_believed() {
    let (edge, web) = (edge().await, replica("web").await);
    edge.client.apply(&snapshot(1, vec![route("a.example", &[web.at])])).await.expect("applied");
    let lies = "GET /x?y=1 HTTP/1.1\r\nHost: A.Example:8080\r\nX-Forwarded-For: 1.2.3.4\r\nForwarded: for=1.2.3.4\r\nConnection: X-Secret, close\r\nX-Secret: 1\r\n\r\n";
    let answer = exchange(edge.at, lies.as_bytes()).await.to_lowercase();
    assert!(answer.contains("get /x?y=1 http/1.1"), "{answer}");
    assert!(answer.contains("x-forwarded-for: 127.0.0.1") && answer.contains("x-forwarded-proto: http"));
    assert!(answer.contains("host: a.example:8080") && answer.contains("x-request-id: "));
    assert!(!answer.contains("1.2.3.4") && !answer.contains("x-secret"), "{answer}");
}

#[tokio::test]
async fn a_replica_that_does_not_accept_is_passed_over() {
    let (edge, web) = (edge().await, replica("web").await);
    let gone = std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port");
    edge.client.apply(&snapshot(1, vec![route("a.example", &[gone, web.at])])).await.expect("applied");
    for _ in 0..3 {
        let post =
            exchange(edge.at, b"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 2\r\n\r\nhi").await;
        assert!(post.contains("200 OK"), "what was not sent may go elsewhere, whatever it is: {post}");
    }
    let status = edge.client.status().await.expect("it answers");
    assert!(status.replicas.iter().any(|replica| replica.address == gone && replica.marked));
    edge.client.apply(&snapshot(2, vec![route("a.example", &[gone])])).await.expect("applied");
    assert!(get(edge.at, "a.example").await.contains("502"));
}

#[tokio::test]
async fn shapes_of_smuggling_reach_no_replica_as_two_requests() {
    let (edge, web) = (edge().await, replica("web").await);
    edge.client.apply(&snapshot(1, vec![route("a.example", &[web.at])])).await.expect("applied");
    let shapes: [&[u8]; 9] = [
        b"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        b"POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: xchunked\r\nContent-Length: 3\r\n\r\nabc",
        b"GET / HTTP/1.1\r\nHost: a.example\r\n X-Folded: 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : a.example\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a.example\r\nHost: b.example\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: a.example\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /\x00 HTTP/1.1\r\nHost: a.example\r\n\r\n",
    ];
    for shape in shapes {
        let answer = exchange(edge.at, shape).await;
        let refused = answer.is_empty() || answer.starts_with("HTTP/1.1 4");
        assert!(refused, "{:?}: {answer}", String::from_utf8_lossy(shape));
    }
    assert_eq!(web.requests.load(Ordering::SeqCst), 0, "none of them was passed on");
    // Both lengths: the chunks count, what is behind them is a request of its own or nothing.
    let both = b"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 60\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: nobody.example\r\n\r\n";
    let answer = exchange(edge.at, both).await;
    assert!(!answer.to_lowercase().contains("get /smuggled"), "{answer}");
    assert!(web.requests.load(Ordering::SeqCst) <= 1);
    let large = format!("GET / HTTP/1.1\r\nHost: a.example\r\nX-Large: {}\r\n\r\n", "x".repeat(100_000));
    assert!(exchange(edge.at, large.as_bytes()).await.starts_with("HTTP/1.1 431"));
    assert!(get(edge.at, "a.example").await.contains("200 OK"), "nothing else is disturbed");
}

#[tokio::test]
async fn a_kept_connection_that_the_replica_closes_costs_no_safe_request() {
    // Answers the first request of each connection, and closes when it is sent a second.
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let at = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut chunk = [0; 4096];
                drop(stream.read(&mut chunk).await);
                drop(stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await);
                drop(stream.read(&mut chunk).await);
            });
        }
    });
    let edge = edge().await;
    edge.client.apply(&snapshot(1, vec![route("a.example", &[at])])).await.expect("applied");
    for _ in 0..4 {
        assert!(get(edge.at, "a.example").await.contains("200 OK"));
    }
}

#[tokio::test]
async fn a_client_that_sends_its_head_too_slowly_is_let_go() {
    let (edge, web) = (edge().await, replica("web").await);
    edge.client.apply(&snapshot(1, vec![route("a.example", &[web.at])])).await.expect("applied");
    let mut slow = TcpStream::connect(edge.at).await.expect("the edge listens");
    let mut answer = Vec::new();
    for byte in b"GET / HTTP/1.1\r\nHost: a.example\r\nX-Slow: ".iter().chain(std::iter::repeat_n(&b'x', 40))
    {
        if slow.write_all(&[*byte]).await.is_err() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    drop(slow.read_to_end(&mut answer).await);
    assert!(!answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    assert_eq!(web.requests.load(Ordering::SeqCst), 0);
    assert!(get(edge.at, "a.example").await.contains("200 OK"), "others are served");
}

#[tokio::test]
async fn tunnels_of_the_app_that_switches_end_and_others_stay() {
    let (edge, web, other) = (edge().await, replica("web").await, replica("other").await);
    let routes = |web: SocketAddr| vec![route("a.example", &[web]), route("b.example", &[other.at])];
    edge.client.apply(&snapshot(1, routes(web.at))).await.expect("applied");
    let mut tunnels = Vec::new();
    for host in ["a.example", "b.example"] {
        let mut stream = TcpStream::connect(edge.at).await.expect("the edge listens");
        let ask =
            format!("GET /tunnel HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
        stream.write_all(ask.as_bytes()).await.expect("written");
        let mut chunk = [0; 4096];
        let count = stream.read(&mut chunk).await.expect("answered");
        assert!(chunk[..count].starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&chunk[..count]));
        stream.write_all(b"ping").await.expect("written");
        stream.read_exact(&mut chunk[..4]).await.expect("echoed");
        tunnels.push(stream);
    }
    let next = replica("next").await;
    edge.client.apply(&snapshot(2, routes(next.at))).await.expect("applied");
    let drained = edge.client.drain(web.at, Duration::from_secs(5)).await.expect("drained");
    assert_eq!(drained.left_in_flight, 0);
    let mut chunk = [0; 4];
    assert!(matches!(tunnels[0].read(&mut chunk).await, Ok(0) | Err(_)), "its tunnel was ended");
    tunnels[1].write_all(b"ping").await.expect("written");
    tunnels[1].read_exact(&mut chunk).await.expect("the other tunnel is open");
    assert!(get(edge.at, "a.example").await.contains("next"));
}

#[tokio::test]
async fn routes_are_taken_by_generation_and_never_halfway() {
    let (edge, web, late) = (edge().await, replica("web").await, replica("late").await);
    let good = snapshot(7, vec![route("a.example", &[web.at])]);
    let applied = edge.client.apply(&good).await.expect("applied");
    assert_eq!(applied, (7, good.digest()));
    edge.client.apply(&good).await.expect("the same again is no news");
    let bad_name = route("A_b c", &[web.at]);
    let mut twice = route("b.example", &[web.at]);
    twice.aliases = vec!["b.example".to_owned()];
    let mut nowhere = route("c.example", &[web.at]);
    nowhere.backends[0].address = "not an address".to_owned();
    let mut foreign = snapshot(9, Vec::new());
    foreign.ledger = serde_json::from_str("\"01k99pmrstvwxyz0123456789b\"").expect("an id");
    let refused = [
        (snapshot(6, vec![route("a.example", &[late.at])]), "older than 7"),
        (snapshot(7, vec![route("a.example", &[late.at])]), "with other routes"),
        (snapshot(8, vec![bad_name]), "no name of a host"),
        (snapshot(8, vec![twice]), "twice"),
        (snapshot(8, vec![nowhere]), "no address"),
        (foreign, "serves ledger"),
    ];
    for (snapshot, why) in refused {
        let error = edge.client.apply(&snapshot).await.expect_err(why).to_string();
        assert!(error.contains(why), "{error}");
    }
    assert_eq!(edge.client.routes().await.expect("it answers"), Some(good));
    assert!(get(edge.at, "a.example").await.contains("web"));
}

#[tokio::test]
async fn commands_that_come_at_once_do_not_disturb_each_other() {
    let edge = edge().await;
    let contacts = std::collections::BTreeMap::from([("a.example".to_owned(), "ops@a.example".to_owned())]);
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..64 {
        let (client, contacts) = (edge.client.clone(), contacts.clone());
        all.spawn(async move { client.contacts(&contacts).await });
    }
    while let Some(done) = all.join_next().await {
        done.expect("no panic").expect("kept");
    }
}

#[test]
fn no_bytes_make_the_decoder_panic() {
    // The same mutations as the fuzz target makes, from fixed seeds: splitmix64.
    let at = SocketAddr::from(([10, 0, 0, 1], 80));
    let good = serde_json::to_vec(&snapshot(3, vec![route("a.example", &[at]), route("b.example", &[])]));
    let good = good.expect("encoded");
    assert!(decode(&good).is_ok());
    let mut random = 1_u64;
    let mut draw = || {
        random = random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (random ^ (random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        usize::try_from((z ^ (z >> 27)) >> 33).expect("fits")
    };
    let mut taken = 0;
    for _ in 0..50_000 {
        let mut bytes = good.clone();
        for _ in 0..=draw() % 4 {
            let place = draw() % bytes.len();
            match draw() % 3 {
                0 => bytes[place] = u8::try_from(draw() % 256).expect("a byte"),
                1 => drop(bytes.drain(place..bytes.len().min(place + draw() % 9))),
                _more => bytes.insert(place, b"{}[]\",:0"[draw() % 8]),
            }
            if bytes.is_empty() {
                break;
            }
        }
        if let Ok(snapshot) = decode(&bytes) {
            taken += 1;
            // What is taken can be served, and kept.
            assert!(decode(&serde_json::to_vec(&snapshot).expect("encoded")).is_ok());
        }
    }
    assert!(taken > 0, "some changes are harmless");
}
