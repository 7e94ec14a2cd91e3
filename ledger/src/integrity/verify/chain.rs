//! Whether entries follow each other: positions, revisions, times, causes, and the streams they name.

use crate::ids::StreamId;
use crate::integrity::code::{Code, Fault};
use crate::log::{LogError, Recorded, codec};
use std::collections::HashMap;

/// Reads entries one after the other.
#[derive(Default)]
pub struct Chain {
    next: u64,
    recorded: i64,
    /// By number: name and the next revision.
    streams: HashMap<u64, (StreamId, u64)>,
    numbers: HashMap<StreamId, u64>,
    /// The check does not begin at the start: streams are taken as they are found.
    joined: bool,
}

/// An entry that follows the previous ones.
pub enum Linked {
    /// Of a kind that this program knows.
    Known(Box<Recorded>),
    /// Of a newer kind: only its head and envelope were checked.
    Newer(Box<codec::RawEntry>),
}

impl Chain {
    /// Begins in the middle, at this position.
    pub fn from(position: u64) -> Self {
        Self { next: position, joined: position > 0, ..Self::default() }
    }

    /// The next entry.
    pub fn link(&mut self, entry: &[u8]) -> Result<Linked, Fault> {
        let at = crate::ids::Position(self.next);
        let unreadable = |error: LogError| Fault::new(Code::EntryUnreadable, error.to_string()).at(at);
        let broken = |cause: String| Fault::new(Code::OrderBroken, cause).at(at);
        let linked = match codec::decode(entry) {
            Ok(recorded) => Linked::Known(Box::new(recorded)),
            Err(LogError::NewerEntry { .. }) => {
                Linked::Newer(Box::new(codec::decode_raw(entry).map_err(unreadable)?))
            }
            Err(error) => return Err(unreadable(error)),
        };
        let (head, envelope) = match &linked {
            Linked::Known(recorded) => (&recorded.head, &recorded.envelope),
            Linked::Newer(raw) => (&raw.head, &raw.envelope),
        };
        if head.position != at {
            return Err(broken(format!("the entry at {at} says that it is at {}", head.position)));
        }
        if head.recorded.0 <= self.recorded {
            return Err(broken(format!("the entry at {at} is not later than the one before it")));
        }
        if envelope.causation.is_some_and(|cause| cause >= at) {
            return Err(broken(format!("the entry at {at} is caused by a later one")));
        }
        let revision = head.revision.0;
        if revision == 0 {
            if head.stream_number != self.next || self.numbers.contains_key(&envelope.stream) {
                return Err(broken(format!("the entry at {at} begins stream {} again", envelope.stream)));
            }
            self.numbers.insert(envelope.stream.clone(), self.next);
            self.streams.insert(self.next, (envelope.stream.clone(), 1));
        } else {
            match self.streams.get_mut(&head.stream_number) {
                Some((stream, next)) if *stream == envelope.stream && *next == revision => *next += 1,
                None if self.joined => {
                    let known = (envelope.stream.clone(), revision.saturating_add(1));
                    self.streams.insert(head.stream_number, known);
                }
                Some(_) | None => {
                    let stream = &envelope.stream;
                    return Err(broken(format!(
                        "the entry at {at} is not revision {revision} of stream {stream}"
                    )));
                }
            }
        }
        self.recorded = head.recorded.0;
        self.next += 1;
        Ok(linked)
    }

    /// Number and last revision of every stream.
    pub fn streams(&self) -> impl Iterator<Item = (&StreamId, u64, u64)> {
        self.streams.iter().map(|(number, (stream, next))| (stream, *number, next.saturating_sub(1)))
    }
}
