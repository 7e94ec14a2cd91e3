//! Which releases stay restorable: the rules of D4 and D5, as pure questions about the state.
//!
//! Source: the seed ("count: 5 # Keep 5 previous images") and the decision that failed deployments
//! never use up a place, never evict a good one and are never targets.

use super::restorable::{is_restorable, stays_restorable};
use super::state::{RetainedRelease, Standing, TargetState};
use crate::defect::{Defect, planted};
use crate::event::PruneRule;
use crate::ids::DeploymentId;
use crate::release::{HistoryStrategy, Retention};

/// Good releases other than the current one, most recently live first.
fn earlier_good(state: &TargetState) -> impl Iterator<Item = &RetainedRelease> {
    let current = state.current_release();
    state.releases.iter().filter(move |k| k.was_good() && Some(k.release) != current)
}

/// Earlier good releases that stay restorable: `count` of them, and what is pinned or held.
pub fn restorable(state: &TargetState) -> Vec<&RetainedRelease> {
    let mut count = state.retention.as_ref().map_or(0, |r| usize::from(r.count));
    if planted(Defect::FailedEvicts) {
        count = count.saturating_sub(state.releases.iter().filter(|k| !k.was_good()).count());
    }
    within(earlier_good(state), count)
}

fn within<'a>(good: impl Iterator<Item = &'a RetainedRelease>, count: usize) -> Vec<&'a RetainedRelease> {
    let kept =
        good.filter(|k| k.strategy != HistoryStrategy::None && k.standing != Standing::Expired).enumerate();
    kept.filter(|(place, k)| *place < count || is_pinned_or_held(k)).map(|(_, k)| k).collect()
}

/// The release must stay, by a pin or a hold.
fn is_pinned_or_held(kept: &RetainedRelease) -> bool {
    kept.holds.any() && !planted(Defect::ForgetsPins)
}

/// Whether a rollback left it since the current release was first live.
pub fn was_left(state: &TargetState, kept: &RetainedRelease) -> bool {
    let current = state.current_release().and_then(|current| state.kept(current));
    let first_live = current.map_or(0, |current| current.first_live);
    kept.left_at.is_some_and(|left| left >= first_live)
}

/// Where a rollback without an id may go (D5), nearest first: good releases before the current one, other
/// than those that a rollback left since the current was first live, and than those that are the same as the
/// current one or as what was left. Whether two releases are the same in image and configuration, the caller
/// knows.
pub fn steps_back<'a>(
    state: &'a TargetState,
    same: &'a dyn Fn(DeploymentId) -> bool,
) -> impl Iterator<Item = &'a RetainedRelease> {
    earlier_good(state).filter(move |k| !was_left(state, k) && !same(k.release))
}

/// The release that a rollback without an id restores (D5): the nearest that can be had.
pub fn default_target<'a>(
    state: &'a TargetState,
    same: &'a dyn Fn(DeploymentId) -> bool,
) -> Option<&'a RetainedRelease> {
    steps_back(state, same).find(|k| is_restorable(k))
}

/// Releases that must not lose anything: the live one, the one in progress, the last good one, and those that
/// are pinned or held.
fn protected(state: &TargetState) -> impl Fn(&RetainedRelease) -> bool {
    let current = state.current_release();
    let rolling = state.rollout.as_ref().map(|r| r.release);
    let last_good = earlier_good(state).find(|k| stays_restorable(k)).map(|k| k.release);
    move |k| {
        let in_use = [current, rolling, last_good].contains(&Some(k.release));
        in_use || is_pinned_or_held(k)
    }
}

/// Artefacts on the engine that no rule keeps and whose removal is not planned yet.
pub fn prunable(state: &TargetState) -> Vec<(DeploymentId, PruneRule)> {
    let kept: Vec<DeploymentId> = restorable(state).iter().map(|k| k.release).collect();
    let protected = protected(state);
    let in_use = |release| {
        state.current_release() == Some(release)
            || state.rollout.as_ref().is_some_and(|r| r.release == release)
    };
    let stays = |k: &RetainedRelease| match k.strategy {
        // The registry has it; the host keeps the current one, and what must not depend on others.
        HistoryStrategy::Registry if k.was_good() => in_use(k.release) || is_pinned_or_held(k),
        HistoryStrategy::Registry | HistoryStrategy::Local | HistoryStrategy::None => {
            protected(k) || kept.contains(&k.release)
        }
    };
    state
        .releases
        .iter()
        .filter(|k| k.tagged.is_some() && k.pruning.is_none() && !stays(k))
        .map(|k| (k.release, rule_for(k)))
        .collect()
}

fn rule_for(kept: &RetainedRelease) -> PruneRule {
    match (kept.was_good(), kept.strategy) {
        (false, _) => PruneRule::NeverGood,
        (true, HistoryStrategy::Local) => PruneRule::BeyondCount,
        (true, HistoryStrategy::None) => PruneRule::StrategyNone,
        (true, HistoryStrategy::Registry) => PruneRule::HostKeepsCurrent,
    }
}

/// Releases in a registry whose place was taken: no artefact of ours is removed, yet they are no longer
/// restorable from here on.
pub fn expiring(state: &TargetState) -> Vec<DeploymentId> {
    let kept: Vec<DeploymentId> = restorable(state).iter().map(|k| k.release).collect();
    let protected = protected(state);
    state
        .releases
        .iter()
        .filter(|k| k.strategy == HistoryStrategy::Registry && k.standing == Standing::Good)
        .filter(|k| !protected(k) && !kept.contains(&k.release))
        .map(|k| k.release)
        .collect()
}

/// What a retention would keep and drop.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WhatIf {
    /// Releases that can be restored afterwards, most recently live first.
    pub keeps: Vec<DeploymentId>,
    /// Releases that could be restored, the current one among them, and could not be afterwards.
    pub drops: Vec<DeploymentId>,
}

/// What would be restorable once the next deploy applies a retention: that deploy is current then,
/// and what is current now takes the first place.
pub fn what_if(state: &TargetState, retention: &Retention) -> WhatIf {
    let count = match retention.strategy {
        // Earlier releases keep the count that they had; see `evolve`.
        HistoryStrategy::None => state.retention.as_ref().map_or(0, |before| usize::from(before.count)),
        HistoryStrategy::Local | HistoryStrategy::Registry => usize::from(retention.count),
    };
    let good = || state.releases.iter().filter(|k| k.was_good());
    let ready: Vec<DeploymentId> = good().filter(|k| stays_restorable(k)).map(|k| k.release).collect();
    let mut keeps: Vec<DeploymentId> = within(good(), count).iter().map(|k| k.release).collect();
    keeps.extend(ready.first().copied().filter(|release| !keeps.contains(release)));
    let (keeps, drops) = ready.into_iter().partition(|release| keeps.contains(release));
    WhatIf { keeps, drops }
}
