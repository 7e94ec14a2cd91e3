//! Reading the store.

use super::super::batch::known_append;
use super::super::bundle::{self, BundleError, WIDTH};
use super::super::keys::{self, Key, Keyspace};
use super::super::memory::private_row;
use super::errors::{plain, store_error};
use super::open::Spaces;
use super::*;
use ::fjall::{Readable, Snapshot};
use std::ops::{Bound, Range};

/// Calls `each` with the exact bytes of entries, in order; a gap is an error.
pub(super) fn entries(
    store: &Spaces,
    from: Position,
    limit: usize,
    each: &mut dyn FnMut(&[u8]) -> Result<(), LogError>,
) -> Result<(), LogError> {
    let end = from.0.saturating_add(u64::try_from(limit).unwrap_or(u64::MAX));
    let mut at = from.0;
    while at < end {
        let bundled = store.bundled();
        if at < bundled {
            at = in_bundles(store, at, end.min(bundled), each)?;
            continue;
        }
        let gap = in_rows(store, &mut at, end, each)?;
        // They may have moved in the meantime; otherwise there are no more, or one is missing.
        if store.bundled() <= at {
            return if gap { Err(missing(at)) } else { Ok(()) };
        }
    }
    Ok(())
}

/// The exact bytes of entries, in order.
pub(super) fn exact(store: &Spaces, from: Position, limit: usize) -> Result<Vec<Vec<u8>>, LogError> {
    let mut found = Vec::new();
    entries(store, from, limit, &mut |entry| {
        found.push(entry.to_vec());
        Ok(())
    })?;
    Ok(found)
}

/// Events, in order.
pub(super) fn events(store: &Spaces, from: Position, limit: usize) -> Result<Vec<Recorded>, LogError> {
    let mut found = Vec::new();
    entries(store, from, limit, &mut |entry| {
        found.push(codec::decode(entry)?);
        Ok(())
    })?;
    Ok(found)
}

/// The append that was made under a key, where one was.
pub(super) fn key(store: &Spaces, once: &IdempotencyKey) -> Result<Option<Appended>, AppendError> {
    let key = Key::Idempotency(once.key.clone());
    let row = store.get(key.keyspace()).get(key.encode()).map_err(store_error)?;
    row.map(|row| known_append(once, &row)).transpose()
}

/// Reads whole bundles, one after the other. Gives the position after the last entry.
fn in_bundles(
    store: &Spaces,
    from: u64,
    end: u64,
    each: &mut dyn FnMut(&[u8]) -> Result<(), LogError>,
) -> Result<u64, LogError> {
    let mut at = from;
    let range = Key::Bundle(from / WIDTH).encode()..Key::Bundle(end.div_ceil(WIDTH)).encode();
    for row in store.get(Keyspace::Bundles).range(range) {
        let (key, value) = row.into_inner().map_err(store_error)?;
        let first = at / WIDTH * WIDTH;
        if keys::number(&key) != Some(first / WIDTH) {
            return Err(missing(at));
        }
        let skipped = usize::try_from(at - first).unwrap_or(usize::MAX);
        let entries = bundle::decode_bundle(&value, WIDTH).map_err(|error| torn(at, error))?;
        let wanted = usize::try_from(end - at).unwrap_or(usize::MAX);
        for entry in entries.into_iter().skip(skipped).take(wanted) {
            each(entry)?;
            at += 1;
        }
    }
    if at == end { Ok(at) } else { Err(missing(at)) }
}

/// Reads rows up to `end`, or the last one, or one that is missing: then it gives true.
fn in_rows(
    store: &Spaces,
    at: &mut u64,
    end: u64,
    each: &mut dyn FnMut(&[u8]) -> Result<(), LogError>,
) -> Result<bool, LogError> {
    let rows = store.get(Keyspace::Entries).range(Key::Entry(Position(*at)).encode()..);
    for row in rows {
        if *at >= end {
            break;
        }
        let (key, value) = row.into_inner().map_err(store_error)?;
        if keys::number(&key) != Some(*at) {
            return Ok(true);
        }
        each(&value)?;
        *at += 1;
    }
    Ok(false)
}

pub(super) fn missing(at: u64) -> LogError {
    LogError::BadEntry { position: Position(at), cause: "it is missing".to_owned() }
}

fn torn(at: u64, error: BundleError) -> LogError {
    LogError::BadEntry { position: Position(at), cause: format!("its bundle cannot be read: {error}") }
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
    let end = Key::StreamEntry(number, Revision(last)).encode();
    // A store of an older format that was not upgraded is read as it is.
    let range = match index.contains_key(&end).map_err(store_error)? {
        true => Key::StreamEntry(number, from).encode()..=end,
        false => {
            Key::OldStreamEntry(number, from).encode()..=Key::OldStreamEntry(number, Revision(last)).encode()
        }
    };
    let (mut events, mut bundle) = (Vec::new(), Bundle::default());
    for row in index.range(range).take(limit) {
        let value = row.value().map_err(store_error)?;
        let position = keys::stream_position(&value)
            .ok_or_else(|| LogError::Store(format!("the index of stream {stream} cannot be read")))?;
        let entry = bundle.entry(store, Position(position))?;
        events.push(entry.ok_or_else(|| missing(position))?);
    }
    Ok(events)
}

