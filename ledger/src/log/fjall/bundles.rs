//! The second shape of events: groups of 256 move from rows to bundles, many at a time.
//!
//! Bundles are written as whole tables, past the journal, and are durable before a single row goes. A
//! crash in between leaves events in both shapes; the next move removes the rows. Events below
//! [`Spaces::bundled`] are read from their bundle, whether their row is still there or not.

use super::super::bundle::{self, WIDTH};
use super::super::keys::{self, Key, Keyspace};
use super::errors::store_error;
use super::open::Spaces;
use super::*;

/// Events that wait as rows, at least, before they move.
pub const BUNDLE_AFTER: u64 = 16 << 10;
/// Most events of one move. Their rows are removed by as many small writes.
const AT_ONCE: u64 = 256 << 10;
/// A move makes a table for ever, and opening looks at every table: so the more there are, the larger
/// the next one is.
const SHARE: u64 = 8;

/// Moves events on a thread of its own, one move at a time, so that appends go on meanwhile.
pub(super) struct BundleCompactor {
    store: Arc<Spaces>,
    after: u64,
    moving: Option<JoinHandle<Result<(), LogError>>>,
    failed: bool,
}

impl BundleCompactor {
    pub(super) fn new(store: Arc<Spaces>, after: u64) -> Self {
        Self { store, after, moving: None, failed: false }
    }

    /// Starts a move if enough events wait. Everything below `next` is sealed.
    pub(super) fn start_if_due(&mut self, next: Position) {
        if self.failed || due(self.store.bundled(), next, self.after).is_none() {
            return;
        }
        if self.moving.as_ref().is_some_and(|moving| !moving.is_finished()) {
            return;
        }
        self.join();
        let (store, after) = (Arc::clone(&self.store), self.after);
        let moving = std::thread::Builder::new()
            .name("ledger-mover".to_owned())
            .spawn(move || move_due(&store, next, after));
        // Without a thread the events stay rows, and the next append tries again.
        self.moving = moving.ok();
    }

    /// What fails is not tried again before the next open, which looks closely: until then the events are
    /// rows as they were.
    fn join(&mut self) {
        if let Some(moving) = self.moving.take()
            && !matches!(moving.join(), Ok(Ok(())))
        {
            self.failed = true;
            self.store.not_clean();
        }
    }
}

impl Drop for BundleCompactor {
    fn drop(&mut self) {
        self.join();
    }
}

/// End of the events to move, if enough of them wait. The newest event always stays a row.
fn due(from: u64, next: Position, after: u64) -> Option<u64> {
    let full = next.0.saturating_sub(1) / WIDTH * WIDTH;
    let enough = after.max((from / SHARE).min(AT_ONCE)).max(WIDTH);
    let waiting = full.saturating_sub(from);
    (waiting >= enough).then_some(full.min(from.saturating_add(AT_ONCE)))
}

/// Moves until fewer events wait than are worth it.
pub(super) fn move_due(store: &Spaces, next: Position, after: u64) -> Result<(), LogError> {
    while let Some(to) = due(store.bundled(), next, after) {
        let from = store.bundled();
        remove_left(store, from)?;
        write_bundles(store, from, to)?;
        store.set_bundled(to);
        remove_rows(store, from, to)?;
    }
    Ok(())
}

/// Writes the bundles of rows, and compares them with the rows: a bit that flipped in memory is found while
/// the row still exists.
fn write_bundles(store: &Spaces, from: u64, to: u64) -> Result<(), LogError> {
    let bundles = store.get(Keyspace::Bundles);
    let mut into = bundles.start_ingestion().map_err(store_error)?;
    for first in (from..to).step_by(WIDTH as usize) {
        let bundle = bundle_of_rows(store, first)?;
        into.write(Key::Bundle(first / WIDTH).encode(), bundle).map_err(store_error)?;
    }
    into.finish().map_err(store_error)?;
    for first in (from..to).step_by(WIDTH as usize) {
        if let Err(error) = compare(store, first) {
            // The rows are what was sealed; bundles are dense, so those above go with the bad one.
            for first in (first..to).step_by(WIDTH as usize) {
                bundles.remove(Key::Bundle(first / WIDTH).encode()).map_err(store_error)?;
            }
            return Err(error);
        }
    }
    Ok(())
}

fn bundle_of_rows(store: &Spaces, first: u64) -> Result<Vec<u8>, LogError> {
    let mut bundle = Vec::new();
    let mut at = first;
    let range = Key::Entry(Position(first)).encode()..Key::Entry(Position(first + WIDTH)).encode();
    for row in store.get(Keyspace::Entries).range(range) {
        let (key, entry) = row.into_inner().map_err(store_error)?;
        if keys::number(&key) != Some(at) {
            break;
        }
        bundle::push_entry(&mut bundle, &entry).map_err(|error| not_bundled(at, error))?;
        at += 1;
    }
    if at == first + WIDTH {
        return Ok(bundle);
    }
    Err(read::missing(at))
}

fn not_bundled(at: u64, error: bundle::BundleError) -> LogError {
    LogError::BadEntry { position: Position(at), cause: error.to_string() }
}

fn compare(store: &Spaces, first: u64) -> Result<(), LogError> {
    let stored = store.get(Keyspace::Bundles).get(Key::Bundle(first / WIDTH).encode());
    if stored.map_err(store_error)?.as_deref() == Some(bundle_of_rows(store, first)?.as_slice()) {
        return Ok(());
    }
    let cause = "its bundle is not stored as it was meant".to_owned();
    Err(LogError::BadEntry { position: Position(first), cause })
}

