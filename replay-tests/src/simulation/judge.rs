//! What must hold of the log itself, folded as it grows: each event is read once.

use super::invariants::Broken;
use super::retention::Retention;
use haloy_ledger::Ledger;
use haloy_ledger::deployment::TargetState;
use haloy_ledger::event::{AnyEvent, EdgeEvent, TargetEvent};
use haloy_ledger::ids::{Position, StreamId};
use haloy_ledger::log::Recorded;
use std::collections::{BTreeMap, BTreeSet};

/// What was read so far, and what follows from it.
#[derive(Default)]
pub(super) struct Judge {
    next: u64,
    revisions: BTreeMap<StreamId, u64>,
    recorded: Option<i64>,
    generations: BTreeMap<StreamId, u64>,
    /// Every claimant of a domain so far.
    claimed: BTreeMap<String, BTreeSet<(String, String)>>,
    retention: Retention,
}

impl Judge {
    /// Reads what was appended since the last time.
    pub(super) fn learn(&mut self, ledger: &Ledger) -> Result<(), Broken> {
        let next = ledger.head().next.0;
        if next < self.next {
            return Err(format!("the log had {} entries and has {next}", self.next));
        }
        let events = ledger.log().read_all(Position(self.next), usize::MAX);
        for recorded in events.map_err(|error| error.to_string())? {
            self.in_order(&recorded)?;
            self.retention.next(&recorded)?;
            self.generation(&recorded)?;
            if let AnyEvent::Edge(EdgeEvent::DomainClaimed(e)) = &recorded.event {
                let by = (e.app.to_string(), e.target.to_string());
                self.claimed.entry(e.domain.clone()).or_default().insert(by);
            }
            self.next += 1;
        }
        Ok(())
    }

    /// Positions and revisions are dense, and recorded time only grows.
    fn in_order(&mut self, recorded: &Recorded) -> Result<(), Broken> {
        let (head, stream) = (&recorded.head, &recorded.envelope.stream);
        if head.position.0 != self.next {
            return Err(format!("position {} stands at place {}", head.position, self.next));
        }
        let next = self.revisions.entry(stream.clone()).or_default();
        if head.revision.0 != *next {
            return Err(format!("revision {:?} of {stream} should be {next}", head.revision));
        }
        *next += 1;
        if self.recorded.is_some_and(|last| head.recorded.0 <= last) {
            return Err(format!("recorded time does not grow at {}", head.position));
        }
        self.recorded = Some(head.recorded.0);
        Ok(())
    }

    /// Routes of a target sent to the edge are never older than the previous ones.
    fn generation(&mut self, recorded: &Recorded) -> Result<(), Broken> {
        let AnyEvent::Target(TargetEvent::RoutesApplied(e)) = &recorded.event else { return Ok(()) };
        let stream = &recorded.envelope.stream;
        let last = self.generations.insert(stream.clone(), e.generation).unwrap_or(0);
        if e.generation <= last {
            return Err(format!("{stream}: generation {} follows {last}", e.generation));
        }
        Ok(())
    }

    /// No domain is lost: what a live release names is its own, or was taken over by an event.
    pub(super) fn none_lost(&self, ledger: &Ledger, state: &TargetState) -> Result<(), Broken> {
        let edge = ledger.edge().map_err(|error| error.to_string())?;
        let me = (state.key.app.to_string(), state.key.target.to_string());
        for wanted in &state.routes.base {
            let held = edge.claims.get(&wanted.domain);
            let mine =
                held.is_some_and(|c| c.holder.app == state.key.app && c.holder.target == state.key.target);
            let claimed = self.claimed.get(&wanted.domain);
            let taken = claimed.is_some_and(|by| by.iter().any(|by| *by != me));
            if !mine && !taken {
                return Err(format!("{} lost {}", state.key, wanted.domain));
            }
        }
        Ok(())
    }
}
