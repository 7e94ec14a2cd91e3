//! Commands that are not understood, and ids that mean nothing or too much.

use crate::deploying::SHOP;
use crate::harness::*;
use crate::rolling_back::history;

#[test]
fn a_command_line_that_is_not_understood() {
    let mut scenario = Scenario::with(SHOP);
    for line in [
        "",
        "deplay",
        "deploy --reson x",
        "deploy -m",
        "deploy --all --target a",
        "deploy --wait soon",
        "deploy -o yaml",
        "history -n many",
        "rollback --secrets stale",
        "show",
        "redact 01k",
        "tag --pin",
        "tag --remove a b",
        "events --from -1",
        "help nothing",
        "edge",
        "config",
        "restore",
    ] {
        scenario.haloy(line);
    }
    scenario.set("HALOY_HEALTH_TIMEOUT", "soon");
    scenario.haloy("deploy");
    scenario.end("usage");
}

#[test]
fn ids() {
    let mut scenario = Scenario::new();
    let ids = history(&mut scenario);
    // The time of an id comes first: those of one day begin alike.
    let common = &ids[0][..4];
    for command in ["show", "rollback", "prove", "events --deployment"] {
        scenario.haloy(&format!("{command} {common}"));
        scenario.haloy(&format!("{command} 7zzzzzzzzzzzzzzzzzzzzzzzzz"));
        scenario.haloy(&format!("{command} ''"));
        scenario.haloy(&format!("{command} 'not an id'"));
    }
    scenario.haloy(&format!("tag {common} stable"));
    scenario.haloy(&format!("hold {common} -m x"));
    scenario.haloy(&format!("redact {common} --basis x -y"));
    scenario.haloy("tag nothing stable");
    scenario.haloy("hold nothing -m x");
    scenario.haloy("redact nothing --basis x -y");
    scenario.end("ids");
}
