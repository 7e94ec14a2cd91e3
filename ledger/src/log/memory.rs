//! A log in memory: the same contract, for simulation and tests.

use super::batch::{Batch, Request, Store, Tail, known_append};
use super::clock::ClockPolicy;
use super::keys::{self, Key};
use super::*;
use crate::locks::locked;
use crate::ports::Clock;
use crate::private::PrivateRow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

/// Everything that a log stores; cloning it is taking a copy of the disk.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemoryStore {
    entries: Vec<Vec<u8>>,
    index: BTreeMap<Vec<u8>, Vec<u8>>,
    private: BTreeMap<Vec<u8>, Vec<u8>>,
    /// A reader keeps its rows; they are copied only if they change meanwhile.
    rows: Arc<MapRows>,
}

impl MemoryStore {
    /// The exact bytes of every entry.
    pub fn entries(&self) -> &[Vec<u8>] {
        &self.entries
    }

    /// Every row of the read models.
    pub fn rows(&self) -> &BTreeMap<Vec<u8>, Vec<u8>> {
        &self.rows.0
    }
}

struct Inner {
    store: MemoryStore,
    tail: Tail,
    in_batch: Box<dyn InBatch>,
    seal: Box<dyn Seal>,
}

/// The log in memory.
pub struct MemoryLog {
    inner: Mutex<Inner>,
    clock: Arc<dyn Clock>,
    policy: ClockPolicy,
}

impl MemoryLog {
    /// A log over what a store holds: an empty one, or a copy taken before a crash.
    pub fn open(
        store: MemoryStore,
        clock: Arc<dyn Clock>,
        policy: ClockPolicy,
        in_batch: Box<dyn InBatch>,
        seal: Box<dyn Seal>,
    ) -> Result<Self, LogError> {
        let mut tail = Tail::empty();
        if let Some(last) = store.entries.last() {
            let head = codec::decode_head(last)?;
            tail = Tail { next: head.position.next(), recorded: head.recorded, wall: Some(head.wall) };
        }
        Ok(Self { inner: Mutex::new(Inner { store, tail, in_batch, seal }), clock, policy })
    }

    /// A copy of everything stored.
    pub fn snapshot(&self) -> MemoryStore {
        self.lock().store.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic in a projection is a bug that the test reports anyway.
        locked(&self.inner)
    }
}

impl Inner {
    fn append(
        &mut self,
        request: Request,
        now: crate::ids::Timestamp,
        policy: ClockPolicy,
    ) -> Result<Appended, AppendError> {
        let mut batch = Batch::new(self.tail);
        let planned = batch.add(&self.store, self.in_batch.as_mut(), request, now, policy);
        let appended = planned.and_then(|appended| {
            batch.finish(&self.store, self.in_batch.as_mut())?;
            Ok(appended)
        });
        let appended = appended.inspect_err(|_| self.in_batch.abandon())?;
        self.seal.seal(batch.first, &batch.entries)?;
        self.tail = batch.tail;
        self.store.entries.extend(batch.entries);
        for (key, value) in batch.index {
            match value {
                Some(value) => drop(self.store.index.insert(key, value)),
                None => drop(self.store.index.remove(&key)),
            }
        }
        self.store.private.extend(batch.private);
        Arc::make_mut(&mut self.store.rows).apply(batch.rows);
        self.in_batch.sealed();
        Ok(appended)
    }
}

impl Store for MemoryStore {
    fn index(&self, key: &Key) -> Result<Option<Vec<u8>>, LogError> {
        Ok(self.index.get(&key.encode()).cloned())
    }

    fn rows(&self) -> &dyn Rows {
        self.rows.as_ref()
    }
}

impl EventLog for MemoryLog {
    fn submit(&self, writes: Vec<StreamWrite>, once: Option<IdempotencyKey>, _stage: Stage, done: Done) {
        let now = self.clock.now();
        let result = self.lock().append(Request { writes, once }, now, self.policy);
        done(result);
    }

    fn read_stream(
        &self,
        stream: &StreamId,
        from: Revision,
        limit: usize,
    ) -> Result<Vec<Recorded>, LogError> {
        let inner = self.lock();
        let index = &inner.store.index;
        let Some((number, _)) =
            index.get(&Key::Stream(stream.clone()).encode()).and_then(|v| keys::unpair(v))
        else {
            return Ok(Vec::new());
        };
        let positions = index
            .range(Key::StreamEntry(number, from).encode()..)
            .take_while(|(key, _)| key.starts_with(&Key::stream_prefix(number)))
            .filter_map(|(_, value)| keys::stream_position(value));
        positions.take(limit).map(|at| codec::decode(&inner.store.entries[at as usize])).collect()
    }

    fn read_all(&self, from: Position, limit: usize) -> Result<Vec<Recorded>, LogError> {
        self.read_entries(from, limit)?.iter().map(|entry| codec::decode(entry)).collect()
    }

    fn read_entries(&self, from: Position, limit: usize) -> Result<Vec<Vec<u8>>, LogError> {
        let from = usize::try_from(from.0).unwrap_or(usize::MAX);
        Ok(self.lock().store.entries.iter().skip(from).take(limit).cloned().collect())
    }

    fn read_private(&self, position: Position) -> Result<Vec<PrivateRow>, LogError> {
        let prefix = Key::private_prefix(position);
        let inner = self.lock();
        let rows =
            inner.store.private.range(prefix.clone()..).take_while(|(key, _)| key.starts_with(&prefix));
        rows.map(|(_, value)| private_row(position, value)).collect()
    }

    fn find_key(&self, once: &IdempotencyKey) -> Result<Option<Appended>, AppendError> {
        let row = self.lock().store.index.get(&Key::Idempotency(once.key.clone()).encode()).cloned();
        row.map(|row| known_append(once, &row)).transpose()
    }

    fn head(&self) -> LogHead {
        self.lock().tail.head()
    }

    fn put_rows(&self, rows: Vec<(Vec<u8>, Option<Vec<u8>>)>) -> Result<(), LogError> {
        let mut inner = self.lock();
        Arc::make_mut(&mut inner.store.rows).apply(rows);
        Ok(())
    }

    fn read_rows(&self, read: &mut dyn FnMut(&dyn Rows)) -> Result<(), LogError> {
        let rows = Arc::clone(&self.lock().store.rows);
        read(rows.as_ref());
        Ok(())
    }
}

pub(super) fn private_row(position: Position, value: &[u8]) -> Result<PrivateRow, LogError> {
    rmp_serde::from_slice(value).map_err(|error| LogError::BadEntry { position, cause: error.to_string() })
}
