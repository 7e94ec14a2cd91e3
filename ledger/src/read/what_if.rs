//! Another retention, tried on what really happened: which rollbacks would it have made impossible?

use super::View;
use crate::deployment::retention::restorable;
use crate::deployment::{TargetState, evolve};
use crate::event::{AnyEvent, DeploymentKind, DeploymentRequested, TargetEvent};
use crate::ids::*;
use crate::log::LogError;
use crate::release::Retention;
use serde::{Deserialize, Serialize};

/// A rollback of the past, as another retention would have met it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastRollback {
    /// The rollback.
    pub deployment: DeploymentId,
    /// The release that it restored.
    pub release: DeploymentId,
    /// When it was requested.
    pub at: Timestamp,
    /// Position of its request.
    pub position: Position,
    /// Whether that release would still have been restorable.
    pub possible: bool,
}

/// Entries read at a time.
const CHUNK: usize = 4096;

impl View<'_> {
    /// Every rollback of a target since `since`, oldest first, under another retention: its history is folded
    /// again with that count and strategy from the first deploy on.
    pub fn past_rollbacks(
        &self,
        key: &TargetKey,
        retention: &Retention,
        since: Timestamp,
    ) -> Result<Vec<PastRollback>, LogError> {
        let stream = key.stream();
        let mut state = TargetState::new(key.clone());
        let (mut found, mut next) = (Vec::new(), Position(0));
        loop {
            let events = self.log.read_all(next, self.below(next, CHUNK))?;
            let Some(last) = events.last() else { return Ok(found) };
            next = Position(last.head.position.0 + 1);
            for recorded in events.into_iter().filter(|recorded| recorded.envelope.stream == stream) {
                let at = (recorded.head.recorded, recorded.head.position);
                let AnyEvent::Target(event) = recorded.event else { continue };
                if let TargetEvent::DeploymentRequested(e) = &event
                    && at.0 >= since
                {
                    found.extend(past(&state, e, at));
                }
                if let Some(event) = under(event, retention) {
                    state = evolve(state, &event);
                }
            }
        }
    }
}

fn past(state: &TargetState, e: &DeploymentRequested, at: (Timestamp, Position)) -> Option<PastRollback> {
    let DeploymentKind::Rollback { restores, .. } = &e.ask else { return None };
    let kept = restorable(state).iter().any(|kept| kept.release == *restores);
    let possible = kept || state.current_release() == Some(*restores);
    Some(PastRollback { deployment: e.id, release: *restores, at: at.0, position: at.1, possible })
}

/// The same event in a world with another retention; none for one that the retention itself made.
fn under(event: TargetEvent, retention: &Retention) -> Option<TargetEvent> {
    match event {
        TargetEvent::DeploymentRequested(mut e) => {
            if let DeploymentKind::Deploy { release } = &mut e.ask {
                release.config.retention = retention.clone();
            }
            Some(e.into())
        }
        TargetEvent::PrunePlanned(_)
        | TargetEvent::ArtefactPruned(_)
        | TargetEvent::PruneFailed(_)
        | TargetEvent::RetentionChanged(_) => None,
        other => Some(other),
    }
}
