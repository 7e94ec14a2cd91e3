//! All projections together: in the append's batch, and catching up.

use super::rows::{ProjectionError, ProjectionId, decode_plain, get_plain, put_plain};
use super::states::States;
use super::{Projection, deployments, erased, pending, retention, rollback_targets, state, status};
use crate::ids::Position;
use crate::log::{InBatch, LogError, Recorded, Rows, RowsMut};
use std::sync::Arc;

/// Most events folded between two writes while a projection catches up.
pub const CATCH_UP_EVENTS: usize = 10_000;

/// Every projection, as it takes part in an append.
pub struct Projections {
    all: Vec<Box<dyn Projection>>,
    /// End of some of them: they fold no event from there on.
    ends: Vec<(ProjectionId, Position)>,
    next: Option<Position>,
}

impl Default for Projections {
    fn default() -> Self {
        Self::with(state::State::default())
    }
}

fn failed(projection: ProjectionId, position: Position, error: &ProjectionError) -> LogError {
    LogError::Projection { projection: projection.name, position, cause: error.to_string() }
}

impl Projections {
    /// Every projection; states of targets are handed on, decoded, as soon as they are sealed.
    pub fn published_in(states: Arc<States>) -> Self {
        Self::with(state::State::published_in(states))
    }

    fn with(state: state::State) -> Self {
        let all: Vec<Box<dyn Projection>> = vec![
            Box::new(state),
            Box::new(deployments::Deployments::default()),
            Box::new(rollback_targets::RollbackTargets::default()),
            Box::new(status::Status::default()),
            Box::new(retention::Retention::default()),
            Box::new(pending::Pending::default()),
            Box::new(erased::Erased),
        ];
        Self::only(all)
    }

    /// Only these: for one that is being rebuilt, and for tests.
    pub fn only(all: Vec<Box<dyn Projection>>) -> Self {
        Self { all, ends: Vec::new(), next: None }
    }

    /// Identity of each.
    pub fn ids(&self) -> Vec<ProjectionId> {
        self.all.iter().map(|projection| projection.id()).collect()
    }

    /// Projections that have not read up to `next`: new ones, and changed versions.
    pub fn behind(&self, rows: &dyn Rows, next: Position) -> Result<Vec<Behind>, ProjectionError> {
        let mut behind = Vec::new();
        for id in self.ids() {
            let from = get_plain::<Position>(rows, &id.checkpoint())?.unwrap_or(Position(0));
            if from < next {
                behind.push(Behind { id, from });
            }
        }
        Ok(behind)
    }

    /// Keeps only these.
    pub fn keep(mut self, ids: &[ProjectionId]) -> Self {
        self.all.retain(|projection| ids.contains(&projection.id()));
        self
    }

    /// Each folds only the events that its rows in a store were folded from: `checkpoint` reads its
    /// checkpoint there. So rows of an upgrade that was cut off are compared with what they should be.
    pub fn as_far_as<E>(
        mut self,
        mut checkpoint: impl FnMut(&[u8]) -> Result<Option<Vec<u8>>, E>,
    ) -> Result<Self, E> {
        for id in self.ids() {
            let read = checkpoint(&id.checkpoint())?.map(|bytes| decode_plain(&bytes).unwrap_or(Position(0)));
            self.ends.push((id, read.unwrap_or(Position(0))));
        }
        Ok(self)
    }
}

/// Where a projection ends.
fn end(ends: &[(ProjectionId, Position)], id: ProjectionId) -> Position {
    ends.iter().find(|(of, _)| *of == id).map_or(Position(u64::MAX), |(_, end)| *end)
}

/// A projection that has to catch up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Behind {
    /// Id of the projection.
    pub id: ProjectionId,
    /// The first event that it has not read.
    pub from: Position,
}

impl InBatch for Projections {
    fn apply(&mut self, event: &Recorded, rows: &mut dyn RowsMut) -> Result<(), LogError> {
        let at = event.head.position;
        for projection in &mut self.all {
            let id = projection.id();
            if at < end(&self.ends, id) {
                projection.begin(at);
                projection.apply(event, rows).map_err(|error| failed(id, at, &error))?;
            }
        }
        self.next = Some(at.next());
        Ok(())
    }

    fn finish(&mut self, rows: &mut dyn RowsMut) -> Result<(), LogError> {
        let Some(next) = self.next.take() else { return Ok(()) };
        for projection in &mut self.all {
            let id = projection.id();
            let next = next.min(end(&self.ends, id));
            if next > Position(0) {
                let done = projection.finish(rows).and_then(|()| put_plain(rows, id.checkpoint(), &next));
                done.map_err(|error| failed(id, next, &error))?;
            }
        }
        Ok(())
    }

    fn sealed(&mut self) {
        self.all.iter_mut().for_each(|projection| projection.sealed());
    }

    fn abandon(&mut self) {
        self.next = None;
        for projection in &mut self.all {
            projection.abandon();
        }
    }
}
