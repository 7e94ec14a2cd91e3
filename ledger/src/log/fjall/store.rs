//! The store before its writer runs: to look at, to check, and to copy from.

use super::super::keys::{self, Key, Keyspace};
use super::closed::StoreCondition;
use super::errors::store_error;
use super::open::Spaces;
use super::*;
use crate::log::ports::EachRow;
use ::fjall::Readable;
use std::ops::Range;
use std::path::Path;

/// An open store that nobody writes to.
pub struct FjallStore {
    pub(super) spaces: Arc<Spaces>,
    pub(super) folder: PathBuf,
    pub(super) newer: Option<LogError>,
    found: StoreCondition,
}

impl FjallStore {
    /// Opens the store in a folder, creating it where there is none.
    ///
    /// # Errors
    /// [`LogError::Locked`] if another process has it, [`LogError::Io`] if the folder cannot be used,
    /// [`LogError::Unreadable`] if what is in it cannot be opened.
    pub fn open(folder: &Path) -> Result<Self, LogError> {
        let (spaces, found) = open::open(folder)?;
        let newer = open::newer_format(&spaces)?;
        Ok(Self { spaces: Arc::new(spaces), folder: folder.to_owned(), newer, found })
    }

    /// Opens a store for somebody who only reads: a copy of it below one of the folders of `scratch` (in memory, for a
    /// store that was closed; on disk), so that nothing of it changes. Others may read it meanwhile. Where a swap was cut off, it is the one in `new`.
    ///
    /// # Errors
    /// As [`FjallStore::open`]; [`LogError::Io`] if there is none, [`LogError::Scratch`] if there is no room for
    /// the copy.
    pub fn open_to_read(store: &Path, new: &Path, scratch: (Option<&Path>, &Path)) -> Result<Self, LogError> {
        let (spaces, found, folder) = to_read::open_to_read(store, new, scratch)?;
        let newer = open::newer_format(&spaces)?;
        Ok(Self { spaces: Arc::new(spaces), folder, newer, found })
    }

    /// Opens a store that `make` makes in a folder below `scratch`; it goes when it is closed.
    ///
    /// # Errors
    /// [`LogError::Unreadable`] if `make` made none that can be opened.
    pub fn made_to_read(scratch: &Path, make: impl FnOnce(&Path)) -> Result<Self, LogError> {
        let (spaces, folder) = to_read::made_to_read(scratch, make)?;
        Ok(Self { spaces: Arc::new(spaces), folder, newer: None, found: StoreCondition::CleanShutdown })
    }

    /// Why it is read, and not written: its format is newer than this program's.
    pub fn newer(&self) -> Option<&LogError> {
        self.newer.as_ref()
    }

    /// An entry of a newer haloy was found in it, whatever format it says that it has.
    pub fn found_newer(&mut self, entry: LogError) {
        self.newer.get_or_insert(entry);
    }

    /// How it was found.
    pub fn found(&self) -> StoreCondition {
        self.found
    }

    /// What lies in it, as long as anybody holds on to this.
    pub fn stored(&self) -> Arc<dyn Stored> {
        Arc::new(FjallStored { spaces: Arc::clone(&self.spaces), newer: self.newer.clone(), cut: None })
    }

    /// Events below are stored 256 as one value.
    pub fn bundled(&self) -> Position {
        Position(self.spaces.bundled())
    }

    /// Something in the store is wrong, although its files did not change since its close: the next open
    /// should check closely.
    pub fn distrust(&self) {
        self.spaces.not_clean();
        // A read-only store will not be written to later either.
        drop(super::closed::in_use(&self.folder));
    }

    /// The next open should check closely.
    pub fn not_clean(&self) {
        self.spaces.not_clean();
    }
}

/// What lies in a store: as it is, or as it was at an instant while others go on writing.
pub(super) struct FjallStored {
    pub(super) spaces: Arc<Spaces>,
    pub(super) newer: Option<LogError>,
    pub(super) cut: Option<Cut>,
}

/// An instant at which everything that was stored was under a signed head.
pub(super) struct Cut {
    /// Position after the last entry.
    pub(super) next: Position,
    /// What changes and goes: index, private values and rows of read models. Entries stay as they are.
    pub(super) rows: ::fjall::Snapshot,
}

impl Stored for FjallStored {
    fn newer(&self) -> Option<&LogError> {
        self.newer.as_ref()
    }

    fn next(&self) -> Result<Position, LogError> {
        if let Some(cut) = &self.cut {
            return Ok(cut.next);
        }
        // The key counts here, not what lies under it: that is for those who check to say.
        Ok(read::last(&self.spaces)?.map_or(Position(0), |(last, _)| Position(last.0.saturating_add(1))))
    }

    fn entries(
        &self,
        from: Position,
        limit: usize,
        each: &mut dyn FnMut(&[u8]) -> Result<(), LogError>,
    ) -> Result<(), LogError> {
        let left = self.cut.as_ref().map_or(u64::MAX, |cut| cut.next.0.saturating_sub(from.0));
        read::entries(&self.spaces, from, limit.min(usize::try_from(left).unwrap_or(usize::MAX)), each)
    }

    fn stream(&self, stream: &StreamId, from: Revision, limit: usize) -> Result<Vec<Vec<u8>>, LogError> {
        let mut entries = read::stream(&self.spaces, stream, from, limit)?;
        if let Some(cut) = &self.cut {
            // In order: what was appended since is at the end.
            let after = entries.iter().rposition(|entry| position(entry).is_none_or(|at| at < cut.next));
            entries.truncate(after.map_or(0, |last| last + 1));
        }
        Ok(entries)
    }

    fn privates(&self, events: Range<Position>) -> Result<PrivateRows, LogError> {
        read::privates(&self.spaces, events)
    }

    fn scan(&self, keyspace: Keyspace, each: &mut EachRow<'_>) -> Result<(), LogError> {
        if keyspace == Keyspace::Entries {
            let mut at = 0u64;
            return self.entries(Position(0), usize::MAX, &mut |entry| {
                each(&Key::Entry(Position(at)).encode(), entry)?;
                at += 1;
                Ok(())
            });
        }
        let space = self.spaces.get(keyspace);
        let rows = match &self.cut {
            Some(cut) => cut.rows.iter(space),
            None => space.iter(),
        };
        for row in rows {
            let (key, value) = row.into_inner().map_err(store_error)?;
            each(&key, &value)?;
        }
        Ok(())
    }

    fn row(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, LogError> {
        if keyspace == Keyspace::Entries {
            let number = keys::number(key).filter(|at| self.cut.as_ref().is_none_or(|cut| *at < cut.next.0));
            return number.map_or(Ok(None), |at| read::entry(&self.spaces, Position(at)));
        }
        let space = self.spaces.get(keyspace);
        let value = match &self.cut {
            Some(cut) => cut.rows.get(space, key),
            None => space.get(key),
        };
        let value = value.map_err(store_error)?;
        Ok(value.map(|value| value.to_vec()))
    }
}

/// The position that an entry says it has; none if it cannot be read.
fn position(entry: &[u8]) -> Option<Position> {
    codec::decode_head(entry).ok().map(|head| head.position)
}
