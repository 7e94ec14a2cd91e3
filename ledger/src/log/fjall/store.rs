//! The store before its writer runs: to look at, to check, and to copy from.

use super::super::keys::{self, Key, Keyspace};
use super::closed::Found;
use super::open::{Spaces, store_error};
use super::*;
use crate::log::ports::EachRow;
use std::ops::Range;

/// A store that is open, and nobody writes to.
pub struct FjallStore {
    pub(super) spaces: Arc<Spaces>,
    pub(super) folder: PathBuf,
    pub(super) newer_format: Option<u32>,
    found: Found,
}

impl FjallStore {
    /// Opens the store in a folder, creating it where there is none.
    ///
    /// # Errors
    /// [`LogError::Locked`] if another process has it, [`LogError::Io`] if the folder cannot be used,
    /// [`LogError::Unreadable`] if what is in it cannot be opened.
    pub fn open(folder: &std::path::Path) -> Result<Self, LogError> {
        let (spaces, found) = open::open(folder)?;
        let newer_format = open::check_format(&spaces)?;
        Ok(Self { spaces: Arc::new(spaces), folder: folder.to_owned(), newer_format, found })
    }

    /// Its format, if that is newer than this program's.
    pub fn newer_format(&self) -> Option<u32> {
        self.newer_format
    }

    /// How it was found.
    pub fn found(&self) -> Found {
        self.found
    }

    /// What lies in it, as long as anybody holds on to this.
    pub fn stored(&self) -> Arc<dyn Stored> {
        Arc::new(FjallStored(Arc::clone(&self.spaces)))
    }

    /// Events below are stored 256 as one value.
    pub fn bundled(&self) -> Position {
        Position(self.spaces.bundled())
    }

    /// It is to be looked at closely when it is opened again.
    pub fn not_clean(&self) {
        self.spaces.not_clean();
    }
}

struct FjallStored(Arc<Spaces>);

impl Stored for FjallStored {
    fn next(&self) -> Result<Position, LogError> {
        // The key counts here, not what lies under it: that is for those who check to say.
        Ok(read::last(&self.0)?.map_or(Position(0), |(last, _)| Position(last.0.saturating_add(1))))
    }

    fn entries(
        &self,
        from: Position,
        limit: usize,
        each: &mut dyn FnMut(&[u8]) -> Result<(), LogError>,
    ) -> Result<(), LogError> {
        read::entries(&self.0, from, limit, each)
    }

    fn stream(&self, stream: &StreamId, from: Revision, limit: usize) -> Result<Vec<Vec<u8>>, LogError> {
        read::stream(&self.0, stream, from, limit)
    }

    fn privates(&self, events: Range<Position>) -> Result<PrivateRows, LogError> {
        read::privates(&self.0, events)
    }

    fn scan(&self, keyspace: Keyspace, each: &mut EachRow<'_>) -> Result<(), LogError> {
        if keyspace == Keyspace::Entries {
            let mut at = 0u64;
            return read::entries(&self.0, Position(0), usize::MAX, &mut |entry| {
                each(&Key::Entry(Position(at)).encode(), entry)?;
                at += 1;
                Ok(())
            });
        }
        for row in self.0.get(keyspace).iter() {
            let (key, value) = row.into_inner().map_err(store_error)?;
            each(&key, &value)?;
        }
        Ok(())
    }

    fn row(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, LogError> {
        if keyspace == Keyspace::Entries {
            return keys::number(key).map_or(Ok(None), |at| read::entry(&self.0, Position(at)));
        }
        let value = self.0.get(keyspace).get(key).map_err(store_error)?;
        Ok(value.map(|value| value.to_vec()))
    }
}
