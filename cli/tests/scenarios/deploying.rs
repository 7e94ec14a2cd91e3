//! Deploys: how they go well, and in which ways they do not.

use crate::harness::*;
use std::process::Stdio;

pub const SHOP: &str = "name: shop\nimage: registry.example/shop:v1\n";

/// The app of most scenarios, at a version, with more lines.
pub fn shop(version: &str, more: &str) -> String {
    format!("name: shop\nimage: registry.example/shop:{version}\n{more}")
}

/// A version that never becomes healthy.
pub const BROKEN: &str = "env: [{name: STATUS, value: \"503\"}]\n";

#[test]
fn what_a_global_hook_changed_is_asked_about() {
    let mut scenario = Scenario::with(&shop("v1", "history: {strategy: local, count: 2}\n"));
    scenario.set("DEPLOYS", HALOY);
    scenario.silently("deploy");
    scenario.file("other.yaml", shop("v2", "history: {strategy: local, count: 2}\n"));
    scenario.note("a count of one costs nothing yet; the hook deploys, and then it does");
    let hook = "global_pre_deploy: [\"$DEPLOYS deploy --config other.yaml > /dev/null 2>&1\"]\n";
    scenario.config(&shop("v3", &format!("history: {{strategy: local, count: 1}}\n{hook}")));
    scenario.haloy("deploy");
    scenario.haloy("history");
    scenario.note("what was agreed to is not asked twice");
    scenario.config(&shop("v3", "history: {strategy: local, count: 1}\nglobal_pre_deploy: [\"true\"]\n"));
    scenario.haloy("deploy --yes");
    scenario.haloy("rollback-targets");
    scenario.end("after-a-hook");
}

#[test]
fn a_first_deploy_and_what_is_seen_of_it() {
    let mut scenario = Scenario::with(SHOP);
    scenario.haloy("deploy -m first --ticket OPS-1");
    for command in ["status", "history", "rollback-targets", "events --from 9"] {
        scenario.haloy(command);
        scenario.haloy(&format!("{command} --json"));
        scenario.haloy(&format!("{command} -o ndjson"));
        scenario.haloy(&format!("{command} -o id"));
    }
    let id = scenario.silently("history -o id").ids()[0].clone();
    scenario.haloy(&format!("show {id}"));
    scenario.haloy(&format!("show {} -o id", &id[..10]));
    scenario.haloy(&format!("show {id} --json"));
    scenario.end("first_deploy");
}

#[test]
fn progress_and_results_in_every_form() {
    let mut scenario = Scenario::with(SHOP);
    scenario.haloy("deploy --progress json -o id");
    scenario.haloy("deploy --progress plain --json");
    scenario.haloy("deploy --progress none -o ndjson");
    scenario.haloy("deploy --quiet");
    scenario.haloy("deploy -q --color always");
    scenario.haloy("history --color always");
    scenario.end("forms");
}

#[test]
fn a_release_that_never_becomes_healthy() {
    let mut scenario = Scenario::with(&shop("v1", BROKEN));
    scenario.haloy("deploy");
    scenario.note("the same, where something runs");
    scenario.config(&shop("v1", ""));
    scenario.haloy("deploy -q");
    scenario.config(&shop("v2", BROKEN));
    scenario.haloy("deploy");
    scenario.haloy("deploy -q --json");
    scenario.haloy("status");
    scenario.haloy("rollback-targets --explain");
    scenario.haloy("history");
    let id = scenario.silently("history -o id").ids()[0].clone();
    scenario.haloy(&format!("show {id}"));
    scenario.end("unhealthy");
}

#[test]
fn a_release_that_fails_when_the_one_before_was_stopped_already() {
    let replace = "deployment_strategy: replace\n";
    let mut scenario = Scenario::with(&shop("v1", replace));
    scenario.haloy("deploy -q");
    scenario.config(&shop("v2", &format!("{replace}{BROKEN}")));
    scenario.haloy("deploy");
    scenario.haloy("deploy -q --json");
    scenario.haloy("status");
    scenario.haloy("history");
    scenario.end("restored");
}

#[test]
fn an_image_that_is_nowhere_and_an_engine_that_refuses() {
    let mut scenario = Scenario::with(SHOP);
    scenario.world(|world| world["missing"] = serde_json::json!(["registry.example/shop:v1"]));
    scenario.haloy("deploy");
    scenario.note("nothing works on this engine");
    scenario.world(|world| world["missing"] = serde_json::json!([]));
    scenario.world(|world| world["faults"]["fatal"] = 1000.into());
    scenario.haloy("deploy");
    scenario.end("engine_refuses");
}

