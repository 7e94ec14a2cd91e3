//! Drivers of targets: one at a time in this process, in order of request.
//!
//! Only one process has a ledger open for writing, and in it only the holder of a target's turn starts, ends
//! or settles anything there. So the holder of the turn that finds something unfinished knows that nothing
//! works at it: it was interrupted.

use haloy_ledger::defect::{Defect, planted};
use haloy_ledger::ids::TargetKey;
use haloy_ledger::locks::locked;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, Weak};
use tokio::sync::OwnedMutexGuard;

/// The turns of all targets.
#[derive(Default)]
pub struct Drivers(Mutex<BTreeMap<TargetKey, Weak<tokio::sync::Mutex<()>>>>);

/// The turn of one target: while it lives, nothing else in this process drives it.
pub struct Driver {
    key: TargetKey,
    _turn: Option<OwnedMutexGuard<()>>,
}

impl Driver {
    /// The target that is driven.
    pub fn key(&self) -> &TargetKey {
        &self.key
    }
}

impl Drivers {
    /// Waits for the turn of a target.
    pub async fn turn(&self, key: &TargetKey) -> Driver {
        let turn = self.of(key);
        // Fair: first come, first served.
        let turn = if planted(Defect::TwoDrivers) { None } else { Some(turn.lock_owned().await) };
        Driver { key: key.clone(), _turn: turn }
    }

    fn of(&self, key: &TargetKey) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = locked(&self.0);
        if let Some(turn) = turns.get(key).and_then(Weak::upgrade) {
            return turn;
        }
        // Unused turns are dropped.
        turns.retain(|_, turn| turn.strong_count() > 0);
        let turn = Arc::default();
        turns.insert(key.clone(), Arc::downgrade(&turn));
        turn
    }
}
