//! Reading the store.

use super::super::keys::{self, Key, Keyspace};
use super::super::memory::{READ_ONLY, private_row};
use super::open::{Spaces, store_error};
use super::*;
use ::fjall::{Readable, Snapshot};
use std::ops::Bound;

/// Calls `each` with the exact bytes of entries, in order; a gap is an error.
pub(super) fn entries(
    store: &Spaces,
    from: Position,
    limit: usize,
    each: &mut dyn FnMut(&[u8]) -> Result<(), LogError>,
) -> Result<(), LogError> {
    let rows = store.get(Keyspace::Entries).range(Key::Entry(from).encode()..);
    for (row, expected) in rows.take(limit).zip(from.0..) {
        let (key, value) = row.into_inner().map_err(store_error)?;
        if keys::number(&key) != Some(expected) {
            return Err(LogError::BadEntry {
                position: Position(expected),
                cause: "it is missing".to_owned(),
            });
        }
        each(&value)?;
    }
    Ok(())
}

pub(super) fn stream(
    store: &Spaces,
    stream: &StreamId,
    from: Revision,
    limit: usize,
) -> Result<Vec<Vec<u8>>, LogError> {
    let index = store.get(Keyspace::Index);
    let head = index.get(Key::Stream(stream.clone()).encode()).map_err(store_error)?;
    let Some((number, last)) = head.and_then(|head| keys::unpair(&head)) else { return Ok(Vec::new()) };
    let range = Key::StreamEntry(number, from).encode()..=Key::StreamEntry(number, Revision(last)).encode();
    let mut events = Vec::new();
    for row in index.range(range).take(limit) {
        let value = row.value().map_err(store_error)?;
        let position = keys::number(&value)
            .ok_or_else(|| LogError::Store(format!("the index of stream {stream} cannot be read")))?;
        events.push(entry(store, Position(position))?.to_vec());
    }
    Ok(events)
}

fn entry(store: &Spaces, position: Position) -> Result<::fjall::Slice, LogError> {
    let found = store.get(Keyspace::Entries).get(Key::Entry(position).encode()).map_err(store_error)?;
    found.ok_or_else(|| LogError::BadEntry { position, cause: "it is missing".to_owned() })
}

pub(super) fn private(store: &Spaces, position: Position) -> Result<Vec<PrivateRow>, LogError> {
    let rows = store.get(Keyspace::Private).prefix(Key::private_prefix(position));
    let read = rows.map(|row| {
        let (key, value) = row.into_inner().map_err(store_error)?;
        let row = private_row(position, &value)?;
        if *key == *Key::Private(position, row.field).encode() {
            return Ok(row);
        }
        let cause = "a private value of it lies under the key of another".to_owned();
        Err(LogError::BadEntry { position, cause })
    });
    read.collect()
}

/// The rows of the read models at one instant: whole appends only.
pub(super) struct RowsView<'a> {
    snapshot: Snapshot,
    space: &'a ::fjall::Keyspace,
}

impl<'a> RowsView<'a> {
    pub(super) fn now(store: &'a Spaces) -> Self {
        Self { snapshot: store.db.snapshot(), space: store.get(Keyspace::Rows) }
    }
}

fn rows_error(error: ::fjall::Error) -> RowsError {
    RowsError(super::open::plain(&error))
}

impl Rows for RowsView<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, RowsError> {
        let value = self.snapshot.get(self.space, key).map_err(rows_error)?;
        Ok(value.map(|value| value.to_vec()))
    }

    fn put(&mut self, _key: Vec<u8>, _value: Vec<u8>) {
        panic!("{}", READ_ONLY);
    }

    fn delete(&mut self, _key: Vec<u8>) {
        panic!("{}", READ_ONLY);
    }

    fn scan(
        &self,
        prefix: &[u8],
        reverse: bool,
        after: Option<&[u8]>,
        each: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), RowsError> {
        let after = after.map(<[u8]>::to_vec);
        let end = prefix_end(prefix);
        let (low, high) = match (reverse, after) {
            (false, Some(after)) => (Bound::Excluded(after), end),
            (false, None) => (Bound::Included(prefix.to_vec()), end),
            (true, Some(after)) => (Bound::Included(prefix.to_vec()), Bound::Excluded(after)),
            (true, None) => (Bound::Included(prefix.to_vec()), end),
        };
        let mut rows = self.snapshot.range(self.space, (low, high));
        while let Some(row) = if reverse { rows.next_back() } else { rows.next() } {
            let (key, value) = row.into_inner().map_err(rows_error)?;
            if !each(&key, &value) {
                break;
            }
        }
        Ok(())
    }
}

/// The first key after every key with this prefix.
fn prefix_end(prefix: &[u8]) -> Bound<Vec<u8>> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return Bound::Excluded(end);
        }
    }
    Bound::Unbounded
}
