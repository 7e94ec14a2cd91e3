//! Apps that run under `docker run` deploy here: apps that warm up, that check the host, that are process 1
//! themselves, that migrate first; and the end of one that does not run is reported.

use crate::harness::*;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// An image with the test app.
fn image(user: &User, dockerfile: &str) -> String {
    let tag = format!("{}-image", user.app);
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("Dockerfile"), dockerfile).expect("written");
    docker(&["build", "-q", "-t", &tag, &folder.path().display().to_string()]);
    tag
}

fn config(user: &User, image: &str, more: &str) {
    let text = format!(
        "name: {}\nimage: {{repository: {image}, tag: latest, pull_policy: never}}\n{more}",
        user.app
    );
    std::fs::write(user.folder.path().join("haloy.yaml"), text).expect("written");
}

fn inspected(id: &str, what: &str) -> String {
    docker(&["inspect", "-f", what, id])
}

#[test]
fn an_app_that_warms_up_and_checks_its_host_becomes_well() {
    if !engine() {
        return;
    }
    let mut user = User::new("warm");
    let expect = "Host: shop.test|X-Probe: yes|Authorization: Bearer t0psecret";
    user.environment.push(("PROBE", "Bearer t0psecret".to_owned()));
    user.environment.push(("EXPECT", expect.to_owned()));
    let more = "domains: [shop.test, other.test]\nhealth_timeout_seconds: 40\n\
                health_check_headers: {X-Probe: \"yes\", Authorization: {from: {env: PROBE}}}\n\
                env: [{name: EXPECT, from: {env: EXPECT}}, {name: WARM_MS, value: \"17000\"}]\n";
    user.config("v1", more);
    let asked = Instant::now();
    let mut deploy = user.command("deploy");
    let ran = user.run(deploy.env_remove("HALOY_HEALTH_TIMEOUT")).ok();
    assert!(asked.elapsed() >= Duration::from_secs(17), "{ran:?}");
    let told = format!("{}{}{}", ran.out, ran.err, user.haloy("events -o ndjson").ok().out);
    assert!(!told.contains("t0psecret"), "{told}");
    // The limit for all of them takes precedence over the file.
    user.config("v2", more);
    let mut deploy = user.command("deploy");
    let ran = user.run(deploy.env("HALOY_HEALTH_TIMEOUT", "2")).exits(3);
    assert!(ran.out.contains("GET / answered 503") && ran.out.contains("in 2 s"), "{}", ran.out);
}

#[test]
fn process_1_and_the_time_to_stop_are_as_written() {
    if !engine() {
        return;
    }
    let user = User::new("init");
    user.deploy("v1", "");
    let [id] = &user.containers("default")[..] else { panic!("one container") };
    assert_eq!(inspected(id, "{{.HostConfig.Init}} {{.Config.StopTimeout}}"), "true 20");

    // An image with an init of its own keeps it.
    let own =
        image(&user, &format!("FROM scratch\nCOPY --from={IMAGE}:v1 /app /init\nENTRYPOINT [\"/init\"]\n"));
    config(&user, &own, "");
    user.haloy("deploy").ok();
    let [id] = &user.containers("default")[..] else { panic!("one container") };
    assert_eq!(inspected(id, "{{.HostConfig.Init}}"), "false");
    config(&user, &own, "init: true\n");
    user.haloy("deploy").ok();
    let [id] = &user.containers("default")[..] else { panic!("one container") };
    assert_eq!(inspected(id, "{{.HostConfig.Init}}"), "true");

    // Process 1 ignores SIGTERM: it is killed after its grace, and that is reported.
    user.deploy("v2", "init: false\nstop_timeout_seconds: 2\n");
    let asked = Instant::now();
    let stopped = user.haloy("stop -y").ok();
    let took = asked.elapsed();
    assert!(took >= Duration::from_secs(2) && took < Duration::from_secs(15), "{took:?}");
    let events = user.haloy("events").ok().out;
    assert!(events.contains("was killed after its grace"), "{events}\n{}", stopped.err);
    docker(&["rmi", "-f", &own]);
}

#[test]
fn how_a_container_ended_is_told() {
    if !engine() {
        return;
    }
    let user = User::new("ended");
    let fails = |more: &str, words: &str| {
        user.config("v1", more);
        let ran = user.haloy("deploy").exits(3);
        assert!(ran.out.contains(words), "{words}: {}", ran.out);
    };
    fails("env: [{name: CRASH, value: \"0\"}]\n", "ended with code 0: its command was done");
    fails("env: [{name: CRASH, value: \"7\"}]\n", "ended with code 7");
    fails(
        "resources: {memory: 8m}\nenv: [{name: HOG_MB, value: \"200\"}]\n",
        "killed for using more memory than it may",
    );
    let checked = image(
        &user,
        &format!(
            "FROM {IMAGE}:v1\nHEALTHCHECK --start-period=60s --interval=500ms --timeout=2s CMD [\"/app\", \"healthcheck\"]\n"
        ),
    );
    let more = "env: [{name: STATUS, value: \"503\"}, {name: COMPLAINT, value: no database yet}]\n";
    config(&user, &checked, more);
    let ran = user.haloy("deploy").exits(3);
    let words = "its HEALTHCHECK has not passed within 4 s";
    assert!(ran.out.contains(words) && ran.out.contains("no database yet"), "{}", ran.out);
    docker(&["rmi", "-f", &checked]);
}

