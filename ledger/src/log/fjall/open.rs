//! Opening and closing the store: quick, because a command line does it often.

use super::super::bundle::WIDTH;
use super::super::keys::{self, Keyspace};
use super::database::{MEMTABLE_BYTES, database, newer_in};
use super::errors::store_error;
use super::lock;
use super::*;
use crate::files;
use crate::ports::Clock;
use ::fjall::Database;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What a log on disk is opened with.
pub struct FjallOptions {
    /// Where time comes from.
    pub clock: Arc<dyn Clock>,
    /// What is known and wanted about the clock.
    pub policy: ClockPolicy,
    /// The projections.
    pub in_batch: Box<dyn InBatch>,
    /// What signs heads.
    pub seal: Box<dyn Seal>,
    /// Why nothing may be appended: the name of a fault, and what is wrong.
    pub frozen: Option<(&'static str, String)>,
    /// Events that wait, at least, before they are stored 256 as one value: [`BUNDLE_AFTER`], or fewer in
    /// a test.
    pub bundle_after: u64,
    /// Receives progress of the upgrade of a store of an older format.
    pub progress: Progress,
}

/// The file that fjall makes first: a folder without it has no store.
const VERSION: &str = "version";
/// Threads that flush and compact.
const WORKERS: usize = 1;

/// The database and its keyspaces. The order of fields is the order in which they are closed.
pub(super) struct Spaces {
    spaces: [::fjall::Keyspace; 5],
    pub(super) db: Database,
    /// Events below lie in bundles.
    bundled: AtomicU64,
    /// Writing has ended: write buffers may be moved when the last holder drops the store.
    written: AtomicBool,
    closing: Closing,
}

impl Spaces {
    /// Of an open store.
    pub(super) fn new(
        (db, spaces): (Database, [::fjall::Keyspace; 5]),
        closing: Closing,
    ) -> Result<Self, LogError> {
        let bundled = AtomicU64::new(bundled_in(&spaces[4])?);
        Ok(Self { spaces, db, bundled, written: AtomicBool::new(false), closing })
    }
}

/// Notes what the store looks like once everything else is closed, then lets others in.
pub(super) struct Closing {
    folder: PathBuf,
    clean: AtomicBool,
    /// Every row is in a table: journals can go.
    flushed: AtomicBool,
    /// What is open is a copy, which goes; the store itself is not touched, so there is nothing to note.
    copy: Option<peek::Copy>,
    /// None on a read-only disk.
    _lock: Option<std::fs::File>,
}

impl Closing {
    pub(super) fn of(folder: &Path, copy: Option<peek::Copy>, lock: Option<std::fs::File>) -> Self {
        let (clean, flushed) = (AtomicBool::new(true), AtomicBool::new(false));
        Self { folder: folder.to_owned(), clean, flushed, copy, _lock: lock }
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        if self.copy.is_none() && self.clean.load(Ordering::Relaxed) {
            if self.flushed.load(Ordering::Relaxed) && journals::empty(&self.folder).is_err() {
                // Closing may be cut off anywhere; the next open finds the state.
                return;
            }
            // Without the note the next open checks more: that costs time, and nothing else.
            drop(closed::note(&self.folder));
        }
    }
}

impl Drop for Spaces {
    fn drop(&mut self) {
        // This is the last holder: no other process writes.
        let as_it_should_be = self.closing.copy.is_none() && self.closing.clean.load(Ordering::Relaxed);
        if as_it_should_be && self.written.load(Ordering::Relaxed) {
            self.closing
                .flushed
                .store(journals::flushed(&self.db, &self.spaces, &self.closing.folder), Ordering::Relaxed);
        }
    }
}

impl Spaces {
    pub(super) fn get(&self, keyspace: Keyspace) -> &::fjall::Keyspace {
        match keyspace {
            Keyspace::Entries => &self.spaces[0],
            Keyspace::Index => &self.spaces[1],
            Keyspace::Private => &self.spaces[2],
            Keyspace::Rows => &self.spaces[3],
            Keyspace::Bundles => &self.spaces[4],
        }
    }

    /// Events below lie in bundles; of those above, every one is a row.
    pub(super) fn bundled(&self) -> u64 {
        self.bundled.load(Ordering::Acquire)
    }

    /// Only once those bundles are durable, and before a row of theirs goes.
    pub(super) fn set_bundled(&self, bundled: u64) {
        self.bundled.store(bundled, Ordering::Release);
    }

