//! An address alone never gets a request: identity belongs to a container.

use super::*;
use haloy_edge::ReplicaStatus;
use haloy_ledger::edge::Report;
use haloy_ledger::event::UpstreamCause;
use std::sync::Mutex;

/// What the container's own server answers begins with its name; pages of the edge have the word elsewhere.
const OWN: &str = "\r\n\r\nown\n";

/// Answers from a script; the last answer stays.
#[derive(Debug, Default)]
struct Script {
    answers: Mutex<Vec<Looked>>,
    looks: AtomicUsize,
    /// Milliseconds that each look takes.
    takes: AtomicUsize,
    subjects: Mutex<Vec<Subject>>,
}

#[async_trait::async_trait]
impl Inspector for Script {
    async fn inspect(&self, subject: &Subject) -> Looked {
        self.looks.fetch_add(1, Ordering::SeqCst);
        self.subjects.lock().expect("not poisoned").push(subject.clone());
        let takes = self.takes.load(Ordering::SeqCst) as u64;
        tokio::time::sleep(Duration::from_millis(takes)).await;
        let mut answers = self.answers.lock().expect("not poisoned");
        if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() }
    }
}

impl Script {
    fn new(answers: Vec<Looked>) -> Arc<Self> {
        Arc::new(Self { answers: Mutex::new(answers), ..Self::default() })
    }

    fn then(&self, answers: Vec<Looked>) {
        *self.answers.lock().expect("not poisoned") = answers;
    }
}

fn unknown() -> Looked {
    Looked::Unknown { why: "dial /secret/docker.sock".to_owned() }
}

/// Answer for a container whose first process is this one: its connections are in the namespace of this
/// process.
fn in_this_process(looked: Looked, began: u64) -> Looked {
    let Looked::Running(sighting) = looked else { return looked };
    let id = std::process::id();
    Looked::Running(Sighting { process: Some(Process { id, began }), ..sighting })
}

/// When this process began, as proc_pid_stat(5) has it.
fn began() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let after_name = stat.rsplit_once(')').expect("a name").1;
    after_name.split_whitespace().nth(19).and_then(|ticks| ticks.parse().ok()).expect("a time")
}

/// An edge with one domain, of a container that is at an address as the script says.
async fn edge_to(recorded: SocketAddr, script: &Arc<Script>) -> Edge {
    let edge = edge_with(Arc::clone(script) as Arc<dyn Inspector>).await;
    edge.client.apply(&snapshot(1, vec![route("a.example", &[recorded])])).await.expect("applied");
    // The edge looks at what is new by itself; the script is about what comes then.
    while script.looks.load(Ordering::SeqCst) == 0 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    tokio::time::sleep(Duration::from_millis(20)).await;
    edge
}

/// The whole answer, however long it takes.
async fn wait_for(at: SocketAddr) -> String {
    let mut stream = TcpStream::connect(at).await.expect("the edge listens");
    let ask = b"GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n";
    stream.write_all(ask).await.expect("written");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("answered");
    answer
}

async fn replica_status(edge: &Edge) -> ReplicaStatus {
    edge.client.status().await.expect("it answers").replicas.remove(0)
}

/// Another address of this machine with a server at the port of another one.
async fn server_beside(name: &'static str, other: SocketAddr, last: u8) -> Replica {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, last], other.port()))).await;
    answering(listener.expect("all of 127.0.0.0/8 is this machine"), name)
}

#[tokio::test]
async fn who_took_the_address_gets_no_request_and_the_container_is_found_where_it_went() {
    // The container was at the address of `foreign`, and is where `own` listens by now: restarted, joined
    // to its network again, or both.
    for (started, endpoint) in [("later", "another"), ("first", "another"), ("later", "same")] {
        let foreign = replica("foreign").await;
        let own = server_beside("own", foreign.at, 9).await;
        let script = Script::new(vec![running("first", "same", foreign.at)]);
        let edge = edge_to(foreign.at, &script).await;
        script.then(vec![running(started, endpoint, own.at)]);
        for _ in 0..3 {
            assert!(wait_for(edge.at).await.contains(OWN), "{started} {endpoint}");
        }
        assert_eq!(foreign.requests.load(Ordering::SeqCst), 0, "{started} {endpoint}");
        let status = replica_status(&edge).await;
        assert_eq!((status.recorded, status.address), (Some(foreign.at), Some(own.at)));
        assert_eq!(status.doubt, None);
    }
}

#[tokio::test]
async fn a_container_that_left_and_came_back_to_its_address_is_connected_to_again() {
    // What was at the address while it was away took the first connection.
    let server = replica("own").await;
    let script = Script::new(vec![running("first", "one", server.at)]);
    let edge = edge_to(server.at, &script).await;
    script.then(vec![running("first", "another", server.at)]);
    let before = script.looks.load(Ordering::SeqCst);
    assert!(wait_for(edge.at).await.contains(OWN));
    assert_eq!(script.looks.load(Ordering::SeqCst) - before, 2, "the first connection was not used");
}

