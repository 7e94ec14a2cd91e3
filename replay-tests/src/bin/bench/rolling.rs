//! A rolling deploy of three replicas through the edge: the whole against the sum of its Docker calls, and
//! the time from "it is healthy" to the first request that it answers.

use super::deploy::{IMAGE, image, request};
use super::edge::{HOST, Server, edge};
use super::line::{Line, median, rounds, sized};
use async_trait::async_trait;
use haloy_executors::*;
use haloy_ledger::deployment::{Command, Effect};
use haloy_ledger::event::TargetEvent;
use haloy_ledger::ids::*;
use haloy_ledger::outcome::{Observed, Outcome};
use haloy_ledger::ports::{SystemClock, SystemEntropy};
use haloy_ledger::release::*;
use haloy_ledger::{CommandContext, Ledger, LedgerOptions};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Docker, and how long it took for everything that it was asked.
struct Timed {
    docker: Arc<DockerExecutor>,
    took: Mutex<Duration>,
}

#[async_trait]
impl Executor for Timed {
    fn role(&self) -> Role {
        self.docker.role()
    }

    fn capabilities(&self) -> &'static [Capability] {
        self.docker.capabilities()
    }

    async fn execute(&self, cx: &EffectContext, effect: &Effect) -> Result<Outcome, ExecutorError> {
        let started = Instant::now();
        let done = self.docker.execute(cx, effect).await;
        *self.took.lock().expect("not poisoned") += started.elapsed();
        done
    }

    async fn observe(&self, scope: &Scope) -> Result<Observed, ExecutorError> {
        self.docker.observe(scope).await
    }
}

/// When the first replica of the deployment was recorded as healthy.
#[derive(Default)]
struct Healthy(Mutex<Option<Instant>>);

impl Observer for Healthy {
    fn started(&self, _key: &TargetKey, _id: &EffectId, _effect: &Effect) {}
    fn recorded(&self, _key: &TargetKey, events: &[TargetEvent]) {
        if events.iter().any(|event| matches!(event, TargetEvent::ReplicaHealthy(_))) {
            self.0.lock().expect("not poisoned").get_or_insert_with(Instant::now);
        }
    }
}

/// Asks the edge without a pause until a version answers that did not before; when it did.
fn watch(port: u16, stop: &AtomicBool) -> Option<Instant> {
    let mut first = None;
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream
            .write_all(format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n").as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer.split("\r\n\r\n").nth(1).unwrap_or_default().to_owned())
    };
    while !stop.load(Ordering::Relaxed) {
        if let Ok(version) = ask()
            && version != *first.get_or_insert_with(|| version.clone())
        {
            return Some(Instant::now());
        }
    }
    None
}

struct Measured {
    whole: Duration,
    docker: Duration,
    healthy_to_traffic: Duration,
}

struct Bench {
    ledger: Arc<Ledger>,
    docker: Arc<DockerExecutor>,
    router: Arc<EdgeRouter>,
    server: Server,
}

