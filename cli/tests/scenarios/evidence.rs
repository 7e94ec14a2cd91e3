//! What an auditor sees, and what an engineer does with a ledger that is damaged.

use crate::deploying::SHOP;
use crate::harness::*;
use crate::rolling_back::history;
use std::path::Path;

/// Changes one bit in the middle of what is written to a file.
fn damage(path: &Path) {
    let mut bytes = std::fs::read(path).expect("read");
    let written = bytes.iter().rposition(|byte| *byte != 0).expect("something is written");
    bytes[written / 2] ^= 4;
    std::fs::write(path, bytes).expect("written");
}

fn verifier_key(scenario: &mut Scenario) -> String {
    let keys = scenario.silently("key --json").out;
    let keys: serde_json::Value = serde_json::from_str(&keys).expect("JSON");
    let rows = keys["data"].as_array().expect("keys").clone();
    let active = rows.iter().find(|key| key["purpose"] == "signing" && key["retired"].is_null());
    active.expect("a key that signs")["verifier_key"].as_str().expect("text").to_owned()
}

#[test]
fn checks_of_a_ledger_that_is_whole() {
    let mut scenario = Scenario::new();
    let ids = history(&mut scenario);
    scenario.haloy("verify");
    scenario.haloy("verify --json");
    scenario.haloy("verify --since 5");
    scenario.haloy("replay");
    scenario.haloy("replay --json");
    scenario.haloy("doctor");
    scenario.haloy("doctor --json");
    scenario.haloy("checkpoint");
    scenario.haloy("checkpoint --json");
    let kept = scenario.silently("checkpoint").out;
    scenario.file("kept", &kept);
    scenario.haloy("events --kind DeploymentSucceeded --kind DeploymentFailed -n 3");
    scenario.haloy(&format!("events --deployment {} --from 3 -o id", ids[0]));
    scenario.haloy("events --kind DeploymentSucceded");
    scenario.haloy("events --deployment 01k");
    scenario.haloy("verify --against kept");
    scenario.haloy("verify --against nowhere");
    scenario.haloy("verify --against haloy.yaml");
    scenario.haloy("recover");
    scenario.end("whole");
}

#[test]
fn proofs() {
    let mut scenario = Scenario::new();
    let ids = history(&mut scenario);
    let key = verifier_key(&mut scenario);
    scenario.haloy("prove '#3'");
    scenario.haloy("prove '#3' --json");
    scenario.haloy(&format!("prove {} --out proofs", ids[0]));
    scenario.haloy(&format!("verify proofs/3.tlog-proof --key {key}"));
    scenario.haloy(&format!("verify proofs/3.tlog-proof --key {key} --json"));
    scenario.haloy(&format!("verify ledger/published --key {key}"));
    scenario.note("what proves nothing");
    scenario.haloy("prove '#9999'");
    scenario.haloy("prove '#x'");
    scenario.haloy("prove 01k");
    scenario.haloy("verify proofs/3.tlog-proof");
    scenario.haloy("verify proofs/3.tlog-proof --key nonsense");
    scenario.haloy("verify ledger/published");
    scenario.haloy(&format!("verify --key {key}"));
    scenario.haloy(&format!("verify haloy.yaml --key {key}"));
    scenario.haloy(&format!("verify nowhere --key {key}"));
    let proof = scenario.silently("prove '#3'").out;
    scenario.file("other", proof.replacen("index 3", "index 4", 1));
    scenario.haloy(&format!("verify other --key {key}"));
    scenario.end("proofs");
}

#[test]
fn keys() {
    let mut scenario = Scenario::with(SHOP);
    scenario.silently("deploy -q");
    scenario.haloy("key");
    scenario.haloy("key show --json");
    scenario.haloy("key -o id");
    scenario.haloy("key rotate -m yearly");
    scenario.haloy("key rotate --json");
    scenario.haloy("key adopt");
    scenario.haloy("key adopt -y");
    scenario.haloy("key");
    scenario.note("the keys are lost");
    std::fs::remove_dir_all(scenario.path("keys")).expect("removed");
    scenario.haloy("deploy -q");
    scenario.haloy("doctor");
    scenario.haloy("status");
    scenario.haloy("key adopt -y -m \"the disk died\"");
    scenario.haloy("verify");
    scenario.end("keys");
}

#[test]
fn erasing() {
    let mut scenario = Scenario::new();
    let ids = history(&mut scenario);
    scenario.haloy(&format!("redact {} --basis \"GDPR art. 17\"", ids[0]));
    scenario.haloy(&format!("redact {} --basis ' ' -y", ids[0]));
    scenario.haloy(&format!("redact {} --field password --basis x -y", ids[0]));
    scenario.haloy(&format!("redact {} --field reason,name --basis \"GDPR art. 17\" -y", ids[0]));
    scenario.haloy(&format!("redact {} --field reason,name --basis \"GDPR art. 17\" -y", ids[0]));
    scenario.haloy("redact '#5' --basis \"a password in a reason\" -y --json");
    scenario.haloy("history");
    scenario.haloy("events --kind PayloadRedacted");
    scenario.haloy("verify");
    scenario.end("redact");
}

#[test]
fn copies() {
    let mut scenario = Scenario::new();
    history(&mut scenario);
    scenario.haloy("backup copy");
    scenario.haloy("backup copy --json");
    scenario.haloy("backup haloy.yaml");
    scenario.silently("deploy -q");
    scenario.haloy("restore copy");
    scenario.haloy("restore copy --older");
    scenario.haloy("restore copy --older -y -m \"drill\"");
    scenario.haloy("restore nowhere");
    scenario.haloy("restore keys");
    scenario.haloy("verify");
    scenario.note("a copy that is damaged");
    damage(&scenario.path("copy/published/checkpoint"));
    scenario.haloy("restore copy --older -y");
    scenario.end("copies");
}

#[test]
fn damage_and_recovery() {
    let mut scenario = Scenario::new();
    history(&mut scenario);
    damage(&scenario.path("ledger/log/0.jnl"));
    scenario.haloy("verify");
    scenario.haloy("verify --json");
    for command in ["status", "rollback", "deploy -q", "doctor", "replay", "checkpoint", "backup copy"] {
        scenario.haloy(command);
    }
    scenario.haloy("recover -m \"bad disk\"");
    scenario.haloy("verify");
    scenario.haloy("events --kind Recovered");
    scenario.note("no copy is left");
    std::fs::remove_dir_all(scenario.path("ledger/published")).expect("removed");
    damage(&scenario.path("ledger/log/0.jnl"));
    scenario.haloy("recover");
    scenario.end("damage");
}