#[tokio::test]
async fn what_does_not_run_gets_503_that_says_so_until_it_runs_again() {
    let foreign = replica("foreign").await;
    let own = server_beside("own", foreign.at, 9).await;
    let script = Script::new(vec![running("first", "one", foreign.at)]);
    let edge = edge_to(foreign.at, &script).await;
    let nowhere = match running("first", "one", own.at) {
        Looked::Running(sighting) => Looked::Running(Sighting { places: Vec::new(), ..sighting }),
        other => other,
    };
    let stopped = [(Looked::Stopped, "does not run"), (Looked::Gone, "is gone"), (unknown(), "engine")];
    for (looked, says) in stopped.into_iter().chain([(nowhere, "no network")]) {
        script.then(vec![looked]);
        let answer = wait_for(edge.at).await;
        assert!(answer.starts_with("HTTP/1.1 503") && answer.contains(says), "{answer}");
        assert!(answer.to_lowercase().contains("retry-after") && !answer.contains("secret"), "{answer}");
    }
    assert_eq!(foreign.requests.load(Ordering::SeqCst), 0);
    script.then(vec![running("later", "another", own.at)]);
    assert!(wait_for(edge.at).await.contains(OWN), "it was on no network, and is on one again");
    script.then(vec![unknown()]);
    let status = edge.client.status_seen().await.expect("it answers").replicas.remove(0);
    assert!(status.doubt.is_some_and(|doubt| doubt.contains("secret")), "the operator is told all of it");
}

