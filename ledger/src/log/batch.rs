//! Planning of one group commit: shared by every log, so that they cannot differ in their rules.
//!
//! Appends are checked one after the other; each sees the previous ones in the same batch. An append that
//! breaks a rule fails alone and leaves nothing. The log then writes the rest at once.

use super::clock::{self, ClockPolicy};
use super::keys::{self, Key};
use super::upgrade::Upgrade;
use super::*;
use crate::event::{AnyEvent, LedgerEvent};
use crate::ids::Timestamp;
use std::collections::BTreeMap;

/// What planning reads of the store.
pub(super) trait Store {
    fn index(&self, key: &Key) -> Result<Option<Vec<u8>>, LogError>;
    fn rows(&self) -> &dyn Rows;
}

/// Where the log stands, as far as the writer needs it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tail {
    pub(super) next: Position,
    pub(super) recorded: Timestamp,
    pub(super) wall: Option<Timestamp>,
}

impl Tail {
    pub(super) fn empty() -> Self {
        Self { next: Position(0), recorded: Timestamp(0), wall: None }
    }

    pub(super) fn head(&self) -> LogHead {
        LogHead { next: self.next, last: self.wall.map(|wall| (self.recorded, wall)) }
    }

    /// How many events of those that are wanted there are.
    pub(super) fn within(&self, from: Position, limit: usize) -> usize {
        let left = self.next.0.saturating_sub(from.0);
        limit.min(usize::try_from(left).unwrap_or(usize::MAX))
    }
}

/// An append as it was handed in.
pub(super) struct Request {
    pub(super) writes: Vec<StreamWrite>,
    pub(super) once: Option<IdempotencyKey>,
}

impl Request {
    /// How many events it has.
    pub(super) fn events(&self) -> usize {
        self.writes.iter().map(|write| write.events.len()).sum()
    }
}

/// Everything that one group commit writes.
pub(super) struct Batch {
    pub(super) tail: Tail,
    pub(super) first: Position,
    pub(super) entries: Vec<Vec<u8>>,
    /// None removes a row.
    pub(super) index: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    pub(super) private: Vec<(Vec<u8>, Vec<u8>)>,
    pub(super) rows: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    /// Why nothing of it can be written: an append failed, and the rows of earlier appends are lost.
    pub(super) spoilt: Option<LogError>,
}

impl Batch {
    pub(super) fn new(tail: Tail) -> Self {
        Self {
            tail,
            first: tail.next,
            entries: Vec::new(),
            index: BTreeMap::new(),
            private: Vec::new(),
            rows: BTreeMap::new(),
            spoilt: None,
        }
    }

    /// Plans one append. A failing append leaves the batch as it was, whatever the reason; [`Batch::spoilt`]
    /// is set where that was not possible.
    pub(super) fn add(
        &mut self,
        store: &dyn Store,
        in_batch: &mut dyn InBatch,
        request: Request,
        now: Timestamp,
        policy: ClockPolicy,
    ) -> Result<Appended, AppendError> {
        if let Some(error) = &self.spoilt {
            return Err(error.clone().into());
        }
        let events = request.events();
        let Request { writes, once } = request;
        if events == 0 || events > MAX_APPEND_EVENTS {
            return Err(AppendError::TooMany { events, max: MAX_APPEND_EVENTS });
        }
        if let Some(empty) = writes.iter().find(|write| write.events.is_empty()) {
            return Err(AppendError::NoEvents { stream: empty.stream.clone() });
        }
        if let Some(known) = once.as_ref().map(|once| self.known(store, once)).transpose()?.flatten() {
            return Ok(known);
        }
        let verdict = clock::check(now, self.tail.wall, policy)?;
        let mut plan = Plan {
            tail: self.tail,
            entries: Vec::new(),
            streams: BTreeMap::new(),
            index: Vec::new(),
            private: Vec::new(),
        };
        if let Some(write) = own_events::clock(verdict, self.tail.wall, now, &writes) {
            plan.stream(self, store, write, now)?;
        }
        if let Some(raised) = self.format_said(store)?.and_then(|from| own_events::format(from, &writes)) {
            plan.stream(self, store, raised, now)?;
        }
        let first = plan.tail.next;
        for write in writes {
            plan.stream(self, store, write, now)?;
        }
        if plan
            .entries
            .iter()
            .any(|(_, recorded)| matches!(recorded.event, AnyEvent::Ledger(LedgerEvent::FormatRaised(_))))
        {
            plan.index.push((Key::Format.encode(), Some(FORMAT.to_be_bytes().to_vec())));
            plan.index.push((Key::Upgrade.encode(), None));
        }
        let appended = Appended { first, next: plan.tail.next, repeated: false };
        if let Some(once) = once {
            let mut value = keys::pair(appended.first.0, appended.next.0);
            value.extend_from_slice(&once.command_digest);
            plan.index.push((Key::Idempotency(once.key).encode(), Some(value)));
        }
        self.accept(store, in_batch, plan)?;
        Ok(appended)
    }

    fn index(&self, store: &dyn Store, key: &Key) -> Result<Option<Vec<u8>>, LogError> {
        match self.index.get(&key.encode()) {
            Some(written) => Ok(written.clone()),
            None => store.index(key),
        }
    }

    /// The format recorded in the log: the store may have been raised since.
    fn format_said(&self, store: &dyn Store) -> Result<Option<u32>, LogError> {
        let upgrade = self.index(store, &Key::Upgrade)?.as_deref().and_then(Upgrade::decode);
        let format = self.index(store, &Key::Format)?.as_deref().and_then(keys::format);
        Ok(upgrade.map(|upgrade| upgrade.from).or(format))
    }

