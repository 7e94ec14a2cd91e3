//! Checks between any two steps. There are many steps, and few of them add to the log: so each watch
//! remembers its position and reads only what is new.

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
        // Rows are written together with the entries that they are derived from, and never without.
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

/// Whether the edge could not be reached once: from then on it may serve what is gone, as the log shows.
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

/// No release command is started twice: the effect of half a migration is unknown.
#[derive(Default)]
pub struct ReleasedOnce {
    /// Commands that were checked, as many as it contains.
    begun: BTreeSet<EffectId>,
}

impl ReleasedOnce {
    /// Checks the commands started since the last time; a repeated one is found each time.
    pub fn look(&mut self, world: &World) -> Result<(), Broken> {
        match world.released.iter().skip(self.begun.len()).find(|id| !self.begun.insert((*id).clone())) {
            None => Ok(()),
            Some(id) => Err(format!("the release command {id} was begun twice")),
        }
    }
}
