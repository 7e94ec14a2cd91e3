//! The database of fjall, with the keyspaces of a store.

use super::errors::{plain, store_error};
use super::guarded::guarded;
use crate::log::keys::{self, Key, Keyspace};
use crate::log::{FORMAT, LogError};
use ::fjall::config::{BlockSizePolicy, CompressionPolicy};
use ::fjall::{CompressionType, Database, KeyspaceCreateOptions};
use std::path::Path;

/// Bytes kept of what was read; more gave nothing.
const CACHE_BYTES: u64 = 32 << 20;
/// Largest write buffer of a keyspace.
pub(super) const MEMTABLE_BYTES: u64 = 4 << 20;
const SEQUENTIAL_BLOCK: u32 = 32 << 10;
const INDEX_BLOCK: u32 = 4 << 10;

pub(super) fn database(
    folder: &Path,
    workers: usize,
) -> Result<(Database, [::fjall::Keyspace; 5]), LogError> {
    let unreadable = |cause: String| LogError::Unreadable { path: folder.to_owned(), cause };
    let builder = Database::builder(folder)
        .cache_size(CACHE_BYTES)
        .worker_threads_unchecked(workers)
        .manual_journal_persist(true);
    let db = guarded(|| builder.open()).map_err(unreadable)?.map_err(|error| match error {
        ::fjall::Error::Locked => LogError::Locked { path: folder.to_owned() },
        other => unreadable(plain(&other)),
    })?;
    let [entries, index, private, rows, bundles] = Keyspace::ALL.map(|space| {
        let block = match space {
            Keyspace::Entries | Keyspace::Bundles => SEQUENTIAL_BLOCK,
            Keyspace::Index | Keyspace::Private | Keyspace::Rows => INDEX_BLOCK,
        };
        let options = || {
            KeyspaceCreateOptions::default()
                .max_memtable_size(MEMTABLE_BYTES)
                .data_block_size_policy(BlockSizePolicy::all(block))
                .data_block_compression_policy(CompressionPolicy::all(CompressionType::Lz4))
        };
        let opened = guarded(|| db.keyspace(space.name(), options)).map_err(unreadable)?;
        opened.map_err(|error| unreadable(plain(&error)))
    });
    Ok((db, [entries?, index?, private?, rows?, bundles?]))
}

/// What a store says if its format is newer than this program's: this is the keyspace that has it.
pub(super) fn newer_in(index: &::fjall::Keyspace) -> Result<Option<LogError>, LogError> {
    let key = Key::Format.encode();
    match index.get(&key).map_err(store_error)? {
        Some(bytes) => {
            let found = keys::format(&bytes)
                .ok_or_else(|| LogError::Store("the format of the store cannot be read".to_owned()))?;
            Ok((found > FORMAT).then_some(LogError::NewerFormat { found, supported: FORMAT }))
        }
        None => Ok(None),
    }
}
