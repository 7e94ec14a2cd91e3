//! Ledgers of older formats are upgraded in place: cut off after any batch, they can be read, and the next
//! open goes on. In the end every row is what a store made from the entries alone has.

use fjall::{Database, KeyspaceCreateOptions, PersistMode};
use haloy_ledger::Ledger;
use haloy_ledger::defect::{Step, look, small_batches};
use haloy_ledger::event::{AnyEvent, LedgerEvent};
use haloy_ledger::ids::*;
use haloy_ledger::integrity::verify::Asked;
use haloy_ledger::ledger::{Evidence, Parts};
use haloy_ledger::locks::locked;
use haloy_ledger::log::keys::{Key, Keyspace};
use haloy_ledger::log::*;
use haloy_ledger::ports::{SystemClock, SystemEntropy};
use haloy_ledger::projection::Projections;
use haloy_ledger::secrets::Keys;
use haloy_replay_tests::faults::{Image, World, folder};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

type Map = BTreeMap<Vec<u8>, Vec<u8>>;

/// What an older program left, as text: `entry`, `row`, `index`, `private`, `file`.
struct Left {
    spaces: BTreeMap<&'static str, Map>,
    files: Vec<(PathBuf, Vec<u8>)>,
}

fn unhex(text: &str) -> Vec<u8> {
    hex::decode(text).expect("hex")
}

impl Left {
    fn read(path: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(path);
        let text = std::fs::read_to_string(path).expect("what was left");
        let mut spaces: BTreeMap<&str, Map> = BTreeMap::new();
        let (mut files, mut next) = (Vec::new(), 0);
        let mut put = |space, key, value: &str| spaces.entry(space).or_default().insert(key, unhex(value));
        for line in text.lines() {
            match line.split(' ').collect::<Vec<_>>().as_slice() {
                ["entry", entry] => {
                    put("entries", Key::Entry(Position(next)).encode(), entry);
                    next += 1;
                }
                ["row", key, value] => drop(put("rows", unhex(key), value)),
                ["index", key, value] => drop(put("index", unhex(key), value)),
                ["private", key, value] => drop(put("private", unhex(key), value)),
                ["file", path, bytes] => files.push((PathBuf::from(path), unhex(bytes))),
                other => panic!("{other:?}"),
            }
        }
        Self { spaces, files }
    }

    /// The log of an older format, of which only entries and rows were kept, with the index of then.
    fn with_index(mut self, format: u32) -> Self {
        let mut index = Map::new();
        index.insert(Key::Format.encode(), format.to_be_bytes().to_vec());
        for entry in self.spaces["entries"].values() {
            let raw = codec::decode_raw(entry).expect("an entry");
            let (number, revision) = (raw.head.stream_number, raw.head.revision);
            let position = raw.head.position.0.to_be_bytes();
            index.insert(Key::OldStreamEntry(number, revision).encode(), position.to_vec());
            let head = [number.to_be_bytes(), revision.0.to_be_bytes()].concat();
            index.insert(Key::Stream(raw.envelope.stream).encode(), head);
        }
        self.spaces.insert("index", index);
        self
    }

    fn put(&self, folder: &Path) {
        for (path, bytes) in &self.files {
            let path = folder.join(path);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            std::fs::write(&path, bytes).expect("written");
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
            std::fs::set_permissions(&path, mode).expect("for one's own eyes");
        }
        let log = folder.join("ledger/log");
        std::fs::create_dir_all(&log).expect("made");
        edit(&log, |space, database| {
            for (key, value) in self.spaces.get(space.name()).into_iter().flatten() {
                database
                    .keyspace(space.name(), KeyspaceCreateOptions::default)
                    .expect("a keyspace")
                    .insert(key, value)
                    .expect("written");
            }
        });
    }

    fn entries(&self) -> impl Iterator<Item = &Vec<u8>> {
        self.spaces["entries"].values()
    }
}

/// Changes a store behind its back.
fn edit(log: &Path, mut each: impl FnMut(Keyspace, &Database)) {
    let database = Database::builder(log).open().expect("opens");
    for space in Keyspace::ALL {
        database.keyspace(space.name(), KeyspaceCreateOptions::default).expect("a keyspace");
        each(space, &database);
    }
    database.persist(PersistMode::SyncAll).expect("written");
}

/// Every row of a keyspace.
fn scan(folder: &Path, space: Keyspace) -> Map {
    let store = FjallStore::open(&folder.join("ledger/log")).expect("a store");
    let mut rows = Map::new();
    let each = &mut |key: &[u8], value: &[u8]| {
        rows.insert(key.to_vec(), value.to_vec());
        Ok(())
    };
    store.stored().scan(space, each).expect("readable");
    rows
}

