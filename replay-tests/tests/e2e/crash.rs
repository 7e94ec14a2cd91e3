//! Every crash point of a deploy and of a rollback: crashed there, settled, and compared with a run
//! that did not crash.

use crate::harness::*;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// What there is at the end, without ids: images that run, containers, tags.
fn world(user: &User) -> (Vec<String>, usize, usize) {
    (user.answers("default", "/"), user.containers("default").len(), user.tags().len())
}

/// Two replicas of v1, then v2.
fn prepared(name: &str) -> User {
    let user = User::new(name);
    user.deploy("v1", CONFIG);
    user
}

const CONFIG: &str = "replicas: 2\n";
const IMAGE_V2: &str = "haloy-e2e-app:v2";

/// The crash points that a command gets to.
fn points(user: &User, line: &str) -> Vec<String> {
    let list: PathBuf = user.folder.path().join("points");
    user.run(user.command(line).env("HALOY_FAILPOINT_LIST", &list)).ok();
    let text = std::fs::read_to_string(&list).unwrap_or_default();
    assert!(!text.is_empty(), "no crash points: build haloy with --features failpoints, as make test does");
    let mut seen = BTreeSet::new();
    text.lines().filter(|name| seen.insert((*name).to_owned())).map(str::to_owned).collect()
}

/// After a crash at `point`, `settle_with` ends what is unfinished, and one more deploy of the same
/// version gives the world of a run that never crashed.
fn walk(kind: &str, line: &str, expected: &[&str]) {
    let user = prepared(kind);
    if line == "rollback" {
        user.deploy("v2", CONFIG);
    } else {
        user.config("v2", CONFIG);
    }
    let points = points(&user, line);
    let uncrashed = world(&user);
    assert_eq!(uncrashed.0, expected);
    eprintln!("{} crash points of {line}: {}", points.len(), points.join(", "));
    assert!(points.len() >= 24, "{} crash points", points.len());
    for (number, point) in points.iter().enumerate() {
        let user = prepared(kind);
        if line == "rollback" {
            user.deploy("v2", CONFIG);
        } else {
            user.config("v2", CONFIG);
        }
        let crashed = user.run(user.command(line).env("HALOY_FAILPOINT", point));
        assert_eq!(crashed.code, -1, "{point} was not reached: {}", crashed.err);
        // Before it is settled: readable, honest, and something serves.
        user.haloy("status").ok();
        assert!(!user.answers("default", "/").is_empty(), "{point}: nothing serves");
        if number % 2 == 0 {
            let settled = user.haloy("settle");
            assert_eq!(settled.code, 0, "{point}: {}", settled.err);
            user.haloy("replay").ok();
            let serving = user.answers("default", "/");
            assert_eq!(serving.len(), 2, "{point}: {serving:?}");
            assert_eq!(serving[0], serving[1], "{point}: one release serves");
            assert_eq!(user.containers("default").len(), 2, "{point}: nothing is left over");
        }
        // The same command, or another one, settles first and then does its own work.
        if line == "rollback" && user.answers("default", "/") == ["version v1", "version v1"] {
            continue;
        }
        let again = user.haloy(line);
        let done = again.code == 0 || (line == "rollback" && again.code == 11);
        assert!(done, "{point}: {} {}", again.out, again.err);
        let (serving, containers, _) = world(&user);
        assert_eq!((serving, containers), (uncrashed.0.clone(), uncrashed.1), "{point}");
        user.haloy("replay").ok();
    }
}

/// Docker goes on with a creation whose client was killed: its container appears only after the first check
/// for it.
#[test]
fn a_container_that_appears_after_the_crash_is_removed() {
    if !engine() {
        return;
    }
    let user = prepared("late");
    user.config("v2", CONFIG);
    let crashed = user.run(user.command("deploy").env("HALOY_FAILPOINT", "before-effect:StartReplica/0"));
    assert_eq!(crashed.code, -1, "{}", crashed.err);
    let list = user.haloy("history -o json").ok().json();
    let deployment = list["data"][0]["id"].as_str().expect("an id").to_owned();
    let ledger = docker(&[
        "inspect",
        "-f",
        "{{index .Config.Labels \"haloy.ledger\"}}",
        &user.containers("default")[0],
    ]);
    let labels = [
        format!("haloy.ledger={ledger}"),
        format!("haloy.app={}", user.app),
        "haloy.target=default".to_owned(),
        format!("haloy.deployment={deployment}"),
        "haloy.replica=0".to_owned(),
    ];
    let late = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(700));
        let labels = labels.iter().flat_map(|label| ["--label", label]);
        let arguments: Vec<&str> = ["create"].into_iter().chain(labels).chain([IMAGE_V2]).collect();
        docker(&arguments)
    });
    user.haloy("settle").ok();
    late.join().expect("created");
    assert_eq!(user.containers("default").len(), 2, "nothing is left over");
}

#[test]
fn every_crash_point_of_a_deploy_is_settled() {
    if engine() {
        walk("crashd", "deploy", &["version v2"; 2]);
    }
}

#[test]
fn every_crash_point_of_a_rollback_is_settled() {
    if engine() {
        walk("crashr", "rollback", &["version v1"; 2]);
    }
}
