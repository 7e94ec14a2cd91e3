//! A deploy of one replica on a real engine, against the same Docker calls made bare: the same effects
//! in the same order, without ledger, dispatcher and fsync.

use super::history;
use super::line::{Line, median, rounds, sized};
use haloy_executors::*;
use haloy_ledger::deployment::command::Deploy;
use haloy_ledger::deployment::{Command, TargetState, decide, evolve, owed};
use haloy_ledger::ids::*;
use haloy_ledger::ports::{Clock, Entropy, SystemClock, SystemEntropy};
use haloy_ledger::release::*;
use haloy_ledger::{CommandContext, Ledger, LedgerOptions};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// The image of the benches.
pub const IMAGE: &str = "haloy-bench-app:v1";

fn id() -> DeploymentId {
    let entropy: &dyn Entropy = &SystemEntropy;
    DeploymentId::from_parts(SystemClock.now().unix_ms(), entropy.ulid_bits())
}

/// A deploy of that image, with a configuration changed from a plain one.
pub fn request(change: impl FnOnce(ConfigSnapshot) -> ConfigSnapshot) -> Command {
    let image = ImageSpec {
        reference: ImageRef::new(IMAGE).expect("a reference"),
        pull_policy: PullPolicy::IfMissing,
        build: None,
        registry: None,
    };
    let plain = ConfigSnapshot {
        image,
        replicas: 1,
        env: Vec::new(),
        volumes: Vec::new(),
        domains: Vec::new(),
        ..history::config()
    };
    let release = ReleaseSpec { config: change(plain), config_digest: String::new() };
    Command::Deploy(Box::new(Deploy {
        id: id(),
        at: SystemClock.now(),
        release,
        git: None,
        ci: None,
        engine: None,
        move_domains: false,
    }))
}

fn deploy() -> Command {
    request(|config| config)
}

/// Builds the image of the bench with the docker command; false where there is no engine.
pub fn image(folder: &Path) -> bool {
    std::fs::write(folder.join("app"), haloy::commands::demo::APP).expect("written");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder.join("app"), mode).expect("executable");
    let dockerfile = "FROM scratch\nCOPY app /app\nENTRYPOINT [\"/app\"]\n";
    std::fs::write(folder.join("Dockerfile"), dockerfile).expect("written");
    let built = std::process::Command::new("docker").args(["build", "-q", "-t", IMAGE]).arg(folder).output();
    built.is_ok_and(|out| out.status.success())
}

fn key(round: usize, who: &str) -> TargetKey {
    let app = AppName::new(format!("bench-{who}")).expect("a name");
    TargetKey { app, target: TargetName::new(format!("t{round}")).expect("a name") }
}

async fn with_ledger(ledger: &Arc<Ledger>, docker: &Arc<DockerExecutor>, round: usize) -> f64 {
    let handle = LedgerHandle::new(Arc::clone(ledger));
    let dispatcher = Dispatcher {
        handle: handle.clone(),
        ledger: ledger.id(),
        executors: vec![Arc::<DockerExecutor>::clone(docker)],
        values: Arc::new(LedgerValues(handle.clone())),
        limits: Limits::default(),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
        progress: Arc::new(NoProgress),
        observer: Arc::new(Quiet),
        changed: Arc::new(tokio::sync::Notify::new()),
    };
    let (key, context) = (key(round, "haloy"), CommandContext::system("bench", "c"));
    let started = Instant::now();
    handle.execute(&key, deploy(), &context).await.expect("accepted");
    let driver = handle.driver(&key).await;
    let state = dispatcher.drive(&driver, &context).await.expect("driven");
    let seconds = started.elapsed().as_secs_f64();
    assert!(state.current.is_some(), "{:?}", state.last_ended);
    seconds
}

async fn bare(ledger: LedgerId, docker: &Arc<DockerExecutor>, round: usize) -> f64 {
    let key = key(round, "bare");
    let mut state = TargetState::new(key.clone());
    let started = Instant::now();
    for event in decide(&state, deploy()).expect("accepted") {
        state = evolve(state, &event);
    }
    while let Some((id, effect)) = owed(&state).into_iter().next() {
        let (scope, deployment) = (Scope { ledger, key: key.clone() }, id.deployment);
        let context = EffectContext {
            request: EffectRequest { id: id.clone(), scope, deployment, attempt: 1, facts: BTreeMap::new() },
            deadline: Instant::now() + Duration::from_secs(60),
            cancel: CancellationToken::new(),
            progress: Arc::new(NoProgress),
            routes: None,
            values: Arc::new(Values::default()),
        };
        let outcome = Box::new(docker.execute(&context, &effect).await.expect("done"));
        let report = Command::RecordOutcome { effect: id, outcome, at: SystemClock.now() };
        for event in decide(&state, report).expect("accepted") {
            state = evolve(state, &event);
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    assert!(state.current.is_some(), "{:?}", state.last_ended);
    seconds
}

/// The comparison; nothing where there is no engine.
pub fn bench(folder: &Path) -> Option<Line> {
    let at = folder.join("deploy");
    std::fs::create_dir_all(&at).expect("a folder");
    if !image(&at) {
        eprintln!("SKIPPED: no Docker engine answers");
        return None;
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let ledger = Ledger::open(LedgerOptions::new(at.join("ledger"), at.join("keys"), "bench"));
    let ledger = Arc::new(ledger.expect("a ledger"));
    let docker = Arc::new(DockerExecutor::new(DockerOptions::default()));
    let (mut ratios, mut ms) = (Vec::new(), Vec::new());
    runtime.block_on(async {
        docker.facts().await.expect("an engine");
        for round in 0..sized(3 * rounds(), 1) {
            // Who goes first changes from round to round.
            let (haloy, bare) = if round % 2 == 0 {
                let haloy = with_ledger(&ledger, &docker, round).await;
                (haloy, bare(ledger.id(), &docker, round).await)
            } else {
                let bare = bare(ledger.id(), &docker, round).await;
                (with_ledger(&ledger, &docker, round).await, bare)
            };
            ratios.push(haloy / bare);
            ms.push(haloy * 1e3);
            for slug in ["bench-haloy", "bench-bare"] {
                let id = ledger.id().to_string();
                docker
                    .forget(&id, slug, "no-network-of-its-own", &Default::default())
                    .await
                    .expect("removed");
            }
        }
        docker
            .forget(&ledger.id().to_string(), "haloy-bench-app", "no-network-of-its-own", &Default::default())
            .await
            .expect("removed");
    });
    let met = median(&ratios) <= 1.15;
    let figures = format!("{:.0} ms", median(&ms));
    Some(Line::new(
        "deploy of one replica / the same Docker calls made bare",
        ratios,
        ("<= 1.15", met),
        figures,
    ))
}
