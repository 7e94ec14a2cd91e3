//! A ledger that is opened for reading: no byte of it changes, whatever state it is in, several read at once,
//! and nothing is shown that is not under a signed head.

use haloy_ledger::integrity::verify::Asked;
use haloy_ledger::ledger::{Evidence, LedgerOptions, backup};
use haloy_ledger::log::LogError;
use haloy_ledger::read::{Candidate, EventFilter, EventView};
use haloy_ledger::{Ledger, OpenError};
use haloy_replay_tests::faults::{Image, World, folder};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

/// Every file and folder below one: bytes, and when it was changed.
type Files = BTreeMap<PathBuf, (SystemTime, Vec<u8>)>;

fn files(folder: &Path) -> Files {
    let mut files = Files::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        let changed =
            |path: &Path| std::fs::metadata(path).and_then(|found| found.modified()).expect("known");
        files.insert(next.clone(), (changed(&next), Vec::new()));
        for entry in std::fs::read_dir(&next).expect("a folder").flatten() {
            let path = entry.path();
            match path.is_dir() {
                true => folders.push(path),
                false => {
                    drop(files.insert(path.clone(), (changed(&path), std::fs::read(&path).expect("read"))))
                }
            }
        }
    }
    files
}

fn differing(before: &Files, after: &Files) -> Vec<PathBuf> {
    let all = before.keys().chain(after.keys());
    all.filter(|path| before.get(*path) != after.get(*path)).cloned().collect()
}

/// What is read of a ledger: its events with their private values, and each target's candidates.
type Answers = (Vec<EventView>, Vec<(String, Vec<Candidate>)>);

fn answers(ledger: &Ledger) -> Answers {
    let events = ledger.events(&EventFilter::default()).expect("read");
    let targets = ledger.targets().expect("read").into_iter();
    let candidates = targets.map(|state| {
        let found = ledger.candidates(&state.key).expect("read");
        (format!("{}", state.key), found)
    });
    (events, candidates.collect())
}

fn read(options: LedgerOptions) -> Answers {
    let ledger = Ledger::open_to_read(options).expect("opened").expect("there is one");
    assert_eq!(ledger.replay(&mut |_| {}).expect("folded").differences, []);
    answers(&ledger)
}

fn deployed(folder: &Path, range: std::ops::Range<usize>) -> World {
    let world = World::new(folder, 6);
    let ledger = Arc::new(Ledger::open(world.options()).expect("a ledger"));
    world.deploy(&ledger, range).expect("deployed");
    world
}

#[test]
fn reading_changes_no_file_and_says_what_writing_does() {
    let folder = folder();
    let world = deployed(folder.path(), 0..4);
    let before = files(folder.path());
    let found = read(world.options());
    assert!(found.0.len() > 50 && !found.1.is_empty());
    Evidence::open(&world.options()).expect("opened").verify(&Asked::default(), &mut |_, _| {});
    assert_eq!(differing(&before, &files(folder.path())), Vec::<PathBuf>::new());
    let ledger = Ledger::open(world.options()).expect("opened to write");
    assert!(found == answers(&ledger));
}

#[test]
fn several_read_at_once_and_nobody_writes_meanwhile() {
    let folder = folder();
    let world = deployed(folder.path(), 0..1);
    let one = Ledger::open_to_read(world.options()).expect("opened").expect("there is one");
    let other = Ledger::open_to_read(world.options()).expect("opened as well").expect("there is one");
    assert!(answers(&one) == answers(&other));
    let locked =
        |opened: Result<(), OpenError>| matches!(opened, Err(OpenError::Log(LogError::Locked { .. })));
    assert!(locked(Ledger::open(world.options()).map(drop)));
    drop((one, other));
    let writing = Ledger::open(world.options()).expect("nobody reads");
    assert!(locked(Ledger::open_to_read(world.options()).map(drop)));
    drop(writing);
}

/// As a process leaves it that is killed while it writes: no note, journals with all that was written.
#[test]
fn a_store_that_was_not_closed_is_read_and_left_as_it_is() {
    let folder = folder();
    let world = World::new(folder.path(), 6);
    let ledger = Arc::new(Ledger::open(world.options()).expect("a ledger"));
    world.deploy(&ledger, 0..4).expect("deployed");
    let image = Image::take(folder.path()).expect("its files");
    let there = answers(&ledger);
    drop(ledger);
    image.restore(folder.path()).expect("restored");
    let before = files(folder.path());
    for _ in 0..2 {
        assert!(read(world.options()) == there);
        assert_eq!(differing(&before, &files(folder.path())), Vec::<PathBuf>::new());
    }
    assert!(answers(&Ledger::open(world.options()).expect("opened to write")) == there);
}

