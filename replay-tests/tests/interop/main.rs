//! Published folders and proofs, judged by independent programs: Go's checksum database
//! (`replay-tests/interop`), and Tessera's fsck where it is available.

mod go;
mod published;
mod tessera;

use go::verifier;
use haloy_ledger::integrity::note::Signer;
use haloy_ledger::integrity::tiles::Tile;
use published::{Log, NAME};
use std::path::{Path, PathBuf};

/// A whole log is published here; one part of it can be changed, and changed back.
struct Folder(tempfile::TempDir);

impl Folder {
    fn of(log: &Log) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        log.publish(folder.path());
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Does something with a file changed, or, with `None`, without it.
    fn changed(&self, file: &str, change: impl FnOnce(Vec<u8>) -> Option<Vec<u8>>, then: impl FnOnce()) {
        let path = self.path().join(file);
        let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
        match change(bytes.clone()) {
            Some(changed) => {
                assert_ne!(changed, bytes, "{file} is changed");
                std::fs::write(&path, changed).expect("written");
            }
            None => std::fs::remove_file(&path).expect("removed"),
        }
        then();
        std::fs::write(&path, bytes).expect("written");
    }
}

fn flip(at: usize) -> impl FnOnce(Vec<u8>) -> Option<Vec<u8>> {
    move |mut bytes| {
        bytes[at] ^= 1;
        Some(bytes)
    }
}

/// Changes the digit or letter at the start of a line.
fn line(number: usize, from: usize) -> impl FnOnce(Vec<u8>) -> Option<Vec<u8>> {
    move |bytes| {
        let mut lines: Vec<Vec<u8>> =
            bytes.split_inclusive(|byte| *byte == b'\n').map(<[_]>::to_vec).collect();
        let byte = &mut lines[number][from];
        *byte = if *byte == b'A' { b'B' } else { b'A' };
        Some(lines.concat())
    }
}

/// Publishes and verifies logs of these sizes: nothing but leaves, around the first full tile, and two
/// levels of tiles.
const SIZES: [u64; 6] = [1, 255, 256, 257, 700, 66_000];

#[test]
fn published_logs_are_accepted() {
    let Some(go) = verifier() else { return };
    for size in SIZES.into_iter().chain([0]) {
        let log = Log::new(size);
        let folder = Folder::of(&log);
        let older: Vec<PathBuf> = [0, 1, size / 3, size / 2, size.saturating_sub(1), size]
            .into_iter()
            .filter(|older| *older <= size)
            .map(|older| keep(&folder, &format!("older-{older}"), &Log::new(older).checkpoint()))
            .collect();
        let said = go.log(folder.path(), &log.key(), &older).expect("accepted");
        assert!(said.starts_with(&format!("ok {size} entries, ")), "{said}");
        assert!(said.trim_end().ends_with(&format!("{} older checkpoints", older.len())), "{said}");
    }
}

/// Writes a checkpoint beside what is published.
fn keep(folder: &Folder, name: &str, checkpoint: &str) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, checkpoint).expect("written");
    path
}

#[test]
fn changed_files_are_refused() {
    let Some(go) = verifier() else { return };
    for size in [257, 700, 66_000] {
        let log = Log::new(size);
        let folder = Folder::of(&log);
        let refused = |why: &str| {
            let error = go.log(folder.path(), &log.key(), &[]).expect_err(why);
            assert!(error.contains(why), "{size} entries, {why}: {error}");
        };
        let full = |tile: Tile| tile.path(256);
        let last = Tile::Entries { index: (size - 1) / 256 }.path((size - 1) % 256 + 1);
        let (entries, leaves) = (Tile::Entries { index: 0 }, Tile::Hashes { level: 0, index: 0 });
        let above = Tile::Hashes { level: 1, index: 0 }.path(256.min(size / 256));
        for at in [2, 100, 1_000] {
            folder.changed(&full(entries), flip(at), || refused("are not those of the entries"));
        }
        folder.changed(&last, flip(2), || refused("are not those of the entries"));
        folder.changed(&full(leaves), flip(8_191), || refused("tile/0/000: its hashes are not"));
        folder.changed(&above, flip(0), || refused(&format!("{above}: its hashes are not")));
        for missing in [&full(entries), &last, &full(leaves), &above] {
            folder.changed(missing, |_bytes| None, || refused("no such file"));
        }
        for (file, why) in [(&full(entries), "after its 256 entries"), (&full(leaves), "are not those")] {
            folder.changed(file, |bytes| Some([&bytes[..], &[0, 0]].concat()), || refused(why));
        }
        let cut = |bytes: Vec<u8>| Some(bytes[..bytes.len() - 1].to_vec());
        folder.changed(&full(entries), cut, || refused("it ends within an entry"));
        folder.changed(&full(leaves), cut, || refused("are not those of the entries"));
        for (number, from) in [(0, 0), (2, 0), (2, 20), (4, 30 + NAME.len())] {
            folder.changed("checkpoint", line(number, from), || refused("checkpoint: "));
        }
        folder.changed(
            "checkpoint",
            |bytes| Some(bytes[..bytes.len() - 1].to_vec()),
            || refused("malformed"),
        );
        go.log(folder.path(), &log.key(), &[]).expect("all is as it was");
    }
}

