//! Names, pins, holds, retention, prune and stop.

use crate::deploying::{SHOP, shop};
use crate::harness::*;
use crate::rolling_back::history;

#[test]
fn names_and_pins() {
    let mut scenario = Scenario::new();
    let ids = history(&mut scenario);
    scenario.haloy("tag");
    scenario.haloy(&format!("tag {} stable -m \"what we had at Easter\"", ids[0]));
    scenario.haloy(&format!("tag {} stable", ids[0]));
    scenario.haloy(&format!("tag {} stable", ids[1]));
    scenario.haloy(&format!("tag {} stable -y", ids[1]));
    scenario.haloy("tag stable --pin");
    scenario.haloy("tag stable --pin --json");
    scenario.haloy("tag");
    scenario.haloy("tag --json");
    scenario.haloy("tag -o id");
    scenario.haloy("tag stable --unpin");
    scenario.haloy("tag stable v2.6 --push -q");
    scenario.haloy("rollback stable -q");
    scenario.haloy("tag --remove stable");
    scenario.haloy("tag --remove stable");
    scenario.note("what is not taken");
    scenario.haloy("tag stable");
    scenario.haloy(&format!("tag {}", ids[0]));
    scenario.haloy(&format!("tag {} 01k99pmr", ids[0]));
    scenario.haloy(&format!("tag {} 'a b'", ids[0]));
    scenario.haloy(&format!("tag {} current", ids[3]));
    scenario.haloy("tag --pin");
    scenario.end("names");
}

#[test]
fn holds() {
    let mut scenario = Scenario::new();
    let ids = history(&mut scenario);
    scenario.haloy("hold");
    scenario.haloy(&format!("hold {}", ids[0]));
    scenario.haloy(&format!("hold {} -m \"audit 2026\" --ticket AUD-7", ids[0]));
    scenario.haloy(&format!("hold {} -m again", ids[0]));
    scenario.haloy("hold");
    scenario.haloy("hold --json");
    scenario.haloy("hold -o id");
    scenario.note("what is held is not erased");
    scenario.haloy(&format!("redact {} --basis \"GDPR art. 17\" -y", ids[0]));
    scenario.haloy(&format!("hold --release {} -m \"audit is over\"", ids[0]));
    scenario.haloy(&format!("hold --release {}", ids[0]));
    scenario.end("holds");
}

#[test]
fn retention_and_prune() {
    let mut scenario = Scenario::new();
    history(&mut scenario);
    scenario.haloy("retention what-if --count 1");
    scenario.haloy("retention what-if --count 1 --strategy none --over 1d --json");
    scenario.haloy("retention what-if --count 1 -o id");
    scenario.haloy("retention what-if --count 0");
    scenario.haloy("retention what-if --count 1 --over 1w");
    scenario.haloy("prune");
    scenario.haloy("prune --apply");
    scenario.note("a tag that could not be removed when its deploy pruned");
    scenario.config("name: shop\nimage: {repository: registry.example/shop, tag: v5, history: {count: 1}}\n");
    scenario.world(|world| world["faults"]["fatal"] = 0.into());
    scenario.haloy("deploy -y -q");
    scenario.haloy("prune --json");
    scenario.haloy("rollback-targets --explain");
    scenario.end("retention");
}

#[test]
fn stopping() {
    let mut scenario = Scenario::with(SHOP);
    scenario.haloy("stop");
    scenario.haloy("deploy -q");
    scenario.haloy("stop -m \"maintenance\"");
    scenario.haloy("stop");
    scenario.haloy("status");
    scenario.haloy("status --json");
    scenario.haloy("stop --remove");
    scenario.haloy("status");
    scenario.config(&shop("v2", ""));
    scenario.haloy("deploy -q");
    scenario.haloy("stop --remove --json");
    scenario.end("stop");
}

#[test]
fn restarting() {
    let mut scenario = Scenario::new();
    scenario.config("name: shop\nimage: {repository: registry.example/shop, tag: v1}\nreplicas: 2\n");
    scenario.haloy("restart");
    scenario.haloy("deploy -q");
    scenario.haloy("restart -m \"it leaks\"");
    scenario.haloy("restart --json -q");
    scenario.note("a replica that is not well again: the others were not touched, and serve on");
    scenario.world(|world| world["faults"]["unhealthy"] = 1000.into());
    scenario.haloy("restart");
    scenario.haloy("status");
    scenario.world(|world| world["faults"]["unhealthy"] = 0.into());
    scenario.haloy("restart -q");
    scenario.note("a replica whose values are gone could not be started again: it is not stopped either");
    scenario.set("TOKEN", "s3cret-token");
    let image = "image: {repository: registry.example/shop, tag: v2}";
    scenario.config(&format!("name: shop\n{image}\nenv: [{{name: TOKEN, from: {{env: TOKEN}}}}]\n"));
    scenario.silently("deploy -q");
    std::fs::remove_dir_all(scenario.path("ledger/vault")).expect("removed");
    scenario.haloy("restart");
    scenario.haloy("status");
    scenario.haloy("stop -q");
    scenario.haloy("restart");
    scenario.end("restart");
}

#[test]
fn nothing_was_ever_deployed() {
    let mut scenario = Scenario::new();
    for command in [
        "status",
        "history",
        "events",
        "rollback-targets",
        "tag",
        "hold",
        "prune",
        "prune --apply",
        "retention what-if --count 3",
        "routes",
        "key",
        "checkpoint",
        "replay",
        "verify",
        "recover",
        "doctor",
        "backup copy",
        "restore copy",
        "logs",
        "stop",
        "show 01k",
        "prove 01k",
        "redact 01k --basis x -y",
        "settle",
        "doctor",
    ] {
        scenario.haloy(command);
    }
    scenario.end("empty");
}
