//! What to start and what to cancel now: pure, shared with the simulation.

use haloy_ledger::deployment::Effect;
use haloy_ledger::ids::EffectId;
use std::collections::BTreeSet;

/// What to do now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// Start these.
    pub start: Vec<(EffectId, Effect)>,
    /// Effects that are no longer owed.
    pub cancel: Vec<EffectId>,
}

/// Plans from what is owed, what runs, what waits for its next attempt and how much may run.
///
/// An effect does not start while another on the same subject still runs: a container must not be
/// removed while its cancelled start is still being made.
pub fn plan(
    owed: Vec<(EffectId, Effect)>,
    running: &BTreeSet<EffectId>,
    waiting: &BTreeSet<EffectId>,
    at_once: usize,
) -> Plan {
    let still_owed: BTreeSet<&EffectId> = owed.iter().map(|(id, _)| id).collect();
    let cancel = running.iter().filter(|id| !still_owed.contains(id)).cloned().collect();
    let busy = |id: &EffectId| {
        running.iter().any(|other| other.deployment == id.deployment && other.subject == id.subject)
    };
    let free = at_once.saturating_sub(running.len());
    let start = owed.into_iter().filter(|(id, _)| !waiting.contains(id) && !busy(id)).take(free).collect();
    Plan { start, cancel }
}

#[cfg(test)]
mod tests {
    use super::*;
    use haloy_ledger::ids::{DeploymentId, EffectNumber, ReplicaId};

    fn effect(number: EffectNumber, index: u16) -> (EffectId, Effect) {
        let deployment = DeploymentId::from_parts(1, 1);
        let id = EffectId { deployment, number, subject: index.to_string() };
        (id, Effect::RemoveReplica { replica: ReplicaId { deployment, index } })
    }

    #[test]
    fn what_is_no_longer_owed_is_cancelled_and_awaited_before_its_replica_is_touched() {
        let started = effect(EffectNumber::StartReplica, 0).0;
        let running = BTreeSet::from([started.clone()]);
        let owed = vec![effect(EffectNumber::RemoveReplica, 0), effect(EffectNumber::RemoveReplica, 1)];
        let planned = plan(owed.clone(), &running, &BTreeSet::new(), 8);
        assert_eq!(planned.cancel, [started]);
        assert_eq!(planned.start, owed[1..]);
    }

    #[test]
    fn no_more_than_the_limit_run_and_none_that_waits() {
        let owed: Vec<_> = (0..5).map(|index| effect(EffectNumber::StartReplica, index)).collect();
        let waiting = BTreeSet::from([owed[0].0.clone()]);
        let planned = plan(owed.clone(), &BTreeSet::new(), &waiting, 2);
        assert_eq!(planned.start, owed[1..3]);
    }
}
