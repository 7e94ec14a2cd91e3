//! Replicas that are connected to and do not answer: out of the route by the edge's own checks, and back.

use super::*;
use haloy_ledger::edge::Report;
use haloy_ledger::event::UpstreamCause;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// A replica that can be frozen, as `docker pause` does it: its kernel goes on taking connections.
struct Frozen {
    at: SocketAddr,
    frozen: Arc<AtomicBool>,
    /// Status that it answers its health path with.
    status: Arc<AtomicUsize>,
    /// Heads of the checks that it was sent.
    checks: Arc<Mutex<Vec<String>>>,
    requests: Arc<AtomicUsize>,
}

async fn freezer(name: &'static str) -> Frozen {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let replica = Frozen {
        at: listener.local_addr().expect("an address"),
        frozen: Arc::default(),
        status: Arc::new(AtomicUsize::new(200)),
        checks: Arc::default(),
        requests: Arc::default(),
    };
    let (frozen, status) = (Arc::clone(&replica.frozen), Arc::clone(&replica.status));
    let (checks, requests) = (Arc::clone(&replica.checks), Arc::clone(&replica.requests));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (frozen, status) = (Arc::clone(&frozen), Arc::clone(&status));
            let (checks, requests) = (Arc::clone(&checks), Arc::clone(&requests));
            tokio::spawn(async move {
                let mut stream = stream;
                let (mut bytes, mut chunk) = (Vec::new(), [0; 16384]);
                while let Ok(count) = stream.read(&mut chunk).await
                    && count > 0
                {
                    bytes.extend_from_slice(&chunk[..count]);
                    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
                    let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
                    bytes.drain(..end + 4);
                    while frozen.load(Ordering::SeqCst) {
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                    let status = if head.starts_with("get /up ") {
                        checks.lock().expect("whole").push(head);
                        status.load(Ordering::SeqCst)
                    } else {
                        requests.fetch_add(1, Ordering::SeqCst);
                        200
                    };
                    let length = name.len() + 1;
                    let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n\r\n{name}\n");
                    if stream.write_all(answer.as_bytes()).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    replica
}

fn checked(generation: u64, at: &[SocketAddr]) -> RouteSnapshot {
    let mut route = route("a.example", at);
    route.backends.iter_mut().for_each(|backend| backend.health = Some("/up".to_owned()));
    snapshot(generation, vec![route])
}

/// Waits until as many replicas as that are out of the route.
async fn until_out(edge: &Edge, count: usize) {
    let until = Instant::now() + Duration::from_secs(10);
    loop {
        let status = edge.client.status().await.expect("it answers");
        let out: Vec<_> = status.replicas.iter().filter_map(|replica| replica.out.clone()).collect();
        if out.len() == count {
            assert!(out.iter().all(|why| why.ends_with("asked for GET /up")), "{out:?}");
            return;
        }
        assert!(Instant::now() < until, "{out:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Reports about replicas, once there are this many: they are written beside everything else.
async fn told(edge: &Edge, count: usize) -> Vec<(u16, UpstreamCause)> {
    let until = Instant::now() + Duration::from_secs(5);
    loop {
        let reports = edge.client.reports().await.expect("it answers");
        let told = reports.into_iter().filter_map(|reported| match reported.what {
            Report::Down { r, cause, .. } | Report::Up { r, cause, .. } => Some((r.index, cause)),
            _other => None,
        });
        let told: Vec<_> = told.collect();
        if told.len() >= count || Instant::now() > until {
            return told;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Sends a request and returns who answered, and after how long.
async fn who(at: SocketAddr, method: &str) -> (String, Duration) {
    let began = Instant::now();
    let mut stream = TcpStream::connect(at).await.expect("the edge listens");
    let ask = format!("{method} / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n");
    stream.write_all(ask.as_bytes()).await.expect("written");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("answered");
    (answer.lines().last().unwrap_or_default().to_owned(), began.elapsed())
}

#[tokio::test]
async fn a_frozen_replica_leaves_the_route_and_comes_back() {
    let (edge, one, two) = (edge().await, freezer("one").await, freezer("two").await);
    edge.client.apply(&checked(1, &[one.at, two.at])).await.expect("applied");
    for _ in 0..4 {
        who(edge.at, "GET").await;
    }
    assert!(one.requests.load(Ordering::SeqCst) > 0 && two.requests.load(Ordering::SeqCst) > 0);
    one.frozen.store(true, Ordering::SeqCst);
    // Sent while nothing was known: what may be made again is, as soon as there is a doubt.
    let early: Vec<_> = (0..4).map(|_| who(edge.at, "GET")).collect();
    for (name, took) in futures_util::future::join_all(early).await {
        assert!(name == "two" && took < Duration::from_secs(3), "{name} {took:?}");
    }
    until_out(&edge, 1).await;
    for method in ["GET", "POST", "GET", "POST", "DELETE", "GET"] {
        let (name, took) = who(edge.at, method).await;
        assert!(name == "two" && took < Duration::from_millis(500), "{method}: {name} {took:?}");
    }
    let text = metrics(&edge).await;
    assert!(text.contains("haloy_edge_out_of_route{replica=\"web/t/") && text.contains("\"} 1\n"), "{text}");
    // With both of them out, they are tried, and the first that answers is used.
    two.frozen.store(true, Ordering::SeqCst);
    until_out(&edge, 2).await;
    one.frozen.store(false, Ordering::SeqCst);
    two.frozen.store(false, Ordering::SeqCst);
    let (name, took) = who(edge.at, "POST").await;
    assert!(name == "one" || name == "two", "{name} {took:?}");
    until_out(&edge, 0).await;
    let down = |at: SocketAddr| (at.port(), UpstreamCause::Unanswered);
    let mut told = told(&edge, 4).await;
    assert_eq!(told[..2], [down(one.at), down(two.at)]);
    told[2..].sort();
    let mut up = [one.at, two.at].map(|at| (at.port(), UpstreamCause::Answers));
    up.sort();
    assert_eq!(told[2..], up);
    // The check was sent as a client of the domain would send it.
    let checks = one.checks.lock().expect("whole");
    assert!(checks.iter().all(|head| head.contains("\r\nhost: a.example\r\n")), "{:?}", checks.first());
}

#[tokio::test]
async fn who_never_answered_its_path_well_only_has_to_answer() {
    let (edge, strict, other) = (edge().await, freezer("strict").await, freezer("other").await);
    strict.status.store(404, Ordering::SeqCst);
    edge.client.apply(&checked(1, &[strict.at, other.at])).await.expect("applied");
    // This one has answered well so far, and does no more; the other one never did.
    tokio::time::sleep(Duration::from_millis(500)).await;
    other.status.store(500, Ordering::SeqCst);
    until_out(&edge, 1).await;
    assert_eq!(told(&edge, 1).await, [(other.at.port(), UpstreamCause::Unwell)]);
    for _ in 0..4 {
        assert_eq!(who(edge.at, "POST").await.0, "strict");
    }
    strict.frozen.store(true, Ordering::SeqCst);
    until_out(&edge, 2).await;
    // A replica that left the routes is not checked any more.
    strict.frozen.store(false, Ordering::SeqCst);
    edge.client.apply(&checked(2, &[other.at])).await.expect("applied");
    tokio::time::sleep(Duration::from_millis(300)).await;
    let before = strict.checks.lock().expect("whole").len();
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(strict.checks.lock().expect("whole").len(), before);
}

/// Answers as one container or as another, as set by the test.
#[derive(Debug)]
struct Moved(AtomicBool, SocketAddr);

#[async_trait::async_trait]
impl Inspector for Moved {
    async fn inspect(&self, _: &Subject) -> Looked {
        match self.0.load(Ordering::SeqCst) {
            false => running("first", "same", self.1),
            true => Looked::Stopped,
        }
    }
}

#[tokio::test]
async fn whoever_took_the_address_does_not_pass_for_the_replica() {
    let other = freezer("another's").await;
    let moved = Arc::new(Moved(AtomicBool::new(false), other.at));
    let edge = edge_with(Arc::clone(&moved) as Arc<dyn Inspector>).await;
    edge.client.apply(&checked(1, &[other.at])).await.expect("applied");
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!other.checks.lock().expect("whole").is_empty());
    // The container has stopped, and who answers at its address now would answer a check well.
    moved.0.store(true, Ordering::SeqCst);
    until_out(&edge, 1).await;
    let before = other.checks.lock().expect("whole").len();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(other.checks.lock().expect("whole").len(), before, "it is not even asked");
    until_out(&edge, 1).await;
    assert_eq!(told(&edge, 1).await, [(other.at.port(), UpstreamCause::NotRunning)], "told once");
    moved.0.store(false, Ordering::SeqCst);
    until_out(&edge, 0).await;
    assert_eq!(told(&edge, 2).await.last(), Some(&(other.at.port(), UpstreamCause::Answers)));
}
