//! Tessera's fsck, which walks a whole published log. It needs a new Go and many modules from the network:
//! never required, and skipped with a message.

use crate::go::{go, tools};
use crate::published::Log;
use crate::{Folder, SIZES, flip, line};
use haloy_ledger::integrity::note::Signer;
use haloy_ledger::integrity::tiles::Tile;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The release of Tessera whose fsck this was written for.
const VERSION: &str = "v1.0.4";

fn fsck() -> Option<PathBuf> {
    let folder = tools().join(format!("tessera-{VERSION}"));
    let program = folder.join("fsck");
    if program.exists() {
        return Some(program);
    }
    let module = format!("github.com/transparency-dev/tessera/cmd/fsck@{VERSION}");
    let install = go(&["install", &module]).env("GOBIN", &folder).output();
    let why = match install {
        Ok(output) if output.status.success() => return Some(program),
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(error) => error.to_string(),
    };
    eprintln!("SKIPPED: no fsck of Tessera {VERSION}: {why}");
    None
}

/// Whether fsck finds nothing wrong. It exits with 0 either way, and prints its findings.
fn finds_nothing(program: &Path, folder: &Folder, key: &str) -> Result<(), String> {
    let key_file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(&key_file, key).expect("written");
    // A worker ends at the first fault, and without another one this version waits for ever.
    let output = Command::new("timeout")
        .arg("120")
        .arg(program)
        .args(["--ui=false", "--N=4", "--storage_url"])
        .arg(format!("file://{}", folder.path().display()))
        .arg("--public_key")
        .arg(key_file.path())
        .output()
        .expect("fsck runs");
    // It prints whole tiles; the start is enough.
    let said: String = String::from_utf8_lossy(&output.stderr).chars().take(1000).collect();
    match (said.contains("Successfully fsck'd log"), said.contains("fsck failed: ")) {
        (true, false) => Ok(()),
        (false, true) => Err(said),
        (_, _) => panic!("it came to no end: {}: {said}", output.status),
    }
}

#[test]
fn fsck_of_tessera_finds_nothing_wrong_but_what_is() {
    let Some(fsck) = fsck() else { return };
    for size in SIZES {
        let log = Log::new(size);
        let folder = Folder::of(&log);
        finds_nothing(&fsck, &folder, &log.key()).unwrap_or_else(|found| panic!("{size} entries: {found}"));
        if !(257..=1000).contains(&size) {
            continue;
        }
        let finds = || drop(finds_nothing(&fsck, &folder, &log.key()).expect_err("it is changed"));
        let last = Tile::Entries { index: (size - 1) / 256 }.path((size - 1) % 256 + 1);
        folder.changed(&last, flip(2), finds);
        folder.changed(&last, |_bytes| None, finds);
        folder.changed(&Tile::Hashes { level: 0, index: 0 }.path(256), flip(8_191), finds);
        folder.changed(&Tile::Hashes { level: 1, index: 0 }.path(size / 256), flip(0), finds);
        folder.changed("checkpoint", line(2, 0), finds);
        let other = Signer::new("log.example/interop", &[8; 32]).verifier().to_string();
        finds_nothing(&fsck, &folder, &other).expect_err("another key");
    }
}
