//! Signals, and readers that go away: nothing is left half done, and the end is reported.

use crate::deploying::{SHOP, shop};
use crate::harness::*;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

fn send(child: &Child, signal: &str) {
    let id = child.id().to_string();
    assert!(Command::new("kill").args([signal, &id]).status().expect("kill").success());
}

/// Starts a command, with both outputs in pipes.
fn start(scenario: &mut Scenario, line: &str) -> Child {
    let mut command = scenario.command(&words(line));
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("haloy runs")
}

fn wait_for(scenario: &Scenario, name: &str) {
    while !scenario.path(name).exists() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    std::fs::remove_file(scenario.path(name)).expect("it was there");
}

const HOOK: &str = "pre_deploy: [\"echo ready > hook; sleep 60\"]\n";

#[test]
fn each_signal_goes_back_and_that_is_recorded() {
    for signal in ["-HUP", "-INT", "-TERM"] {
        let mut scenario = Scenario::with(SHOP);
        scenario.silently("deploy -q");
        scenario.config(&shop("v2", HOOK));
        let child = start(&mut scenario, "deploy");
        wait_for(&scenario, "hook");
        send(&child, signal);
        let ran = Ran::of(&child.wait_with_output().expect("it ends"));
        assert_eq!(ran.code, 130, "{signal}: {}", ran.err);
        assert!(ran.out.contains("runs unchanged"), "{signal}: {}", ran.out);
        assert!(ran.err.contains("cancelling: what ran before stays or comes back"), "{signal}: {}", ran.err);
        let history = scenario.silently("history");
        assert!(history.out.contains("cancelled"), "{signal}: {}", history.out);
        let doctor = scenario.silently("doctor");
        assert!(doctor.out.contains("nothing is unfinished"), "{signal}: {}", doctor.out);
    }
}

#[test]
fn of_several_targets_none_is_begun_any_more() {
    let mut scenario = Scenario::new();
    scenario.file("haloy.yaml", shop("v2", "targets: {a: {}, b: {}}\n") + HOOK);
    let child = start(&mut scenario, "deploy --all");
    wait_for(&scenario, "hook");
    send(&child, "-TERM");
    let ran = Ran::of(&child.wait_with_output().expect("it ends"));
    assert_eq!(ran.code, 130, "{}", ran.err);
    assert!(ran.err.contains("shop/b was not started"), "{}", ran.err);
}

/// Processes of a group that have not ended, reaped or not.
fn running(group: &str) -> usize {
    let processes = std::fs::read_dir("/proc").expect("processes").flatten();
    let stats = processes.filter_map(|process| std::fs::read_to_string(process.path().join("stat")).ok());
    stats
        .filter(|stat| {
            let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
            fields.first() != Some(&"Z") && fields.get(2) == Some(&group)
        })
        .count()
}

#[test]
fn a_global_hook_is_ended_with_what_it_started() {
    let mut scenario =
        Scenario::with(&shop("v1", "global_pre_deploy: [\"echo $$ > hook; sleep 61; true\"]\n"));
    let child = start(&mut scenario, "deploy");
    while std::fs::read_to_string(scenario.path("hook")).map_or(true, |text| text.trim().is_empty()) {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let group = std::fs::read_to_string(scenario.path("hook")).expect("its process");
    send(&child, "-TERM");
    let ran = Ran::of(&child.wait_with_output().expect("it ends"));
    assert_eq!(ran.code, 130, "{}", ran.err);
    assert!(ran.err.contains("sleep 61; true` was ended"), "{}", ran.err);
    assert_eq!(running(group.trim()), 0, "what it started still runs");
    assert!(!scenario.path("ledger/log").exists(), "nothing was begun");
}

#[test]
fn the_second_signal_leaves_at_once() {
    let mut scenario = Scenario::with(SHOP);
    scenario.silently("deploy -q");
    for (signal, code) in [("-HUP", 129), ("-TERM", 143), ("-INT", 130)] {
        scenario.note(&format!("twice {signal}, while the engine takes its time"));
        scenario.world(|world| world["faults"] = serde_json::json!({ "delay_ms": 3_600_000 }));
        scenario.config(&shop("v2", ""));
        let mut child = start(&mut scenario, "deploy");
        let mut told = String::new();
        let mut err = BufReader::new(child.stderr.take().expect("a pipe"));
        while !told.contains("admitted") {
            assert!(err.read_line(&mut told).expect("a line") > 0, "{told}");
        }
        send(&child, signal);
        while !told.contains("shop/default cancelled") {
            assert!(err.read_line(&mut told).expect("a line") > 0, "{told}");
        }
        send(&child, signal);
        err.read_to_string(&mut told).expect("text");
        let mut ran = Ran::of(&child.wait_with_output().expect("it ends"));
        ran.err = told;
        assert_eq!(ran.code, code, "{}", ran.err);
        scenario.record("deploy", &ran);
        scenario.world(|world| world["faults"] = serde_json::json!({}));
        scenario.haloy("settle");
    }
    scenario.end("signals");
}

#[test]
fn what_does_not_go_back_ends_at_once() {
    let mut scenario = Scenario::with(&shop("v1", HOOK));
    let mut holder = start(&mut scenario, "deploy");
    wait_for(&scenario, "hook");
    for (signal, code) in [("-HUP", 129), ("-TERM", 143), ("-INT", 130)] {
        let mut waiting = start(&mut scenario, "stop --wait 60");
        let mut err = BufReader::new(waiting.stderr.take().expect("a pipe"));
        let mut told = String::new();
        err.read_line(&mut told).expect("a line");
        assert!(told.contains("waiting for the ledger"), "{told}");
        send(&waiting, signal);
        assert_eq!(waiting.wait().expect("it ends").code(), Some(code), "{signal}");
    }
    holder.kill().expect("it ends");
    holder.wait().expect("it ends");
}

#[test]
fn a_signal_that_is_to_be_ignored_is() {
    let mut scenario = Scenario::with(&shop("v1", "pre_deploy: [\"echo ready > hook; sleep 1\"]\n"));
    let command = scenario.command(&[]);
    let mut shell = Command::new("sh");
    shell.arg("-c").arg("trap '' HUP; exec \"$0\" deploy -q").arg(HALOY).current_dir(scenario.path(""));
    shell.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let child = shell.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("sh runs");
    wait_for(&scenario, "hook");
    send(&child, "-HUP");
    let ran = Ran::of(&child.wait_with_output().expect("it ends"));
    assert_eq!(ran.code, 0, "{}", ran.err);
}

#[test]
fn readers_that_go_away_leave_nothing_half_done() {
    for progress in ["plain", "json", "tty"] {
        let mut scenario =
            Scenario::with(&shop("v1", "pre_deploy: [\"echo ready > hook; sleep 1; echo line\"]\n"));
        let mut child = start(&mut scenario, &format!("deploy --progress {progress}"));
        wait_for(&scenario, "hook");
        drop(child.stdout.take());
        drop(child.stderr.take());
        assert_eq!(child.wait().expect("it ends").code(), Some(0), "{progress}");
        let status = scenario.silently("status");
        assert!(status.out.contains("1/1"), "{progress}: {}", status.out);
    }
}