/// Removes rows that a crash left below `end`. They are removed in order, those of a group at once.
fn remove_left(store: &Spaces, end: u64) -> Result<(), LogError> {
    let entries = store.get(Keyspace::Entries);
    let mut from = end;
    while from > 0 && entries.contains_key(Key::Entry(Position(from - 1)).encode()).map_err(store_error)? {
        from -= WIDTH;
        compare(store, from)?;
    }
    remove_rows(store, from, end)
}

/// Removes rows whose bundles are written. Nothing waits for the disk: rows that come back after a crash are
/// removed by the next move.
fn remove_rows(store: &Spaces, from: u64, to: u64) -> Result<(), LogError> {
    for first in (from..to).step_by(WIDTH as usize) {
        let mut write = store.db.batch();
        for at in first..first + WIDTH {
            write.remove(store.get(Keyspace::Entries), Key::Entry(Position(at)).encode());
        }
        store.commit(write).map_err(store_error)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::super::samples;
    use super::*;
    use crate::ports::SystemClock;
    use crate::projection::Projections;

    const NEVER: u64 = u64::MAX;

    fn open(folder: &std::path::Path, bundle_after: u64) -> FjallLog {
        let options = FjallOptions {
            clock: Arc::new(SystemClock),
            policy: ClockPolicy::default(),
            in_batch: Box::new(Projections::only(Vec::new())),
            seal: Box::new(Unsealed),
            frozen: None,
            bundle_after,
            progress: no_progress(),
        };
        FjallLog::open(&folder.join("log"), options).expect("a log")
    }

    fn grow(log: &FjallLog, count: usize) {
        log.append(vec![samples::write(count)], None, Stage::Durable).expect("appended");
    }

    fn all(log: &FjallLog) -> Vec<Vec<u8>> {
        log.read_entries(Position(0), usize::MAX).expect("entries")
    }

    fn rows(log: &FjallLog) -> usize {
        log.store.get(Keyspace::Entries).iter().count()
    }

    #[test]
    fn what_is_due() {
        assert_eq!(due(0, Position(0), 256), None);
        assert_eq!(due(0, Position(256), 256), None, "the newest stays a row");
        assert_eq!(due(0, Position(257), 256), Some(256));
        assert_eq!(due(0, Position(600), 513), None);
        assert_eq!(due(0, Position(16_385), BUNDLE_AFTER), Some(16_384));
        assert_eq!(due(1 << 20, Position((1 << 20) + 16_385), BUNDLE_AFTER), None, "tables grow");
        assert_eq!(due(0, Position(1 << 30), BUNDLE_AFTER), Some(AT_ONCE));
        assert_eq!(due(1 << 30, Position((1 << 30) + AT_ONCE + 1), 1), Some((1 << 30) + AT_ONCE));
    }

    #[test]
    fn a_crash_between_bundles_and_rows_changes_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = open(folder.path(), NEVER);
        grow(&log, 900);
        let before = all(&log);
        write_bundles(&log.store, 0, 512).expect("written");
        assert_eq!(all(&log), before);
        drop(log);
        let log = open(folder.path(), NEVER);
        assert_eq!((log.store.bundled(), rows(&log)), (512, 900));
        assert_eq!(all(&log), before);
        // The crash after some of the rows.
        remove_rows(&log.store, 0, 256).expect("removed");
        drop(log);
        let log = open(folder.path(), 256);
        assert_eq!((all(&log), rows(&log)), (before.clone(), 644));
        grow(&log, 1);
        drop(log);
        let log = open(folder.path(), NEVER);
        assert_eq!((log.store.bundled(), rows(&log)), (768, 133));
        assert_eq!(all(&log)[..900], before);
    }

    #[test]
    fn a_log_without_rows_goes_on() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = open(folder.path(), NEVER);
        grow(&log, 512);
        let before = all(&log);
        write_bundles(&log.store, 0, 512).expect("written");
        remove_rows(&log.store, 0, 512).expect("removed");
        drop(log);
        let log = open(folder.path(), NEVER);
        assert_eq!((log.head().next, rows(&log)), (Position(512), 0));
        grow(&log, 1);
        assert_eq!(all(&log)[..512], before);
        assert_eq!(log.read_stream(&StreamId::Ledger, Revision(510), 9).expect("read").len(), 3);
    }

    #[test]
    fn what_is_missing_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = open(folder.path(), NEVER);
        grow(&log, 900);
        move_due(&log.store, Position(900), 256).expect("moved");
        let gone = |position: u64| format!("{:?}", Err::<(), _>(read::missing(position)));
        let read = |log: &FjallLog| format!("{:?}", log.read_entries(Position(0), usize::MAX).map(drop));
        log.store.get(Keyspace::Entries).remove(Key::Entry(Position(800)).encode()).expect("removed");
        assert_eq!(read(&log), gone(800));
        log.store.get(Keyspace::Bundles).remove(Key::Bundle(1).encode()).expect("removed");
        assert_eq!(read(&log), gone(256));
        log.store.get(Keyspace::Bundles).remove(Key::Bundle(2).encode()).expect("removed");
        drop(log);
        let log = open(folder.path(), NEVER);
        assert_eq!(read(&log), gone(256), "the last bundle counts");
    }
}
