//! Engines that accept and say nothing; settings that cannot be meant.

use crate::deploying::{SHOP, shop};
use crate::harness::*;
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

/// An engine that takes every connection and never answers.
fn silent(scenario: &mut Scenario) {
    let path = scenario.path("engine.sock");
    let listener = UnixListener::bind(&path).expect("a socket");
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        for client in listener.incoming().flatten() {
            kept.push(client);
        }
    });
    scenario.set("DOCKER_HOST", &format!("unix://{}", path.display()));
    scenario.set("HALOY_DOCKER_TIMEOUT", "4");
}

#[test]
fn a_silent_engine_is_named_while_it_is_waited_for_and_when_it_is_given_up() {
    let mut scenario = Scenario::with(SHOP);
    scenario.silently("deploy -q");
    scenario.config(&shop("v2", ""));
    silent(&mut scenario);
    for line in ["status", "doctor", "logs", "logs -f", "prune", "stop -y", "deploy --progress plain"] {
        let mut command = scenario.command(&words(line));
        let begun = Instant::now();
        let ran = Ran::of(&command.env_remove("HALOY_SIMULATED").output().expect("haloy runs"));
        assert!(begun.elapsed() < Duration::from_secs(40), "{line}: {:?}", begun.elapsed());
        assert!(ran.err.contains("waiting for Docker ("), "{line}: {}", ran.err);
        let said = format!("{}{}", ran.out, ran.err);
        // What `status` reports of what it could not observe is its own matter.
        if line != "status" {
            assert!(said.contains("does not answer"), "{line}: {said}");
        }
        if line.starts_with("logs") {
            assert_eq!(ran.code, 1, "{line}: {said}");
            assert!(said.contains("nothing was heard for 4 s"), "{line}: {said}");
        }
    }
}

#[test]
fn nothing_is_said_of_waits_where_nothing_is_to_be_said() {
    let mut scenario = Scenario::with(SHOP);
    silent(&mut scenario);
    let mut command = scenario.command(&words("logs -q"));
    let ran = Ran::of(&command.env_remove("HALOY_SIMULATED").output().expect("haloy runs"));
    assert!(!ran.err.contains("waiting"), "{}", ran.err);
}

#[test]
fn a_ledger_that_somebody_holds_is_named_by_commands_that_read_too() {
    let mut scenario = Scenario::with(&shop("v1", "pre_deploy: [\"echo ready > hook; sleep 60\"]\n"));
    let mut command = scenario.command(&words("deploy -q"));
    let mut holder = command.stderr(std::process::Stdio::null()).spawn().expect("haloy runs");
    while !scenario.path("hook").exists() {
        std::thread::sleep(Duration::from_millis(20));
    }
    let ran = scenario.silently("history --wait 4");
    assert_eq!(ran.code, 8, "{}", ran.err);
    assert!(ran.err.contains("waiting for the ledger, held by haloy deploy"), "{}", ran.err);
    holder.kill().expect("it ends");
    holder.wait().expect("it ends");
}

#[test]
fn settings_that_cannot_be_meant() {
    let mut scenario = Scenario::with(SHOP);
    let wrong = [
        ("HALOY_HEALTH_TIMEOUT", "abc"),
        ("HALOY_HEALTH_TIMEOUT", "-5"),
        ("HALOY_HEALTH_TIMEOUT", "1e3"),
        ("HALOY_HEALTH_TIMEOUT", ""),
        ("HALOY_DOCKER_TIMEOUT", "0"),
        ("HALOY_REGISTRY_TIMEOUT", "ten"),
        ("HALOY_DRAIN_TIMEOUT", "31"),
        ("HALOY_HERE", "ja"),
        ("HALOY_LEDGER", ""),
        ("HALOY_KEYS", ""),
        ("HALOY_PUBLISH", ""),
        ("HALOY_REGISTRY_CERTS", ""),
        ("HALOY_EDGE_HTTP", "80"),
        ("HALOY_EDGE_METRICS", "localhost"),
        ("HALOY_ACME_DIRECTORY", "prod"),
    ];
    for (name, value) in wrong {
        scenario.note(&format!("{name}=`{value}`"));
        scenario.set(name, value);
        let ran = scenario.haloy("status");
        assert_eq!(ran.code, 2, "{name}={value}: {}", ran.err);
        assert!(ran.err.contains(&format!("{name} is `{value}`, and takes ")), "{name}={value}: {}", ran.err);
        scenario.unset(name);
    }
    scenario.note("several at once, and none of it for somebody who asks for help");
    scenario.set("HALOY_HEALTH_TIMEOUT", "5s");
    scenario.set("HALOY_HERE", "2");
    scenario.haloy("deploy");
    assert_eq!(scenario.silently("deploy --help").code, 0);
    scenario.unset("HALOY_HEALTH_TIMEOUT");
    scenario.unset("HALOY_HERE");
    scenario.note("one that is none");
    scenario.set("HALOY_HEALT_TIMEOUT", "5");
    scenario.haloy("deploy -q");
    scenario.end("settings");
}
