//! All projections together: in the append's batch, and catching up.

use super::rows::{ProjectionError, ProjectionId, get, put};
use super::{Projection, audit, deployments, erased, pending, retention, rollback_targets, state, status};
use crate::ids::Position;
use crate::log::{InBatch, LogError, Recorded, Rows, RowsMut};

/// Most events folded between two writes while a projection catches up.
pub const CATCH_UP_EVENTS: usize = 10_000;

/// Every projection, as it takes part in an append.
pub struct Projections {
    all: Vec<Box<dyn Projection>>,
    next: Option<Position>,
}

impl Default for Projections {
    fn default() -> Self {
        let all: Vec<Box<dyn Projection>> = vec![
            Box::new(state::State::default()),
            Box::new(deployments::Deployments::default()),
            Box::new(rollback_targets::RollbackTargets::default()),
            Box::new(status::Status::default()),
            Box::new(retention::Retention::default()),
            Box::new(pending::Pending::default()),
            Box::new(audit::Audit),
            Box::new(erased::Erased),
        ];
        Self { all, next: None }
    }
}

fn failed(projection: ProjectionId, position: Position, error: &ProjectionError) -> LogError {
    LogError::Projection { projection: projection.name, position, cause: error.to_string() }
}

impl Projections {
    /// Only these: for one that is built anew, and for tests.
    pub fn only(all: Vec<Box<dyn Projection>>) -> Self {
        Self { all, next: None }
    }

    /// Identity of each.
    pub fn ids(&self) -> Vec<ProjectionId> {
        self.all.iter().map(|projection| projection.id()).collect()
    }

    /// Those whose rows are put once each; see [`Projection::puts_once`].
    pub fn put_once(&self) -> Vec<ProjectionId> {
        let once = self.all.iter().filter(|projection| projection.puts_once());
        once.map(|projection| projection.id()).collect()
    }

    /// Projections that have not read up to `next`: new ones, and changed versions.
    pub fn behind(&self, rows: &dyn Rows, next: Position) -> Result<Vec<Behind>, ProjectionError> {
        let mut behind = Vec::new();
        for id in self.ids() {
            let from = get::<Position>(rows, &id.checkpoint())?.unwrap_or(Position(0));
            if from < next {
                behind.push(Behind { id, from });
            }
        }
        Ok(behind)
    }

    /// Keeps only the named one.
    pub fn keep(mut self, id: ProjectionId) -> Self {
        self.all.retain(|projection| projection.id() == id);
        self
    }
}

/// A projection that has to catch up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Behind {
    /// Which one.
    pub id: ProjectionId,
    /// The first event that it has not read.
    pub from: Position,
}

impl InBatch for Projections {
    fn apply(&mut self, event: &Recorded, rows: &mut dyn RowsMut) -> Result<(), LogError> {
        let at = event.head.position;
        for projection in &mut self.all {
            projection.apply(event, rows).map_err(|error| failed(projection.id(), at, &error))?;
        }
        self.next = Some(at.next());
        Ok(())
    }

    fn finish(&mut self, rows: &mut dyn RowsMut) -> Result<(), LogError> {
        let Some(next) = self.next.take() else { return Ok(()) };
        for projection in &mut self.all {
            let id = projection.id();
            let done = projection.finish(rows).and_then(|()| put(rows, id.checkpoint(), &next));
            done.map_err(|error| failed(id, next, &error))?;
        }
        Ok(())
    }

    fn abandon(&mut self) {
        self.next = None;
        for projection in &mut self.all {
            projection.abandon();
        }
    }
}
