//! The ports through which projections and sealing take part in an append.

use super::{LogError, Recorded};
use crate::ids::Position;

/// Rows of the read models: the store plus the writes of the batch that is being made.
///
/// Keys are whole keys: projection number and version are part of them.
pub trait Rows {
    /// The value of a key.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, RowsError>;
    /// Sets a key. Panics on a read-only view: a projection that writes while reading is broken.
    fn put(&mut self, key: Vec<u8>, value: Vec<u8>);
    /// Removes a key.
    fn delete(&mut self, key: Vec<u8>);
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

/// The store could not read a row.
#[derive(Debug, Clone, thiserror::Error)]
#[error("a row of the read models could not be read: {0}")]
pub struct RowsError(pub String);

/// Takes part in every batch: folds the events into rows that are written with them.
pub trait InBatch: Send {
    /// Folds one event. An error fails the whole append: projections are never silently behind.
    fn apply(&mut self, event: &Recorded, rows: &mut dyn Rows) -> Result<(), LogError>;

    /// Called once before the batch is written: rows held back for speed are put now.
    fn finish(&mut self, rows: &mut dyn Rows) -> Result<(), LogError>;

    /// The batch was not written: forget what was not put.
    fn abandon(&mut self);
}

/// Called after each group commit, before anybody is told: signs the new head.
pub trait Seal: Send {
    /// `first` is the position of the first leaf; a leaf is the exact stored bytes of an entry.
    fn seal(&mut self, first: Position, leaves: &[Vec<u8>]) -> Result<(), LogError>;
}

/// No sealing yet: a named type, so that its absence can be seen.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unsealed;

impl Seal for Unsealed {
    fn seal(&mut self, _first: Position, _leaves: &[Vec<u8>]) -> Result<(), LogError> {
        Ok(())
    }
}
