//! What must hold, whatever happened.

use haloy_executors::simulated::World;
use haloy_ledger::Ledger;
use haloy_ledger::deployment::owed;
use haloy_ledger::deployment::state::{ReplicaPhase, TargetState};
use haloy_ledger::ids::TargetKey;
use haloy_ledger::projection::{DeploymentStatus, Page};
use haloy_ledger::read::Verdict;
use haloy_ledger::release::{HistoryStrategy, RolloutStrategy};

/// A broken invariant: which, and what was seen.
pub type Broken = String;

fn on(phase: ReplicaPhase) -> bool {
    matches!(phase, ReplicaPhase::Started | ReplicaPhase::Healthy)
}

/// Whether, as the log knows it, something of a live release runs.
pub fn runs(state: &TargetState) -> bool {
    state.current.as_ref().is_some_and(|live| live.replicas.iter().any(|replica| on(replica.phase)))
}

/// Between any two steps: something well serves a target that has a live release, unless its rollout must
/// stop the old one first.
pub fn serves(state: &TargetState, world: &World) -> Result<(), Broken> {
    let Some(live) = &state.current else { return Ok(()) };
    let replace =
        state.rollout.as_ref().is_some_and(|rollout| rollout.spec.config.rollout == RolloutStrategy::Replace);
    // A restart of a single replica has a gap, which is documented.
    let alone = state.restart.is_some() && live.replicas.len() == 1;
    if live.stopped || state.stop.is_some() || alone || replace || live.replicas.is_empty() {
        return Ok(());
    }
    // A stop that was abandoned half way, or two faults in a row (the new release failed, and the old one
    // could not be started again): the log itself shows that nothing may run.
    let off = |phase| !on(phase);
    // A restart that failed: the log shows that none of them is known to be well.
    if live.replicas.iter().all(|replica| replica.phase == ReplicaPhase::Started) {
        return Ok(());
    }
    let lost = state.rollout.as_ref().is_none_or(|rollout| {
        let restored = rollout.replicas.iter().filter(|r| r.id.index >= rollout.spec.config.replicas);
        restored.into_iter().any(|replica| off(replica.phase) && replica.phase != ReplicaPhase::Wanted)
    });
    if lost && live.replicas.iter().all(|replica| off(replica.phase)) {
        return Ok(());
    }
    let mine =
        |key: &(_, String, String, _)| key.1 == state.key.app.as_str() && key.2 == state.key.target.as_str();
    let well = world.replicas.iter().any(|(key, found)| mine(key) && found.running && found.healthy);
    if well { Ok(()) } else { Err(format!("{}: nothing well serves", state.key)) }
}

/// After a target owes nothing: it is settled, and what should run does run.
pub fn settled(state: &TargetState, world: &World) -> Result<(), Broken> {
    let name = format!("{}", state.key);
    let unfinished = state.rollout.is_some() || state.stop.is_some() || state.restart.is_some();
    if unfinished || !owed(state).is_empty() {
        return Err(format!("{name}: driven to the end and not settled"));
    }
    let Some(live) = state.current.as_ref().filter(|live| !live.stopped) else { return Ok(()) };
    for replica in &live.replicas {
        let found = world.replicas.iter().find(|(key, _)| key.3 == replica.id);
        let runs = found.is_some_and(|(_, found)| found.running);
        if replica.phase == ReplicaPhase::Healthy && !runs {
            return Err(format!("{name}: replica {} is said to be well and does not run", replica.id));
        }
    }
    let tagged = world.tags.contains_key(&live.tagged.local_tag);
    if tagged { Ok(()) } else { Err(format!("{name}: the current release has lost its tag")) }
}

/// What is listed as ready has its image; what failed is never a target; the last good is kept.
pub fn restorable(ledger: &Ledger, key: &TargetKey, world: &World) -> Result<(), Broken> {
    let candidates = ledger.candidates(key).map_err(|error| error.to_string())?;
    let state = ledger.state(key).map_err(|error| error.to_string())?;
    let rows = ledger.deployments(key, &Page { before: None, limit: usize::MAX });
    let rows = rows.map_err(|error| error.to_string())?;
    let mut good = 0;
    for candidate in &candidates {
        let ready = candidate.verdict == Verdict::Ready;
        let failed = rows.iter().any(|row| {
            row.id == candidate.row.release
                && matches!(row.status, DeploymentStatus::Ended { ending, .. } if ending != haloy_ledger::deployment::state::Ending::Succeeded)
        });
        if ready && failed {
            return Err(format!("{key}: failed deployment {} is a target", candidate.row.release));
        }
        if ready
            && candidate.row.strategy == HistoryStrategy::Local
            && !candidate.tagged.as_ref().is_some_and(|tagged| world.tags.contains_key(&tagged.local_tag))
        {
            return Err(format!("{key}: {} is ready and its image is not there", candidate.row.release));
        }
        good += usize::from(ready);
    }
    // A target that keeps `count` has that many, as soon as it had that many.
    let count = state.retention.as_ref().map_or(0, |retention| usize::from(retention.count));
    let kept =
        state.releases.iter().filter(|kept| kept.was_good() && Some(kept.release) != state.current_release());
    let tagged = kept.filter(|kept| kept.tagged.is_some() && kept.pruning.is_none()).count();
    let evicted = rows_pruned_too_early(&candidates, count, good.max(tagged));
    if evicted {
        Err(format!("{key}: keeps {count}, has {good} and pruned one all the same"))
    } else {
        Ok(())
    }
}

/// A good release was removed although fewer than `count` others are left. Only where the count never changed
/// and nothing was removed from outside: the caller ensures that.
fn rows_pruned_too_early(candidates: &[haloy_ledger::read::Candidate], count: usize, left: usize) -> bool {
    use haloy_ledger::projection::Fate;
    let pruned = candidates.iter().any(|candidate| {
        matches!(candidate.row.fate, Fate::Pruned { rule, .. } if rule == haloy_ledger::event::PruneRule::BeyondCount)
    });
    pruned && left < count
}

/// Every container belongs to a deployment that the log knows.
pub fn known(ledger: &Ledger, world: &World) -> Result<(), Broken> {
    for key in world.replicas.keys() {
        if ledger.deployment(key.3.deployment).map_err(|error| error.to_string())?.is_none() {
            return Err(format!("replica {} was started for a deployment that the log does not know", key.3));
        }
    }
    Ok(())
}

/// Rebuilt read models are the live ones.
pub fn rebuilt(ledger: &Ledger) -> Result<(), Broken> {
    let report = ledger.replay(&mut |_| {}).map_err(|error| error.to_string())?;
    match report.differences.first() {
        None => Ok(()),
        Some(difference) => Err(format!("a rebuilt row differs: {difference:?}")),
    }
}
