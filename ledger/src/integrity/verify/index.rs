//! Whether the index finds every entry, and nothing that is not there.

use super::chain::Chain;
use crate::ids::{Position, StreamId};
use crate::integrity::code::{Code, Fault};
use crate::log::keys::{Key, Keyspace};
use crate::log::{Envelope, Head, LogError, RowSum, Stored};
use std::collections::{BTreeMap, BTreeSet};

/// The kind of event that a deploy or a rollback begins with.
const DEPLOYMENT_REQUESTED: u16 = 20;

/// Adds up what the index must be, and compares it with what it is.
pub struct IndexCheck {
    sum: RowSum,
    /// Idempotency keys that events name, and which events do.
    keys: BTreeMap<Vec<u8>, Vec<u64>>,
    /// Those that an append was made under for certain: of a deploy or a rollback.
    required: BTreeSet<Vec<u8>>,
}

impl IndexCheck {
    /// With a key for the sums, drawn anew for this check.
    pub fn new(key: [u8; 32]) -> Self {
        Self { sum: RowSum::new(key), keys: BTreeMap::new(), required: BTreeSet::new() }
    }

    /// An entry: the index must find it by its stream and revision, and by the key that it was made under.
    pub fn entry(&mut self, head: &Head, envelope: &Envelope) {
        if let (Some(key), StreamId::Target { app, target }) = (&envelope.idem, &envelope.stream) {
            let key = Key::Idempotency(format!("{app}/{target}/{key}")).encode();
            if head.kind == DEPLOYMENT_REQUESTED {
                self.required.insert(key.clone());
            }
            self.keys.entry(key).or_default().push(head.position.0);
        }
        let key = Key::StreamEntry(head.stream_number, head.revision).encode();
        self.sum.add(&key, &head.position.0.to_be_bytes());
    }

    /// Compares with the rows that are there.
    pub fn finish(mut self, chain: &Chain, stored: &dyn Stored, size: u64) -> Result<u64, Fault> {
        for (stream, number, last) in chain.streams() {
            let value = [number.to_be_bytes(), last.to_be_bytes()].concat();
            self.sum.add(&Key::Stream(stream.clone()).encode(), &value);
        }
        let (mut sum, mut bad) = (self.sum.other(), None);
        let scanned = stored.scan(Keyspace::Index, &mut |key, value| {
            match key.first() {
                Some(1 | 2) => sum.add(key, value),
                Some(3) => {
                    self.required.remove(key);
                    let named = self.keys.get(key).map_or(&[][..], Vec::as_slice);
                    if !good_key(key, value, named, size) {
                        bad = bad.take().or(Some("the row of an idempotency key"));
                    }
                }
                Some(4) if key.len() == 1 && value.len() == 4 => {}
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
        if !sum.same(&self.sum) {
            let cause = format!("it has {rows} rows for streams and revisions, the entries make {made}");
            return Err(Fault::new(Code::IndexDiffers, cause));
        }
        Ok(rows)
    }
}

/// It begins with an event that names it and ends in the log, and there is a digest. What the edge
/// reports has keys of its own, which no event names and which are their own digest.
fn good_key(key: &[u8], value: &[u8], named: &[u64], size: u64) -> bool {
    let number = |at: usize| value.get(at..at + 8).and_then(|b| b.try_into().ok()).map(u64::from_be_bytes);
    let (Some(first), Some(next)) = (number(0), number(8)) else { return false };
    let reported = key.get(1..).is_some_and(|key| value.get(16..) == Some(blake3::hash(key).as_bytes()));
    value.len() == 48 && first < next && next <= size && (named.contains(&first) || reported)
}