#[test]
fn a_built_image_and_hooks() {
    let more = "pre_deploy: [\"echo before\", \"echo as $HALOY_APP\"]\npost_deploy: [\"echo after\"]\n";
    let built = "name: shop\nimage: {repository: shop, tag: v1, build_config: {args: [{name: VERSION, value: v1}]}}\n";
    let mut scenario = Scenario::with(&format!("{built}{more}"));
    scenario.haloy("deploy");
    scenario.file("Dockerfile", "FROM scratch\n");
    scenario.haloy("deploy");
    scenario.note("a hook before that fails, a hook after that fails");
    scenario.config(&format!("{built}pre_deploy: [\"echo no room >&2; exit 3\"]\n"));
    scenario.haloy("deploy");
    scenario.config(&format!("{built}post_deploy: [\"exit 4\"]\n"));
    scenario.haloy("deploy");
    scenario.note("the same around all targets");
    scenario.set("SHELL", "/bin/sh");
    scenario.config(&format!("{built}global_pre_deploy: [\"exit 3\"]\n"));
    scenario.haloy("deploy -q");
    scenario.config(&format!("{built}global_post_deploy: [\"exit 4\"]\n"));
    scenario.haloy("deploy -q");
    scenario.set("SHELL", "/nowhere/sh");
    scenario.haloy("deploy -q");
    scenario.haloy("status");
    scenario.end("hooks");
}

/// Two targets; the second one has this status.
fn two(status: &str) -> String {
    format!(
        "name: shop\nimage: registry.example/shop:v1\ntargets:\n  a: {{}}\n  b:\n    env: [{{name: STATUS, value: \"{status}\"}}]\n"
    )
}

#[test]
fn several_targets() {
    let mut scenario = Scenario::with(&two("200"));
    scenario.haloy("deploy");
    scenario.haloy("deploy -t c");
    scenario.haloy("deploy -t aa");
    scenario.haloy("deploy --all -q");
    scenario.note("some work, some do not");
    scenario.config(&two("503"));
    scenario.haloy("deploy -t a,b -q");
    scenario.haloy("deploy -t a,b --json -q");
    scenario.haloy("deploy -t b -q");
    scenario.note("one that fails stops those that were not started");
    scenario.config(&two("200").replace("a: {}", "a: {env: [{name: STATUS, value: \"503\"}]}"));
    scenario.haloy("deploy --all -q");
    scenario.note("a key that was used, for one of them");
    scenario.config(&two("200"));
    scenario.haloy("deploy -t a,b -q --idempotency-key k");
    scenario.config(&two("200").replace("b:", "b:\n    replicas: 2"));
    scenario.haloy("deploy -t a,b -q --idempotency-key k");
    scenario.haloy("status");
    scenario.haloy("rollback");
    scenario.haloy("logs");
    scenario.end("several_targets");
}

#[test]
fn the_same_key_again() {
    let mut scenario = Scenario::with(SHOP);
    scenario.haloy("deploy --idempotency-key run-17");
    scenario.haloy("deploy --idempotency-key run-17");
    scenario.note("the same key for something else");
    scenario.config(&shop("v2", ""));
    scenario.haloy("deploy --idempotency-key run-17");
    scenario.haloy("stop --idempotency-key run-17");
    scenario.haloy("history");
    scenario.end("idempotency");
}

#[test]
fn protected_targets_and_those_of_other_servers() {
    let mut scenario = Scenario::with(&shop("v1", "protected: true\n"));
    scenario.haloy("deploy");
    scenario.haloy("deploy --all");
    scenario.haloy("deploy -y -q");
    scenario.haloy("rollback");
    scenario.haloy("stop");
    scenario.note("another server");
    scenario.config(&shop("v1", "server: prod.example\n"));
    scenario.haloy("deploy");
    scenario.haloy("deploy -q --here");
    scenario.end("protected");
}

#[test]
fn warnings_and_lower_counts() {
    let kept = |count: u8| {
        format!(
            "name: shop\nimage: {{repository: shop, tag: latest, history: {{strategy: local, count: {count}}}}}\n"
        )
    };
    let mut scenario = Scenario::with(&format!(
        "{}env: [{{name: API_TOKEN, value: abc}}, {{name: PASSWORD, from: {{env: SHOP_PASSWORD}}}}]\n",
        kept(5)
    ));
    scenario.haloy("deploy -q");
    scenario.set("SHOP_PASSWORD", "canary-1");
    scenario.haloy("deploy -q");
    scenario.config(&kept(5));
    scenario.haloy("deploy -q");
    scenario.haloy("deploy -q");
    scenario.config(&kept(1));
    scenario.haloy("deploy");
    scenario.haloy("deploy -y -q");
    scenario.end("warnings");
}

#[test]
fn stopped_by_its_user() {
    let mut scenario = Scenario::with(SHOP);
    scenario.haloy("deploy -q");
    scenario.config(&shop("v2", "pre_deploy: [\"echo ready > hook; sleep 60\"]\n"));
    let mut command = scenario.command(&words("deploy"));
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("haloy runs");
    while !scenario.path("hook").exists() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let id = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &id]).status().expect("kill").success());
    let ran = Ran::of(&child.wait_with_output().expect("it ends"));
    scenario.record("deploy", &ran);
    scenario.haloy("status");
    scenario.haloy("history");
    scenario.end("cancelled");
}
