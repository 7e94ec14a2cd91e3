//! Temporary rows that may be too many for memory: a private store, removed when this is dropped.

use super::errors::store_error;
use super::read::RowsView;
use super::scratch_folder::ScratchFolder;
use super::*;
use ::fjall::config::CompressionPolicy;
use ::fjall::{CompressionType, Database, KeyspaceCreateOptions};
use std::collections::BTreeMap;

/// Large, so that few tables are written, and few of them again.
const MEMTABLE_BYTES: u64 = 32 << 20;
const CACHE_BYTES: u64 = 32 << 20;

/// Rows on disk, for as long as this lives. The order of fields is the order in which they go.
pub struct Scratch {
    rows: ::fjall::Keyspace,
    db: Database,
    _folder: ScratchFolder,
}

/// A row of the store, or why it cannot be read.
pub type ScratchRow = Result<(Vec<u8>, Vec<u8>), LogError>;

impl Scratch {
    /// In a folder of its own below this one.
    pub fn new(below: &std::path::Path) -> Result<Self, LogError> {
        // It holds what the store holds, and is as private.
        let folder = ScratchFolder::new(below)?;
        let rows = folder.path().join("rows");
        let builder = Database::builder(&rows).temporary(true).cache_size(CACHE_BYTES).worker_threads(1);
        let quick = builder.manual_journal_persist(true).journal_compression(CompressionType::None);
        let db = quick.open().map_err(store_error)?;
        let options = || {
            KeyspaceCreateOptions::default()
                .max_memtable_size(MEMTABLE_BYTES)
                .data_block_compression_policy(CompressionPolicy::all(CompressionType::None))
        };
        let rows = db.keyspace("rows", options).map_err(store_error)?;
        Ok(Self { rows, db, _folder: folder })
    }

    /// Looks at the rows.
    pub fn read<T>(&self, read: impl FnOnce(&dyn Rows) -> T) -> T {
        read(&RowsView::of(&self.db, &self.rows))
    }

    /// Puts and removes rows.
    pub fn write(&self, rows: BTreeMap<Vec<u8>, Option<Vec<u8>>>) -> Result<(), LogError> {
        room::make(&self.rows, MEMTABLE_BYTES).map_err(store_error)?;
        let mut write = self.db.batch();
        for (key, value) in rows {
            match value {
                Some(value) => write.insert(&self.rows, key, value),
                None => write.remove(&self.rows, key),
            }
        }
        write.commit().map_err(store_error)
    }

    /// Every row, in order of key.
    pub fn rows(&self) -> impl Iterator<Item = ScratchRow> {
        self.rows.iter().map(|row| {
            let (key, value) = row.into_inner().map_err(store_error)?;
            Ok((key.to_vec(), value.to_vec()))
        })
    }
}