#[test]
fn heads_of_another_key_size_or_log_are_refused() {
    let Some(go) = verifier() else { return };
    let log = Log::new(700);
    let folder = Folder::of(&log);
    for other in [Signer::new(NAME, &[8; 32]), Signer::new("other.example", &[7; 32])] {
        let error = go.log(folder.path(), &other.verifier().to_string(), &[]).expect_err("another key");
        assert!(error.contains("no verifiable signatures"), "{error}");
    }
    // What the key signs must be true, too.
    for (checkpoint, why) in [
        (Log::other(700).checkpoint(), "was signed"),
        (log.head_of(699, log.root()), "no such file"),
        (log.head_of(512, log.root()), "was signed"),
    ] {
        folder.changed(
            "checkpoint",
            |_bytes| Some(checkpoint.into_bytes()),
            || {
                let error = go.log(folder.path(), &log.key(), &[]).expect_err(why);
                assert!(error.contains(why), "{why}: {error}");
            },
        );
    }
    for (older, why) in [
        (Log::other(300).checkpoint(), "invalid transparency proof"),
        (Log::other(700).checkpoint(), "invalid transparency proof"),
        (Log::new(701).checkpoint(), "it is of 701 entries"),
        (log.head_of(0, [0; 32]), "not that of no entries"),
        (log.head_of(300, log.root()), "invalid transparency proof"),
    ] {
        let older = keep(&folder, "older", &older);
        let error = go.log(folder.path(), &log.key(), &[older]).expect_err(why);
        assert!(error.contains(why), "{why}: {error}");
    }
}

#[test]
fn proofs_are_accepted_and_changed_ones_are_refused() {
    let Some(go) = verifier() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("a.tlog-proof");
    let judge = |text: &str, key: &str| {
        std::fs::write(&file, text).expect("written");
        go.proof(&file, key)
    };
    for size in SIZES {
        let log = Log::new(size);
        for index in [0, size / 3, size / 2, size - 1] {
            let proof = log.proof(index);
            let said = judge(&proof.text(), &log.key()).expect("accepted");
            assert_eq!(said.trim_end(), format!("ok entry {index} of {size}"));
            for other in [index + 1, index ^ 1, index + 256, 1 << 62] {
                let mut changed = proof.clone();
                changed.index = other;
                judge(&changed.text(), &log.key()).expect_err("another index");
            }
            let mut changed = proof.clone();
            changed.entry = Some(b"another entry".to_vec());
            judge(&changed.text(), &log.key()).expect_err("another entry");
            for at in 0..proof.path.len() {
                let mut changed = proof.clone();
                changed.path[at][0] ^= 1;
                judge(&changed.text(), &log.key()).expect_err("another hash");
                changed.path.remove(at);
                judge(&changed.text(), &log.key()).expect_err("a hash less");
            }
            let mut changed = proof.clone();
            changed.checkpoint = Log::other(size).checkpoint();
            judge(&changed.text(), &log.key()).expect_err("the head of another log");
            let other = Signer::new(NAME, &[8; 32]).verifier().to_string();
            judge(&proof.text(), &other).expect_err("another key");
        }
    }
}

/// What haloy itself publishes, of a ledger in use: not the tree of this test, but the real one.
#[test]
fn what_a_ledger_publishes_is_accepted() {
    use haloy_ledger::event::{AnyEvent, ClockStepped};
    use haloy_ledger::ids::{Position, StreamId, Timestamp};
    use haloy_ledger::log::{Expected, NewEvent, Stage, StreamWrite};
    use haloy_ledger::{CommandContext, Ledger, LedgerOptions};
    let Some(go) = verifier() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let options = || LedgerOptions::new(folder.path().join("ledger"), folder.path().join("keys"), "interop");
    let mut kept = Vec::new();
    for round in 0..3 {
        let ledger = Ledger::open(options()).expect("a ledger");
        let envelope = ledger.log().read_all(Position(0), 1).expect("event 0").remove(0).envelope;
        for _ in 0..5 {
            let stepped = || AnyEvent::from(ClockStepped { before: Timestamp(2), after: Timestamp(1) });
            let seal = |_| NewEvent::seal(envelope.clone(), stepped(), || ledger.entropy().salt());
            let events = (0..67).map(seal).collect();
            let write = StreamWrite { stream: StreamId::Ledger, expected: Expected::Any, events };
            ledger.log().append(vec![write], None, Stage::Published).expect("published");
        }
        let path = folder.path().join(format!("kept-{round}"));
        std::fs::write(&path, ledger.last_head().expect("readable").expect("a head")).expect("written");
        kept.push(path);
    }
    let ledger = Ledger::open(options()).expect("a ledger");
    let active =
        ledger.known().expect("read").expect("created").active().expect("a key").verifier.to_string();
    drop(ledger);
    let published = folder.path().join("ledger/published");
    let said = go.log(&published, &active, &kept).expect("accepted");
    assert!(said.starts_with("ok 1007 entries, "), "{said}");
    let places = options().places();
    for (number, proof) in haloy_ledger::ledger::prove(&places, &[Position(0), Position(1006)])
        .expect("proofs")
        .iter()
        .enumerate()
    {
        let path = folder.path().join(format!("proof-{number}"));
        std::fs::write(&path, proof.text()).expect("written");
        go.proof(&path, &active).expect("accepted");
    }
    // From here on both keys sign, then the new one alone: heads of before are still those of the old.
    let ledger = Ledger::open(options()).expect("a ledger");
    ledger.rotate_key(&CommandContext::system("interop", "c")).expect("rotated");
    drop(ledger);
    go.log(&published, &active, &kept).expect("both signed the head of the rotation");
}
