//! A store made from entries: after a fault, from a backup, or without what was redacted.
//!
//! Everything but entries and private values follows from the entries: the index, and the read models.
//! Of an idempotency key only the command's digest does not; a key that is known without it stands for
//! whatever command is given with it.

use super::super::keys::{self, Key, Keyspace};
use super::super::upgrade::{StreamIndex, Upgrade};
use super::errors::store_error;
use super::open::{self, Spaces};
use super::*;
use crate::event::{AnyEvent, LedgerEvent};
use ::fjall::PersistMode;
use std::collections::BTreeMap;

/// Events written at once.
const CHUNK: usize = 1024;

/// A store that is being made.
pub struct Rebuild {
    spaces: Spaces,
    in_batch: Box<dyn InBatch>,
    next: Position,
    streams: BTreeMap<StreamId, (u64, u64)>,
    /// The format recorded in the log.
    said: u32,
    /// The append that is being read, where it was made under a key.
    keyed: Option<Keyed>,
    waiting: Waiting,
}

#[derive(Default)]
struct Waiting {
    events: Vec<(Recorded, Vec<u8>)>,
    private: Vec<(Vec<u8>, Vec<u8>)>,
    index: BTreeMap<Vec<u8>, Vec<u8>>,
}

struct Keyed {
    key: String,
    first: Position,
    correlation: String,
    recorded: i64,
}

impl Rebuild {
    /// In a folder that does not exist yet.
    pub fn new(folder: &std::path::Path, in_batch: Box<dyn InBatch>) -> Result<Self, LogError> {
        let (spaces, _new) = open::open(folder)?;
        let (streams, waiting) = (BTreeMap::new(), Waiting::default());
        Ok(Self { spaces, in_batch, next: Position(0), streams, said: FORMAT, keyed: None, waiting })
    }

    /// The next event: its exact bytes and its private values.
    pub fn push(&mut self, entry: &[u8], private: &[PrivateRow]) -> Result<(), LogError> {
        let recorded = codec::decode(entry)?;
        if let AnyEvent::Ledger(LedgerEvent::FormatRaised(raised)) = &recorded.event {
            if raised.to > FORMAT {
                // The store that is made would have this program's format, and this entry in it.
                return Err(LogError::NewerFormat { found: raised.to, supported: FORMAT });
            }
            self.said = raised.to;
        } else if let AnyEvent::Ledger(LedgerEvent::LedgerCreated(created)) = &recorded.event {
            self.said = created.format;
        }
        let at = recorded.head.position;
        if at != self.next {
            let cause = format!("position {} was expected", self.next.0);
            return Err(LogError::BadEntry { position: at, cause });
        }
        self.next = at.next();
        for row in private {
            let value = rmp_serde::to_vec_named(row)
                .map_err(|error| LogError::Encode { what: "a private value", cause: error.to_string() })?;
            self.waiting.private.push((Key::Private(at, row.field).encode(), value));
        }
        self.index(&recorded);
        self.waiting.events.push((recorded, entry.to_vec()));
        if self.waiting.events.len() >= CHUNK { self.write() } else { Ok(()) }
    }

    fn index(&mut self, recorded: &Recorded) {
        let head = &recorded.head;
        let numbers = (head.stream_number, head.revision.0);
        let index = &mut self.waiting.index;
        index.insert(
            Key::StreamEntry(numbers.0, head.revision).encode(),
            keys::stream_entry(head.position, head.kind),
        );
        self.streams.insert(recorded.envelope.stream.clone(), numbers);
        let ended = self.keyed.take_if(|keyed| {
            let same = keyed.correlation == recorded.envelope.correlation
                && head.recorded.0 == keyed.recorded.saturating_add(1);
            keyed.recorded = head.recorded.0;
            !same
        });
        if let Some(keyed) = ended {
            index.insert(Key::Idempotency(keyed.key).encode(), unknown(keyed.first, head.position));
        }
        if let (Some(key), StreamId::Target(target)) = (&recorded.envelope.idem, &recorded.envelope.stream) {
            self.keyed = Some(Keyed {
                key: format!("{target}/{key}"),
                first: head.position,
                correlation: recorded.envelope.correlation.clone(),
                recorded: head.recorded.0,
            });
        }
    }

    fn write(&mut self) -> Result<(), LogError> {
        let Waiting { events, private, index } = std::mem::take(&mut self.waiting);
        let mut rows = BTreeMap::new();
        {
            let base = read::RowsView::now(&self.spaces);
            let mut overlay = Overlay::new(&base, &mut rows);
            for (recorded, _) in &events {
                self.in_batch.apply(recorded, &mut overlay)?;
            }
            self.in_batch.finish(&mut overlay)?;
        }
        let space = |keyspace| self.spaces.get(keyspace);
        let mut write = self.spaces.db.batch();
        for (recorded, entry) in events {
            write.insert(space(Keyspace::Entries), Key::Entry(recorded.head.position).encode(), entry);
        }
        index.into_iter().for_each(|(key, value)| write.insert(space(Keyspace::Index), key, value));
        private.into_iter().for_each(|(key, value)| write.insert(space(Keyspace::Private), key, value));
        for (key, value) in rows {
            match value {
                Some(value) => write.insert(space(Keyspace::Rows), key, value),
                None => write.remove(space(Keyspace::Rows), key),
            }
        }
        self.spaces.commit(write).map_err(store_error)?;
        // Nothing is acknowledged before everything is durable, so rows need not be durable before they move.
        bundles::move_due(&self.spaces, self.next, BUNDLE_AFTER)
    }

    /// Writes the rest, and makes all of it durable.
    pub fn finish(mut self) -> Result<(), LogError> {
        if let Some(keyed) = self.keyed.take() {
            self.waiting.index.insert(Key::Idempotency(keyed.key).encode(), unknown(keyed.first, self.next));
        }
        for (stream, (number, last)) in std::mem::take(&mut self.streams) {
            self.waiting.index.insert(Key::Stream(stream).encode(), keys::pair(number, last));
        }
        self.waiting.index.insert(Key::Format.encode(), FORMAT.to_be_bytes().to_vec());
        if self.said < FORMAT {
            // The store has this program's format before the log records it: its first append will.
            let upgrade = Upgrade { from: self.said, streams: StreamIndex::Current };
            self.waiting.index.insert(Key::Upgrade.encode(), upgrade.encode());
        }
        self.write()?;
        self.spaces.db.persist(PersistMode::SyncAll).map_err(store_error)?;
        // Into tables, so that the new store opens as fast as the old one.
        for space in Keyspace::ALL {
            self.spaces.get(space).rotate_memtable_and_wait().map_err(store_error)?;
        }
        Ok(())
    }
}

/// A key whose command is not known any more: zeros in place of its digest.
fn unknown(first: Position, next: Position) -> Vec<u8> {
    let mut value = keys::pair(first.0, next.0);
    value.extend_from_slice(&[0; 32]);
    value
}
