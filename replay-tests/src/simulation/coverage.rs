//! Results of a run, and the cases that it met.

use super::invariants::Broken;
use haloy_ledger::event::AnyEvent;
use haloy_ledger::log::codec::decode_head;
use std::collections::BTreeMap;

/// What happened how often, over many runs.
#[derive(Debug, Clone, Default)]
pub struct Coverage {
    /// Kinds of events.
    pub events: BTreeMap<String, u64>,
    /// Rejections, by name.
    pub rejections: BTreeMap<String, u64>,
    /// Faults that struck.
    pub faults: BTreeMap<String, u64>,
    /// Crashes, by the event before.
    pub crashes: BTreeMap<String, u64>,
}

impl Coverage {
    /// Counts the events of a log; their heads tell the kinds.
    pub(super) fn count(&mut self, entries: &[Vec<u8>]) {
        for entry in entries {
            let kind = decode_head(entry).ok().map(|head| head.kind);
            let known = AnyEvent::kinds().find(|known| Some(known.number) == kind);
            *self.events.entry(known.map_or("unknown", |known| known.name).to_owned()).or_default() += 1;
        }
    }

    /// Adds those of another run.
    pub fn add(&mut self, other: &Self) {
        let mut add = |to: fn(&mut Self) -> &mut BTreeMap<String, u64>, from: &BTreeMap<String, u64>| {
            for (name, count) in from {
                *to(self).entry(name.clone()).or_default() += count;
            }
        };
        add(|coverage| &mut coverage.events, &other.events);
        add(|coverage| &mut coverage.rejections, &other.rejections);
        add(|coverage| &mut coverage.faults, &other.faults);
        add(|coverage| &mut coverage.crashes, &other.crashes);
    }
}

/// What came of a run.
#[derive(Debug, Clone)]
pub struct Report {
    /// Exact bytes of the log.
    pub entries: Vec<Vec<u8>>,
    /// What happened.
    pub coverage: Coverage,
    /// The first invariant that broke.
    pub broken: Option<Broken>,
}
