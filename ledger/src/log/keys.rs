//! Every key of the store, in one place. Numbers are for ever; a changed layout is a new number.

use crate::ids::{Position, Revision, StreamId};
use crate::private::FieldNumber;

/// The keyspaces of the store. Each is written by almost every append, or never through a journal, so
/// none pins old journals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Keyspace {
    /// The log itself: position to the exact bytes of the entry.
    Entries,
    /// What finds entries: streams, revisions, idempotency keys, the format.
    Index,
    /// Private values, apart so that they can be erased physically.
    Private,
    /// Rows of the read models.
    Rows,
    /// The older part of the log: 256 entries as one value. Filled past the journal.
    Bundles,
}

impl Keyspace {
    /// Every keyspace.
    pub const ALL: [Self; 5] = [Self::Entries, Self::Index, Self::Private, Self::Rows, Self::Bundles];

    /// Name in the store.
    pub fn name(self) -> &'static str {
        match self {
            Self::Entries => "entries",
            Self::Index => "index",
            Self::Private => "private",
            Self::Rows => "rows",
            Self::Bundles => "bundles",
        }
    }
}

/// A key of one of the keyspaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// `entries`: position u64 → entry bytes. Many; never changed, and gone once its bundle is there.
    Entry(Position),
    /// `bundles`: position / 256 u64 → entry bundle of 256 entries. Dense from 0; never changed.
    Bundle(u64),
    /// `index`: 1, stream number u64, revision u64 → position u64. One per event, up to format 4; an upgrade
    /// puts [`Key::StreamEntry`] in its place.
    OldStreamEntry(u64, Revision),
    /// `index`: 2, name of the stream → stream number u64, last revision u64. One per stream.
    Stream(StreamId),
    /// `index`: 3, idempotency key → first position u64, next position u64, command digest 32 bytes.
    /// One per key; never changed.
    Idempotency(String),
    /// `index`: 4 → format u32. One; changed only by an upgrade.
    Format,
    /// `index`: 5, stream number u64, revision u64 → position u64, kind u16. One per event; never changed.
    StreamEntry(u64, Revision),
    /// `index`: 6 → what [`Upgrade`](super::upgrade::Upgrade) says. One, from the start of an upgrade to the
    /// event that says that the format was raised.
    Upgrade,
    /// `private`: position u64, field u32 → MessagePack of the row. Goes when redacted.
    Private(Position, FieldNumber),
}

impl Key {
    /// Keyspace of the key.
    pub fn keyspace(&self) -> Keyspace {
        match self {
            Self::Entry(_) => Keyspace::Entries,
            Self::OldStreamEntry(..)
            | Self::Stream(_)
            | Self::Idempotency(_)
            | Self::Format
            | Self::StreamEntry(..)
            | Self::Upgrade => Keyspace::Index,
            Self::Private(..) => Keyspace::Private,
            Self::Bundle(_) => Keyspace::Bundles,
        }
    }

    /// The key as bytes: big-endian, so that order of bytes is order of meaning.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Entry(position) => position.0.to_be_bytes().to_vec(),
            Self::Bundle(number) => number.to_be_bytes().to_vec(),
            Self::OldStreamEntry(number, revision) => {
                [&[1], &number.to_be_bytes()[..], &revision.0.to_be_bytes()].concat()
            }
            Self::Stream(stream) => [&[2], stream.to_string().as_bytes()].concat(),
            Self::Idempotency(key) => [&[3], key.as_bytes()].concat(),
            Self::Format => vec![4],
            Self::StreamEntry(number, revision) => {
                [&[5], &number.to_be_bytes()[..], &revision.0.to_be_bytes()].concat()
            }
            Self::Upgrade => vec![6],
            Self::Private(position, field) => [&position.0.to_be_bytes()[..], &field.to_be_bytes()].concat(),
        }
    }

    /// Prefix of every [`Key::StreamEntry`] of a stream.
    pub fn stream_prefix(number: u64) -> Vec<u8> {
        [&[5], &number.to_be_bytes()[..]].concat()
    }

    /// Prefix of every [`Key::Private`] of an event.
    pub fn private_prefix(position: Position) -> Vec<u8> {
        position.0.to_be_bytes().to_vec()
    }
}

/// The value of a [`Key::StreamEntry`].
pub fn stream_entry(position: Position, kind: u16) -> Vec<u8> {
    [&position.0.to_be_bytes()[..], &kind.to_be_bytes()].concat()
}

/// The position in the value of a [`Key::StreamEntry`], or of one of the older layout.
pub(super) fn stream_position(value: &[u8]) -> Option<u64> {
    let position = value.first_chunk().map(|position| u64::from_be_bytes(*position));
    position.filter(|_| matches!(value.len(), 8 | 10))
}

/// Two numbers as stored.
pub(super) fn pair(first: u64, second: u64) -> Vec<u8> {
    [first.to_be_bytes(), second.to_be_bytes()].concat()
}

/// Reads what [`pair`] wrote; longer values have more behind it.
pub(super) fn unpair(bytes: &[u8]) -> Option<(u64, u64)> {
    let first = u64::from_be_bytes(bytes.get(..8)?.try_into().ok()?);
    let second = u64::from_be_bytes(bytes.get(8..16)?.try_into().ok()?);
    Some((first, second))
}

/// Reads the format of a store.
pub(super) fn format(bytes: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.try_into().ok()?))
}

/// Reads one number.
pub(super) fn number(bytes: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.try_into().ok()?))
}
