//! How far the upgrade of a store of an older format has come.
//!
//! Up to format 4 key 1 of the index finds the entries of a stream, from format 5 on key 5 does. An upgrade
//! raises the format first, so that an older program leaves the store alone from then on; then it builds
//! key 5 beside key 1, and removes key 1. The row of [`Key::Upgrade`] is its checkpoint, and remembers which
//! format the log still says, until the first append says that it was raised.

use super::keys::{self, Key, Keyspace};
use super::{LogError, Position, Stored};

/// The first format whose streams are found by [`Key::StreamEntry`].
pub const STREAM_ENTRIES_SINCE: u32 = 5;

/// What finds the entries of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamIndex {
    /// Key 1 alone: no upgrade has begun.
    Old,
    /// Key 1, and key 5 has the events below this position.
    Building(Position),
    /// Key 5; key 1 of the streams with a lower number is gone.
    Removing(u64),
    /// Key 5 alone.
    Current,
}

/// An upgrade that has begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Upgrade {
    /// The format recorded in the log.
    pub from: u32,
    /// Parts that are done.
    pub streams: StreamIndex,
}

impl Upgrade {
    /// As stored: from u32, step u8, how far u64.
    pub fn encode(self) -> Vec<u8> {
        let (step, at) = match self.streams {
            StreamIndex::Old => (0, 0),
            StreamIndex::Building(below) => (1, below.0),
            StreamIndex::Removing(below) => (2, below),
            StreamIndex::Current => (3, 0),
        };
        [&self.from.to_be_bytes()[..], &[step], &u64::to_be_bytes(at)].concat()
    }

    /// Reads what [`encode`](Self::encode) wrote.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (from, rest) = bytes.split_first_chunk()?;
        let (step, at) = rest.split_first()?;
        let at = u64::from_be_bytes(at.try_into().ok()?);
        let streams = match step {
            0 => StreamIndex::Old,
            1 => StreamIndex::Building(Position(at)),
            2 => StreamIndex::Removing(at),
            3 => StreamIndex::Current,
            _unknown => return None,
        };
        Some(Self { from: u32::from_be_bytes(*from), streams })
    }

    /// The upgrade of a store with these rows of the index; none if there is nothing to upgrade.
    pub(super) fn of(format: Option<&[u8]>, upgrade: Option<&[u8]>) -> Result<Option<Self>, LogError> {
        let unreadable = |what: &str| LogError::Store(format!("{what} of the store cannot be read"));
        if let Some(upgrade) = upgrade {
            return Self::decode(upgrade).map(Some).ok_or_else(|| unreadable("the upgrade"));
        }
        let Some(format) = format else { return Ok(None) };
        let format = keys::format(format).ok_or_else(|| unreadable("the format"))?;
        let old = (format < STREAM_ENTRIES_SINCE).then_some(StreamIndex::Old);
        Ok(old.map(|streams| Self { from: format, streams }))
    }
}

impl StreamIndex {
    /// What finds the entries of the streams of a store.
    pub fn read(stored: &dyn Stored) -> Result<Self, LogError> {
        let row = |key: Key| stored.row(Keyspace::Index, &key.encode());
        let upgrade = Upgrade::of(row(Key::Format)?.as_deref(), row(Key::Upgrade)?.as_deref())?;
        Ok(upgrade.map_or(Self::Current, |upgrade| upgrade.streams))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upgrade_reads_back() {
        let at = 7 << 40;
        let steps = [
            StreamIndex::Old,
            StreamIndex::Building(Position(at)),
            StreamIndex::Removing(at),
            StreamIndex::Current,
        ];
        for streams in steps {
            let upgrade = Upgrade { from: 4, streams };
            let bytes = upgrade.encode();
            assert_eq!(Upgrade::decode(&bytes), Some(upgrade));
            assert_eq!(Upgrade::decode(&bytes[1..]), None);
            assert_eq!(Upgrade::decode(&[&bytes[..], &[0]].concat()), None);
        }
    }

    #[test]
    fn the_format_says_whether_an_upgrade_is_due() {
        let of = |format: u32| Upgrade::of(Some(&format.to_be_bytes()), None).expect("readable");
        assert_eq!(of(4), Some(Upgrade { from: 4, streams: StreamIndex::Old }));
        assert_eq!(of(STREAM_ENTRIES_SINCE), None);
        assert_eq!(Upgrade::of(None, None).expect("readable"), None, "a store without an event");
        assert!(Upgrade::of(Some(b"4"), None).is_err());
    }
}
