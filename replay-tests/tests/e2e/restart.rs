//! `haloy restart`: the same containers, one after the other, and without a gap where there are two.

use crate::edge::{HOST, get};
use crate::harness::*;
use crate::load::{Load, Way};
use std::time::Duration;

/// The containers, in order of their replicas.
fn in_order(user: &User) -> Vec<String> {
    let label = "{{index .Config.Labels \"haloy.replica\"}}";
    let mut containers = user.containers("default");
    containers.sort_by_key(|id| docker(&["inspect", "-f", label, id]));
    containers
}

/// When each container was started, from Docker.
fn started(containers: &[String]) -> Vec<String> {
    containers.iter().map(|id| docker(&["inspect", "-f", "{{.State.StartedAt}}", id])).collect()
}

/// A file in a container, whose image has no shell.
fn put(user: &User, container: &str, path: &str, text: &str) {
    let file = user.folder.path().join("put");
    std::fs::write(&file, text).expect("written");
    docker(&["cp", &file.display().to_string(), &format!("{container}:{path}")]);
}

#[test]
fn two_replicas_are_restarted_without_a_lost_request() {
    if !engine() {
        return;
    }
    let user = User::new("restart");
    user.deploy("v1", &format!("replicas: 2\ndomains: [{HOST}]\n"));
    let containers = in_order(&user);
    let before = started(&containers);
    put(&user, &containers[0], "/kept", "written by the app");
    let load = Load::start(user.edge, HOST, 8, Way::KeepAlive);
    std::thread::sleep(Duration::from_millis(300));
    let said = user.haloy("restart -m leak").ok().out;
    std::thread::sleep(Duration::from_millis(300));
    let (done, failed) = load.end();
    println!("{} failed of {done}", failed.len());
    assert!(failed.is_empty() && done > 100, "{:?}", failed.first());
    assert!(said.contains("2/2"), "{said}");
    assert_eq!(in_order(&user), containers, "the same containers");
    let kept = user.folder.path().join("kept-again").display().to_string();
    docker(&["cp", &format!("{}:/kept", containers[0]), &kept]);
    let after = started(&containers);
    assert!(before.iter().zip(&after).all(|(before, after)| before != after), "{before:?} {after:?}");
    let events = user.haloy("events --kind ReplicaRestarted -o json").ok().json();
    let causes: Vec<&str> = events["data"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|e| e["payload"]["cause"].as_str())
        .collect();
    assert_eq!(causes, ["asked", "asked"]);
    user.haloy("status --exit-code").ok();
    user.haloy("replay").ok();
}

#[test]
fn a_replica_that_does_not_come_back_leaves_the_other_one_alone() {
    if !engine() {
        return;
    }
    let user = User::new("restartbad");
    let more = "env: [{name: STATUS_FILE, value: /status}]\nhealth_timeout_seconds: 3\n";
    user.deploy("v1", &format!("replicas: 2\ndomains: [{HOST}]\n{more}"));
    let containers = in_order(&user);
    let before = started(&containers);
    put(&user, &containers[0], "/status", "503");
    let ran = user.haloy("restart").exits(1);
    assert!(ran.err.contains("0 of 2 replicas restarted, the next one failed"), "{}", ran.err);
    assert!(ran.err.contains("1 not touched"), "{}", ran.err);
    assert_eq!(started(&containers)[1], before[1], "the other one was not touched");
    for _ in 0..20 {
        assert_eq!(get(&user, HOST, "/").status, 200);
    }
    let status = user.haloy("status").ok().out;
    assert!(status.contains("out of the route: it was not healthy after its restart"), "{status}");
    put(&user, &containers[0], "/status", "200");
    user.haloy("restart").ok();
    user.haloy("status --exit-code").ok();
}

#[test]
fn a_restart_that_was_killed_brings_the_replica_back() {
    if !engine() {
        return;
    }
    for point in ["before-effect:StopReplica/0", "after-effect:StopReplica/0", "after-effect:StartReplica/0"]
    {
        let user = User::new("restartkill");
        user.deploy("v1", &format!("replicas: 2\ndomains: [{HOST}]\n"));
        let containers = in_order(&user);
        let second = started(&containers)[1].clone();
        let crashed = user.run(user.command("restart").env("HALOY_FAILPOINT", point));
        assert_eq!(crashed.code, -1, "{point}: {}", crashed.err);
        assert_eq!(get(&user, HOST, "/").status, 200, "{point}: the other one serves");
        let doctor = user.haloy("doctor");
        assert!(doctor.out.contains("1 target(s) were interrupted"), "{point}: {}", doctor.out);
        let status = user.haloy("status --exit-code").exits(10).out;
        assert!(status.contains("unfinished") && status.contains("interrupted at"), "{point}: {status}");
        user.haloy("settle").ok();
        user.haloy("status --exit-code").ok();
        assert_eq!(in_order(&user), containers, "{point}");
        assert_eq!(started(&containers)[1], second, "{point}: the one that was not begun was left alone");
        user.haloy("replay").ok();
    }
}
