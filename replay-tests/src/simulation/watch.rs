//! What is looked at between any two steps. There are many steps, and few of them add to the log: so each
//! watch remembers where it stands and reads no more than what is new.

use super::invariants::Broken;
use haloy_executors::simulated::World;
use haloy_ledger::Ledger;
use haloy_ledger::deployment::TargetState;
use haloy_ledger::event::{AnyEvent, TargetEvent};
use haloy_ledger::ids::{EffectId, EffectNumber, Position, TargetKey};
use std::collections::{BTreeMap, BTreeSet};

/// States of targets as one ledger has them, read again as soon as anything was appended to its log.
#[derive(Default)]
pub struct States {
    head: Option<Position>,
    known: BTreeMap<TargetKey, TargetState>,
}

impl States {
    /// The state of a target as it is now.
    pub fn of(&mut self, ledger: &Ledger, key: &TargetKey) -> Result<&TargetState, Broken> {
        // Rows are written together with the entries that they are made of, and never without.
        let head = Some(ledger.head().next);
        if head != self.head {
            self.known.clear();
            self.head = head;
        }
        if !self.known.contains_key(key) {
            let state = ledger.state(key).map_err(|error| error.to_string())?;
            self.known.insert(key.clone(), state);
        }
        Ok(&self.known[key])
    }
}

/// Whether the edge could not be told, once: from then on it may serve what is gone, as the log says.
#[derive(Default)]
pub struct GivenUp {
    next: u64,
    told: bool,
}

impl GivenUp {
    /// Reads what was appended since the last time.
    pub fn learn(&mut self, ledger: &Ledger) -> bool {
        if !self.told {
            let events = ledger.log().read_all(Position(self.next), usize::MAX).unwrap_or_default();
            self.next += events.len() as u64;
            self.told = events.iter().any(|recorded| match &recorded.event {
                AnyEvent::Target(TargetEvent::EffectFailed(e)) => e.eff.number == EffectNumber::ApplyRoutes,
                _other => false,
            });
        }
        self.told
    }
}

/// No release command is begun twice: nobody knows what half of a migration did.
#[derive(Default)]
pub struct ReleasedOnce {
    /// Those that were looked at, as many as there are in it.
    begun: BTreeSet<EffectId>,
}

impl ReleasedOnce {
    /// Looks at those that were begun since the last time; one that is there twice is found each time.
    pub fn look(&mut self, world: &World) -> Result<(), Broken> {
        match world.released.iter().skip(self.begun.len()).find(|id| !self.begun.insert((*id).clone())) {
            None => Ok(()),
            Some(id) => Err(format!("the release command {id} was begun twice")),
        }
    }
}