/// A deploy with a release command that writes to a file.
fn releasing(user: &User, version: &str, folder: &Path, arguments: &str) {
    let more = format!(
        "volumes: [\"{}:/data\"]\nrelease_command: [/app, release, /data/log{arguments}]\n\
         env: [{{name: TOKEN, from: {{env: TOKEN}}}}]\n",
        folder.display()
    );
    user.config(version, &more);
}

#[test]
fn a_release_command_runs_once_before_the_switch_and_its_failure_changes_nothing() {
    if !engine() {
        return;
    }
    let mut user = User::new("release");
    user.environment.push(("TOKEN", "t0psecret-of-the-release".to_owned()));
    let data = tempfile::tempdir().expect("a folder");
    let log = || std::fs::read_to_string(data.path().join("log")).unwrap_or_default();
    releasing(&user, "v1", data.path(), "");
    let ran = user.haloy("deploy").ok();
    assert_eq!(log(), "v1\n");
    let shown = format!("{}{}", ran.out, ran.err);
    assert!(shown.contains("migrating with ***") && !shown.contains("t0psecret"), "{shown}");
    let before = user.containers("default");
    assert_eq!(before.len(), 1, "its container is gone");

    releasing(&user, "v2", data.path(), ", \"3\"");
    let ran = user.haloy("deploy").exits(3);
    assert!(ran.out.contains("the release command ended with code 3"), "{}", ran.out);
    assert!(ran.out.contains("migrating with ***"), "its last lines: {}", ran.out);
    assert_eq!((log().as_str(), user.containers("default")), ("v1\nv2\n", before), "nothing was touched");

    // A rollback does not run it; one that was not there does not either.
    releasing(&user, "v3", data.path(), "");
    user.haloy("deploy").ok();
    user.haloy("rollback -y").ok();
    assert_eq!(log(), "v1\nv2\nv3\n");
    assert_eq!(user.answers("default", "/"), ["version v1"]);

    // haloy dies when it has ended, and before the end is recorded.
    releasing(&user, "v4", data.path(), "");
    let mut deploy = user.command("deploy");
    deploy.env("HALOY_FAILPOINT", "after-effect:RunReleaseCommand/");
    assert_ne!(user.run(&mut deploy).code, 0);
    user.haloy("settle").ok();
    assert_eq!(log(), "v1\nv2\nv3\nv4\n", "not again by itself");
    let history = user.haloy("history").ok().out;
    assert!(history.contains("interrupted"), "{history}");
    assert_eq!(user.answers("default", "/"), ["version v1"]);
    let programs = user.haloy("events -o ndjson").ok().out;
    assert!(
        programs.contains("release_command_unknown") || programs.contains("ReleaseCommandUnknown"),
        "{programs}"
    );
}

/// A deploy whose release command has begun.
fn begun(user: &User, data: &Path) -> Child {
    let mut deploy = user.command("deploy");
    let deploy = deploy.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("haloy runs");
    let until = Instant::now() + Duration::from_secs(20);
    while !data.join("log").exists() {
        assert!(Instant::now() < until, "it never began");
        std::thread::sleep(Duration::from_millis(50));
    }
    deploy
}

#[test]
fn a_release_command_that_still_runs_is_not_joined_by_another() {
    if !engine() {
        return;
    }
    let user = User::new("joined");
    let data = tempfile::tempdir().expect("a folder");
    let plain = |arguments: &str| {
        let more = format!(
            "volumes: [\"{}:/data\"]\nrelease_command: [/app, release, /data/log{arguments}]\n",
            data.path().display()
        );
        user.config("v1", &more);
    };
    plain(", \"0\", \"8000\"");
    let mut deploy = begun(&user, data.path());
    deploy.kill().expect("killed");
    drop(deploy.wait());
    let ran = user.haloy("deploy").exits(3);
    assert!(ran.out.contains("still runs"), "{}", ran.out);
    let label = format!("label=haloy.app={}", user.app);
    let name = docker(&["ps", "--filter", &label, "--format", "{{.Names}}"]);
    docker(&["wait", &name]);
    plain("");
    user.haloy("deploy").ok();
    assert_eq!(user.containers("default").len(), 1, "what was left of it is gone");
    // Cancelled: it is stopped, and its container goes.
    plain(", \"0\", \"60000\"");
    std::fs::remove_file(data.path().join("log")).expect("removed");
    let mut deploy = begun(&user, data.path());
    let told = std::process::Command::new("kill").args(["-INT", &deploy.id().to_string()]).status();
    assert!(told.expect("kill").success());
    assert_eq!(deploy.wait().expect("it ended").code(), Some(130));
    assert_eq!(user.containers("default").len(), 1);
    assert_eq!(user.answers("default", "/"), ["version v1"]);
}
