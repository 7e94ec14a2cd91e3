//! The ledger in the hands of an auditor and of an engineer at 3 a.m.: check it, prove from it, damage it,
//! rebuild it, erase from it, copy it.

use crate::harness::*;
use std::path::{Path, PathBuf};

fn files(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { files(&path, into) } else { into.push(path) }
    }
}

fn files_with(folder: &Path, needle: &str) -> Vec<PathBuf> {
    let mut all = Vec::new();
    files(folder, &mut all);
    let holds = |path: &PathBuf| {
        let bytes = std::fs::read(path).expect("read");
        bytes.windows(needle.len()).any(|window| window == needle.as_bytes())
    };
    all.into_iter().filter(holds).collect()
}

fn copy(from: &Path, to: &Path) {
    let copied = std::process::Command::new("cp").args(["-r", "--sparse=always"]).arg(from).arg(to).status();
    assert!(copied.expect("cp runs").success());
}

/// Changes one bit in the middle of what is written to a file.
fn damage(path: &Path) {
    let mut bytes = std::fs::read(path).expect("read");
    let written = bytes.iter().rposition(|byte| *byte != 0).expect("something is written");
    bytes[written / 2] ^= 4;
    std::fs::write(path, bytes).expect("written");
}

impl User {
    fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    fn verifier_key(&self) -> String {
        let keys = self.haloy("key --json").ok().json();
        let rows = keys["data"].as_array().expect("keys").clone();
        let active = rows.iter().find(|key| key["purpose"] == "signing" && key["retired"].is_null());
        active.expect("a key that signs")["verifier_key"].as_str().expect("text").to_owned()
    }
}

#[test]
fn a_deployment_is_proved_without_the_ledger_and_a_kept_head_is_held_against_it() {
    if !engine() {
        return;
    }
    let user = User::new("proved");
    let first = user.deploy("v1", "");
    let kept = user.haloy("checkpoint").ok().out;
    std::fs::write(user.path("kept"), &kept).expect("written");
    let key = user.verifier_key();
    user.haloy("key rotate -m yearly").ok();
    assert_ne!(user.verifier_key(), key);
    user.deploy("v2", "");
    let verified = user.haloy("verify --against kept").ok().out;
    assert!(verified.contains("exactly those that were signed"), "{verified}");
    assert!(verified.contains("today's log begins with it"), "{verified}");
    assert_eq!(user.haloy("verify --json").ok().json()["data"]["faults"], serde_json::json!([]));

    // Another person, with the proof and the key and nothing more.
    let proof = user.haloy(&format!("prove {first}")).ok().out;
    let other = User::new("auditor");
    std::fs::write(other.path("proof"), &proof).expect("written");
    let key = user.verifier_key();
    let proved = other.haloy(&format!("verify proof --key {key}")).ok().out;
    assert!(proved.contains("DeploymentSucceeded") && proved.contains("events proved"), "{proved}");
    assert!(!other.path("ledger").exists(), "no ledger is made for it");
    std::fs::write(other.path("proof"), proof.replacen("index 3", "index 4", 1)).expect("written");
    other.haloy(&format!("verify proof --key {key}")).exits(6);
    let stranger = User::new("stranger");
    stranger.deploy("v1", "");
    std::fs::write(other.path("proof"), &proof).expect("written");
    other.haloy(&format!("verify proof --key {}", stranger.verifier_key())).exits(6);

    // The published folder alone.
    let published = user.path("ledger/published");
    user.haloy(&format!("verify {} --key {key}", published.display())).ok();
    user.haloy(&format!("verify {}", published.display())).exits(2);
}

#[test]
fn two_copies_that_were_both_written_to_are_told_apart() {
    if !engine() {
        return;
    }
    let user = User::new("fork");
    user.deploy("v1", "");
    copy(&user.path("ledger"), &user.path("copy"));
    user.haloy("key rotate -m here").ok();
    std::fs::write(user.path("kept"), user.haloy("checkpoint").ok().out).expect("written");
    let elsewhere = |line: &str| {
        let mut command = user.command(line);
        command.env("HALOY_LEDGER", user.path("copy"));
        user.run(&mut command)
    };
    // The copy does not have the key that the ledger went on to; it can be written to all the same, by
    // adopting one.
    elsewhere("status").ok();
    let refused = elsewhere("stop").exits(1);
    assert!(refused.err.contains("key-changed"), "{}", refused.err);
    elsewhere("key adopt -y").ok();
    let fork = elsewhere("verify --against kept").exits(6);
    assert!(fork.out.contains("fork") || fork.out.contains("head-foreign"), "{}", fork.out);
    user.haloy("verify --against kept").ok();
}

#[test]
fn a_damaged_store_is_refused_by_name_and_made_anew_and_a_rollback_works_again() {
    if !engine() {
        return;
    }
    let user = User::new("damaged");
    user.deploy("v1", "");
    user.deploy("v2", "");
    damage(&user.path("ledger/log/0.jnl"));
    let refused = user.haloy("rollback -y").exits(6);
    assert!(
        refused.err.contains("the ledger is refused") && refused.err.contains("haloy recover"),
        "{}",
        refused.err
    );
    assert!(!refused.err.contains("panicked"), "{}", refused.err);
    let report = user.haloy("verify").exits(6);
    assert!(report.out.contains("still proved: the events #0 to #"), "{}", report.out);
    let recovered = user.haloy("recover").ok();
    assert!(recovered.out.contains("rebuilt: store"), "{}", recovered.out);
    user.haloy("verify").ok();
    user.haloy("rollback -y").ok();
    assert_eq!(user.answers("default", "/"), ["version v1"]);
    let events = user.haloy("events --kind Recovered -o ndjson").ok().out;
    assert_eq!(events.lines().count(), 1, "{events}");

    // The second copy is damaged: what runs is not affected, and it is rebuilt, too.
    let mut bundles = Vec::new();
    files(&user.path("ledger/published/tile/entries"), &mut bundles);
    bundles.iter().for_each(|bundle| damage(bundle));
    assert!(user.haloy("verify").exits(6).out.contains("bundle-differs"));
    user.haloy("recover").ok();
    user.haloy("verify").ok();
}