    fn known(&self, store: &dyn Store, once: &IdempotencyKey) -> Result<Option<Appended>, AppendError> {
        let Some(value) = self.index(store, &Key::Idempotency(once.key.clone()))? else { return Ok(None) };
        known_append(once, &value).map(Some)
    }

    fn accept(
        &mut self,
        store: &dyn Store,
        in_batch: &mut dyn InBatch,
        plan: Plan,
    ) -> Result<(), AppendError> {
        let folded = {
            let mut rows = Overlay::new(store.rows(), &mut self.rows);
            plan.entries.iter().try_for_each(|(_, recorded)| in_batch.apply(recorded, &mut rows))
        };
        if let Err(error) = folded {
            self.fold_again(store, in_batch);
            return Err(error.into());
        }
        self.tail = plan.tail;
        self.entries.extend(plan.entries.into_iter().map(|(bytes, _)| bytes));
        self.private.extend(plan.private);
        self.index.extend(plan.index);
        for (stream, head) in plan.streams {
            self.index.insert(Key::Stream(stream).encode(), Some(keys::pair(head.number, head.last)));
        }
        Ok(())
    }

    /// Folds the accepted appends once more: an append whose events could not be folded left rows that must
    /// not be written, and no other append may fail for it.
    fn fold_again(&mut self, store: &dyn Store, in_batch: &mut dyn InBatch) {
        in_batch.abandon();
        self.rows.clear();
        let mut rows = Overlay::new(store.rows(), &mut self.rows);
        let folded =
            self.entries.iter().try_for_each(|entry| in_batch.apply(&codec::decode(entry)?, &mut rows));
        self.spoilt = folded.err();
    }

    /// Lets projections put what they held back.
    pub(super) fn finish(&mut self, store: &dyn Store, in_batch: &mut dyn InBatch) -> Result<(), LogError> {
        if let Some(error) = &self.spoilt {
            return Err(error.clone());
        }
        in_batch.finish(&mut Overlay::new(store.rows(), &mut self.rows))
    }
}

/// Content of the row of an idempotency key; an error if it was another command.
pub(super) fn known_append(once: &IdempotencyKey, value: &[u8]) -> Result<Appended, AppendError> {
    let bad = || LogError::Store(format!("the row of idempotency key `{}` cannot be read", once.key));
    let (first, next) = keys::unpair(value).ok_or_else(bad)?;
    // A store that was rebuilt knows that the key was used, and not for which command.
    let unknown = value[16..] == [0; 32];
    if !unknown && value[16..] != once.command_digest {
        return Err(AppendError::KeyReused { key: once.key.clone(), first: Position(first) });
    }
    Ok(Appended { first: Position(first), next: Position(next), repeated: true })
}

#[derive(Debug, Clone, Copy)]
struct StreamHead {
    number: u64,
    last: u64,
}

/// An append while it is being checked.
struct Plan {
    tail: Tail,
    entries: Vec<(Vec<u8>, Recorded)>,
    streams: BTreeMap<StreamId, StreamHead>,
    /// None removes a row.
    index: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    private: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Plan {
    fn stream(
        &mut self,
        batch: &Batch,
        store: &dyn Store,
        write: StreamWrite,
        now: Timestamp,
    ) -> Result<(), AppendError> {
        let StreamWrite { stream, expected, events } = write;
        let mut head = match self.streams.get(&stream) {
            Some(head) => Some(*head),
            None => batch
                .index(store, &Key::Stream(stream.clone()))?
                .and_then(|value| keys::unpair(&value))
                .map(|(number, last)| StreamHead { number, last }),
        };
        let actual = head.map(|head| Revision(head.last));
        let wanted = match expected {
            Expected::Any => actual,
            Expected::NoStream => None,
            Expected::Revision(revision) => Some(revision),
        };
        if actual != wanted {
            return Err(AppendError::Conflict { stream, expected: wanted, actual });
        }
        for event in events {
            head = Some(self.event(head, event, now)?);
        }
        self.streams.extend(head.map(|head| (stream, head)));
        Ok(())
    }

    fn event(
        &mut self,
        stream: Option<StreamHead>,
        new: NewEvent,
        now: Timestamp,
    ) -> Result<StreamHead, AppendError> {
        let position = self.tail.next;
        let stream = match stream {
            Some(head) => StreamHead { number: head.number, last: head.last.saturating_add(1) },
            None => StreamHead { number: position.0, last: 0 },
        };
        let head = Head {
            position,
            revision: Revision(stream.last),
            recorded: Timestamp(now.0.max(self.tail.recorded.0.saturating_add(1))),
            wall: now,
            kind: new.event.kind(),
            version: new.event.version(),
            flags: 0,
            stream_number: stream.number,
        };
        let NewEvent { envelope, event, private } = new;
        let bytes = codec::encode(&head, &envelope, &event)?;
        if bytes.len() > MAX_ENTRY_BYTES {
            return Err(AppendError::TooLarge {
                kind: event.name(),
                bytes: bytes.len(),
                max: MAX_ENTRY_BYTES,
            });
        }
        for row in private {
            let value = rmp_serde::to_vec_named(&row)
                .map_err(|error| LogError::Encode { what: "a private value", cause: error.to_string() })?;
            self.private.push((Key::Private(position, row.field).encode(), value));
        }
        self.index.push((
            Key::StreamEntry(stream.number, head.revision).encode(),
            Some(keys::stream_entry(position, head.kind)),
        ));
        self.tail = Tail { next: position.next(), recorded: head.recorded, wall: Some(now) };
        self.entries.push((bytes, Recorded { head, envelope, event }));
        Ok(stream)
    }
}
