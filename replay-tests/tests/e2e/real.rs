//! Programs of others that are not in Debian, for `make foreign`: where they are, and what haloy starts while it
//! works with them.

use crate::harness::*;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What must be found nowhere; part of each value that is long enough.
pub const CANARY: &str = "canary-5wq8";

/// A program that `make foreign` built.
pub fn program(name: &str) -> PathBuf {
    let folder = std::env::var_os("HALOY_FOREIGN").expect("HALOY_FOREIGN; run: make foreign");
    let path = Path::new(&folder).join(name);
    assert!(path.exists(), "{} is missing; run: make foreign", path.display());
    path
}

/// What a program writes; fails the test if the program does.
pub fn written(command: &mut Command) -> String {
    let out = command.output().expect("it starts");
    assert!(out.status.success(), "{command:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).expect("UTF-8")
}

/// Runs haloy and notes every command line of it and its children. Returns them, too.
pub fn traced(user: &User, line: &str) -> (Ran, String) {
    let log = tempfile::NamedTempFile::new().expect("a file");
    let haloy = user.command(line);
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-e", "trace=execve", "-s", "100000", "-o"]).arg(log.path());
    command.arg(haloy.get_program()).args(haloy.get_args());
    command.current_dir(haloy.get_current_dir().expect("a folder"));
    for (name, value) in haloy.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let ran = user.run(&mut command);
    let lines = std::fs::read_to_string(log.path()).expect("strace wrote");
    (ran, lines)
}

/// Looks for text that must not appear: in the output, in every file of the ledger, and in what a reader of
/// the ledger sees.
#[track_caller]
pub fn nowhere(user: &User, said: &str) {
    let mut said = said.to_owned();
    for line in ["events -o ndjson", "history --json", "status --json", "rollback-targets --json"] {
        let ran = user.haloy(line).ok();
        said += &(ran.out + &ran.err);
    }
    assert!(!said.contains(CANARY), "{said}");
    let found = crate::canaries::files_with(&user.folder.path().join("ledger"), CANARY);
    assert_eq!(found, Vec::<PathBuf>::new());
}
