//! A crash, another process, no permission, a full house: what is not the user's fault.

use crate::deploying::{SHOP, shop};
use crate::harness::*;
use std::process::{Command, Stdio};

/// A command that dies at a crash point.
fn crash(scenario: &mut Scenario, line: &str, point: &str) {
    let mut command = scenario.command(&words(line));
    let output = command.env("HALOY_FAILPOINT", point).output().expect("haloy runs");
    scenario.record(&format!("{line}   # killed at {point}"), &Ran::of(&output));
}

#[test]
fn a_crash_and_what_settles_it() {
    let mut scenario = Scenario::with(SHOP);
    scenario.silently("deploy");
    scenario.config(&shop("v2", ""));
    crash(&mut scenario, "deploy -m second", "before-effect:StartReplica/0");
    let id = scenario.silently("history -o id").ids()[0].clone();
    scenario.haloy("status");
    scenario.haloy("status --json");
    scenario.haloy("status --exit-code");
    scenario.haloy("history");
    scenario.haloy(&format!("show {id}"));
    scenario.haloy("rollback-targets --explain");
    scenario.haloy("doctor");
    scenario.haloy("settle");
    scenario.haloy("settle");
    scenario.note("a crash that the next command settles by itself");
    crash(&mut scenario, "deploy -q", "after-effect:StartReplica/0");
    scenario.haloy("deploy");
    scenario.note("a crash of a settle");
    crash(&mut scenario, "deploy -q", "before-effect:AwaitHealthy/0");
    scenario.haloy("settle --json");
    scenario.haloy("history");
    scenario.end("crash");
}

#[test]
fn another_process_has_the_ledger() {
    let mut scenario = Scenario::with(&shop("v1", "pre_deploy: [\"echo ready > hook; sleep 60\"]\n"));
    let mut command = scenario.command(&words("deploy"));
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("haloy runs");
    while !scenario.path("hook").exists() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    scenario.haloy("deploy --wait 0");
    scenario.haloy("status --wait 0");
    scenario.haloy("doctor --wait 0");
    scenario.haloy("verify --wait 0");
    child.kill().expect("it ends");
    child.wait().expect("it ends");
    scenario.note("its end is no obstacle");
    scenario.haloy("status");
    scenario.end("locked");
}

/// Gives a command as a user who may not read what root wrote.
fn as_nobody(scenario: &mut Scenario, haloy: &std::path::Path, line: &str) {
    let mut command = scenario.command(&words(line));
    let variables: Vec<_> =
        command.get_envs().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))).collect();
    let folder = command.get_current_dir().expect("a folder").to_owned();
    let mut nobody = match rustix::process::getuid().is_root() {
        true => {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(haloy);
            command
        }
        false => Command::new(haloy),
    };
    nobody.args(words(line)).current_dir(folder).stdin(Stdio::null()).env_clear().envs(variables);
    command = nobody;
    let ran = Ran::of(&command.output().expect("haloy runs"));
    scenario.record(line, &ran);
}

#[test]
fn folders_that_are_not_as_they_should_be() {
    let mut scenario = Scenario::with(SHOP);
    scenario.note("a file where the ledger should be");
    scenario.file("ledger", "");
    for command in ["deploy", "status", "verify", "doctor"] {
        scenario.haloy(command);
    }
    std::fs::remove_file(scenario.path("ledger")).expect("removed");
    scenario.note("a file where the keys should be");
    scenario.file("keys", "");
    scenario.haloy("deploy");
    std::fs::remove_file(scenario.path("keys")).expect("removed");
    std::fs::remove_dir_all(scenario.path("ledger")).expect("removed");
    scenario.note("a folder that is no ledger");
    scenario.file("ledger/log/letter.txt", "Dear Ada,\n");
    for command in ["deploy", "status", "verify", "recover"] {
        scenario.haloy(command);
    }
    scenario.end("folders");
}

#[test]
fn a_ledger_of_somebody_else() {
    use std::os::unix::fs::PermissionsExt;
    let mut scenario = Scenario::with(SHOP);
    scenario.silently("deploy");
    let haloy = scenario.path("haloy");
    std::fs::copy(HALOY, &haloy).expect("copied");
    let open = |path: &std::path::Path, mode| {
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).expect("changed");
    };
    open(&scenario.path(""), 0o755);
    open(&scenario.path("ledger"), 0o000);
    for command in ["status", "deploy", "verify", "doctor"] {
        as_nobody(&mut scenario, &haloy, command);
    }
    open(&scenario.path("ledger"), 0o700);
    scenario.end("of_somebody_else");
}

#[test]
fn a_clock_that_is_wrong() {
    let mut scenario = Scenario::with(SHOP);
    scenario.silently("deploy");
    scenario.set("HALOY_SIMULATED_AT", "2026-11-02T11:00:00Z");
    scenario.haloy("deploy");
    scenario.haloy("doctor");
    scenario.set("HALOY_SIMULATED_AT", "1970-01-01T00:00:00Z");
    scenario.haloy("deploy");
    scenario.haloy("deploy --accept-clock -q");
    scenario.unset("HALOY_SIMULATED_AT");
    scenario.note("all is well again");
    scenario.haloy("deploy -q");
    scenario.end("clock");
}

#[test]
fn a_bug_is_told_as_one() {
    let mut scenario = Scenario::with(SHOP);
    // The simulated engine panics where it cannot write its world.
    let nowhere = scenario.path("nowhere/world").display().to_string();
    scenario.set("HALOY_SIMULATED", &nowhere);
    let mut ran = scenario.silently("deploy -q");
    // Where it panicked does not matter; that it reports the panic does.
    let (panicked, told) = ran.err.split_once("error: ").expect("it is told");
    assert!(panicked.contains("panicked at"), "{panicked}");
    ran.err = format!("[a panic]\nerror: {told}");
    scenario.record("deploy -q", &ran);
    scenario.end("bug");
}