#[tokio::test]
async fn while_the_engine_is_away_the_kernel_says_where_a_connection_ends() {
    let server = replica("own").await;
    let seen = |began| in_this_process(running("first", "one", server.at), began);
    let script = Script::new(vec![seen(began())]);
    let edge = edge_to(server.at, &script).await;
    script.then(vec![unknown()]);
    assert!(wait_for(edge.at).await.contains(OWN), "its namespace has the connection");
    // A process of that number that is not the one which was seen.
    let script = Script::new(vec![seen(began() - 1)]);
    let edge = edge_to(server.at, &script).await;
    script.then(vec![unknown()]);
    assert!(wait_for(edge.at).await.starts_with("HTTP/1.1 503"));
    assert_eq!(server.requests.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_engine_that_is_slow_holds_nothing_up_and_one_without_endpoints_is_not_believed() {
    let server = replica("own").await;
    let script = Script::new(vec![in_this_process(running("first", "one", server.at), began())]);
    let edge = edge_to(server.at, &script).await;
    script.takes.store(3000, Ordering::SeqCst);
    let asked = std::time::Instant::now();
    let answer = wait_for(edge.at).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
    // Without the id of an endpoint nothing shows that the address was kept: the kernel has to.
    let script = Script::new(vec![running("first", "", server.at)]);
    let edge = edge_to(server.at, &script).await;
    assert!(wait_for(edge.at).await.starts_with("HTTP/1.1 503"));
}

#[tokio::test]
async fn connections_that_are_kept_go_on_while_nothing_is_known() {
    let server = replica("own").await;
    let script = Script::new(vec![running("first", "one", server.at)]);
    let edge = edge_to(server.at, &script).await;
    let mut client = TcpStream::connect(edge.at).await.expect("the edge listens");
    let mut ask = async || {
        client.write_all(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n").await.expect("written");
        let mut chunk = [0; 4096];
        let count = client.read(&mut chunk).await.expect("answered");
        String::from_utf8_lossy(&chunk[..count]).into_owned()
    };
    assert!(ask().await.starts_with("HTTP/1.1 200"));
    script.then(vec![unknown()]);
    let before = script.looks.load(Ordering::SeqCst);
    for _ in 0..3 {
        assert!(ask().await.starts_with("HTTP/1.1 200"));
    }
    assert_eq!(script.looks.load(Ordering::SeqCst), before, "kept ones pay once");
}

#[tokio::test]
async fn connections_that_come_at_once_share_looks_that_began_after_them() {
    let server = replica("own").await;
    let script = Script::new(vec![running("first", "one", server.at)]);
    let edge = edge_to(server.at, &script).await;
    let before = script.looks.load(Ordering::SeqCst);
    script.takes.store(100, Ordering::SeqCst);
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..64 {
        let at = edge.at;
        clients.spawn(async move { wait_for(at).await });
    }
    while let Some(answer) = clients.join_next().await {
        assert!(answer.expect("no panic").contains(OWN));
    }
    let looks = script.looks.load(Ordering::SeqCst) - before;
    assert!((1..16).contains(&looks), "{looks} looks for 64 connections");
}

#[tokio::test]
async fn another_replica_answers_for_one_that_is_in_doubt() {
    let (doubted, well) = (replica("doubted").await, replica("well").await);
    let edge = edge_with(Arc::new(AllBut(doubted.at))).await;
    let both = route("a.example", &[doubted.at, well.at]);
    edge.client.apply(&snapshot(1, vec![both])).await.expect("applied");
    for _ in 0..6 {
        assert!(wait_for(edge.at).await.contains("well"));
    }
    assert_eq!(doubted.requests.load(Ordering::SeqCst), 0);
}

/// All servers are known but one.
#[derive(Debug)]
struct AllBut(SocketAddr);

#[async_trait::async_trait]
impl Inspector for AllBut {
    async fn inspect(&self, subject: &Subject) -> Looked {
        match subject.container.as_deref() == Some(self.0.to_string().as_str()) {
            true => Looked::Stopped,
            false => Servers.inspect(subject).await,
        }
    }
}

#[tokio::test]
async fn a_table_of_an_older_version_is_served_by_what_containers_are_labelled() {
    let server = replica("own").await;
    let script = Script::new(vec![running("first", "one", server.at)]);
    let edge = edge_with(Arc::clone(&script) as Arc<dyn Inspector>).await;
    let mut old = route("a.example", &[server.at]);
    old.backends[0].container = None;
    let old = snapshot(1, vec![old]);
    let written = serde_json::to_string(&old).expect("encoded");
    assert!(!written.contains("container"), "it is written as an older version wrote it");
    edge.client.apply(&old).await.expect("applied");
    assert!(wait_for(edge.at).await.contains(OWN));
    let asked = script.subjects.lock().expect("not poisoned").pop().expect("one");
    assert_eq!((asked.container, asked.ledger, asked.replica), (None, ledger(), replica_at(server.at)));
    // The same generation, read by a version that knows containers.
    let new = snapshot(1, vec![route("a.example", &[server.at])]);
    edge.client.apply(&new).await.expect("it only says more");
    assert_eq!(edge.client.routes().await.expect("it answers"), Some(new));
    assert!(wait_for(edge.at).await.contains(OWN));
    assert!(edge.client.apply(&snapshot(1, vec![route("b.example", &[server.at])])).await.is_err());
}

#[tokio::test]
async fn a_replica_is_drained_by_what_it_is_wherever_it_went() {
    let foreign = replica("foreign").await;
    let own = server_beside("own", foreign.at, 9).await;
    let script = Script::new(vec![running("later", "another", own.at)]);
    let edge = edge_to(foreign.at, &script).await;
    let mut open = TcpStream::connect(edge.at).await.expect("the edge listens");
    let ask = b"GET /tunnel HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";
    open.write_all(ask).await.expect("written");
    let mut chunk = [0; 4096];
    let count = open.read(&mut chunk).await.expect("answered");
    assert!(chunk[..count].starts_with(b"HTTP/1.1 101"));
    assert!(metrics(&edge).await.contains(&format!("web/t/{}\"}} 1", replica_at(foreign.at))));
    edge.client.apply(&snapshot(2, vec![route("a.example", &[])])).await.expect("applied");
    let drained = edge.client.drain(replica_at(foreign.at), Duration::from_secs(5)).await.expect("drained");
    assert_eq!(drained.left_in_flight, 0);
    let ended = tokio::time::timeout(Duration::from_secs(5), open.read(&mut chunk)).await;
    assert!(matches!(ended, Ok(Ok(0) | Err(_))), "its tunnel was ended");
}

#[tokio::test]
async fn a_replica_that_gets_no_requests_is_told_to_the_log_and_so_is_its_return() {
    // It keeps no connection, so that each request needs a new one.
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let at = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            drop(stream.read(&mut [0; 4096]).await);
            let answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\nown";
            drop(stream.write_all(answer).await);
        }
    });
    let script = Script::new(vec![running("first", "one", at)]);
    let edge = edge_to(at, &script).await;
    let told = async || {
        let reports = edge.client.reports().await.expect("it answers").into_iter();
        let of_replicas = reports.filter_map(|reported| match reported.what {
            Report::Down { r, cause, .. } => Some((r, cause)),
            Report::Up { r, cause, .. } => Some((r, cause)),
            _other => None,
        });
        of_replicas.collect::<Vec<_>>()
    };
    for _ in 0..8 {
        script.then(vec![Looked::Stopped]);
        for _ in 0..2 {
            assert!(wait_for(edge.at).await.starts_with("HTTP/1.1 503"));
        }
        script.then(vec![running("later", "another", at)]);
        assert!(wait_for(edge.at).await.starts_with("HTTP/1.1 200"));
    }
    // Written beside the requests.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let r = replica_at(at);
    let pair = [(r, UpstreamCause::NotRunning), (r, UpstreamCause::Verified)];
    assert_eq!(told().await, [pair, pair, pair].concat(), "a few times an hour");
}

#[test]
fn the_status_of_an_older_edge_can_be_read() {
    let old = r#"{"address": "10.0.0.2:80", "in_flight": 3, "marked": false}"#;
    let status: ReplicaStatus = serde_json::from_str(old).expect("read");
    assert_eq!((status.in_flight, status.subject, status.doubt), (3, None, None));
}
