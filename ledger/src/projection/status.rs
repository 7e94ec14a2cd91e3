//! `status` (4): what is live, since when, by whom. Replicas are in the state.

use super::Projection;
use super::row_cache::RowCache;
use super::rows::{ProjectionError, ProjectionId, get, stream_part};
use super::versions::STATUS as ID;
use crate::deployment::state::Ending;
use crate::event::{AnyEvent, TargetEvent, hold_events, registry_events, running_events, step_events};
use crate::ids::{DeploymentId, Position, TargetKey, Timestamp};
use crate::log::{Recorded, Rows, RowsMut};
use serde::{Deserialize, Serialize};

const ROW: u8 = 1;

/// What a target does, in short.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StatusRow {
    /// The deployment that is live, and the release that it made live.
    pub live: Option<(DeploymentId, DeploymentId)>,
    /// The event that made it so, and when it was recorded.
    pub since: Option<(Position, Timestamp)>,
    /// Position of the request behind it: who and why are in its envelope.
    pub requested: Option<Position>,
    /// When it was stopped, where it is.
    pub stopped: Option<(Position, Timestamp)>,
    /// The deployment in progress and its request.
    pub rollout: Option<(DeploymentId, Position)>,
    /// The last deployment that ended, how, and where.
    pub last_ended: Option<(DeploymentId, Ending, Position)>,
}

#[derive(Default)]
pub(super) struct Status(RowCache<StatusRow>);

impl Projection for Status {
    fn id(&self) -> ProjectionId {
        ID
    }

    fn begin(&mut self, at: Position) {
        self.0.begin(at);
    }

    fn apply(&mut self, event: &Recorded, rows: &mut dyn RowsMut) -> Result<(), ProjectionError> {
        let AnyEvent::Target(happened) = &event.event else { return Ok(()) };
        let here = (event.head.position, event.head.recorded);
        let ended = |id: DeploymentId, ending| {
            move |row: &mut StatusRow| {
                row.rollout = None;
                row.last_ended = Some((id, ending, here.0));
            }
        };
        let change: Box<dyn FnOnce(&mut StatusRow)> = match happened {
            TargetEvent::DeploymentRequested(e) => Box::new(|row| row.rollout = Some((e.id, here.0))),
            TargetEvent::DeploymentSucceeded(e) => Box::new(|row| {
                row.requested = row.rollout.map(|(_, at)| at);
                row.live = Some((e.id, e.rel));
                row.since = Some(here);
                row.stopped = None;
                ended(e.id, Ending::Succeeded)(row);
            }),
            TargetEvent::DeploymentRefused(e) => Box::new(ended(e.id, Ending::Refused)),
            TargetEvent::DeploymentFailed(e) => Box::new(ended(e.id, Ending::Failed)),
            TargetEvent::DeploymentRolledBack(e) => Box::new(ended(e.id, Ending::RolledBack)),
            TargetEvent::DeploymentCancelled(e) => Box::new(ended(e.id, Ending::Cancelled)),
            TargetEvent::DeploymentInterrupted(e) => Box::new(ended(e.id, Ending::Interrupted)),
            TargetEvent::TargetStopped(_) => Box::new(|row| row.stopped = Some(here)),
            step_events!()
            | running_events!()
            | registry_events!()
            | hold_events!()
            | TargetEvent::ImageResolved(_)
            | TargetEvent::ImageBuilt(_)
            | TargetEvent::ImagePulled(_)
            | TargetEvent::ImageTagged(_)
            | TargetEvent::EffectFailed(_)
            | TargetEvent::ImagePushed(_)
            | TargetEvent::ReleaseTagged(_)
            | TargetEvent::ReleaseUntagged(_)
            | TargetEvent::PrunePlanned(_)
            | TargetEvent::ArtefactPruned(_)
            | TargetEvent::PruneFailed(_)
            | TargetEvent::ImageLost(_)
            | TargetEvent::ImageFound(_)
            | TargetEvent::RetentionChanged(_)
            | TargetEvent::ExecRun(_) => return Ok(()),
        };
        let key = ID.key(ROW, &[&stream_part(&event.envelope.stream)]);
        self.0.update(rows, key, |row| {
            let mut row = row.unwrap_or_default();
            change(&mut row);
            Some(row)
        })
    }

    fn finish(&mut self, rows: &mut dyn RowsMut) -> Result<(), ProjectionError> {
        self.0.finish(rows)
    }

    fn abandon(&mut self) {
        self.0.abandon();
    }
}

/// The row of a target, where it has ever been used.
pub fn status(rows: &dyn Rows, key: &TargetKey) -> Result<Option<StatusRow>, ProjectionError> {
    get(rows, &ID.key(ROW, &[&stream_part(&key.stream())]))
}
