//! Rows of read models in memory: alone, and on top of those of a store.

use super::{Rows, RowsError, RowsMut};
use std::collections::BTreeMap;

/// Rows of a store with further writes on top; `None` removes.
pub struct Overlay<'a> {
    base: &'a dyn Rows,
    writes: &'a mut BTreeMap<Vec<u8>, Option<Vec<u8>>>,
}

impl<'a> Overlay<'a> {
    /// Over these rows, into these writes.
    pub fn new(base: &'a dyn Rows, writes: &'a mut BTreeMap<Vec<u8>, Option<Vec<u8>>>) -> Self {
        Self { base, writes }
    }
}

impl Rows for Overlay<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, RowsError> {
        Over { base: self.base, writes: self.writes }.get(key)
    }

    fn scan(
        &self,
        prefix: &[u8],
        reverse: bool,
        after: Option<&[u8]>,
        each: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), RowsError> {
        Over { base: self.base, writes: self.writes }.scan(prefix, reverse, after, each)
    }
}

/// The same, to read only.
pub(super) struct Over<'a> {
    pub(super) base: &'a dyn Rows,
    pub(super) writes: &'a BTreeMap<Vec<u8>, Option<Vec<u8>>>,
}

impl Rows for Over<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, RowsError> {
        match self.writes.get(key) {
            Some(written) => Ok(written.clone()),
            None => self.base.get(key),
        }
    }

    fn scan(
        &self,
        prefix: &[u8],
        reverse: bool,
        after: Option<&[u8]>,
        each: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), RowsError> {
        // Scans inside a batch are short (one target's rows), so merging in memory is fine.
        let mut merged = BTreeMap::new();
        self.base.scan(prefix, false, None, &mut |key, value| {
            merged.insert(key.to_vec(), value.to_vec());
            true
        })?;
        for (key, value) in
            self.writes.range(prefix.to_vec()..).take_while(|(key, _)| key.starts_with(prefix))
        {
            match value {
                Some(value) => merged.insert(key.clone(), value.clone()),
                None => merged.remove(key),
            };
        }
        scan_map(&merged, prefix, reverse, after, each);
        Ok(())
    }
}

impl RowsMut for Overlay<'_> {
    fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.writes.insert(key, Some(value));
    }

    fn delete(&mut self, key: Vec<u8>) {
        self.writes.insert(key, None);
    }
}

/// Rows in memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MapRows(pub BTreeMap<Vec<u8>, Vec<u8>>);

impl MapRows {
    /// Puts rows, and removes those without a value.
    pub(super) fn apply(&mut self, rows: impl IntoIterator<Item = (Vec<u8>, Option<Vec<u8>>)>) {
        for (key, value) in rows {
            match value {
                Some(value) => self.put(key, value),
                None => self.delete(key),
            }
        }
    }
}

impl Rows for MapRows {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, RowsError> {
        Ok(self.0.get(key).cloned())
    }

    fn scan(
        &self,
        prefix: &[u8],
        reverse: bool,
        after: Option<&[u8]>,
        each: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), RowsError> {
        scan_map(&self.0, prefix, reverse, after, each);
        Ok(())
    }
}

impl RowsMut for MapRows {
    fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.0.insert(key, value);
    }

    fn delete(&mut self, key: Vec<u8>) {
        self.0.remove(&key);
    }
}

/// Scans a sorted map as [`Rows::scan`] asks.
fn scan_map(
    map: &BTreeMap<Vec<u8>, Vec<u8>>,
    prefix: &[u8],
    reverse: bool,
    after: Option<&[u8]>,
    each: &mut dyn FnMut(&[u8], &[u8]) -> bool,
) {
    let within = |key: &[u8]| after.is_none_or(|after| if reverse { key < after } else { key > after });
    let rows = map.range(prefix.to_vec()..).take_while(|(key, _)| key.starts_with(prefix));
    let rows: Box<dyn Iterator<Item = (&Vec<u8>, &Vec<u8>)>> =
        if reverse { Box::new(rows.collect::<Vec<_>>().into_iter().rev()) } else { Box::new(rows) };
    for (key, value) in rows.filter(|(key, _)| within(key)) {
        if !each(key, value) {
            return;
        }
    }
}
