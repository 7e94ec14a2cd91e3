//! Rollbacks, and what can be rolled back to.

use crate::deploying::{BROKEN, SHOP, shop};
use crate::harness::*;

/// Three good releases and one that failed; their ids, oldest first.
pub fn history(scenario: &mut Scenario) -> Vec<String> {
    for version in ["v1", "v2", "v3"] {
        scenario.config(&shop(version, ""));
        scenario.silently(&format!("deploy -m {version}"));
    }
    scenario.config(&shop("v4", BROKEN));
    scenario.silently("deploy -m v4");
    let mut ids = scenario.silently("history -o id").ids();
    ids.reverse();
    assert_eq!(ids.len(), 4);
    ids
}

#[test]
fn to_the_last_good_release_and_to_any_other() {
    let mut scenario = Scenario::new();
    let ids = history(&mut scenario);
    scenario.haloy("rollback-targets");
    scenario.haloy("rollback-targets --explain");
    scenario.haloy("rollback-targets --check -o id");
    scenario.haloy("rollback -m \"checkout is down\"");
    scenario.haloy("rollback-targets --explain");
    scenario.haloy(&format!("rollback {}", ids[0]));
    scenario.haloy(&format!("rollback dep_{} -q", ids[2].to_uppercase()));
    scenario.haloy("rollback ~2 -q --json");
    scenario.haloy("history");
    scenario.haloy("status");
    scenario.note("what cannot be restored, and what is not there");
    scenario.haloy(&format!("rollback {}", ids[3]));
    scenario.haloy("rollback ~9");
    scenario.haloy("rollback ~0");
    scenario.haloy("rollback ~x");
    scenario.haloy("rollback 01k");
    scenario.haloy("rollback stable");
    let runs = scenario.silently("status -o id").ids()[0].clone();
    scenario.haloy(&format!("rollback {runs}"));
    scenario.end("rollback");
}

#[test]
fn several_steps_back_and_over_what_is_the_same() {
    let mut scenario = Scenario::new();
    history(&mut scenario);
    scenario.config(&shop("v3", ""));
    scenario.silently("deploy -m \"v3 again\"");
    scenario.haloy("rollback-targets");
    scenario.haloy("rollback ~9");
    scenario.haloy("rollback ~2 -q --json");
    scenario.note("what was left is not gone back to without its id");
    scenario.haloy("rollback");
    scenario.config(&shop("v5", ""));
    scenario.silently("deploy");
    scenario.silently("deploy");
    scenario.haloy("rollback");
    scenario.end("steps_back");
}

#[test]
fn with_nothing_to_go_back_to() {
    let mut scenario = Scenario::with(SHOP);
    scenario.haloy("rollback");
    scenario.haloy("rollback-targets");
    scenario.haloy("rollback-targets --json");
    scenario.haloy("deploy -q");
    scenario.haloy("rollback");
    scenario.haloy("rollback-targets");
    scenario.note("strategy none");
    scenario.config("name: shop\nimage: {repository: shop, tag: v2, history: {strategy: none}}\n");
    scenario.haloy("deploy -q");
    scenario.haloy("rollback");
    scenario.haloy("rollback-targets --explain");
    scenario.end("nothing_to_go_back_to");
}

#[test]
fn an_image_that_somebody_removed() {
    let mut scenario = Scenario::new();
    let ids = history(&mut scenario);
    scenario.world(|world| world["tags"] = serde_json::json!({}));
    scenario.haloy("rollback-targets --check");
    scenario.haloy("rollback");
    scenario.haloy(&format!("rollback {}", ids[0]));
    scenario.haloy("rollback-targets --explain");
    scenario.end("image_lost");
}

#[test]
fn values_that_changed_since() {
    let secret = |version: &str| shop(version, "env: [{name: KEY, from: {env: SHOP_KEY}}]\n");
    let mut scenario = Scenario::with(&secret("v1"));
    scenario.set("SHOP_KEY", "canary-1");
    scenario.haloy("deploy -q");
    scenario.config(&secret("v2"));
    scenario.haloy("deploy -q");
    scenario.set("SHOP_KEY", "canary-2");
    scenario.haloy("rollback");
    scenario.note("the source is gone");
    scenario.unset("SHOP_KEY");
    let mut ids = scenario.silently("history -o id").ids();
    ids.reverse();
    scenario.haloy(&format!("rollback {} --secrets fresh", ids[1]));
    scenario.haloy(&format!("rollback {} -q", ids[1]));
    scenario.haloy(&format!("rollback {} --secrets recorded", ids[0]));
    scenario.end("changed_values");
}
