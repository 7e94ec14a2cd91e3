//! Journals are emptied when the store is closed: every row is in a table by then, and the rest of a journal
//! would only be read back at the next open. fjall keeps up to 64 MiB of it.
//!
//! The order makes it safe wherever it is cut off. Rows are in tables, durably, before a journal is touched.
//! Older journals go first, oldest first: in the other order a row that a newer journal removed would come
//! back. The newest stays as an empty file: without any journal fjall does not learn the number of its last
//! write, and rows become invisible.

use super::closed::is_journal;
use crate::files;
use ::fjall::{AbstractTree, Database, Keyspace, PersistMode};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Journals that hold more than this are worth emptying: so much is read back in some 10 ms.
const WORTH_EMPTYING: u64 = 1 << 20;
/// A write buffer above this is read back at every open: flush it when closing.
const WORTH_FLUSHING: u64 = 256 << 10;
/// How long closing waits for write buffers to be in tables. The rest stays in the journal.
const PATIENCE: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(1);

/// Writes everything that is in write buffers into tables, where that is worth it; returns whether journals
/// may be emptied once the store is closed. For the last holder of the store to call.
pub(super) fn flushed(db: &Database, spaces: &[Keyspace], folder: &Path) -> bool {
    let large = held(folder).is_ok_and(|bytes| bytes > WORTH_EMPTYING);
    if !large && db.write_buffer_size() < WORTH_FLUSHING {
        return false;
    }
    let rotated = spaces.iter().try_for_each(|space| space.rotate_memtable().map(drop));
    rotated.is_ok() && in_tables(db, spaces) && large && db.persist(PersistMode::SyncAll).is_ok()
}

/// Waits until every keyspace has all of its rows in tables. A worker that died, since the disk is full or
/// broken, never gets there: the store says so, or time does.
fn in_tables(db: &Database, spaces: &[Keyspace]) -> bool {
    let until = Instant::now() + PATIENCE;
    let done = |space: &Keyspace| {
        let tree = &space.tree;
        tree.active_memtable().is_empty() && tree.sealed_memtable_count() == 0
    };
    while !spaces.iter().all(done) {
        if Instant::now() > until || db.persist(PersistMode::Buffer).is_err() {
            return false;
        }
        std::thread::sleep(POLL);
    }
    true
}

/// Bytes that journals take on disk. They are made longer than that, with holes.
fn held(folder: &Path) -> io::Result<u64> {
    /// Unit of `st_blocks`.
    const BLOCK: u64 = 512;
    journals(folder)?.iter().try_fold(0, |sum: u64, path| {
        let found = fs::metadata(path)?;
        Ok(sum.saturating_add(found.len().min(found.blocks().saturating_mul(BLOCK))))
    })
}

/// Journals of a store, oldest first. fjall names each of them with a number.
pub(super) fn journals(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found: Vec<(u64, PathBuf)> = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let number = path.file_stem().and_then(|stem| stem.to_str()?.parse().ok());
        found.extend(number.filter(|_| is_journal(&path)).map(|number| (number, path)));
    }
    found.sort();
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

/// Empties the journals of a closed store for which [`flushed`] returned true.
pub(super) fn empty(folder: &Path) -> io::Result<()> {
    steps(folder)?.into_iter().try_for_each(|step| step.take(folder))
}

/// One step of emptying; a crash may come between any two.
#[derive(Debug)]
pub(super) enum Step {
    Remove(PathBuf),
    /// Older ones are gone for good before the newest is touched.
    SyncFolder,
    Empty(PathBuf),
}

pub(super) fn steps(folder: &Path) -> io::Result<Vec<Step>> {
    let mut journals = journals(folder)?;
    let Some(newest) = journals.pop() else { return Ok(Vec::new()) };
    let mut steps: Vec<Step> = journals.into_iter().map(Step::Remove).collect();
    steps.extend([Step::SyncFolder, Step::Empty(newest)]);
    Ok(steps)
}

