//! Commands that only show something: where nothing can be written, beside each other, and of a backup.

use crate::bad_input::is_root;
use crate::harness::*;
use std::path::Path;
use std::process::{Command, Stdio};

const SHOWN: [&str; 12] = [
    "status -o json",
    "rollback-targets -o json",
    "history -o json",
    "events -o json",
    "hold -o json",
    "routes -o json",
    "retention what-if -o json",
    "checkpoint",
    "key",
    "replay",
    "verify",
    "doctor",
];

fn mount(arguments: &[&str]) -> bool {
    Command::new("mount").args(arguments).status().is_ok_and(|status| status.success())
}

/// The part of an answer that is the same each time.
fn said(ran: &Ran) -> (i32, serde_json::Value) {
    (
        ran.code,
        serde_json::from_str::<serde_json::Value>(&ran.out)
            .map_or_else(|_| ran.out.clone().into(), |json| json["data"].clone()),
    )
}

#[test]
fn what_is_mounted_for_reading_can_be_read() {
    if !engine() || !is_root() {
        return;
    }
    let mut user = User::new("mounted");
    let scratch = user.folder.path().join("scratch");
    std::fs::create_dir(&scratch).expect("made");
    user.environment.push(("TMPDIR", scratch.display().to_string()));
    user.deploy("v1", "");
    user.deploy("v2", "");
    let ledger = user.folder.path().join("ledger");
    let path = ledger.display().to_string();
    let written = SHOWN.map(|line| user.haloy(line));
    if !mount(&["--bind", &path, &path]) {
        eprintln!("SKIPPED: this machine mounts nothing");
        return;
    }
    let mounted = Mounted(ledger);
    assert!(mount(&["-o", "remount,ro,bind", &path]));
    for (line, before) in SHOWN.iter().zip(&written) {
        let now = user.haloy(line);
        // How fast something was is another thing each time.
        let timed = ["replay", "verify", "doctor"].contains(line);
        assert_eq!(now.code, before.code, "{line}: {}{}", now.out, now.err);
        assert!(timed || said(&now) == said(before), "{line}: {} in place of {}", now.out, before.out);
    }
    assert_eq!(std::fs::read_dir(&scratch).expect("a folder").count(), 0, "something is left");
    let elsewhere = scratch.join("none").display().to_string();
    let refused = user.run(user.command("status").env("TMPDIR", &elsewhere)).exits(1);
    assert!(refused.err.contains(&elsewhere) && refused.err.contains("TMPDIR"), "{}", refused.err);
    user.config("v3", "");
    let refused = user.haloy("deploy");
    assert!(refused.code != 0 && refused.err.contains("Read-only file system"), "{}", refused.err);
    drop(mounted);
    user.haloy("deploy").ok();
}

#[test]
fn many_read_at_once_and_who_writes_waits_for_them() {
    if !engine() {
        return;
    }
    let user = User::new("many");
    user.deploy("v1", "");
    let lock = std::fs::File::open(user.folder.path().join("ledger/log.lock")).expect("a lock");
    lock.lock_shared().expect("somebody reads");
    let start = || user.command("status --wait 0").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let readers: Vec<_> = (0..4).map(|_| start().expect("haloy runs")).collect();
    for reader in readers {
        let out = reader.wait_with_output().expect("it ends");
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    }
    let waiting = user.haloy("deploy --wait 0").exits(8);
    assert!(waiting.err.contains("held by another process"), "{}", waiting.err);
    drop(lock);
    user.haloy("deploy").ok();
}

/// Every file below a folder, with its bytes.
fn files(folder: &Path, into: &mut Vec<(std::path::PathBuf, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        match entry.path().is_dir() {
            true => files(&entry.path(), into),
            false => into.push((entry.path(), std::fs::read(entry.path()).expect("read"))),
        }
    }
    into.sort();
}

#[test]
fn a_backup_shows_its_history_and_is_not_deployed_from() {
    if !engine() {
        return;
    }
    let user = User::new("backup");
    user.deploy("v1", "");
    user.deploy("v2", "");
    let kept = user.folder.path().join("kept");
    user.haloy(&format!("backup {}", kept.display())).ok();
    let (mut before, mut after) = (Vec::new(), Vec::new());
    files(&kept, &mut before);
    for line in
        ["history -o json", "rollback-targets -o json", "events -o json", "checkpoint", "routes -o json"]
    {
        let there = user.haloy(line).ok();
        let copied = user.run(user.command(line).env("HALOY_LEDGER", &kept)).ok();
        assert_eq!(said(&copied), said(&there), "{line}");
    }
    let refused = user.run(user.command("deploy").env("HALOY_LEDGER", &kept));
    assert!(refused.code == 6 && refused.err.contains("haloy restore"), "{}: {}", refused.code, refused.err);
    files(&kept, &mut after);
    assert!(before == after, "the backup changed");
}
