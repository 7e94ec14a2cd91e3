//! Which releases stay restorable: the rules of D4 and D5, as pure questions to the state.
//!
//! Source: the seed ("count: 5 # Keep 5 previous images") and the decision that failed deployments
//! never use up a place, never evict a good one and are never targets.

use super::event::PruneRule;
use super::state::{Kept, TargetState};
use crate::defect::{Defect, planted};
use crate::ids::DeploymentId;
use crate::release::HistoryStrategy;

/// Good releases other than the current one, most recently live first.
fn earlier_good(state: &TargetState) -> impl Iterator<Item = &Kept> {
    let current = state.current_release();
    state.releases.iter().filter(move |k| k.good && Some(k.release) != current)
}

/// Earlier good releases that stay restorable: `count` of them.
pub fn restorable(state: &TargetState) -> impl Iterator<Item = &Kept> {
    let mut count = state.retention.as_ref().map_or(0, |r| usize::from(r.count));
    if planted(Defect::FailedEvicts) {
        count = count.saturating_sub(state.releases.iter().filter(|k| !k.good).count());
    }
    earlier_good(state).filter(|k| k.strategy != HistoryStrategy::None).take(count)
}

/// The release that a rollback without an id restores (D5): the most recently live good one
/// before the current, other than those that a rollback left since the current was first live.
pub fn default_target(state: &TargetState) -> Option<&Kept> {
    let first_live = state
        .current_release()
        .and_then(|current| state.kept(current))
        .map_or(0, |current| current.first_live);
    earlier_good(state).find(|k| is_ready(k) && k.left_at.is_none_or(|left| left < first_live))
}

/// Whether its image can be had, as far as the log knows.
pub fn is_ready(kept: &Kept) -> bool {
    kept.good
        && kept.strategy != HistoryStrategy::None
        && !kept.lost
        && kept.pruning.is_none()
        && kept.tagged.is_some()
}

/// Artefacts that no rule keeps and that nobody has planned to remove yet.
///
/// The current release, one in a rollout and the last good one are never among them.
pub fn prunable(state: &TargetState) -> Vec<(DeploymentId, PruneRule)> {
    let kept: Vec<DeploymentId> = restorable(state).map(|k| k.release).collect();
    let last_good = earlier_good(state).find(|k| is_ready(k)).map(|k| k.release);
    let in_use = |release| {
        state.current_release() == Some(release)
            || state.rollout.as_ref().is_some_and(|r| r.release == release)
            || last_good == Some(release)
            || kept.contains(&release)
    };
    state
        .releases
        .iter()
        .filter(|k| k.tagged.is_some() && k.pruning.is_none() && !in_use(k.release))
        .map(|k| (k.release, rule_for(k)))
        .collect()
}

fn rule_for(kept: &Kept) -> PruneRule {
    match (kept.good, kept.strategy) {
        (false, _) => PruneRule::NeverGood,
        (true, HistoryStrategy::Local) => PruneRule::BeyondCount,
        (true, HistoryStrategy::None) => PruneRule::StrategyNone,
        (true, HistoryStrategy::Registry) => PruneRule::HostKeepsCurrent,
    }
}