impl Step {
    pub(super) fn take(self, folder: &Path) -> io::Result<()> {
        match self {
            Self::Remove(path) => fs::remove_file(path),
            Self::SyncFolder => files::sync_folder(folder),
            Self::Empty(path) => {
                let file = fs::OpenOptions::new().write(true).open(path)?;
                file.set_len(0)?;
                file.sync_all()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::database::database;
    use super::super::lock;
    use super::super::*;
    use super::*;
    use std::collections::BTreeMap;

    type Rows = BTreeMap<(&'static str, Vec<u8>), Vec<u8>>;

    /// All rows of all keyspaces.
    fn rows(folder: &Path) -> Rows {
        let (_db, spaces) = database(folder, 1).expect("opens");
        let mut rows = BTreeMap::new();
        for (space, name) in spaces.iter().zip(keys::Keyspace::ALL.map(keys::Keyspace::name)) {
            for row in space.iter() {
                let (key, value) = row.into_inner().expect("read");
                rows.insert((name, key.to_vec()), value.to_vec());
            }
        }
        rows
    }

    /// A store whose journal removes what it wrote before, and a copy of it from before that.
    fn with_a_journal(folder: &Path, early: &Path) -> Rows {
        let (db, spaces) = database(folder, 1).expect("made");
        let noise = |round: u8, at: u8| -> Vec<u8> {
            let mut bytes = vec![0; 1 << 20];
            blake3::Hasher::new().update(&[round, at]).finalize_xof().fill(&mut bytes);
            bytes
        };
        for round in 0..3 {
            for at in 0..40 {
                let mut write = db.batch();
                write.insert(&spaces[usize::from(at) % 5], [round, at], noise(round, at));
                write.commit().expect("written");
            }
            db.persist(PersistMode::SyncAll).expect("durable");
            if round == 0 {
                fs::copy(&journals(folder).expect("listed")[0], early).expect("copied");
            }
        }
        let mut write = db.batch();
        for at in 0..40 {
            write.remove(&spaces[usize::from(at) % 5], [0, at]);
        }
        write.commit().expect("removed");
        db.persist(PersistMode::SyncAll).expect("durable");
        drop((spaces, db));
        rows(folder)
    }

    /// What [`flushed`] does, of a store that nothing else has.
    fn flush(folder: &Path) {
        let (db, spaces) = database(folder, 1).expect("opens");
        for space in &spaces {
            space.rotate_memtable_and_wait().expect("in tables");
        }
        db.persist(PersistMode::SyncAll).expect("durable");
    }

    fn copied(from: &Path, to: &Path) {
        fs::create_dir_all(to).expect("made");
        for entry in fs::read_dir(from).expect("a folder").flatten() {
            let to = to.join(entry.file_name());
            match entry.path().is_dir() {
                true => copied(&entry.path(), &to),
                false => drop(fs::copy(entry.path(), to).expect("copied")),
            }
        }
    }

    #[test]
    fn wherever_emptying_is_cut_off_every_row_is_there_and_none_is_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = folder.path().join("log");
        let early = folder.path().join("early");
        let before = with_a_journal(&store, &early);
        assert_eq!(before.len(), 80);
        flush(&store);
        // Older journals lie there as long as fjall did not get to them.
        let newest = journals(&store).expect("listed").pop().expect("one");
        fs::rename(newest, store.join("7.jnl")).expect("renamed");
        for older in [0, 3] {
            fs::copy(&early, store.join(format!("{older}.jnl"))).expect("copied");
        }
        let count = steps(&store).expect("listed").len();
        assert_eq!(count, 4);
        for cut in 0..=count {
            let copy = folder.path().join(cut.to_string());
            copied(&store, &copy);
            for step in steps(&copy).expect("listed").into_iter().take(cut) {
                step.take(&copy).expect("done");
            }
            assert!(rows(&copy) == before, "cut off before step {cut}");
            // And what is written after it is found again.
            let (db, spaces) = database(&copy, 1).expect("opens");
            spaces[0].insert([9, 9], "later").expect("written");
            spaces[1].remove([1, 1]).expect("removed");
            db.persist(PersistMode::SyncAll).expect("durable");
            drop((spaces, db));
            let after = rows(&copy);
            assert_eq!(after.get(&("entries", vec![9, 9])).map(Vec::as_slice), Some(&b"later"[..]), "{cut}");
            assert_eq!(after.len(), before.len(), "one more, one less: {cut}");
        }
    }

    #[test]
    fn a_large_journal_is_empty_after_a_close_and_a_small_one_is_left() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log");
        let open = || FjallLog::open(&path, super::super::open::tests::options()).expect("opens");
        let log = open();
        log.append(vec![crate::log::samples::write(1)], None, Stage::Durable).expect("appended");
        drop(log);
        assert!(held(&path).expect("looked") > 0, "not worth it");
        let log = open();
        for _ in 0..20 {
            log.append(vec![crate::log::samples::write(700)], None, Stage::Durable).expect("appended");
        }
        let next = log.head().next;
        drop(log);
        assert_eq!(held(&path).expect("looked"), 0);
        assert_eq!(journals(&path).expect("listed").len(), 1);
        assert!(closed::was_closed(&path), "and that is how it was left");
        let log = open();
        assert_eq!(log.head().next, next);
        assert_eq!(log.read_entries(Position(0), usize::MAX).expect("read").len() as u64, next.0);
        log.append(vec![crate::log::samples::write(3)], None, Stage::Durable).expect("appended");
        drop(log);
        assert_eq!(open().head().next.0, next.0 + 3);
    }

    #[test]
    fn a_store_without_a_journal_is_refused_before_it_loses_rows() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("log");
        drop(FjallLog::open(&path, super::super::open::tests::options()).expect("opens"));
        for journal in journals(&path).expect("listed") {
            fs::remove_file(journal).expect("removed");
        }
        let refused = FjallLog::open(&path, super::super::open::tests::options());
        let Err(LogError::Unreadable { cause, .. }) = refused else { panic!("it was opened") };
        assert!(cause.contains("no journal"), "{cause}");
        drop(lock::to_write(&path).expect("given back"));
    }
}
