//! The index of a store of an older format is raised in place, before anything is appended.
//!
//! A rebuild would be simpler, and would lose the digests of idempotency keys. Each batch is durable and has
//! its checkpoint in it, so that the next open goes on where this one was cut off.

use super::super::keys::{self, Key, Keyspace};
use super::super::upgrade::{StreamIndex, Upgrade};
use super::errors::store_error;
use super::open::Spaces;
use super::*;
use crate::defect::{self, Step};
use ::fjall::PersistMode;

/// Most rows of one batch.
const AT_ONCE: usize = 10_000;

/// Does what is left to do. Nobody else reads or writes the store meanwhile.
pub(super) fn index(store: &Spaces, progress: &dyn Fn(u64, u64)) -> Result<(), LogError> {
    let at_once = defect::at_once(AT_ONCE);
    let rows = store.get(Keyspace::Index);
    let row = |key: Key| rows.get(key.encode()).map_err(store_error);
    let upgrade = Upgrade::of(row(Key::Format)?.as_deref(), row(Key::Upgrade)?.as_deref())?;
    let Some(Upgrade { from, mut streams }) = upgrade else { return Ok(()) };
    let events = read::last(store)?.map_or(0, |(last, _)| last.0 + 1);
    // Where removing has come to: below there is nothing to walk over.
    let mut after: Option<Vec<u8>> = None;
    loop {
        let mut write = store.db.batch().durability(Some(PersistMode::SyncData));
        streams = match streams {
            StreamIndex::Old => {
                write.insert(rows, Key::Format.encode(), FORMAT.to_be_bytes());
                StreamIndex::Building(Position(0))
            }
            StreamIndex::Building(below) => {
                progress(below.0, events);
                build(store, below, at_once, &mut write)?
            }
            StreamIndex::Removing(below) => {
                progress(events, events);
                remove(store, below, at_once, &mut after, &mut write)?
            }
            StreamIndex::Current => return Ok(()),
        };
        write.insert(rows, Key::Upgrade.encode(), Upgrade { from, streams }.encode());
        let written = defect::step(Step::Upgraded, || store.commit(write).map_err(std::io::Error::other));
        written.map_err(|error| LogError::Store(error.to_string()))?;
    }
}

/// The next events under key 5.
fn build(
    store: &Spaces,
    below: Position,
    at_once: usize,
    write: &mut ::fjall::OwnedWriteBatch,
) -> Result<StreamIndex, LogError> {
    let mut next = below;
    read::entries(store, below, at_once, &mut |entry| {
        let head = codec::decode_head(entry)?;
        if head.position != next {
            let cause = format!("it says that it is {}", head.position);
            return Err(LogError::BadEntry { position: next, cause });
        }
        let key = Key::StreamEntry(head.stream_number, head.revision).encode();
        write.insert(store.get(Keyspace::Index), key, keys::stream_entry(head.position, head.kind));
        next = next.next();
        Ok(())
    })?;
    let all = next.0 - below.0 < at_once as u64;
    Ok(if all { StreamIndex::Removing(0) } else { StreamIndex::Building(next) })
}

/// Without the next rows under key 1.
fn remove(
    store: &Spaces,
    below: u64,
    at_once: usize,
    after: &mut Option<Vec<u8>>,
    write: &mut ::fjall::OwnedWriteBatch,
) -> Result<StreamIndex, LogError> {
    let rows = store.get(Keyspace::Index);
    let first = after.take().unwrap_or_else(|| Key::OldStreamEntry(below, Revision(0)).encode());
    let end = Key::OldStreamEntry(u64::MAX, Revision(u64::MAX)).encode();
    let mut removed = 0;
    for row in rows.range(first..=end).take(at_once) {
        let key = row.key().map_err(store_error)?;
        write.remove(rows, key.clone());
        *after = Some(key.to_vec());
        removed += 1;
    }
    let last = after.as_ref().and_then(|key| key.get(1..9)?.try_into().ok()).map(u64::from_be_bytes);
    Ok(match last {
        Some(number) if removed == at_once => StreamIndex::Removing(number),
        Some(_) | None => StreamIndex::Current,
    })
}
