//! The keys of a log, as its own events say: which signatures are valid, from where to where.

use super::note::Verifier;
use crate::event::{AnyEvent, LedgerEvent};
use crate::ids::{LedgerId, Position, Revision, StreamId};
use crate::log::{FORMAT, LogError, Recorded, Stored, codec};
use std::collections::BTreeMap;

/// A key that signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningKey {
    /// What its signatures are checked with.
    pub verifier: Verifier,
    /// The event that added it.
    pub added: Position,
    /// The event that retired it.
    pub retired: Option<Position>,
}

/// Facts of a log about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyHistory {
    /// Id of the ledger.
    pub ledger: LedgerId,
    /// Name of the ledger in heads.
    pub origin: String,
    /// Format of the store, from the newest event.
    pub format: u32,
    /// Keys that sign or signed, in order.
    pub signing: Vec<SigningKey>,
    /// Ids of the keys that sign nothing, by purpose.
    pub others: BTreeMap<String, String>,
}

/// Kinds from which it is known: those of the ledger itself that say something of keys and format.
const KINDS: std::ops::RangeInclusive<u16> = 1..=4;
/// Events read at a time.
const CHUNK: usize = 1024;

impl KeyHistory {
    /// Reads the ledger's own stream; `None` where there is no event yet.
    pub fn read(stored: &dyn Stored) -> Result<Option<Self>, LogError> {
        let mut known: Option<Self> = None;
        let mut from = Revision(0);
        loop {
            let events = stored.stream(&StreamId::Ledger, from, CHUNK)?;
            for entry in &events {
                match codec::decode(entry) {
                    Ok(event) => Self::fold(&mut known, &event),
                    // Events of a newer program about its keys are for that program.
                    Err(LogError::NewerEntry { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
            if events.len() < CHUNK {
                return Ok(known);
            }
            from = Revision(from.0 + events.len() as u64);
        }
    }

    /// Reads the same from all entries, with no index: that of a newer store is its own business.
    pub fn scan(stored: &dyn Stored) -> Result<Option<Self>, LogError> {
        let mut known = None;
        stored.entries(Position(0), usize::MAX, &mut |entry| {
            Self::fold_entry(&mut known, entry);
            Ok(())
        })?;
        Ok(known)
    }

    /// Folds one entry, if its kind matters here and it can be read.
    pub fn fold_entry(known: &mut Option<Self>, entry: &[u8]) {
        // Decoding all others would take as long as checking them.
        let counts = codec::decode_head(entry).is_ok_and(|head| KINDS.contains(&head.kind));
        if counts && let Ok(event) = codec::decode(entry) {
            Self::fold(known, &event);
        }
    }

    /// Why nothing may be written, if the format of the log is newer than this program's.
    pub fn newer(&self) -> Option<LogError> {
        let found = self.format;
        (found > FORMAT).then_some(LogError::NewerFormat { found, supported: FORMAT })
    }

    /// Folds one event; others than those of keys and format change nothing.
    pub fn fold(known: &mut Option<Self>, recorded: &Recorded) {
        if let AnyEvent::Ledger(LedgerEvent::LedgerCreated(created)) = &recorded.event {
            let others = created.key_ids.iter().filter_map(|id| id.split_once(':'));
            *known = Some(Self {
                ledger: created.ledger_id,
                origin: created.origin.clone(),
                format: created.format,
                signing: Vec::new(),
                others: others.map(|(purpose, id)| (purpose.to_owned(), id.to_owned())).collect(),
            });
        }
        let Some(known) = known else { return };
        let at = recorded.head.position;
        // The few kinds that say something of keys and format; all others are passed over.
        if let AnyEvent::Ledger(LedgerEvent::FormatRaised(raised)) = &recorded.event {
            known.format = raised.to;
        } else if let AnyEvent::Ledger(LedgerEvent::KeyAdded(added)) = &recorded.event {
            match added.verifier_key.as_deref().and_then(|key| Verifier::parse(key).ok()) {
                Some(verifier) => known.signing.push(SigningKey { verifier, added: at, retired: None }),
                None => drop(known.others.insert(added.purpose.clone(), added.key_id.clone())),
            }
        } else if let AnyEvent::Ledger(LedgerEvent::KeyRetired(retired)) = &recorded.event {
            let key = known.signing.iter_mut().find(|key| key.verifier.id() == retired.key_id);
            if let Some(key) = key {
                key.retired = Some(at);
            }
        }
    }

    /// Whether the log ends with the append that made its first key known: until that was sealed there
    /// was no head.
    pub fn only_begun(&self, size: u64) -> bool {
        let first = self.signing.first().map(|key| key.added.0 + 1);
        self.signing.len() <= 1 && first.map_or(self.format < 2, |end| end == size)
    }

    /// The key that signs now.
    pub fn active(&self) -> Option<&SigningKey> {
        self.signing.iter().rev().find(|key| key.retired.is_none())
    }

    /// Keys whose signature is valid under a head of this size: a retired key is valid for heads up to the
    /// event that retired it, which both keys of a rotation sign.
    pub fn counting(&self, size: u64) -> Vec<Verifier> {
        let counts = |key: &&SigningKey| key.retired.is_none_or(|retired| size <= retired.0 + 1);
        self.signing.iter().filter(counts).map(|key| key.verifier.clone()).collect()
    }
}
