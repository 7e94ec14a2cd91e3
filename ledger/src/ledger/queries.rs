//! Questions to an open ledger, each answered as of one instant.

use super::Ledger;
use crate::deployment::TargetState;
use crate::ids::*;
use crate::integrity::verify::entries::IN_MEMORY;
use crate::log::{LogError, LogHead, Rows};
use crate::projection::{
    DeploymentRow, Folding, Page, PendingRow, ProjectionError, Projections, RebuildReport, ReleaseRow,
    TargetRow, read, rebuild,
};
use crate::read::{Candidate, EventFilter, EventView, Routes, View};
use crate::release::ReleaseRecord;
use std::sync::Arc;

impl Ledger {
    /// Answers from one instant: every question that `answer` puts to the view is answered as of the same
    /// position of the log.
    ///
    /// # Errors
    /// Errors of `answer`, and of reading the store.
    pub fn view<T, E: From<LogError>>(&self, answer: impl FnOnce(&View<'_>) -> Result<T, E>) -> Result<T, E> {
        let (mut answer, mut answered) = (Some(answer), None);
        self.log.read_rows(&mut |rows| {
            let view = match &self.newer {
                None => View::of(self.id, rows, self.log.as_ref(), &self.states),
                Some(newer) => Ok(View::of_entries(self.id, (rows, self.log.as_ref()), &self.states, newer)),
            };
            answered = match (view, answer.take()) {
                (Ok(view), Some(answer)) => Some(answer(&view)),
                (Err(error), _) => Some(Err(error.into())),
                (Ok(_), None) => None,
            };
        })?;
        answered.unwrap_or_else(|| Err(LogError::Store("the read models were not read".to_owned()).into()))
    }

    /// Reads rows, and turns an unreadable one into an error of the log.
    pub(super) fn rows<T>(
        &self,
        read: impl Fn(&dyn Rows) -> Result<T, ProjectionError>,
    ) -> Result<T, LogError> {
        let mut answer = None;
        self.log.read_rows(&mut |rows| answer = Some(read(rows)))?;
        let answer = answer.ok_or_else(|| LogError::Store("the read models were not read".to_owned()))?;
        Ok(answer?)
    }

    /// The newest state of a target that is sealed, where it was ever used.
    pub(super) fn target_row(&self, key: &TargetKey) -> Result<Option<Arc<TargetRow>>, LogError> {
        self.rows(|rows| read::fresh(rows, &self.states, key, read::folded(rows)?))
    }

    /// Where the log stands.
    pub fn head(&self) -> LogHead {
        self.log.head()
    }

    /// Folds the whole log again and compares with the live rows.
    pub fn replay(&self, progress: &mut dyn FnMut(Position)) -> Result<RebuildReport, LogError> {
        // Where there are many events, their read models do not fit into memory.
        let large = self.head().next.0 > IN_MEMORY;
        let models = Projections::default();
        let folding = match self.places.as_ref().filter(|_| large) {
            Some(places) => Folding::on_disk(places.scratch(), models)?,
            None => Folding::in_memory(models),
        };
        rebuild(self.log.as_ref(), folding, progress)
    }
}

/// Single questions, each as of an instant of its own: to combine several, take a [`View`].
impl Ledger {
    /// See [`View::state`].
    pub fn state(&self, key: &TargetKey) -> Result<TargetState, LogError> {
        self.view(|view| view.state(key))
    }

    /// See [`View::targets`].
    pub fn targets(&self) -> Result<Vec<TargetState>, LogError> {
        self.view(|view| view.targets())
    }

    /// See [`View::pending`].
    pub fn pending(&self) -> Result<Vec<PendingRow>, LogError> {
        self.view(|view| view.pending())
    }

    /// See [`View::deployment`].
    pub fn deployment(&self, id: DeploymentId) -> Result<Option<DeploymentRow>, LogError> {
        self.view(|view| view.deployment(id))
    }

    /// See [`View::deployments`].
    pub fn deployments(&self, key: &TargetKey, page: &Page) -> Result<Vec<DeploymentRow>, LogError> {
        self.view(|view| view.deployments(key, page))
    }

    /// See [`View::release`].
    pub fn release(&self, release: DeploymentId) -> Result<Option<ReleaseRow>, LogError> {
        self.view(|view| view.release(release))
    }

    /// See [`View::events`].
    pub fn events(&self, filter: &EventFilter) -> Result<Vec<EventView>, LogError> {
        self.view(|view| view.events(filter))
    }

    /// See [`View::routes`].
    pub fn routes(&self) -> Result<Routes, LogError> {
        self.view(|view| view.routes())
    }

    /// See [`View::candidates`].
    pub fn candidates(&self, key: &TargetKey) -> Result<Vec<Candidate>, LogError> {
        self.view(|view| view.candidates(key))
    }

    /// See [`View::kept_candidates`].
    pub fn kept_candidates(&self, key: &TargetKey) -> Result<Vec<Candidate>, LogError> {
        self.view(|view| view.kept_candidates(key))
    }

    /// See [`View::candidate`].
    pub fn candidate(&self, key: &TargetKey, release: DeploymentId) -> Result<Option<Candidate>, LogError> {
        self.view(|view| view.candidate(key, release))
    }

    /// See [`View::release_record`].
    pub fn release_record(&self, release: DeploymentId) -> Result<Option<ReleaseRecord>, LogError> {
        self.view(|view| view.release_record(release))
    }
}
