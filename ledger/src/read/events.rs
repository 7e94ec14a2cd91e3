//! Events for people and for export: private values joined, redacted ones marked.

use super::View;
use crate::event::AnyEvent;
use crate::ids::{Position, Revision, StreamId, Timestamp};
use crate::log::{Head, LogError, Recorded, codec};
use crate::private::PrivateRow;
use serde::{Deserialize, Serialize};

/// Selection of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventFilter {
    /// First position.
    pub from: Position,
    /// At most this many.
    pub limit: usize,
    /// Only of this stream.
    pub stream: Option<StreamId>,
    /// Only of these kinds, by name; all if empty.
    pub kinds: Vec<String>,
    /// Last position, included.
    pub until: Option<Position>,
}

impl Default for EventFilter {
    fn default() -> Self {
        Self { from: Position(0), limit: usize::MAX, stream: None, kinds: Vec::new(), until: None }
    }
}

/// A private value as it can be shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrivateView {
    /// Number of the field.
    pub field: u32,
    /// The value.
    pub value: String,
}

/// An event as shown and exported.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventView {
    /// Place in the log.
    pub position: Position,
    /// Place in its stream.
    pub revision: Revision,
    /// Stream of the event.
    pub stream: StreamId,
    /// Name of its kind; `kind 999` for one that this program does not know.
    pub kind: String,
    /// Version of its kind.
    pub version: u16,
    /// When it was recorded, nanoseconds since 1970.
    pub recorded: Timestamp,
    /// Id of the event.
    pub event_id: String,
    /// Fingerprint of the actor.
    pub actor: String,
    /// Program and version.
    pub tool: String,
    /// Everything that one command caused.
    pub correlation: String,
    /// Idempotency key.
    pub idempotency_key: Option<String>,
    /// The payload, as stored: private fields are commitments.
    pub payload: codec::RawPayload,
    /// Private values that are still there.
    pub private: Vec<PrivateView>,
    /// Numbers of private fields that were erased.
    pub redacted: Vec<u32>,
}

impl EventView {
    /// A private value by its field number.
    pub fn private(&self, field: u32) -> Option<&str> {
        self.private.iter().find(|private| private.field == field).map(|private| private.value.as_str())
    }
}

/// Entries read at a time.
const CHUNK: usize = 4096;

impl View<'_> {
    /// At most `limit` events from a position on, in order.
    pub fn recorded(&self, from: Position, limit: usize) -> Result<Vec<Recorded>, LogError> {
        self.log.read_all(from, self.below(from, limit))
    }

    /// Private values of an event that are still there.
    pub fn private(&self, position: Position) -> Result<Vec<PrivateRow>, LogError> {
        if position < self.at { self.log.read_private(position) } else { Ok(Vec::new()) }
    }

    /// Events that match, oldest first, private values joined.
    pub fn events(&self, filter: &EventFilter) -> Result<Vec<EventView>, LogError> {
        let mut found = Vec::new();
        let mut next = filter.from;
        while found.len() < filter.limit {
            let entries = self.log.read_entries(next, self.below(next, CHUNK))?;
            if entries.is_empty() {
                break;
            }
            next = Position(next.0 + entries.len() as u64);
            for entry in &entries {
                let head = codec::decode_head(entry)?;
                if filter.until.is_some_and(|until| head.position > until) {
                    return Ok(found);
                }
                if found.len() < filter.limit {
                    found.extend(self.event(&head, entry, filter)?);
                }
            }
        }
        Ok(found)
    }

    fn event(&self, head: &Head, entry: &[u8], filter: &EventFilter) -> Result<Option<EventView>, LogError> {
        let known = AnyEvent::kinds().find(|info| info.number == head.kind);
        let kind = known.map_or_else(|| format!("kind {}", head.kind), |info| info.name.to_owned());
        if !filter.kinds.is_empty() && !filter.kinds.contains(&kind) {
            return Ok(None);
        }
        let raw = codec::decode_raw(entry)?;
        if filter.stream.as_ref().is_some_and(|stream| *stream != raw.envelope.stream) {
            return Ok(None);
        }
        // All but its entries is for the newer program to read.
        let (private, redacted) = match self.newer {
            None => (self.log.read_private(head.position)?, self.erased(head.position)?),
            Some(_) => (Vec::new(), Vec::new()),
        };
        Ok(Some(EventView {
            position: head.position,
            revision: head.revision,
            stream: raw.envelope.stream,
            kind,
            version: head.version,
            recorded: head.recorded,
            event_id: raw.envelope.event_id,
            actor: raw.envelope.actor.id,
            tool: raw.envelope.origin.tool,
            correlation: raw.envelope.correlation,
            idempotency_key: raw.envelope.idem,
            payload: raw.payload,
            private: private
                .into_iter()
                .map(|row| PrivateView { field: row.field, value: row.value })
                .collect(),
            redacted,
        }))
    }
}
