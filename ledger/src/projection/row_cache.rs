//! Decoded rows at hand: most events of a deployment change its rows, and encoding them after each event
//! would cost more than all else.

use super::rows::{ProjectionError, get, put};
use crate::defect::{Defect, planted};
use crate::ids::Position;
use crate::log::{Rows, RowsMut};
use serde::{Serialize, de::DeserializeOwned};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// Most rows of a kind that are kept decoded from one batch to the next.
pub(super) const KEPT: usize = 512;

/// A row that is kept decoded.
pub(super) trait Row: Sized {
    /// Reads the row under a key, with what lies beside it.
    fn load(rows: &dyn Rows, key: &[u8]) -> Result<Option<Self>, ProjectionError>;
    /// Puts it for the event at a position.
    fn save(&self, rows: &mut dyn RowsMut, key: Vec<u8>, at: Position) -> Result<(), ProjectionError>;
}

impl<T: Serialize + DeserializeOwned> Row for T {
    fn load(rows: &dyn Rows, key: &[u8]) -> Result<Option<Self>, ProjectionError> {
        get(rows, key)
    }

    fn save(&self, rows: &mut dyn RowsMut, key: Vec<u8>, at: Position) -> Result<(), ProjectionError> {
        put(rows, key, at, self)
    }
}

/// Rows of one kind, put when the batch ends.
pub(super) struct RowCache<T> {
    /// The event that is being folded: what is put now is put for it.
    at: Position,
    rows: HashMap<Vec<u8>, CachedRow<T>>,
    /// Keys of the rows to put.
    changed: Vec<Vec<u8>>,
}

struct CachedRow<T> {
    row: Option<T>,
    /// The event that the row was last put for, if it is to be put.
    changed: Option<Position>,
}

impl<T> CachedRow<T> {
    /// Marks the row to be put for this event; returns whether it was already marked.
    fn change(&mut self, at: Position) -> bool {
        let before = self.changed;
        self.changed = if planted(Defect::FirstStamp) { before.or(Some(at)) } else { Some(at) };
        before.is_some()
    }
}

impl<T> Default for RowCache<T> {
    fn default() -> Self {
        Self { at: Position(0), rows: HashMap::new(), changed: Vec::new() }
    }
}

impl<T: Row> RowCache<T> {
    /// Rows that are put from here on are put for the event at this position.
    pub fn begin(&mut self, at: Position) {
        self.at = at;
    }

    /// The row as it is now, where there is one.
    pub fn get(&mut self, rows: &dyn Rows, key: Vec<u8>) -> Result<Option<&T>, ProjectionError> {
        Ok(self.held(rows, key)?.row.as_ref())
    }

    /// Sets a row.
    pub fn put(&mut self, key: Vec<u8>, row: T) {
        let held = self.rows.entry(key.clone()).or_insert(CachedRow { row: None, changed: None });
        held.row = Some(row);
        if !held.change(self.at) {
            self.changed.push(key);
        }
    }

    /// Changes a row; nothing if it is not there.
    pub fn change(
        &mut self,
        rows: &dyn Rows,
        key: Vec<u8>,
        change: impl FnOnce(&mut T),
    ) -> Result<(), ProjectionError> {
        self.update(rows, key, |row| {
            row.map(|mut row| {
                change(&mut row);
                row
            })
        })
    }

    /// Makes a row from the previous one; none removes it.
    pub fn update(
        &mut self,
        rows: &dyn Rows,
        key: Vec<u8>,
        update: impl FnOnce(Option<T>) -> Option<T>,
    ) -> Result<(), ProjectionError> {
        let at = self.at;
        let held = self.held(rows, key.clone())?;
        let before = held.row.take();
        let there = before.is_some();
        held.row = update(before);
        if (there || held.row.is_some()) && !held.change(at) {
            self.changed.push(key);
        }
        Ok(())
    }

    /// Puts what was changed.
    pub fn finish(&mut self, rows: &mut dyn RowsMut) -> Result<(), ProjectionError> {
        self.finish_each(rows, |_, _, _| {})
    }

    /// Puts what was changed, and hands each row on with its key and the event that it is put for.
    pub fn finish_each(
        &mut self,
        rows: &mut dyn RowsMut,
        mut each: impl FnMut(&[u8], Position, &T),
    ) -> Result<(), ProjectionError> {
        for key in self.changed.drain(..) {
            let Some(held) = self.rows.get_mut(&key) else { continue };
            let Some(at) = held.changed.take() else { continue };
            match &held.row {
                Some(row) => {
                    each(&key, at, row);
                    row.save(rows, key, at)?;
                }
                None => rows.delete(key),
            }
        }
        if self.rows.len() > KEPT {
            self.rows.clear();
        }
        Ok(())
    }

    /// Forgets everything: the batch was not written.
    pub fn abandon(&mut self) {
        self.rows.clear();
        self.changed.clear();
    }

    fn held(&mut self, rows: &dyn Rows, key: Vec<u8>) -> Result<&mut CachedRow<T>, ProjectionError> {
        match self.rows.entry(key) {
            Entry::Occupied(held) => Ok(held.into_mut()),
            Entry::Vacant(free) => {
                let row = T::load(rows, free.key())?;
                Ok(free.insert(CachedRow { row, changed: None }))
            }
        }
    }
}