impl Bench {
    async fn deploy(&self, version: &str) -> Measured {
        let handle = LedgerHandle::new(Arc::clone(&self.ledger));
        let timed = Arc::new(Timed { docker: Arc::clone(&self.docker), took: Mutex::default() });
        let healthy = Arc::<Healthy>::default();
        let dispatcher = Dispatcher {
            handle: handle.clone(),
            ledger: self.ledger.id(),
            executors: vec![Arc::<Timed>::clone(&timed), Arc::<EdgeRouter>::clone(&self.router)],
            values: Arc::new(LedgerValues(handle.clone())),
            limits: Limits::default(),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            progress: Arc::new(NoProgress),
            observer: Arc::<Healthy>::clone(&healthy),
            changed: Arc::new(tokio::sync::Notify::new()),
        };
        let key = TargetKey {
            app: AppName::new("bench-rolling").expect("a name"),
            target: TargetName::new("t").expect("a name"),
        };
        let context = CommandContext::system("bench", "c");
        let stop = Arc::new(AtomicBool::new(false));
        let (port, stopped) = (self.server.plain, Arc::clone(&stop));
        let watcher = std::thread::spawn(move || watch(port, &stopped));
        let started = Instant::now();
        handle.execute(&key, command(version), &context).await.expect("accepted");
        let driver = handle.driver(&key).await;
        let state = dispatcher.drive(&driver, &context).await.expect("driven");
        let whole = started.elapsed();
        assert!(state.rollout.is_none() && state.current.is_some(), "{:?}", state.last_ended);
        stop.store(true, Ordering::Relaxed);
        let traffic = watcher.join().expect("it watched");
        let healthy = healthy.0.lock().expect("not poisoned").expect("it was healthy");
        let docker = *timed.took.lock().expect("not poisoned");
        let healthy_to_traffic = traffic.unwrap_or(started).saturating_duration_since(healthy);
        Measured { whole, docker, healthy_to_traffic }
    }
}

fn command(version: &str) -> Command {
    let entry = ValueEntry {
        name: "VERSION".to_owned(),
        source: ValueSource::Literal,
        fingerprint: Fingerprint("0123456789abcdef0123456789abcdef".to_owned()),
        value: Some(version.into()),
    };
    let domain = Domain { domain: HOST.to_owned(), aliases: Vec::new() };
    request(|config| ConfigSnapshot { replicas: 3, env: vec![entry], domains: vec![domain], ..config })
}

/// Both comparisons; nothing where there is no engine.
pub fn bench(folder: &Path) -> Vec<Line> {
    let at = folder.join("rolling");
    std::fs::create_dir_all(&at).expect("a folder");
    if !image(&at) {
        eprintln!("SKIPPED: no Docker engine answers");
        return Vec::new();
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let ledger = Ledger::open(LedgerOptions::new(at.join("ledger"), at.join("keys"), "bench"));
    let server = edge(&at, None);
    let bench = Bench {
        ledger: Arc::new(ledger.expect("a ledger")),
        docker: Arc::new(DockerExecutor::new(DockerOptions::default())),
        router: Arc::new(EdgeRouter::new(&at.join("edge"), None, None)),
        server,
    };
    let mut taken = Vec::new();
    runtime.block_on(async {
        bench.docker.facts().await.expect("an engine");
        // The first has nothing to replace.
        bench.deploy("0").await;
        for round in 1..=sized(2 * rounds(), 1) {
            taken.push(bench.deploy(&round.to_string()).await);
        }
        let id = bench.ledger.id().to_string();
        for slug in ["bench-rolling", "haloy-bench-app"] {
            bench
                .docker
                .forget(&id, slug, "no-network-of-its-own", &Default::default())
                .await
                .expect("removed");
        }
    });
    let whole: Vec<f64> = taken.iter().map(|r| r.whole.as_secs_f64() / r.docker.as_secs_f64()).collect();
    let waits: Vec<f64> = taken.iter().map(|r| r.healthy_to_traffic.as_secs_f64() / 0.05).collect();
    let ms = |of: fn(&Measured) -> Duration| {
        median(&taken.iter().map(|r| of(r).as_secs_f64() * 1e3).collect::<Vec<_>>())
    };
    let (all, docker, wait) = (ms(|r| r.whole), ms(|r| r.docker), ms(|r| r.healthy_to_traffic));
    let (whole_met, wait_met) = (median(&whole) <= 1.2, median(&waits) < 1.0);
    let name = format!("rolling deploy of 3 replicas of {IMAGE} / the sum of its Docker calls");
    vec![
        Line::new(name, whole, ("<= 1.2", whole_met), format!("{all:.0} and {docker:.0} ms")),
        Line::new(
            "recorded as healthy to first request answered / 50 ms",
            waits,
            ("< 1", wait_met),
            format!("{wait:.1} ms"),
        ),
    ]
}
