//! Read models: folded from the log in the append's own batch, rebuildable, never a source of truth.
//!
//! Rows are canonical: no clock, no order of maps, no private values (only positions to look them up). So
//! rebuilt rows equal the live ones, byte for byte. A row begins with the position of the last event for
//! which it was put: a row that is older than an instant is what it was at that instant.

mod deployments;
mod edge_row;
mod erased;
mod fold;
mod folding;
mod kept_row;
mod marks;
mod pending;
#[cfg(test)]
mod properties;
mod rebuild;
mod retention;
mod rollback_targets;
mod row_cache;
mod rows;
mod state;
mod states;
mod status;
mod target_row;
mod versions;

pub use deployments::{DeploymentMatch, DeploymentRow, DeploymentStatus, ReleaseRow};
pub use edge_row::EdgeRow;
pub use fold::{Behind, CATCH_UP_EVENTS, Projections};
pub use folding::Folding;
pub use pending::PendingRow;
pub use rebuild::{Difference, LiveRows, RebuildReport, rebuild};
pub use retention::ArtefactRow;
pub use rollback_targets::{CandidateRow, Fate, Moved};
pub use rows::{Page, ProjectionError, ProjectionId, stamp};
pub use states::{STATES_KEPT, States};
pub use status::StatusRow;
pub use target_row::TargetRow;
pub use versions::gone;

/// Reading the rows of each projection.
pub mod read {
    pub use super::deployments::{by_prefix, deployment, newest, release};
    pub use super::erased::{all_erased, erased, erasure};
    pub use super::marks::{edge_mark, target_mark};
    pub use super::pending::pending;
    pub use super::retention::{artefact, artefacts};
    pub use super::rollback_targets::{candidate, candidates};
    pub use super::state::{edge, folded, fresh, slug_owner, target};
    pub use super::status::status;
    pub use super::target_row::targets;
}

use crate::ids::Position;
use crate::log::{Recorded, RowsMut};

/// A read model.
pub trait Projection: Send {
    /// Name, number and version: a changed version is rebuilt, beside the old one.
    fn id(&self) -> ProjectionId;

    /// What is put from here on is put for the event at this position; called before each event.
    fn begin(&mut self, at: Position);

    /// Folds one event into the rows.
    fn apply(&mut self, event: &Recorded, rows: &mut dyn RowsMut) -> Result<(), ProjectionError>;

    /// Puts rows that were held back; called once before a batch is written.
    fn finish(&mut self, rows: &mut dyn RowsMut) -> Result<(), ProjectionError> {
        let _nothing_held_back = rows;
        Ok(())
    }

    /// What was put is under a signed head.
    fn sealed(&mut self) {}

    /// Forgets what was held back: the batch was not written.
    fn abandon(&mut self) {}
}