/// What is planted, and who looks, is of the whole process.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    let alone = locked(&ALONE);
    small_batches(40);
    alone
}

/// The files of the folder after every batch of an upgrade that `open` does.
fn cut_off(folder: &Path, open: impl FnOnce()) -> Vec<Image> {
    let images = Arc::new(Mutex::new(Vec::new()));
    let (seen, of) = (Arc::clone(&images), folder.to_owned());
    look(Some(Box::new(move |step| {
        if step == Step::Upgraded {
            seen.lock().expect("nobody panicked").push(Image::take(&of).expect("its files"));
        }
    })));
    open();
    look(None);
    let mut images = images.lock().expect("nobody panicked");
    std::mem::take(&mut *images)
}

/// Restores an image without what was published meanwhile: how far that had come is chance, and half a tree
/// would be recorded as repaired.
fn as_left(image: &Image, folder: &Path) {
    image.restore(folder).expect("restored");
    for part in ["ledger/published", "ledger/private"] {
        drop(std::fs::remove_dir_all(folder.join(part)));
    }
}

/// A store that is built from the entries: what an upgraded one should be like.
fn from_scratch(left: &Left, folder: &Path) -> [Map; 2] {
    let mut new =
        Rebuild::new(&folder.join("ledger/log"), Box::new(Projections::default())).expect("a store");
    left.entries().for_each(|entry| new.push(entry, &[]).expect("an entry"));
    new.finish().expect("made");
    [scan(folder, Keyspace::Index), scan(folder, Keyspace::Rows)]
}

/// Without the digests of idempotency keys, which only the index knows.
fn without_keys(mut index: Map) -> Map {
    index.retain(|key, _| key[0] != 3);
    index
}

fn faults(world: &World) -> Vec<String> {
    let report = Evidence::open(&world.options()).expect("opens").verify(&Asked::default(), &mut |_, _| {});
    report.faults.iter().map(|fault| format!("{:?} {fault}", fault.position)).collect()
}

/// A ledger as the last program of format 4 left it.
fn format_4() -> (Left, tempfile::TempDir, World) {
    let (left, folder) = (Left::read("stores/format-4.txt"), folder());
    left.put(folder.path());
    let world = World::new(folder.path(), 12);
    (left, folder, world)
}

#[test]
fn a_ledger_of_format_4_is_upgraded_however_often_it_is_cut_off() {
    let _alone = alone();
    let (left, folder, world) = format_4();
    let scratch = haloy_replay_tests::faults::folder();
    let [index, rows] = from_scratch(&left, scratch.path());
    let before = Image::take(folder.path()).expect("its files");
    let images = cut_off(folder.path(), || drop(Ledger::open(world.options()).expect("upgraded")));
    assert!(images.len() > 30, "{} batches", images.len());
    for (number, image) in std::iter::once(&before).chain(&images).enumerate() {
        as_left(image, folder.path());
        // A reader finds nothing wrong, and an older program knows from the first batch on that the store is
        // too new for it.
        let mut found = faults(&world);
        // Published files are not part of the fixture: they are published again.
        found.retain(|fault| !fault.contains("checkpoint-damaged: No such file"));
        assert_eq!(found, Vec::<String>::new(), "after {number} batches");
        let format = scan(folder.path(), Keyspace::Index)[&Key::Format.encode()].clone();
        assert_eq!(format, if number == 0 { 4_u32 } else { FORMAT }.to_be_bytes(), "after {number} batches");
        as_left(image, folder.path());
        let ledger = Ledger::open(world.options()).expect("goes on");
        assert_eq!(ledger.replay(&mut |_| {}).expect("replayed").differences, [], "after {number} batches");
        drop(ledger);
        assert_eq!(
            without_keys(scan(folder.path(), Keyspace::Index)),
            without_keys(index.clone()),
            "{number}"
        );
        assert_eq!(scan(folder.path(), Keyspace::Rows), rows, "after {number} batches");
        assert_eq!(faults(&world), Vec::<String>::new(), "upgraded after {number} batches");
    }
    let keys = |index: &Map| index.iter().filter(|(key, _)| key[0] == 3).count();
    let upgraded = scan(folder.path(), Keyspace::Index);
    assert!(keys(&upgraded) > 10);
    assert!(
        left.spaces["index"]
            .iter()
            .filter(|(key, _)| key[0] == 3)
            .all(|row| upgraded.get(row.0) == Some(row.1))
    );
}

