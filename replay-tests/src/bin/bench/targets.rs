//! `haloy rollback-targets` for a target with a long history, and `--check` over many targets.

use super::line::{Line, median, rounds, sized};
use super::{history, process};
use haloy::args::Global;
use haloy::commands::{bound, service_options};
use haloy::output::progress;
use haloy_ledger::deployment::TargetState;
use haloy_ledger::ids::{AppName, Digest, ImageRef, TargetKey, TargetName};
use haloy_ledger::log::{Envelope, Expected, NewEvent, Stage, StreamWrite};
use haloy_ledger::release::{ConfigSnapshot, HistoryStrategy, Retention};
use haloy_ledger::{Ledger, LedgerOptions};
use haloy_service::{CheckRequest, CommandMetadata, Embedded, Keeping};
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long the registry of the bench takes to answer: a network, not a loopback.
const LATENCY: Duration = Duration::from_millis(10);

fn ledger(at: &Path) -> Ledger {
    Ledger::open(LedgerOptions::new(at.join("ledger"), at.join("keys"), "bench")).expect("a ledger")
}

fn key(name: &str) -> TargetKey {
    TargetKey { app: AppName::new("my-app").expect("a name"), target: TargetName::new(name).expect("a name") }
}

/// Deploys to one target until it has had so many releases.
fn deploy(ledger: &Ledger, key: &TargetKey, releases: u64, config: &dyn Fn() -> ConfigSnapshot) {
    let first = ledger.log().read_all(haloy_ledger::ids::Position(0), 1).expect("event 0").remove(0);
    let stream = key.stream();
    let mut state = TargetState::new(key.clone());
    while state.lives < releases {
        let mut batch = Vec::new();
        while batch.len() < 800 && state.lives < releases || state.rollout.is_some() {
            let (after, events) = history::step_with(state, config);
            state = after;
            batch.extend(events.into_iter().map(|event| {
                let envelope = Envelope { stream: stream.clone(), ..first.envelope.clone() };
                NewEvent::seal(envelope, event.into(), || ledger.entropy().salt())
            }));
        }
        let write = StreamWrite { stream: stream.clone(), expected: Expected::Any, events: batch };
        ledger.log().append(vec![write], None, Stage::Durable).expect("appended");
    }
}

/// A long history of one target must not slow its list down.
fn long_history(folder: &Path) -> Vec<Line> {
    let (few, many) = sized((10, 10_000), (10, 20));
    let places = [(folder.join("few"), few), (folder.join("many"), many)];
    for (at, releases) in &places {
        std::fs::create_dir_all(at).expect("a folder");
        std::fs::write(at.join("haloy.yaml"), "name: my-app\nimage: my-app:v1\ntargets: {t0: {}}\n")
            .expect("written");
        deploy(&ledger(at), &key("t0"), *releases, &history::config);
    }
    let (mut whole, mut asked) = (Vec::new(), Vec::new());
    let (mut few_ms, mut many_ms) = (Vec::new(), Vec::new());
    let open = places.each_ref().map(|(at, _)| ledger(at));
    for _ in 0..rounds() {
        let [few, many] = open.each_ref().map(|ledger| {
            let (key, started) = (key("t0"), Instant::now());
            for _ in 0..100 {
                let kept = ledger.kept_candidates(&key).expect("an answer");
                assert!((6..=7).contains(&kept.len()), "{}", kept.len());
            }
            started.elapsed().as_secs_f64()
        });
        asked.push(many / few);
    }
    drop(open);
    for _ in 0..sized(3 * rounds(), 1) {
        let (few, _) = process::run(&places[0].0);
        let (many, _) = process::run(&places[1].0);
        whole.push(many / few);
        few_ms.push(few * 1e3);
        many_ms.push(many * 1e3);
    }
    let (met, answered) = (median(&whole) <= 1.5, median(&asked) <= 1.5);
    let figures = format!("{:.1} ms and {:.1} ms", median(&few_ms), median(&many_ms));
    vec![
        Line::new("rollback-targets, 10,000 releases / 10, whole process", whole, ("<= 1.5", met), figures),
        Line::new(
            "rollback-targets, 10,000 releases / 10, ledger open",
            asked,
            ("<= 1.5", answered),
            "the question alone".to_owned(),
        ),
    ]
}

/// Answers every HEAD with the recorded digest, after a while.
fn registry(digest: &Digest) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("known").to_string();
    let answer = format!(
        "HTTP/1.1 200 OK\r\nDocker-Content-Digest: {digest}\r\nContent-Type: application/vnd.oci.image.manifest.v1+json\r\nContent-Length: 0\r\n\r\n"
    );
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let answer = answer.clone();
            std::thread::spawn(move || {
                let (mut seen, mut byte) = (Vec::new(), [0; 512]);
                while let Ok(read @ 1..) = client.read(&mut byte) {
                    seen.extend_from_slice(&byte[..read]);
                    if seen.ends_with(b"\r\n\r\n") {
                        seen.clear();
                        std::thread::sleep(LATENCY);
                        if client.write_all(answer.as_bytes()).is_err() {
                            return;
                        }
                    }
                }
            });
        }
    });
    address
}

/// Many targets are asked for at once.
fn check(folder: &Path) -> Line {
    let at = folder.join("check");
    std::fs::create_dir_all(&at).expect("a folder");
    let address = registry(&history::digest());
    let config = || {
        let mut config = history::config();
        config.image.reference = ImageRef::new(format!("{address}/my-app:v1")).expect("a reference");
        let pattern = Some("v*".to_owned());
        config.retention = Retention { strategy: HistoryStrategy::Registry, count: 5, pattern };
        config
    };
    let keys: Vec<TargetKey> = (0..sized(200, 8)).map(|number| key(&format!("t{number}"))).collect();
    let filled = ledger(&at);
    keys.iter().for_each(|key| deploy(&filled, key, 1, &config));
    drop(filled);
    let mut options = service_options(&Global::default());
    (options.ledger, options.keys) = (at.join("ledger"), at.join("keys"));
    let service = bound(Embedded::new(options));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let follow = progress::follower(progress::Mode::None, true, "");
    let time = |groups: Vec<&[TargetKey]>| {
        let started = Instant::now();
        for keys in groups {
            let request = CheckRequest { keys: keys.to_vec(), why: CommandMetadata::default() };
            let checked = service.check(request, Arc::clone(&follow));
            runtime.block_on(checked).expect("checked");
        }
        started.elapsed().as_secs_f64()
    };
    let (mut ratios, mut took) = (Vec::new(), Vec::new());
    for _ in 0..sized(3, 1) {
        let alone = time(keys.chunks(1).collect());
        let together = time(vec![&keys]);
        ratios.push(alone / together);
        took.push(together);
    }
    let met = median(&ratios) >= 5.0;
    let figures = format!("{:.2} s for 200 targets, a registry that answers after 10 ms", median(&took));
    Line::new("--check over 200 registry targets, one by one / at once", ratios, (">= 5", met), figures)
}

/// Both.
pub fn bench(folder: &Path) -> Vec<Line> {
    let mut lines = long_history(folder);
    lines.push(check(folder));
    lines
}
