//! `pending` (6): which targets owe something; what a restart asks first.

use super::Projection;
use super::held::Held;
use super::rows::{ProjectionError, ProjectionId, stream_part};
use super::versions::PENDING as ID;
use crate::deployment::{Event, gives_up_stop};
use crate::event::{edge_events, hold_events, is_own_tag, ledger_events, registry_events, step_events};
use crate::ids::{DeploymentId, Position, StreamId};
use crate::log::{Recorded, Rows, RowsMut};
use serde::{Deserialize, Serialize};

const ROW: u8 = 1;

/// What a target owes. There is no row where it owes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingRow {
    /// The target's stream.
    pub stream: StreamId,
    /// The rollout on its way, and the event that asked for it.
    pub rollout: Option<(DeploymentId, Position)>,
    /// A stop is on its way.
    pub stop: bool,
    /// A restart is on its way.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub restart: bool,
    /// Artefacts that are to be removed.
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
pub(super) struct Pending(Held<PendingRow>);

impl Projection for Pending {
    fn id(&self) -> ProjectionId {
        ID
    }

    fn begin(&mut self, at: Position) {
        self.0.begin(at);
    }

    fn apply(&mut self, event: &Recorded, rows: &mut dyn RowsMut) -> Result<(), ProjectionError> {
        let stream = &event.envelope.stream;
        let change: fn(&mut PendingRow, &Recorded) = match &event.event {
            Event::DeploymentRequested(_) => |row, event| {
                if let Event::DeploymentRequested(asked) = &event.event {
                    row.rollout = Some((asked.id, event.head.position));
                }
            },
            Event::DeploymentSucceeded(_)
            | Event::DeploymentRefused(_)
            | Event::DeploymentFailed(_)
            | Event::DeploymentRolledBack(_)
            | Event::DeploymentCancelled(_)
            | Event::DeploymentInterrupted(_) => |row, _| row.rollout = None,
            Event::StopRequested(_) => |row, _| row.stop = true,
            Event::TargetStopped(_) => |row, _| row.stop = false,
            Event::RestartRequested(_) => |row, _| row.restart = true,
            Event::RestartEnded(_) => |row, _| row.restart = false,
            Event::EffectFailed(_) => |row, event| {
                if let Event::EffectFailed(failed) = &event.event {
                    row.stop &= !gives_up_stop(&failed.eff);
                }
                row.naming = 0;
            },
            Event::ReleaseTagged(_) => |row, event| {
                if let Event::ReleaseTagged(named) = &event.event {
                    row.naming = u32::from(named.local_tag.is_some()) + u32::from(named.pushed.is_some());
                }
            },
            Event::ReleaseUntagged(_) => |row, event| {
                if let Event::ReleaseUntagged(named) = &event.event {
                    row.naming = 1 + u32::from(named.pushed.is_some());
                }
            },
            Event::ImagePushed(_) => |row, _| row.naming = row.naming.saturating_sub(1),
            Event::ImageTagged(e) if !is_own_tag(&e.local_tag, e.rel) => {
                |row, _| row.naming = row.naming.saturating_sub(1)
            }
            Event::ArtefactPruned(e) if !e.artefact.is_volume() && !e.artefact.is_own(e.rel) => {
                |row, _| row.naming = row.naming.saturating_sub(1)
            }
            Event::PrunePlanned(_) => |row, _| row.prunes += 1,
            Event::ArtefactPruned(_) | Event::PruneFailed(_) => {
                |row, _| row.prunes = row.prunes.saturating_sub(1)
            }
            ledger_events!()
            | edge_events!()
            | step_events!()
            | registry_events!()
            | hold_events!()
            | Event::ImageResolved(_)
            | Event::ImageBuilt(_)
            | Event::ImagePulled(_)
            | Event::ImageTagged(_)
            | Event::ImageLost(_)
            | Event::ImageFound(_)
            | Event::RetentionChanged(_)
            | Event::ExecRun(_) => return Ok(()),
        };
        let empty = || PendingRow::empty(stream.clone());
        self.0.update(rows, ID.key(ROW, &[&stream_part(stream)]), |row| {
            let mut row = row.unwrap_or_else(empty);
            change(&mut row, event);
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
