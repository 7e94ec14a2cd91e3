//! Opening and closing the store: quick, because a command line does it often.

use super::super::keys::{self, Key, Keyspace};
use super::*;
use crate::ports::Clock;
use ::fjall::config::{BlockSizePolicy, CompressionPolicy};
use ::fjall::{CompressionType, Database, KeyspaceCreateOptions, Readable};
use std::path::Path;

/// What a log on disk is opened with.
pub struct FjallOptions {
    /// Folder of the store; made with mode 0700 where it is missing.
    pub folder: PathBuf,
    /// Where time comes from.
    pub clock: Arc<dyn Clock>,
    /// What is known and wanted about the clock.
    pub policy: ClockPolicy,
    /// The projections.
    pub in_batch: Box<dyn InBatch>,
    /// What signs heads.
    pub seal: Box<dyn Seal>,
}

/// Bytes kept of what was read; more gave nothing.
const CACHE_BYTES: u64 = 32 << 20;
/// A write buffer above this is read back at every open: flush it when closing.
const WORTH_FLUSHING: u64 = 256 << 10;
const MEMTABLE_BYTES: u64 = 4 << 20;
const SEQUENTIAL_BLOCK: u32 = 32 << 10;
const INDEX_BLOCK: u32 = 4 << 10;

/// The database and its keyspaces.
pub(super) struct Spaces {
    pub(super) db: Database,
    spaces: [::fjall::Keyspace; 4],
}

impl Spaces {
    pub(super) fn get(&self, keyspace: Keyspace) -> &::fjall::Keyspace {
        match keyspace {
            Keyspace::Entries => &self.spaces[0],
            Keyspace::Index => &self.spaces[1],
            Keyspace::Private => &self.spaces[2],
            Keyspace::Rows => &self.spaces[3],
        }
    }
}

pub(super) fn store_error(error: ::fjall::Error) -> LogError {
    LogError::Store(plain(&error))
}

/// fjall shows its errors as debug text; the system's own sentence is what helps.
pub(super) fn plain(error: &::fjall::Error) -> String {
    match error {
        ::fjall::Error::Io(io) => io.to_string(),
        ::fjall::Error::Poisoned => "an earlier write to disk failed".to_owned(),
        other => other.to_string(),
    }
}

pub(super) fn open(folder: &Path) -> Result<Spaces, LogError> {
    let io = |cause: String| LogError::Io { path: folder.to_owned(), cause };
    make_folder(folder).map_err(|error| io(error.to_string()))?;
    let db = Database::builder(folder)
        .cache_size(CACHE_BYTES)
        .worker_threads(1)
        .manual_journal_persist(true)
        .open()
        .map_err(|error| match error {
            ::fjall::Error::Locked => LogError::Locked { path: folder.to_owned() },
            other => io(plain(&other)),
        })?;
    let [entries, index, private, rows] = Keyspace::ALL.map(|space| {
        let block = match space {
            Keyspace::Entries => SEQUENTIAL_BLOCK,
            Keyspace::Index | Keyspace::Private | Keyspace::Rows => INDEX_BLOCK,
        };
        db.keyspace(space.name(), || {
            KeyspaceCreateOptions::default()
                .max_memtable_size(MEMTABLE_BYTES)
                .data_block_size_policy(BlockSizePolicy::all(block))
                .data_block_compression_policy(CompressionPolicy::all(CompressionType::Lz4))
        })
        .map_err(|error| io(plain(&error)))
    });
    Ok(Spaces { spaces: [entries?, index?, private?, rows?], db })
}

#[cfg(unix)]
fn make_folder(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn make_folder(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)
}

/// The format of the store if it is newer than this program; a new store gets this program's.
pub(super) fn check_format(store: &Spaces) -> Result<Option<u32>, LogError> {
    let index = store.get(Keyspace::Index);
    let key = Key::Format.encode();
    match index.get(&key).map_err(store_error)? {
        Some(bytes) => {
            let bytes: [u8; 4] = bytes
                .as_ref()
                .try_into()
                .map_err(|_| LogError::Store("the format of the store cannot be read".to_owned()))?;
            let found = u32::from_be_bytes(bytes);
            Ok((found > FORMAT).then_some(found))
        }
        // Written with the first append, so that opening alone changes nothing.
        None => Ok(None),
    }
}

pub(super) fn tail(store: &Spaces) -> Result<Tail, LogError> {
    let Some(last) = store.db.snapshot().last_key_value(store.get(Keyspace::Entries)) else {
        return Ok(Tail::empty());
    };
    let (key, value) = last.into_inner().map_err(store_error)?;
    let head = codec::decode_head(&value)?;
    if keys::number(&key) != Some(head.position.0) {
        let cause = "it lies under the key of another entry".to_owned();
        return Err(LogError::BadEntry { position: head.position, cause });
    }
    Ok(Tail { next: head.position.next(), recorded: head.recorded, wall: Some(head.wall) })
}

/// Moves what lies in write buffers into tables, so that the next open has nothing to read back.
pub(super) fn flush_if_worth_it(store: &Spaces) {
    if store.db.write_buffer_size() < WORTH_FLUSHING {
        return;
    }
    for space in Keyspace::ALL {
        // Everything is durable in the journal already: failing here costs time, not data.
        drop(store.get(space).rotate_memtable_and_wait());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::{AppendError, EventLog, Expected, FjallLog, Stage, StreamWrite, Unsealed};
    use crate::ports::SystemClock;
    use crate::projection::Projections;
    use std::sync::Arc;

    fn options(folder: &Path) -> FjallOptions {
        FjallOptions {
            folder: folder.to_owned(),
            clock: Arc::new(SystemClock),
            policy: Default::default(),
            in_batch: Box::new(Projections::default()),
            seal: Box::new(Unsealed),
        }
    }

    #[test]
    fn a_store_of_a_newer_format_is_read_and_never_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = FjallLog::open(options(folder.path())).expect("opens");
        log.store.get(Keyspace::Index).insert(Key::Format.encode(), (FORMAT + 1).to_be_bytes()).expect("put");
        drop(log);
        let log = FjallLog::open(options(folder.path())).expect("opens to be read");
        assert_eq!(log.newer_format(), Some(FORMAT + 1));
        assert_eq!(log.read_all(crate::ids::Position(0), 10).expect("reads"), []);
        let write =
            StreamWrite { stream: crate::ids::StreamId::Ledger, expected: Expected::Any, events: Vec::new() };
        let refused = log.append(vec![write], None, Stage::Durable);
        assert!(matches!(refused, Err(AppendError::NewerFormat { .. })), "{refused:?}");
    }
}
