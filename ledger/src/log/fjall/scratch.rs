//! Rows that are needed for a while and may be too many for memory: a store that nobody else sees, gone
//! when this is dropped.

use super::super::keys::Keyspace;
use super::open::{self, Spaces, store_error};
use super::read::RowsView;
use super::*;
use std::collections::BTreeMap;

/// Rows on disk, for as long as this lives.
pub struct Scratch {
    /// None only while it is being dropped.
    spaces: Option<Spaces>,
    folder: PathBuf,
}

/// A row of the store, or why it cannot be read.
pub type ScratchRow = Result<(Vec<u8>, Vec<u8>), LogError>;

impl Scratch {
    /// In this folder; what an earlier one left there is removed.
    pub fn new(folder: &std::path::Path) -> Result<Self, LogError> {
        drop(std::fs::remove_dir_all(folder));
        let (spaces, _new) = open::open(&folder.join("rows"))?;
        Ok(Self { spaces: Some(spaces), folder: folder.to_owned() })
    }

    fn spaces(&self) -> &Spaces {
        self.spaces.as_ref().expect("only dropping takes it")
    }

    /// Looks at the rows.
    pub fn read<T>(&self, read: impl FnOnce(&dyn Rows) -> T) -> T {
        read(&RowsView::now(self.spaces()))
    }

    /// Puts and removes rows.
    pub fn write(&self, rows: BTreeMap<Vec<u8>, Option<Vec<u8>>>) -> Result<(), LogError> {
        let spaces = self.spaces();
        let mut write = spaces.db.batch();
        for (key, value) in rows {
            match value {
                Some(value) => write.insert(spaces.get(Keyspace::Rows), key, value),
                None => write.remove(spaces.get(Keyspace::Rows), key),
            }
        }
        write.commit().map_err(store_error)
    }

    /// Every row, in order of key.
    pub fn rows(&self) -> impl Iterator<Item = ScratchRow> {
        self.spaces().get(Keyspace::Rows).iter().map(|row| {
            let (key, value) = row.into_inner().map_err(store_error)?;
            Ok((key.to_vec(), value.to_vec()))
        })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Some(spaces) = self.spaces.take() {
            spaces.not_clean();
        }
        // What stays is removed by the next one.
        drop(std::fs::remove_dir_all(&self.folder));
    }
}
