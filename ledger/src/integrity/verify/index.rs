//! Whether the index finds every entry, and nothing that is not there.

use super::chain::Chain;
use crate::ids::{Position, Revision, StreamId};
use crate::integrity::code::{Code, Fault};
use crate::log::keys::{self, Key, Keyspace};
use crate::log::upgrade::{StreamIndex, Upgrade};
use crate::log::{Envelope, Head, LogError, RowSum, Stored, codec};
use std::collections::{BTreeMap, BTreeSet};

/// The kind of event that a deploy or a rollback begins with.
const DEPLOYMENT_REQUESTED: u16 = 20;

/// Sums up what the index must be, and compares it with the actual index.
pub struct IndexCheck {
    /// What finds the entries of streams, as far as an upgrade has come.
    streams: StreamIndex,
    sum: RowSum,
    /// Idempotency keys that events name, and which events do.
    keys: BTreeMap<Vec<u8>, Vec<u64>>,
    /// Keys that an append certainly had: of a deploy or a rollback.
    required: BTreeSet<Vec<u8>>,
}

impl IndexCheck {
    /// For an index that finds streams in this way, with a key for the sums that is drawn for this check
    /// alone.
    pub fn new(streams: StreamIndex, key: [u8; 32]) -> Self {
        Self { streams, sum: RowSum::new(key), keys: BTreeMap::new(), required: BTreeSet::new() }
    }

    /// An entry: the index must find it by its stream and revision, and by the key that it was made under.
    pub fn entry(&mut self, head: &Head, envelope: &Envelope) {
        if let (Some(key), StreamId::Target(target)) = (&envelope.idem, &envelope.stream) {
            let key = Key::Idempotency(format!("{target}/{key}")).encode();
            if head.kind == DEPLOYMENT_REQUESTED {
                self.required.insert(key.clone());
            }
            self.keys.entry(key).or_default().push(head.position.0);
        }
        let (old, current) = match self.streams {
            StreamIndex::Old => (true, false),
            StreamIndex::Building(below) => (true, head.position < below),
            StreamIndex::Removing(_) | StreamIndex::Current => (false, true),
        };
        if old {
            let key = Key::OldStreamEntry(head.stream_number, head.revision).encode();
            self.sum.add(&key, &head.position.0.to_be_bytes());
        }
        if current {
            let key = Key::StreamEntry(head.stream_number, head.revision).encode();
            self.sum.add(&key, &keys::stream_entry(head.position, head.kind));
        }
    }

    /// Compares with the stored rows.
    pub fn finish(mut self, chain: &Chain, stored: &dyn Stored, size: u64) -> Result<u64, Fault> {
        for (stream, number, last) in chain.streams() {
            let value = [number.to_be_bytes(), last.to_be_bytes()].concat();
            self.sum.add(&Key::Stream(stream.clone()).encode(), &value);
        }
        let (mut sum, mut bad) = (self.sum.other(), None);
        let scanned = stored.scan(Keyspace::Index, &mut |key, value| {
            match key.first() {
                Some(1) => match self.streams {
                    StreamIndex::Old | StreamIndex::Building(_) => sum.add(key, value),
                    StreamIndex::Removing(below) if is_doubled(stored, key, value, below)? => {}
                    StreamIndex::Removing(_) => bad = bad.take().or(Some("a row of the older index")),
                    StreamIndex::Current => bad = bad.take().or(Some("a row left over from the older index")),
                },
                Some(2 | 5) => sum.add(key, value),
                Some(3) => {
                    self.required.remove(key);
                    let named = self.keys.get(key).map_or(&[][..], Vec::as_slice);
                    if !good_key(key, value, named, size) {
                        bad = bad.take().or(Some("the row of an idempotency key"));
                    }
                }
                Some(4) if key.len() == 1 && value.len() == 4 => {}
                Some(6) if key.len() == 1 && Upgrade::decode(value).is_some() => {}
                Some(_) | None => bad = bad.take().or(Some("a row of no known kind")),
            }
            Ok(())
        });
        scanned.map_err(|error: LogError| Fault::new(Code::StoreUnreadable, error.to_string()))?;
        if let Some(bad) = bad {
            return Err(Fault::new(Code::IndexDiffers, format!("{bad} cannot be what was written")));
        }
        if let Some(key) = self.required.first() {
            let at = self.keys.get(key).and_then(|named| named.first()).copied().unwrap_or(0);
            let cause = "its idempotency key is not known";
            return Err(Fault::new(Code::IndexDiffers, cause).at(Position(at)));
        }
        let (rows, made) = (sum.rows(), self.sum.rows());
        if sum.same(&self.sum) {
            return Ok(rows);
        }
        let cause = format!("it has {rows} rows for streams and revisions, the entries make {made}");
        let not_found = matches!(self.streams, StreamIndex::Removing(_) | StreamIndex::Current)
            .then(|| first_not_found(stored, size))
            .flatten();
        Err(not_found.unwrap_or_else(|| Fault::new(Code::IndexDiffers, cause)))
    }
}

/// Whether a remaining row of the older index equals the row that replaced it.
fn is_doubled(stored: &dyn Stored, key: &[u8], value: &[u8], below: u64) -> Result<bool, LogError> {
    let number = |at: usize| key.get(at..at + 8).and_then(|b| b.try_into().ok()).map(u64::from_be_bytes);
    let (17, Some(stream), Some(revision)) = (key.len(), number(1), number(9)) else { return Ok(false) };
    let key = Key::StreamEntry(stream, Revision(revision)).encode();
    let current = stored.row(Keyspace::Index, &key)?;
    Ok(stream >= below && current.is_some_and(|current| current.get(..8) == Some(value)))
}

/// The first entry that the index does not find by its stream and revision.
fn first_not_found(stored: &dyn Stored, size: u64) -> Option<Fault> {
    let mut first = None;
    let limit = usize::try_from(size).unwrap_or(usize::MAX);
    let read = stored.entries(Position(0), limit, &mut |entry| {
        if first.is_some() {
            return Ok(());
        }
        let head = codec::decode_head(entry)?;
        let key = Key::StreamEntry(head.stream_number, head.revision).encode();
        let row = stored.row(Keyspace::Index, &key)?;
        if row.as_deref() != Some(keys::stream_entry(head.position, head.kind).as_slice()) {
            let what = if row.is_some() { "says something else" } else { "is missing" };
            let cause =
                format!("its row (stream {}, revision {}) {what}", head.stream_number, head.revision.0);
            first = Some(Fault::new(Code::IndexDiffers, cause).at(head.position));
        }
        Ok(())
    });
    read.ok().and(first)
}

/// The row begins with an event that names it and ends in the log, and has a digest. Reports of the edge have
/// keys of their own, which no event names and which are their own digest.
fn good_key(key: &[u8], value: &[u8], named: &[u64], size: u64) -> bool {
    let number = |at: usize| value.get(at..at + 8).and_then(|b| b.try_into().ok()).map(u64::from_be_bytes);
    let (Some(first), Some(next)) = (number(0), number(8)) else { return false };
    let reported = key.get(1..).is_some_and(|key| value.get(16..) == Some(blake3::hash(key).as_bytes()));
    value.len() == 48 && first < next && next <= size && (named.contains(&first) || reported)
}