const CHILD: &str = "HALOY_UPGRADE_CHILD";

/// The child: upgrades, and says when a batch is written, and how far it has come.
#[test]
fn child() {
    let Some(folder) = std::env::var_os(CHILD) else { return };
    small_batches(40);
    let mut options = World::new(Path::new(&folder), 12).options();
    options.progress = Arc::new(|done, of| println!("progress {done} {of}"));
    look(Some(Box::new(|step| {
        if step == Step::Upgraded {
            println!("batch");
        }
    })));
    drop(Ledger::open(options).expect("upgraded"));
    println!("upgraded");
}

/// What is not synced is lost to a power cut; what a process had not written yet is lost to a kill.
#[test]
fn an_upgrade_that_is_killed_goes_on() {
    let _alone = alone();
    let (left, folder, world) = format_4();
    let scratch = haloy_replay_tests::faults::folder();
    let [index, rows] = from_scratch(&left, scratch.path());
    let (mut kills, mut batches, mut upgraded) = (0, 0, false);
    while !upgraded {
        let mut child = Command::new(std::env::current_exe().expect("this test"))
            .args(["child", "--exact", "--nocapture"])
            .env(CHILD, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the child");
        for line in BufReader::new(child.stdout.take().expect("its output")).lines().map_while(Result::ok) {
            let words: Vec<&str> = line.split(' ').collect();
            if let ["progress", done, of] = words[..] {
                let (done, of): (u64, u64) = (done.parse().expect("a number"), of.parse().expect("a number"));
                assert!(done <= of && of >= left.entries().count() as u64, "{line}");
            }
            upgraded |= line == "upgraded";
            batches += usize::from(line == "batch");
            // At another moment each time: with the line of a batch, or a little after it.
            if line == "batch" && batches % 4 == 3 {
                std::thread::sleep(Duration::from_micros(200 * (kills as u64 % 9)));
                child.kill().expect("killed");
                kills += 1;
            }
        }
        child.wait().expect("ended");
        assert!(kills < 200, "it does not come to its end");
        let reading = Ledger::open_to_read(world.options()).expect("readable").expect("not empty");
        assert_eq!(reading.replay(&mut |_| {}).expect("replayed").differences, [], "after {kills} kills");
    }
    assert!(kills > 5, "{kills}");
    drop(Ledger::open(world.options()).expect("a ledger"));
    assert_eq!(without_keys(scan(folder.path(), Keyspace::Index)), without_keys(index));
    assert_eq!(scan(folder.path(), Keyspace::Rows), rows);
    assert_eq!(faults(&world), Vec::<String>::new());
}

#[test]
fn the_first_append_says_that_the_format_was_raised() {
    let _alone = alone();
    let (_left, folder, world) = format_4();
    let ledger = Arc::new(Ledger::open(world.options()).expect("upgraded"));
    let size = ledger.head().next;
    drop(ledger);
    let ledger = Arc::new(Ledger::open(world.options()).expect("opened again"));
    assert_eq!(ledger.head().next, size, "opening appends nothing");
    world.deploy(&ledger, 20..22).expect("deployed");
    let said = ledger.log().read_all(size, usize::MAX).expect("events");
    let raised = said.iter().filter_map(|recorded| match &recorded.event {
        AnyEvent::Ledger(LedgerEvent::FormatRaised(raised)) => Some((raised.from, raised.to)),
        _other => None,
    });
    assert_eq!(raised.collect::<Vec<_>>(), [(4, FORMAT)], "once");
    assert_eq!(said[0].event.name(), "FormatRaised", "ahead of all else");
    // The streams of before go on.
    let stream = &said.last().expect("events").envelope.stream;
    let events = ledger.log().read_stream(stream, Revision(0), usize::MAX).expect("a stream");
    assert!(events[0].head.position < size && events.last().expect("events").head.position >= size);
    drop(ledger);
    assert_eq!(faults(&world), Vec::<String>::new());
    assert!(!scan(folder.path(), Keyspace::Index).contains_key(&Key::Upgrade.encode()));
}

#[test]
fn a_ledger_that_may_not_be_written_is_read_as_it_is() {
    let _alone = alone();
    let (left, folder, world) = format_4();
    std::fs::rename(folder.path().join("keys/signing.key"), folder.path().join("elsewhere")).expect("moved");
    let ledger = Ledger::open(world.options()).expect("opens to be read");
    assert!(ledger.frozen().is_some());
    let (app, target) = (AppName::new("shop"), TargetName::new("production"));
    let key = TargetKey { app: app.expect("a name"), target: target.expect("a name") };
    assert!(ledger.log().read_stream(&key.stream(), Revision(0), usize::MAX).expect("a stream").len() > 20);
    assert!(ledger.state(&key).expect("a state").current.is_some());
    let ledger = Arc::new(ledger);
    assert!(world.deploy(&ledger, 0..1).is_err(), "nothing is written");
    drop(ledger);
    assert_eq!(scan(folder.path(), Keyspace::Index), left.spaces["index"]);
    assert_eq!(scan(folder.path(), Keyspace::Rows), left.spaces["rows"]);
}

/// Opens the log of a format of which no heads were kept.
fn open_unsealed(folder: &Path) -> Result<Ledger, haloy_ledger::OpenError> {
    let clock = Arc::new(SystemClock);
    let options = FjallOptions {
        clock: clock.clone(),
        policy: ClockPolicy::default(),
        in_batch: Box::new(Projections::default()),
        seal: Box::new(Unsealed),
        frozen: None,
        bundle_after: BUNDLE_AFTER,
        progress: no_progress(),
    };
    let log = Arc::new(FjallLog::open(&folder.join("ledger/log"), options)?);
    let entropy = Arc::new(SystemEntropy);
    let keys = Keys::ephemeral(entropy.as_ref());
    let (states, vault, tool) = (Arc::default(), folder.join("vault"), "upgrade".to_owned());
    Ledger::with(Parts { log, states, clock, entropy, keys, vault, tool })
}

#[test]
fn logs_of_every_older_format_are_upgraded_however_often_they_are_cut_off() {
    let _alone = alone();
    for format in 2..FORMAT {
        let left = Left::read(&format!("logs/format-{format}.txt")).with_index(format);
        let (folder, scratch) = (folder(), haloy_replay_tests::faults::folder());
        left.put(folder.path());
        let [index, rows] = from_scratch(&left, scratch.path());
        let images = cut_off(folder.path(), || drop(open_unsealed(folder.path()).expect("upgraded")));
        assert!(images.len() > 30, "{} batches", images.len());
        for (number, image) in images.iter().enumerate().step_by(3) {
            as_left(image, folder.path());
            drop(open_unsealed(folder.path()).expect("goes on"));
            let upgraded = scan(folder.path(), Keyspace::Index);
            assert_eq!(upgraded, without_keys(index.clone()), "format {format}, after {number} batches");
            assert_eq!(scan(folder.path(), Keyspace::Rows), rows, "format {format}, after {number} batches");
        }
    }
}

#[test]
fn verify_names_what_is_wrong_with_what_finds_the_entries_of_streams() {
    let _alone = alone();
    let (_left, folder, world) = format_4();
    drop(Ledger::open(world.options()).expect("upgraded"));
    let entry = scan(folder.path(), Keyspace::Entries)[&Key::Entry(Position(30)).encode()].clone();
    let head = codec::decode_head(&entry).expect("a head");
    let key = Key::StreamEntry(head.stream_number, head.revision).encode();
    let right = keys::stream_entry(head.position, head.kind);
    let old = Key::OldStreamEntry(head.stream_number, head.revision).encode();
    let wrong = |value: Vec<u8>| (key.clone(), Some(value), "index-differs", "says something else");
    let cases = [
        wrong(keys::stream_entry(Position(31), head.kind)),
        wrong(keys::stream_entry(head.position, head.kind + 1)),
        wrong(right[..8].to_vec()),
        (key.clone(), None, "index-differs", "is missing"),
        (old, Some(right[..8].to_vec()), "index-differs", "left over from the older index"),
    ];
    let whole = Image::take(folder.path()).expect("its files");
    for (key, value, code, cause) in cases {
        whole.restore(folder.path()).expect("restored");
        edit(&folder.path().join("ledger/log"), |space, database| {
            let rows = database.keyspace(space.name(), KeyspaceCreateOptions::default).expect("a keyspace");
            match &value {
                _ if space != Keyspace::Index => Ok(()),
                Some(value) => rows.insert(&key, value),
                None => rows.remove(&key),
            }
            .expect("changed");
        });
        let found = faults(&world);
        assert!(
            found.iter().any(|fault| fault.contains(code) && fault.contains(cause)),
            "{cause}: {found:?}"
        );
        let positioned = found.iter().any(|fault| fault.contains("30"));
        assert!(positioned || cause.starts_with("left over"), "{found:?}");
    }
}
