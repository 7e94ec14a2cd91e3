//! Events as they are decided, each folded before the next.

use crate::deployment::state::TargetState;
use crate::deployment::{evolve, retention};
use crate::event::{Artefact, PrunePlanned, RetentionBefore, RetentionChanged, TargetEvent};
use crate::ids::DeploymentId;

/// Events and the state that they lead to, while one command is being decided.
pub(super) struct Deciding {
    pub(super) state: TargetState,
    pub(super) events: Vec<TargetEvent>,
}

impl Deciding {
    pub(super) fn new(state: &TargetState) -> Self {
        Self { state: state.clone(), events: Vec::new() }
    }

    pub(super) fn push(&mut self, event: impl Into<TargetEvent>) {
        let event = event.into();
        let empty = TargetState::new(self.state.key.clone());
        let state = std::mem::replace(&mut self.state, empty);
        self.state = evolve(state, &event);
        self.events.push(event);
    }
}

/// A removal for every artefact that no rule keeps.
pub(super) fn plan_prunes(state: &TargetState) -> Vec<TargetEvent> {
    let count = state.retention.as_ref().map_or(0, |r| r.count);
    retention::prunable(state)
        .into_iter()
        .filter_map(|(rel, rule)| {
            let tagged = state.kept(rel)?.tagged.as_ref()?;
            let artefact = Artefact::LocalTag(tagged.local_tag.clone());
            Some(PrunePlanned { rel, artefact, rule, count }.into())
        })
        .collect()
}

/// What lost its place in the registry's history, as an event.
pub(super) fn expire(deciding: &mut Deciding, also: Vec<DeploymentId>, before: Option<RetentionBefore>) {
    let dropped = [also, retention::expiring(&deciding.state)].concat();
    let Some(now) = deciding.state.retention.clone() else { return };
    let same = before.as_ref().is_some_and(|b| (b.strategy, b.count) == (now.strategy, now.count));
    if !same || !dropped.is_empty() {
        deciding.push(RetentionChanged { strategy: now.strategy, count: now.count, before, dropped });
    }
}

/// The retention in force, as it stands before a change.
pub(super) fn retention_before(state: &TargetState) -> Option<RetentionBefore> {
    state.retention.as_ref().map(|r| RetentionBefore { strategy: r.strategy, count: r.count })
}
