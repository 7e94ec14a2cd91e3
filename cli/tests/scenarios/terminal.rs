//! On a terminal: `script` of bsdutils, which every Debian and Ubuntu has, makes one.

use crate::deploying::SHOP;
use crate::harness::*;
use std::process::Command;

/// What a command draws on a terminal.
fn drawn(scenario: &mut Scenario, line: &str) -> String {
    let haloy = scenario.command(&words(line));
    let mut script = Command::new("script");
    script.args(["-qefc", &format!("{HALOY} {line}"), "/dev/null"]);
    script.current_dir(haloy.get_current_dir().expect("a folder"));
    for (name, value) in haloy.get_envs() {
        match value {
            Some(value) => script.env(name, value),
            None => script.env_remove(name),
        };
    }
    script.env("TERM", "xterm");
    let output = script.output().expect("script, of bsdutils");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_command_draws_nothing_but_what_it_has_to_say() {
    let mut scenario = Scenario::with(SHOP);
    scenario.silently("deploy -q");
    for line in ["history", "status", "rollback-targets", "deploy -y"] {
        let drawn = drawn(&mut scenario, line);
        // The ledger is up to date: nobody is told how far bringing it there has come.
        assert!(!drawn.contains("up to date") && !drawn.contains("0 of 0"), "{line}: {drawn}");
        assert!(drawn.contains("shop"), "{line}: {drawn}");
    }
    let verified = drawn(&mut scenario, "verify");
    assert!(verified.contains("are exactly those that were signed"), "{verified}");
}
