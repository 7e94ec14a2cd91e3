//! Rolling: no gap, in Docker's own timestamps and for a client that polls.

use crate::harness::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// Polls every container address of an app each 20 ms; counts the rounds in which none answered.
struct Poller {
    stop: Arc<AtomicBool>,
    rounds: Arc<AtomicUsize>,
    gaps: Arc<AtomicUsize>,
    thread: std::thread::JoinHandle<()>,
}

impl Poller {
    fn start(user: &User) -> Self {
        let (stop, rounds, gaps) =
            (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let label = format!("label=haloy.app={}", user.app);
        let seen = (Arc::clone(&stop), Arc::clone(&rounds), Arc::clone(&gaps));
        let known = Arc::new(std::sync::Mutex::new(user.addresses("default")));
        let finder = (Arc::clone(&known), Arc::clone(&stop));
        // Listing takes longer than a round, so addresses are looked up beside the polling.
        std::thread::spawn(move || {
            while !finder.1.load(Ordering::Relaxed) {
                let list = docker(&["ps", "-q", "--filter", &label]);
                for address in list.lines().filter_map(address) {
                    let mut known = finder.0.lock().expect("not poisoned");
                    if !known.contains(&address) {
                        known.push(address);
                    }
                }
            }
        });
        let thread = std::thread::spawn(move || {
            while !seen.0.load(Ordering::Relaxed) {
                let known = known.lock().expect("not poisoned").clone();
                let answered = known.iter().any(|address| get(address, "/").is_ok());
                seen.1.fetch_add(1, Ordering::Relaxed);
                seen.2.fetch_add(usize::from(!answered), Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        Self { stop, rounds, gaps, thread }
    }

    fn end(self) -> (usize, usize) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("it polled");
        (self.rounds.load(Ordering::Relaxed), self.gaps.load(Ordering::Relaxed))
    }
}

/// Docker's events of an app since an instant: (nanoseconds, action, deployment).
fn events(user: &User, since: &str) -> Vec<(u128, String, String)> {
    let label = format!("label=haloy.app={}", user.app);
    let format = "{{.TimeNano}} {{.Action}} {{index .Actor.Attributes \"haloy.deployment\"}}";
    let until = format!("{}", std::time::SystemTime::UNIX_EPOCH.elapsed().expect("a clock").as_secs() + 1);
    let list =
        docker(&["events", "--since", since, "--until", &until, "--filter", &label, "--format", format]);
    list.lines()
        .filter_map(|line| {
            let mut words = line.split(' ');
            Some((words.next()?.parse().ok()?, words.next()?.to_owned(), words.next()?.to_owned()))
        })
        .collect()
}

#[test]
fn three_replicas_roll_without_a_gap() {
    if !engine() {
        return;
    }
    let user = User::new("rolling");
    let config = "replicas: 3\nmin_ready_seconds: 1\n";
    let v1 = user.deploy("v1", config);
    let since = format!("{}", std::time::SystemTime::UNIX_EPOCH.elapsed().expect("a clock").as_secs());
    let poller = Poller::start(&user);
    let v2 = user.deploy("v2", config);
    let (rounds, gaps) = poller.end();
    assert!(rounds > 20, "{rounds} rounds");
    assert_eq!(gaps, 0, "of {rounds} rounds");
    assert_eq!(user.answers("default", "/"), ["version v2"; 3]);

    // In Docker's own time: the n-th old replica stops after the n-th new one was up for the second
    // that it must stay healthy.
    let events = events(&user, &since);
    let times = |action: &str, deployment: &str| -> Vec<u128> {
        events.iter().filter(|(_, a, d)| a == action && d == deployment).map(|(at, _, _)| *at).collect()
    };
    let (started, stopped) = (times("start", &v2), times("die", &v1));
    assert_eq!((started.len(), stopped.len()), (3, 3), "{events:?}");
    for (started, stopped) in started.iter().zip(&stopped) {
        assert!(stopped - started >= 1_000_000_000, "an old one stopped too early: {events:?}");
    }
}

#[test]
fn a_deploy_that_never_becomes_healthy_leaves_the_old_one_serving() {
    if !engine() {
        return;
    }
    let user = User::new("unhealthy");
    let v1 = user.deploy("v1", "replicas: 2\n");
    let before = user.containers("default");
    user.config(
        "v2",
        "replicas: 2\nenv: [{name: STATUS, value: \"503\"}, {name: COMPLAINT, value: no database}]\n",
    );
    let poller = Poller::start(&user);
    let failed = user.haloy("deploy").exits(3);
    let (_, gaps) = poller.end();
    assert_eq!(gaps, 0);
    assert!(failed.out.contains("answered 503") && failed.out.contains("no database"), "{}", failed.out);
    assert_eq!(user.containers("default"), before, "the very same containers");
    assert_eq!(user.haloy("rollback-targets -o id").ok().out, "");
    let status = user.haloy("status --json").ok().json();
    assert_eq!(status["data"][0]["release"], v1.as_str());
}

#[test]
fn the_first_failure_after_a_retirement_restores_the_old_release() {
    if !engine() {
        return;
    }
    let user = User::new("restored");
    let replace = "deployment_strategy: replace\n";
    user.deploy("v1", replace);
    user.config("v2", &format!("{replace}env: [{{name: CRASH, value: \"7\"}}]\n"));
    let failed = user.haloy("deploy").exits(4);
    assert!(failed.out.contains("restored"), "{}", failed.out);
    assert_eq!(user.answers("default", "/"), ["version v1"]);
    assert_eq!(user.containers("default").len(), 1);
    user.haloy("replay").ok();
}

#[test]
fn ctrl_c_goes_back_cleanly() {
    if !engine() {
        return;
    }
    let user = User::new("cancel");
    user.deploy("v1", "");
    user.config("v2", "env: [{name: START_DELAY_MS, value: \"60000\"}]\n");
    let mut child = user.command("deploy").env("HALOY_HEALTH_TIMEOUT", "60").spawn().expect("haloy runs");
    std::thread::sleep(Duration::from_millis(1500));
    let killed = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(killed.expect("kill").success());
    let code = child.wait().expect("it ends").code();
    assert_eq!(code, Some(130));
    assert_eq!(user.answers("default", "/"), ["version v1"]);
    assert_eq!(user.containers("default").len(), 1);
    let history = user.haloy("history --json").ok().json();
    assert_eq!(history["data"][0]["ending"], "cancelled");
}

#[test]
fn containers_carry_labels_and_limits() {
    if !engine() {
        return;
    }
    let user = User::new("labels");
    let id = user.deploy("v1", "resources: {memory: 64m, cpus: 0.5}\nvolumes: [\"e2e-data:/data\"]\n");
    let container = user.containers("default").remove(0);
    let inspected: serde_json::Value = serde_json::from_str(&docker(&["inspect", &container])).expect("JSON");
    let (config, host) = (&inspected[0]["Config"]["Labels"], &inspected[0]["HostConfig"]);
    let labels: BTreeMap<String, String> = serde_json::from_value(config.clone()).expect("labels");
    assert_eq!(labels["haloy.app"], user.app);
    assert_eq!(labels["haloy.deployment"], id);
    for label in ["haloy.ledger", "haloy.target", "haloy.replica", "haloy.effect"] {
        assert!(labels.contains_key(label), "{label}");
    }
    assert_eq!(host["Memory"], 64 << 20);
    assert_eq!(host["NanoCpus"], 500_000_000);
    assert_eq!(host["Init"], true);
    assert_eq!(host["RestartPolicy"]["Name"], "unless-stopped");
    user.haloy("stop --remove").ok();
    docker(&["volume", "rm", "e2e-data"]);
}

#[test]
fn hooks_run_here_know_their_facts_and_fail_before_anything_starts() {
    if !engine() {
        return;
    }
    let user = User::new("hooks");
    user.deploy(
        "v1",
        "pre_deploy: [\"echo $HALOY_APP/$HALOY_TARGET > pre.txt\"]\npost_deploy: [\"exit 4\"]\n",
    );
    let facts = std::fs::read_to_string(user.folder.path().join("pre.txt")).expect("the hook ran");
    assert_eq!(facts.trim(), format!("{}/default", user.app));
    assert_eq!(user.answers("default", "/"), ["version v1"], "a failed post_deploy is a warning");
    user.config("v2", "pre_deploy: [\"echo migration broke; exit 9\"]\n");
    let failed = user.haloy("deploy").exits(3);
    assert!(failed.out.contains("migration broke"), "{}", failed.out);
    assert_eq!(user.answers("default", "/"), ["version v1"]);
}

/// An image that is built here, with a HEALTHCHECK of its own: then Docker decides.
#[test]
fn an_image_built_here_is_judged_by_its_own_healthcheck() {
    if !engine() {
        return;
    }
    let user = User::new("build");
    let folder = user.folder.path();
    std::fs::write(folder.join("app"), haloy::commands::demo::APP).expect("written");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder.join("app"), mode).expect("executable");
    let dockerfile = "FROM scratch\nCOPY app /app\nARG V\nENV VERSION=$V\n\
                      HEALTHCHECK --interval=1s --timeout=1s --retries=2 CMD [\"/app\", \"healthcheck\"]\nENTRYPOINT [\"/app\"]\n";
    std::fs::write(folder.join("Dockerfile"), dockerfile).expect("written");
    let config = |version: &str, more: &str| {
        let text = format!(
            "name: {}\nimage:\n  repository: {}\n  tag: {version}\n  build_config:\n    args: [{{name: V, value: {version}}}]\n{more}",
            user.app, user.app
        );
        std::fs::write(folder.join("haloy.yaml"), text).expect("written");
    };
    config("b1", "");
    let id = user.haloy("deploy -o id").ok().out;
    let events = user.haloy(&format!("events --deployment {} -o ndjson", id.trim())).ok().out;
    assert!(events.contains("ImageBuilt") && events.contains("healthcheck"), "{events}");
    assert_eq!(user.answers("default", "/"), ["version b1"]);
    config("b2", "env: [{name: STATUS, value: \"500\"}]\n");
    user.haloy("deploy").exits(3);
    assert_eq!(user.answers("default", "/"), ["version b1"]);
}