    /// Writes a batch, after write buffers that it might not fit into.
    pub(super) fn commit(&self, write: ::fjall::OwnedWriteBatch) -> ::fjall::Result<()> {
        self.spaces.iter().try_for_each(|space| room::make(space, MEMTABLE_BYTES))?;
        write.commit()
    }

    /// No append will follow.
    pub(super) fn is_written(&self) {
        self.written.store(true, Ordering::Relaxed);
    }

    /// Something failed: the next open is to look closely.
    pub(super) fn not_clean(&self) {
        self.closing.clean.store(false, Ordering::Relaxed);
    }
}

pub(super) fn open(folder: &Path) -> Result<(Spaces, StoreCondition), LogError> {
    let io = |error: std::io::Error| LogError::Io { path: folder.to_owned(), cause: error.to_string() };
    let mut closing = Closing::of(folder, None, Some(lock::to_write(folder)?));
    let found = looked_at(folder)?;
    // Opening it would write: the format must be known before.
    if (found == StoreCondition::Modified || closed::closed_by_newer(folder))
        && let Some((copy, opened)) = peek::newer(folder)
    {
        closing.copy = Some(copy);
        return Ok((Spaces::new(opened, closing)?, found));
    }
    if found == StoreCondition::Modified {
        closed::copy_journals(folder, &folder.with_file_name("aside")).map_err(io)?;
    }
    closed::in_use(folder).map_err(io)?;
    if found == StoreCondition::Absent {
        make(folder)?;
    }
    Ok((Spaces::new(database(folder, WORKERS)?, closing)?, found))
}

/// How a store was found, and whether fjall may be let near it.
pub(super) fn looked_at(folder: &Path) -> Result<StoreCondition, LogError> {
    let unreadable = |cause: String| LogError::Unreadable { path: folder.to_owned(), cause };
    let io = |error: std::io::Error| LogError::Io { path: folder.to_owned(), cause: error.to_string() };
    let found = closed::condition(folder).map_err(io)?;
    if folder.join(VERSION).exists() && journals::journals(folder).map_err(io)?.is_empty() {
        return Err(unreadable("it has no journal: opened like this, rows would be lost".to_owned()));
    }
    if found == StoreCondition::Modified {
        sound::look(folder).map_err(unreadable)?;
    }
    Ok(found)
}

/// Creates an empty store beside its place, and moves it there: half a store cannot be opened, and would
/// block every other attempt.
fn make(folder: &Path) -> Result<(), LogError> {
    let io = |error: std::io::Error| LogError::Io { path: folder.to_owned(), cause: error.to_string() };
    let making = folder.with_extension("making");
    // What an earlier try left never held anything. Where there is none, nothing is removed.
    drop(std::fs::remove_dir_all(&making));
    files::private_folder(&making).map_err(io)?;
    drop(database(&making, WORKERS)?);
    files::move_to(&making, folder).map_err(io)
}

/// Bundles are dense from the first one on, so the last one says how far they go.
fn bundled_in(bundles: &::fjall::Keyspace) -> Result<u64, LogError> {
    let Some(last) = bundles.last_key_value() else { return Ok(0) };
    let number = keys::number(&last.key().map_err(store_error)?);
    number
        .and_then(|number| number.checked_add(1)?.checked_mul(WIDTH))
        .ok_or_else(|| LogError::Store("the key of the last bundle cannot be read".to_owned()))
}

/// What a store says if its format is newer than this program's; a new store gets this program's with the
/// first append, so that opening alone changes nothing.
pub(super) fn newer_format(store: &Spaces) -> Result<Option<LogError>, LogError> {
    newer_in(store.get(Keyspace::Index))
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::keys::Key;
    use super::*;
    use crate::event::CancelRequested;
    use crate::ids::{DeploymentId, StreamId};
    use crate::log::*;
    use crate::ports::SystemClock;
    use crate::projection::Projections;
    use std::sync::Arc;

    pub fn options() -> FjallOptions {
        FjallOptions {
            clock: Arc::new(SystemClock),
            policy: Default::default(),
            in_batch: Box::new(Projections::default()),
            seal: Box::new(Unsealed),
            frozen: None,
            bundle_after: BUNDLE_AFTER,
            progress: no_progress(),
        }
    }

    fn bytes(folder: &Path) -> std::collections::BTreeMap<std::path::PathBuf, Vec<u8>> {
        let mut files = std::collections::BTreeMap::new();
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
                match entry.path().is_dir() {
                    true => folders.push(entry.path()),
                    false => drop(files.insert(entry.path(), std::fs::read(entry.path()).expect("a file"))),
                }
            }
        }
        files
    }

    /// As a newer haloy leaves it: closed, with a matching note.
    #[test]
    fn a_store_of_a_newer_format_that_was_closed_is_not_changed_by_a_look() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = FjallLog::open(&folder.path().join("log"), options()).expect("opens");
        log.append(vec![crate::log::samples::write(700)], None, Stage::Durable).expect("appended");
        log.store.get(Keyspace::Index).insert(Key::Format.encode(), (FORMAT + 1).to_be_bytes()).expect("put");
        drop(log);
        let note = folder.path().join("log.closed");
        let noted = std::fs::read_to_string(&note).expect("a note");
        let newer = noted.replacen(&format!("format {FORMAT}\n"), &format!("format {}\n", FORMAT + 1), 1);
        assert_ne!(newer, noted);
        std::fs::write(&note, newer).expect("written");
        let before = bytes(folder.path());
        for _ in 0..2 {
            let log = FjallLog::open(&folder.path().join("log"), options()).expect("opens to be read");
            assert!(log.newer().is_some());
            assert_eq!(log.read_entries(crate::ids::Position(0), 1000).expect("read").len(), 700);
            drop(log);
            let now = bytes(folder.path());
            let changed: Vec<_> =
                before.keys().chain(now.keys()).filter(|p| before.get(*p) != now.get(*p)).collect();
            assert!(changed.is_empty(), "{changed:?}");
        }
    }

    #[test]
    fn a_store_of_a_newer_format_is_read_and_never_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = FjallLog::open(&folder.path().join("log"), options()).expect("opens");
        log.store.get(Keyspace::Index).insert(Key::Format.encode(), (FORMAT + 1).to_be_bytes()).expect("put");
        drop(log);
        let log = FjallLog::open(&folder.path().join("log"), options()).expect("opens to be read");
        assert!(matches!(log.newer(), Some(LogError::NewerFormat { found, .. }) if *found == FORMAT + 1));
        assert_eq!(log.read_all(crate::ids::Position(0), 10).expect("reads"), []);
        let write =
            StreamWrite { stream: crate::ids::StreamId::Ledger, expected: Expected::Any, events: Vec::new() };
        let refused = log.append(vec![write], None, Stage::Durable);
        assert!(matches!(refused, Err(AppendError::Log(LogError::NewerFormat { .. }))), "{refused:?}");
        let refused = log.put_rows(vec![(b"key".to_vec(), Some(b"row".to_vec()))]);
        assert!(matches!(refused, Err(LogError::NewerFormat { .. })), "{refused:?}");
    }

    fn event() -> NewEvent {
        let event = CancelRequested { id: DeploymentId::from_parts(1, 1) }.into();
        NewEvent::seal(crate::log::samples::envelope(StreamId::Ledger), event, || [0; 32])
    }

    #[test]
    fn the_first_append_to_an_older_store_raises_its_format_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log");
        let append = |log: &FjallLog| {
            let events = vec![event()];
            let write = StreamWrite { stream: StreamId::Ledger, expected: Expected::Any, events };
            log.append(vec![write], None, Stage::Durable).expect("appended")
        };
        let log = FjallLog::open(&path, options()).expect("opens");
        append(&log);
        log.store.get(Keyspace::Index).insert(Key::Format.encode(), 2_u32.to_be_bytes()).expect("put");
        drop(log);
        for _ in 0..2 {
            let log = FjallLog::open(&path, options()).expect("opens");
            append(&log);
        }
        let log = FjallLog::open(&path, options()).expect("opens");
        let events = log.read_all(crate::ids::Position(0), 10).expect("reads");
        let names: Vec<&str> = events.iter().map(|event| event.event.name()).collect();
        assert_eq!(names, ["CancelRequested", "FormatRaised", "CancelRequested", "CancelRequested"]);
        let format = log.store.get(Keyspace::Index).get(Key::Format.encode()).expect("read").expect("there");
        assert_eq!(format.as_ref(), FORMAT.to_be_bytes());
    }
}
