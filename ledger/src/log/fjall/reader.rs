//! A store that is only read: up to an event, and with rows in memory where those of the store do not do.

use super::*;
use crate::locks::{locked_to_read, locked_to_write};
use crate::log::batch::Tail;
use crate::log::overlay::Over;
use crate::private::FieldNumber;
use std::collections::{BTreeMap, BTreeSet};

/// The log on disk, opened for reading. Nothing is ever appended to it.
pub struct FjallReader {
    store: FjallStore,
    tail: Tail,
    /// Rows that the store does not have, or has in another state.
    beside: RwLock<BTreeMap<Vec<u8>, Option<Vec<u8>>>>,
    /// Whether rows of the store are used.
    rows_count: bool,
    /// Private values that should be erased, and still exist.
    hidden: BTreeSet<(Position, FieldNumber)>,
}

impl FjallReader {
    /// Of the events below `end`.
    ///
    /// # Errors
    /// If the last of them cannot be read.
    pub fn new(store: FjallStore, end: Position) -> Result<Self, LogError> {
        let all = store.stored().next()?;
        let tail = match end.0.checked_sub(1) {
            None => Tail::empty(),
            Some(last) => {
                let entry = read::entry(&store.spaces, Position(last))?.ok_or_else(|| read::missing(last))?;
                read::tail_after(Position(last), &entry)?
            }
        };
        // Rows are those of the last event of the store, and cannot be had as of an earlier one.
        let rows_count = end >= all;
        Ok(Self { store, tail, beside: RwLock::default(), rows_count, hidden: BTreeSet::new() })
    }

    /// Hides these private values: the event that erases them exists, and so do they.
    pub fn hide(&mut self, hidden: BTreeSet<(Position, FieldNumber)>) {
        self.hidden = hidden;
    }
}

impl EventLog for FjallReader {
    fn submit(&self, _: Vec<StreamWrite>, _: Option<IdempotencyKey>, _: Stage, done: Done) {
        done(Err(AppendError::Closed));
    }

    fn read_stream(
        &self,
        stream: &StreamId,
        from: Revision,
        limit: usize,
    ) -> Result<Vec<Recorded>, LogError> {
        let entries = read::stream(&self.store.spaces, stream, from, limit)?;
        let mut events = entries.iter().map(|entry| codec::decode(entry)).collect::<Result<Vec<_>, _>>()?;
        events.retain(|event| event.head.position < self.tail.next);
        Ok(events)
    }

    fn read_all(&self, from: Position, limit: usize) -> Result<Vec<Recorded>, LogError> {
        read::events(&self.store.spaces, from, self.tail.within(from, limit))
    }

    fn read_entries(&self, from: Position, limit: usize) -> Result<Vec<Vec<u8>>, LogError> {
        read::exact(&self.store.spaces, from, self.tail.within(from, limit))
    }

    fn read_private(&self, position: Position) -> Result<Vec<PrivateRow>, LogError> {
        if position >= self.tail.next {
            return Ok(Vec::new());
        }
        let mut rows = read::private(&self.store.spaces, position)?;
        rows.retain(|row| !self.hidden.contains(&(position, row.field)));
        Ok(rows)
    }

    fn find_key(&self, once: &IdempotencyKey) -> Result<Option<Appended>, AppendError> {
        Ok(read::key(&self.store.spaces, once)?.filter(|known| known.next <= self.tail.next))
    }

    fn head(&self) -> LogHead {
        self.tail.head()
    }

    fn put_rows(&self, rows: Vec<(Vec<u8>, Option<Vec<u8>>)>) -> Result<(), LogError> {
        if let Some(newer) = self.store.newer() {
            return Err(newer.clone());
        }
        locked_to_write(&self.beside).extend(rows);
        Ok(())
    }

    fn read_rows(&self, read: &mut dyn FnMut(&dyn Rows)) -> Result<(), LogError> {
        let none = MapRows::default();
        let stored = read::RowsView::now(&self.store.spaces);
        let base: &dyn Rows = if self.rows_count { &stored } else { &none };
        let beside = locked_to_read(&self.beside);
        match beside.is_empty() {
            true => read(base),
            false => read(&Over { base, writes: &beside }),
        }
        Ok(())
    }
}