/// The exact bytes of one entry; none where there is none.
pub(super) fn entry(store: &Spaces, position: Position) -> Result<Option<Vec<u8>>, LogError> {
    Bundle::default().entry(store, position)
}

/// The bundle that was read last: entries of a stream often lie in the same one.
#[derive(Default)]
struct Bundle(Option<(u64, ::fjall::Slice)>);

impl Bundle {
    fn entry(&mut self, store: &Spaces, position: Position) -> Result<Option<Vec<u8>>, LogError> {
        if position.0 >= store.bundled() {
            let row = store.get(Keyspace::Entries).get(Key::Entry(position).encode());
            if let Some(row) = row.map_err(store_error)? {
                return Ok(Some(row.to_vec()));
            }
            // It may have moved in the meantime.
            if position.0 >= store.bundled() {
                return Ok(None);
            }
        }
        let (number, index) = (position.0 / WIDTH, position.0 % WIDTH);
        if self.0.as_ref().is_none_or(|(last, _)| *last != number) {
            let bundle = store.get(Keyspace::Bundles).get(Key::Bundle(number).encode());
            self.0 = bundle.map_err(store_error)?.map(|bundle| (number, bundle));
        }
        let Some((_, bundle)) = &self.0 else { return Ok(None) };
        let entry = bundle::entry_of(bundle, usize::try_from(index).unwrap_or(usize::MAX));
        entry.map(|entry| Some(entry.to_vec())).map_err(|error| torn(position.0, error))
    }
}

/// Position of the last entry, and its bytes.
pub(super) fn last(store: &Spaces) -> Result<Option<(Position, Vec<u8>)>, LogError> {
    // Below are rows that moved: there would be much to walk over.
    let bundled = store.bundled();
    let rows = Key::Entry(Position(bundled)).encode()..;
    if let Some(row) = store.get(Keyspace::Entries).range(rows).next_back() {
        let (key, value) = row.into_inner().map_err(store_error)?;
        let last = keys::number(&key)
            .ok_or_else(|| LogError::Store("the key of the last entry cannot be read".to_owned()))?;
        return Ok(Some((Position(last), value.to_vec())));
    }
    let Some(last) = bundled.checked_sub(1).map(Position) else { return Ok(None) };
    let entry = entry(store, last)?.ok_or_else(|| missing(last.0))?;
    Ok(Some((last, entry)))
}

/// The head of a log whose last entry is this one.
pub(super) fn tail_after(last: Position, entry: &[u8]) -> Result<Tail, LogError> {
    let head = codec::decode_head(entry)?;
    if last != head.position {
        let cause = "it lies under the key of another entry".to_owned();
        return Err(LogError::BadEntry { position: head.position, cause });
    }
    Ok(Tail { next: head.position.next(), recorded: head.recorded, wall: Some(head.wall) })
}

pub(super) fn private(store: &Spaces, position: Position) -> Result<Vec<PrivateRow>, LogError> {
    Ok(privates(store, position..position.next())?.remove(&position).unwrap_or_default())
}

/// Private values of a range of events.
pub(super) fn privates(store: &Spaces, events: Range<Position>) -> Result<PrivateRows, LogError> {
    let mut found = PrivateRows::new();
    let range = Key::private_prefix(events.start)..Key::private_prefix(events.end);
    for row in store.get(Keyspace::Private).range(range) {
        let (key, value) = row.into_inner().map_err(store_error)?;
        let position = Position(key.first_chunk().map_or(events.start.0, |at| u64::from_be_bytes(*at)));
        let row = private_row(position, &value)?;
        if *key != *Key::Private(position, row.field).encode() {
            let cause = "a private value of it lies under the key of another".to_owned();
            return Err(LogError::BadEntry { position, cause });
        }
        found.entry(position).or_default().push(row);
    }
    Ok(found)
}

/// The rows of the read models at one instant: whole appends only.
pub(super) struct RowsView<'a> {
    snapshot: Snapshot,
    space: &'a ::fjall::Keyspace,
}

impl<'a> RowsView<'a> {
    /// All that is stored.
    pub(super) fn now(store: &'a Spaces) -> Self {
        Self::of(&store.db, store.get(Keyspace::Rows))
    }

    pub(super) fn of(db: &::fjall::Database, space: &'a ::fjall::Keyspace) -> Self {
        Self { snapshot: db.snapshot(), space }
    }

    /// Those of an instant.
    pub(super) fn at(store: &'a Spaces, snapshot: Snapshot) -> Self {
        Self { snapshot, space: store.get(Keyspace::Rows) }
    }
}

fn rows_error(error: ::fjall::Error) -> RowsError {
    RowsError(plain(&error))
}

/// Longest key of the store, which panics at a longer one.
const MAX_KEY: usize = u16::MAX as usize;

impl Rows for RowsView<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, RowsError> {
        if key.len() > MAX_KEY {
            return Ok(None);
        }
        let value = self.snapshot.get(self.space, key).map_err(rows_error)?;
        Ok(value.map(|value| value.to_vec()))
    }

    fn scan(
        &self,
        prefix: &[u8],
        reverse: bool,
        after: Option<&[u8]>,
        each: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), RowsError> {
        if prefix.len() > MAX_KEY {
            return Ok(());
        }
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
