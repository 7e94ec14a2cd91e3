//! The ports through which projections and sealing take part in an append.

use super::keys::Keyspace;
use super::{LogError, Recorded, RowsError};
use crate::ids::{Position, Revision, StreamId};
use crate::private::PrivateRow;
use std::collections::BTreeMap;
use std::ops::Range;

/// Rows of the read models: the store plus the writes of the batch that is being made.
///
/// Keys are whole keys: projection number and version are part of them.
pub trait Rows {
    /// The value of a key.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, RowsError>;
    /// Calls `each` with every row whose key starts with `prefix`, in order of key, from `after`
    /// (exclusive) on where given, until it returns false.
    fn scan(
        &self,
        prefix: &[u8],
        reverse: bool,
        after: Option<&[u8]>,
        each: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), RowsError>;
}

/// Rows that can be written, too.
pub trait RowsMut: Rows {
    /// Sets a key.
    fn put(&mut self, key: Vec<u8>, value: Vec<u8>);
    /// Removes a key.
    fn delete(&mut self, key: Vec<u8>);
}

/// Takes part in every batch: folds the events into rows that are written with them.
pub trait InBatch: Send {
    /// Folds one event. An error fails the whole append: projections are never silently behind.
    fn apply(&mut self, event: &Recorded, rows: &mut dyn RowsMut) -> Result<(), LogError>;

    /// Called once before the batch is written: rows held back for speed are put now.
    fn finish(&mut self, rows: &mut dyn RowsMut) -> Result<(), LogError>;

    /// The rows that were put are written and under a signed head: readers may see them.
    fn sealed(&mut self) {}

    /// The batch was not written: forget what was not put.
    fn abandon(&mut self);
}

/// Called after each group commit, before it is acknowledged: signs the new head.
pub trait Seal: Send {
    /// `first` is the position of the first leaf; a leaf is the exact stored bytes of an entry, as read
    /// back from the store.
    fn seal(&mut self, first: Position, leaves: &[Vec<u8>]) -> Result<(), LogError>;

    /// Calls `done` once everything below `next` is in the published files.
    fn when_published(&mut self, next: Position, done: Published) {
        let _published_at_once = next;
        done(Ok(()));
    }
}

/// Receives the result of publishing events.
pub type Published = Box<dyn FnOnce(Result<(), LogError>) + Send>;

/// No sealing: a named type, so that its absence can be seen.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unsealed;

impl Seal for Unsealed {
    fn seal(&mut self, _first: Position, _leaves: &[Vec<u8>]) -> Result<(), LogError> {
        Ok(())
    }
}

/// Private values by event.
pub type PrivateRows = BTreeMap<Position, Vec<PrivateRow>>;

/// Receives key and value of a row.
pub type EachRow<'a> = dyn FnMut(&[u8], &[u8]) -> Result<(), LogError> + 'a;

/// What lies in a store, for those who check and copy it: the bytes as they are.
pub trait Stored: Send + Sync {
    /// Why only its entries may be read, and nothing written: a newer haloy wrote the store.
    fn newer(&self) -> Option<&LogError>;

    /// Position after the last entry.
    fn next(&self) -> Result<Position, LogError>;

    /// Calls `each` with the exact bytes of entries, in order; a gap is an error.
    fn entries(
        &self,
        from: Position,
        limit: usize,
        each: &mut dyn FnMut(&[u8]) -> Result<(), LogError>,
    ) -> Result<(), LogError>;

    /// Exact bytes of the entries of one stream.
    fn stream(&self, stream: &StreamId, from: Revision, limit: usize) -> Result<Vec<Vec<u8>>, LogError>;

    /// Private values of these events that are still there.
    fn privates(&self, events: Range<Position>) -> Result<PrivateRows, LogError>;

    /// Private values of an event that are still there.
    fn private(&self, position: Position) -> Result<Vec<PrivateRow>, LogError> {
        Ok(self.privates(position..position.next())?.remove(&position).unwrap_or_default())
    }

    /// Calls `each` with every row of a keyspace, in order of key.
    fn scan(&self, keyspace: Keyspace, each: &mut EachRow<'_>) -> Result<(), LogError>;

    /// Reads a row.
    fn row(&self, keyspace: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, LogError>;
}