/// State after a process was killed that had rebuilt the store, and moved the old one away.
#[test]
fn a_store_that_is_about_to_take_its_place_is_read_where_it_lies() {
    let folder = folder();
    let world = deployed(folder.path(), 0..2);
    let there = read(world.options());
    let ledger = world.ledger();
    std::fs::create_dir(ledger.join("new")).expect("made");
    for part in ["log", "log.closed"] {
        std::fs::rename(ledger.join(part), ledger.join("new").join(part)).expect("moved");
    }
    let before = files(folder.path());
    let reading = Ledger::open_to_read(world.options()).expect("opened").expect("there is one");
    let finished = Ledger::open(world.options()).map(drop);
    assert!(matches!(finished, Err(OpenError::Log(LogError::Locked { .. }))), "nobody moves it meanwhile");
    assert!(answers(&reading) == there);
    drop(reading);
    assert_eq!(differing(&before, &files(folder.path())), Vec::<PathBuf>::new());
    assert!(answers(&Ledger::open(world.options()).expect("finished")) == there);
    assert!(ledger.join("log").exists() && !ledger.join("new").exists());
}

#[test]
fn nothing_above_the_signed_head_is_shown() {
    let folder = folder();
    let world = deployed(folder.path(), 0..2);
    let there = read(world.options());
    let heads = ["head.a", "head.b", "published/checkpoint"].map(|name| world.options().folder.join(name));
    let old = heads.each_ref().map(|path| std::fs::read(path).expect("a head"));
    let ledger = Arc::new(Ledger::open(world.options()).expect("a ledger"));
    world.deploy(&ledger, 2..4).expect("deployed");
    drop(ledger);
    let all = read(world.options());
    assert!(all.0.len() > there.0.len());
    heads.iter().zip(old).for_each(|(path, bytes)| std::fs::write(path, bytes).expect("written"));
    let before = files(folder.path());
    assert!(read(world.options()) == there, "what nobody signed");
    assert_eq!(differing(&before, &files(folder.path())), Vec::<PathBuf>::new());
    // A writer signs what was stored: then it is visible.
    drop(Ledger::open(world.options()).expect("opened to write"));
    assert!(read(world.options()).0.starts_with(&all.0));
}

#[test]
fn read_models_that_are_missing_are_computed_and_not_stored() {
    let folder = folder();
    let world = deployed(folder.path(), 0..3);
    let there = read(world.options());
    let store = world.options().folder.join("log");
    {
        let database = fjall::Database::builder(&store).open().expect("opens");
        let rows = database.keyspace("rows", fjall::KeyspaceCreateOptions::default).expect("rows");
        for row in rows.iter() {
            rows.remove(row.key().expect("a key")).expect("removed");
        }
        database.persist(fjall::PersistMode::SyncAll).expect("durable");
    }
    let before = files(folder.path());
    assert!(read(world.options()) == there);
    assert_eq!(differing(&before, &files(folder.path())), Vec::<PathBuf>::new());
}

#[test]
fn a_backup_is_read_as_it_is() {
    let folder = folder();
    let world = deployed(folder.path(), 0..4);
    let there = read(world.options());
    let kept = folder.path().join("kept");
    backup(&world.options(), &kept).expect("copied");
    let mut options = world.options();
    (options.folder, options.keys) = (kept.clone(), folder.path().join("no keys"));
    let before = files(&kept);
    assert!(read(options.clone()) == there);
    assert_eq!(differing(&before, &files(&kept)), Vec::<PathBuf>::new());
    let refused = Ledger::open(options.clone()).map(drop).expect_err("a backup is not gone on with");
    assert!(matches!(refused, OpenError::Refused(_)), "{refused}");
    assert_eq!(differing(&before, &files(&kept)), Vec::<PathBuf>::new());
    // A changed one is refused.
    let entries = |path: &PathBuf| path.to_string_lossy().contains("tile/entries") && path.is_file();
    let tile = files(&kept).into_keys().find(entries).expect("entries are published");
    let mut bytes = std::fs::read(&tile).expect("a bundle");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&tile, bytes).expect("written");
    assert!(matches!(Ledger::open_to_read(options).map(drop), Err(OpenError::Refused(_))));
}

#[test]
fn where_nothing_is_nothing_is_made() {
    let folder = folder();
    let world = World::new(folder.path(), 6);
    let mut options = world.options();
    options.folder = folder.path().join("none");
    assert!(Ledger::open_to_read(options).expect("looked").is_none());
    assert!(!folder.path().join("none").exists());
}
