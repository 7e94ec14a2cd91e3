//! Short helps, and what is generated from the command tree.

use crate::harness::*;
use clap::CommandFactory;
use haloy::cli::Cli;

#[test]
fn help() {
    let mut scenario = Scenario::new();
    scenario.haloy("-h");
    scenario.haloy("--version");
    let mut root = Cli::command();
    root.build();
    for command in root.get_subcommands().filter(|command| command.get_name() != "help") {
        let name = command.get_name();
        scenario.haloy(&format!("{name} -h"));
        for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
            scenario.haloy(&format!("{name} {} -h", inner.get_name()));
        }
    }
    scenario.end("help");
}

#[test]
fn generated() {
    let mut scenario = Scenario::new();
    scenario.haloy("exit-codes");
    scenario.haloy("exit-codes --json");
    scenario.haloy("man pages");
    scenario.haloy("man haloy.yaml/pages");
    // Long, and clap's own: that there is one is enough.
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let line = format!("completion {shell}");
        let mut ran = scenario.silently(&line);
        let lines = ran.out.lines().count();
        assert!(lines > 100, "{shell}: {lines} lines");
        ran.out = "[a script]\n".to_owned();
        scenario.record(&line, &ran);
    }
    scenario.haloy("completion tcsh");
    let mut ran = scenario.silently("config schema");
    let schema: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
    assert!(schema["properties"]["image"].is_object(), "{schema}");
    ran.out = "[a schema]\n".to_owned();
    scenario.record("config schema", &ran);
    scenario.end("generated");
}

#[test]
fn the_demo_on_a_simulated_engine() {
    let mut scenario = Scenario::new();
    let line = "demo --simulated";
    let mut ran = scenario.silently(line);
    // Two replicas start side by side: which one is first is as it comes.
    let either = [" ReplicaStarted ", " ReplicaHealthy ", " http://"];
    let steady = |line: &&str| !either.iter().any(|word| line.contains(word));
    ran.out = ran.out.lines().filter(steady).map(|line| format!("{line}\n")).collect();
    scenario.record(line, &ran);
    scenario.end("demo_simulated");
}
