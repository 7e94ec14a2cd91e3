//! `pending` (6): targets that owe something; read first after a restart.

use super::Projection;
use super::row_cache::RowCache;
use super::rows::{ProjectionError, ProjectionId, stream_part};
use super::versions::PENDING as ID;
use crate::deployment::gives_up_stop;
use crate::event::{AnyEvent, TargetEvent, hold_events, is_own_tag, registry_events, step_events};
use crate::ids::{DeploymentId, Position, StreamId};
use crate::log::{Recorded, Rows, RowsMut};
use serde::{Deserialize, Serialize};

const ROW: u8 = 1;

/// What a target owes. Targets that owe nothing have no row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingRow {
    /// The target's stream.
    pub stream: StreamId,
    /// The rollout in progress, and the event that requested it.
    pub rollout: Option<(DeploymentId, Position)>,
    /// A stop is in progress.
    pub stop: bool,
    /// A restart is in progress.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub restart: bool,
    /// Artefacts that are still to be removed.
    pub prunes: u32,
    /// Tags that a name still needs, on the engine and in the registry.
    pub naming: u32,
}

impl PendingRow {
    fn empty(stream: StreamId) -> Self {
        Self { stream, rollout: None, stop: false, restart: false, prunes: 0, naming: 0 }
    }
}

#[derive(Default)]
pub(super) struct Pending(RowCache<PendingRow>);

impl Projection for Pending {
    fn id(&self) -> ProjectionId {
        ID
    }

    fn begin(&mut self, at: Position) {
        self.0.begin(at);
    }

    fn apply(&mut self, event: &Recorded, rows: &mut dyn RowsMut) -> Result<(), ProjectionError> {
        let AnyEvent::Target(happened) = &event.event else { return Ok(()) };
        let stream = &event.envelope.stream;
        let change: Box<dyn FnOnce(&mut PendingRow) + '_> = match happened {
            TargetEvent::DeploymentRequested(e) => {
                Box::new(|row| row.rollout = Some((e.id, event.head.position)))
            }
            TargetEvent::DeploymentSucceeded(_)
            | TargetEvent::DeploymentRefused(_)
            | TargetEvent::DeploymentFailed(_)
            | TargetEvent::DeploymentRolledBack(_)
            | TargetEvent::DeploymentCancelled(_)
            | TargetEvent::DeploymentInterrupted(_) => Box::new(|row| row.rollout = None),
            TargetEvent::StopRequested(_) => Box::new(|row| row.stop = true),
            TargetEvent::TargetStopped(_) => Box::new(|row| row.stop = false),
            TargetEvent::RestartRequested(_) => Box::new(|row| row.restart = true),
            TargetEvent::RestartEnded(_) => Box::new(|row| row.restart = false),
            TargetEvent::EffectFailed(e) => Box::new(|row| {
                row.stop &= !gives_up_stop(&e.eff);
                row.naming = 0;
            }),
            TargetEvent::ReleaseTagged(e) => Box::new(|row| {
                row.naming = u32::from(e.local_tag.is_some()) + u32::from(e.pushed.is_some());
            }),
            TargetEvent::ReleaseUntagged(e) => Box::new(|row| row.naming = 1 + u32::from(e.pushed.is_some())),
            TargetEvent::ImagePushed(_) => Box::new(|row| row.naming = row.naming.saturating_sub(1)),
            TargetEvent::ImageTagged(e) if !is_own_tag(&e.local_tag, e.rel) => {
                Box::new(|row| row.naming = row.naming.saturating_sub(1))
            }
            TargetEvent::ArtefactPruned(e) if !e.artefact.is_volume() && !e.artefact.is_own(e.rel) => {
                Box::new(|row| row.naming = row.naming.saturating_sub(1))
            }
            TargetEvent::PrunePlanned(_) => Box::new(|row| row.prunes += 1),
            TargetEvent::ArtefactPruned(_) | TargetEvent::PruneFailed(_) => {
                Box::new(|row| row.prunes = row.prunes.saturating_sub(1))
            }
            step_events!()
            | registry_events!()
            | hold_events!()
            | TargetEvent::ImageResolved(_)
            | TargetEvent::ImageBuilt(_)
            | TargetEvent::ImagePulled(_)
            | TargetEvent::ImageTagged(_)
            | TargetEvent::ImageLost(_)
            | TargetEvent::ImageFound(_)
            | TargetEvent::RetentionChanged(_)
            | TargetEvent::ExecRun(_) => return Ok(()),
        };
        let empty = || PendingRow::empty(stream.clone());
        self.0.update(rows, ID.key(ROW, &[&stream_part(stream)]), |row| {
            let mut row = row.unwrap_or_else(empty);
            change(&mut row);
            Some(row).filter(|row| *row != empty())
        })
    }

    fn finish(&mut self, rows: &mut dyn RowsMut) -> Result<(), ProjectionError> {
        self.0.finish(rows)
    }

    fn abandon(&mut self) {
        self.0.abandon();
    }
}

/// Every target that owes something, by name.
pub fn pending(rows: &dyn Rows) -> Result<Vec<PendingRow>, ProjectionError> {
    super::rows::all(rows, &ID.key(ROW, &[]))
}