#[test]
fn what_is_erased_is_in_no_file_and_everything_else_still_verifies() {
    if !engine() {
        return;
    }
    let user = User::new("erased");
    let env = "env: [{name: GREETING, value: canary-env-81h}]\n";
    user.config("v1", env);
    let first = user.run(user.command("deploy -o id -m").arg("canary-reason-52k")).ok().out.trim().to_owned();
    std::fs::write(user.path("kept"), user.haloy("checkpoint").ok().out).expect("written");
    std::fs::write(user.path("proof"), user.haloy(&format!("prove {first}")).ok().out).expect("written");
    let key = user.verifier_key();
    let live =
        user.run(user.command(&format!("redact {first} --field env -y --basis")).arg("request 88")).exits(1);
    assert!(live.err.contains("live"), "{}", live.err);
    user.deploy("v2", "");
    user.run(user.command(&format!("hold {first} -m")).arg("incident")).ok();
    let held = user.run(user.command(&format!("redact {first} -y --basis")).arg("request 88")).exits(1);
    assert!(held.err.contains("held"), "{}", held.err);
    user.haloy(&format!("hold --release {first}")).ok();
    let ledger = user.path("ledger");
    assert!(!files_with(&ledger, "canary-reason-52k").is_empty(), "the search finds what is there");

    user.run(user.command(&format!("redact {first} --field reason,env -y --basis")).arg("request 88")).ok();
    for canary in ["canary-reason-52k", "canary-env-81h"] {
        assert_eq!(files_with(&ledger, canary), Vec::<PathBuf>::new(), "{canary}");
    }
    user.haloy("verify --against kept").ok();
    user.haloy(&format!("verify proof --key {key}")).ok();
    user.haloy("replay").ok();
    assert!(user.haloy("history").ok().out.contains("(redacted)"));
    let why = user.haloy("rollback-targets --explain").ok().out;
    assert!(why.contains("values that it needs were erased"), "{why}");
    user.haloy("rollback -y").exits(11);
    user.haloy(&format!("rollback {first} -y")).exits(11);
}

#[test]
fn a_backup_is_made_while_the_ledger_is_in_use_and_an_older_one_is_refused_unless_said() {
    if !engine() {
        return;
    }
    let user = User::new("backup");
    user.deploy("v1", "");
    user.config("v2", "");
    let mut deploy = user.command("deploy").spawn().expect("haloy runs");
    let mut backups = 0;
    while deploy.try_wait().expect("asked").is_none() {
        user.haloy("backup copy").ok();
        backups += 1;
    }
    assert!(backups > 0, "at least one while it was deploying");
    user.haloy("backup copy").ok();
    let events = |user: &User| user.haloy("events -o ndjson").ok().out.lines().count();
    let before = events(&user);
    user.haloy("backup older").ok();
    user.deploy("v3", "");

    // On another machine: the same keys, another folder.
    let elsewhere = |line: &str| {
        let mut command = user.command(line);
        command.env("HALOY_LEDGER", user.path("elsewhere"));
        user.run(&mut command)
    };
    elsewhere("restore older -m drill").ok();
    elsewhere("verify").ok();
    assert_eq!(elsewhere("events -o ndjson").ok().out.lines().count(), before + 1);

    let refused = user.haloy("restore older").exits(6);
    assert!(refused.err.contains("log-shorter") && refused.err.contains("--older"), "{}", refused.err);
    user.haloy("verify").ok();
    user.haloy("restore older --older -y -m drill").ok();
    user.haloy("verify").ok();
    assert_eq!(events(&user), before + 1);
    damage(
        &user
            .path("older/published/tile/entries/000.p")
            .read_dir()
            .expect("a bundle")
            .flatten()
            .next()
            .expect("one")
            .path(),
    );
    user.haloy("restore older --older -y").exits(6);
    user.haloy("verify").ok();
}

#[test]
fn a_lost_key_freezes_the_ledger_until_another_one_is_adopted() {
    if !engine() {
        return;
    }
    let user = User::new("lost-key");
    user.deploy("v1", "");
    std::fs::remove_file(user.path("keys/signing.key")).expect("removed");
    let frozen = user.config("v2", "").haloy("deploy").exits(1);
    assert!(frozen.err.contains("key-lost") && frozen.err.contains("haloy key adopt"), "{}", frozen.err);
    assert_eq!(user.answers("default", "/"), ["version v1"]);
    assert!(user.haloy("history").ok().out.contains("v1"), "it can be read");
    user.haloy("key adopt").exits(2);
    user.haloy("key adopt -y -m gone").ok();
    user.haloy("deploy").ok();
    user.haloy("verify").ok();
    assert!(user.haloy("key").ok().out.lines().count() >= 5, "both keys are listed");
}
