//! Haloy reports what it observed: of containers, of the edge, of an engine that does not answer, of a
//! registry that does not, and of who else runs the same.

use crate::edge::{HOST, get, routed};
use crate::harness::*;
use crate::registries::*;
use std::time::{Duration, Instant};

/// Nothing listens there.
const NO_ENGINE: (&str, &str) = ("DOCKER_HOST", "unix:///none.sock");

fn status(user: &User) -> serde_json::Value {
    user.haloy("status -o json").ok().json()["data"][0].clone()
}

/// Waits until the state is this one.
#[track_caller]
fn becomes(user: &User, state: &str) -> serde_json::Value {
    let until = Instant::now() + Duration::from_secs(40);
    loop {
        let seen = status(user);
        if seen["state"] == state {
            return seen;
        }
        assert!(Instant::now() < until, "it never becomes {state}: {seen:#}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// An image with a HEALTHCHECK, whose app answers with the content of a file of the test, and ends at once
/// while another file exists.
fn told_by_files(user: &User) -> std::path::PathBuf {
    let told = user.folder.path().join("told");
    let context = user.folder.path().join("checked");
    for folder in [&told, &context] {
        std::fs::create_dir_all(folder).expect("made");
    }
    let dockerfile = format!(
        "FROM {IMAGE}:v1\nENV STATUS_FILE=/told/status CRASH_FILE=/told/crash\n\
         HEALTHCHECK --interval=1s --timeout=2s --retries=1 CMD [\"/app\", \"healthcheck\"]\n"
    );
    std::fs::write(context.join("Dockerfile"), dockerfile).expect("written");
    let image = format!("{}-checked", user.app);
    docker(&["build", "-q", "-t", &image, &context.display().to_string()]);
    let text = format!("name: {}\nimage: {image}\nvolumes: [\"{}:/told\"]\n", user.app, told.display());
    std::fs::write(user.folder.path().join("haloy.yaml"), text).expect("written");
    user.haloy("deploy").ok();
    docker(&["rmi", &image]);
    told
}

#[test]
fn status_says_how_the_containers_are() {
    if !engine() {
        return;
    }
    let user = User::new("seen");
    let told = told_by_files(&user);
    assert_eq!(status(&user)["state"], "running");
    user.haloy("status --exit-code").ok();
    std::fs::write(told.join("status"), "500").expect("written");
    becomes(&user, "unhealthy");
    let table = user.haloy("status").ok().out;
    assert!(table.contains("0/1") && table.contains("its HEALTHCHECK fails"), "{table}");
    user.haloy("status --exit-code").exits(10);
    std::fs::remove_file(told.join("status")).expect("removed");
    becomes(&user, "running");

    let container = user.containers("default").remove(0);
    docker(&["pause", &container]);
    becomes(&user, "paused");
    let doctor = user.haloy("doctor").out;
    assert!(doctor.contains("1 of 1 are paused"), "{doctor}");
    docker(&["unpause", &container]);

    // It ends, and ends again whenever Docker restarts it.
    std::fs::write(told.join("crash"), "").expect("written");
    let address = address(&container).expect("it runs");
    drop(crate::harness::get(&address, "/exit"));
    let seen = becomes(&user, "restarting");
    assert!(seen["replicas"][0]["restarts"].as_u64().is_some_and(|count| count > 0), "{seen:#}");
    // Between two attempts it is starting, for a moment.
    let until = Instant::now() + Duration::from_secs(20);
    while !user.haloy("status").ok().out.contains("restarting, ") {
        assert!(Instant::now() < until, "the table never says so");
    }
    std::fs::remove_file(told.join("crash")).expect("removed");
    becomes(&user, "running");

    // Started by hand after it was stopped; and a container of it that the log does not have.
    user.haloy("stop -y").ok();
    assert_eq!(status(&user)["state"], "stopped");
    docker(&["start", &container]);
    let seen = becomes(&user, "differs");
    assert_eq!(seen["stopped"], true);
    let table = user.haloy("status").ok().out;
    assert!(table.contains("although it was stopped"), "{table}");
}

#[test]
fn an_engine_that_does_not_answer_is_unknown_and_never_well() {
    if !engine() {
        return;
    }
    let user = User::new("unseen");
    let v1 = user.deploy("v1", "");
    let before = user.containers("default");
    let without = |line: &str| user.run(user.command(line).env(NO_ENGINE.0, NO_ENGINE.1));
    let said = without("status").exits(1);
    assert!(said.out.contains("unknown: Docker does not answer") && said.out.contains("?/1"), "{}", said.out);
    assert_eq!(without("status -o json").exits(1).json()["data"][0]["state"], "unknown");
    let events = user.haloy("events -o json").ok().out;
    let said = without("stop -y").exits(1);
    assert!(said.err.contains("nothing was stopped"), "{}", said.err);
    assert_eq!(user.haloy("events -o json").ok().out, events, "nothing was recorded that did not happen");
    user.config("v2", "");
    let said = without("deploy").exits(3);
    assert!(
        said.out.contains("what runs is unknown") && !said.out.contains("runs unchanged"),
        "{}",
        said.out
    );
    let said = without("rollback");
    assert_ne!(said.code, 0, "{}", said.out);
    assert!(!said.out.contains("runs unchanged"), "{}", said.out);
    assert_eq!(user.containers("default"), before);
    let seen = status(&user);
    assert_eq!((&seen["state"], &seen["release"]), (&"running".into(), &v1.as_str().into()));
}

#[test]
fn an_app_that_the_edge_does_not_serve_is_not_served() {
    if !engine() {
        return;
    }
    let user = User::new("unserved");
    user.deploy("v1", &routed("rolling"));
    assert_eq!(get(&user, HOST, "/").body, "version v1\n");
    assert_eq!(status(&user)["state"], "running");
    user.end_edge();
    let seen = becomes(&user, "not_served");
    assert_eq!(seen["replicas"][0]["running"], true);
    user.haloy("status --exit-code").exits(10);
    let table = user.haloy("status").ok().out;
    assert!(table.contains("not served: the edge does not run"), "{table}");
    user.haloy("settle").ok();
    becomes(&user, "running");
}

#[test]
fn only_a_registry_that_does_not_have_it_makes_room_for_what_was_built_here() {
    if !engine() {
        return;
    }
    let user = User::new("stale");
    let Some(registry) = Registry::open(&user) else { return };
    let image = format!("{}/org/own:v1", registry.address);
    docker(&["tag", &format!("{IMAGE}:v1"), &image]);
    let text = format!("name: {}\nimage: {{repository: {image}, pull_policy: always}}\n", user.app);
    std::fs::write(user.folder.path().join("haloy.yaml"), text).expect("written");
    // The registry answers, and does not have it: the image that was built here is meant, and that is
    // reported.
    let said = user.haloy("deploy").ok().out;
    assert!(said.contains("warning: the registry does not have"), "{said}");
    drop(registry);
    let said = user.haloy("deploy").exits(3);
    assert!(said.out.contains("connection refused"), "{}", said.out);
    docker(&["rmi", &image]);

    let Some(closed) = Registry::closed(&user) else { return };
    let image = format!("{}/org/own:v1", closed.address);
    docker(&["tag", &format!("{IMAGE}:v1"), &image]);
    let login = "registry: {username: {value: ci}, password: {value: wrong}}";
    let text = format!("name: {}\nimage: {{repository: {image}, pull_policy: always, {login}}}\n", user.app);
    std::fs::write(user.folder.path().join("haloy.yaml"), text).expect("written");
    user.haloy("deploy").exits(3);
    docker(&["rmi", &image]);
}

#[test]
fn a_rollback_passes_over_what_is_the_same() {
    if !engine() {
        return;
    }
    let user = User::new("same");
    user.deploy("v1", "");
    let same = user.deploy("v2", "");
    user.deploy("v2", "");
    let listed = user.haloy("rollback-targets").ok().out;
    assert!(listed.contains("same as current"), "{listed}");
    let said = user.haloy("rollback -y").ok();
    assert!(
        said.err.contains(&format!("passed over, being the same as what runs or as what was left: {same}")),
        "{}",
        said.err
    );
    assert_eq!(user.answers("default", "/"), ["version v1"]);
    // The same image with another configuration is another release.
    let user = User::new("other");
    user.deploy("v1", "env: [{name: A, value: \"1\"}]\n");
    user.deploy("v1", "env: [{name: A, value: \"2\"}]\n");
    user.haloy("rollback -y").ok();
    assert_eq!(user.answers("default", "/env/A"), ["1"]);
    // Nothing that differs.
    let user = User::new("nothing");
    user.deploy("v1", "");
    user.deploy("v1", "");
    let said = user.haloy("rollback -y").exits(11);
    assert!(said.err.contains("no earlier good release that differs"), "{}", said.err);
}

#[test]
fn what_fails_beside_a_success_is_told_with_its_words() {
    if !engine() {
        return;
    }
    let user = User::new("beside");
    user.config(
        "v1",
        "post_deploy: [\"echo cannot warm the cache; exit 7\"]\nglobal_post_deploy: [\"exit 3\"]\n",
    );
    let said = user.haloy("deploy").ok();
    for words in ["warning: post_deploy: command 1 ended with code 7", "| cannot warm the cache"] {
        assert!(said.out.contains(words), "{}", said.out);
    }
    assert!(said.err.contains("global_post_deploy"), "{}", said.err);
    let id = user.haloy("history -o id").ok().out.lines().next().unwrap_or_default().to_owned();
    let shown = user.haloy(&format!("show {id}")).ok().out;
    assert!(shown.contains("cannot warm the cache"), "{shown}");
    // Lines of a build that failed.
    let folder = user.folder.path();
    std::fs::write(folder.join("app"), haloy::commands::demo::APP).expect("written");
    std::fs::write(folder.join("Dockerfile"), format!("FROM {IMAGE}:v1\nRUN [\"/nothing-there\"]\n"))
        .expect("written");
    let text = format!("name: {}\nimage: {{repository: {}, build_config: {{}}}}\n", user.app, user.app);
    std::fs::write(folder.join("haloy.yaml"), text).expect("written");
    let said = user.haloy("deploy").exits(3);
    assert!(said.out.contains("nothing-there") && said.out.contains("| Step 2/2"), "{}", said.out);
    assert!(said.out.contains("runs unchanged"), "{}", said.out);
}

#[test]
fn one_app_of_two_ledgers_is_told() {
    if !engine() {
        return;
    }
    let (one, mut two) = (User::new("twice"), User::new("twice"));
    two.app = one.app.clone();
    one.deploy("v1", "");
    two.config("v1", "");
    let said = two.haloy("deploy").ok().out;
    assert!(said.contains("runs from another ledger, too"), "{said}");
    for user in [&one, &two] {
        let found = user.haloy("doctor").out;
        assert!(found.contains("runs from another ledger, too"), "{found}");
    }
    two.haloy("stop --remove -y").ok();
    let found = one.haloy("doctor").out;
    assert!(!found.contains("another ledger"), "{found}");
}

#[test]
fn what_left_the_file_can_be_stopped_and_pruned() {
    if !engine() {
        return;
    }
    let user = User::new("left");
    let both = "targets:\n  blue: {}\n  green: {}\n";
    user.config("v1", both);
    user.haloy("deploy --all").ok();
    user.config("v1", "targets:\n  green: {}\n");
    let unknown = user.haloy("stop --target bleu -y").exits(2);
    assert!(unknown.err.contains("bleu"), "{}", unknown.err);
    user.haloy("stop --target blue --remove -y").ok();
    assert_eq!(user.containers("blue"), Vec::<String>::new());
    assert_eq!(user.containers("green").len(), 1);
    user.haloy("prune --target blue --apply").ok();
    // A renamed app: the old one is named with its app.
    std::fs::write(user.folder.path().join("haloy.yaml"), format!("name: other\nimage: {IMAGE}:v1\n"))
        .expect("written");
    let app = &user.app;
    assert!(user.haloy(&format!("status --target {app}/green")).ok().out.contains("running"));
    // One of them is already stopped: that is reported, and does not affect the others.
    let said = user.haloy(&format!("stop --target {app}/* --remove -y")).exits(5);
    assert!(said.err.contains("already stopped") && said.out.contains("green"), "{}", said.err);
    assert_eq!(user.containers("green"), Vec::<String>::new());
    user.haloy(&format!("prune --target {app}/green --apply")).ok();
}
