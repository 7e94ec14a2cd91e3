//! Targets, their deployments and what is known of each.

use super::View;
use crate::deployment::state::TargetState;
use crate::edge::EdgeState;
use crate::ids::*;
use crate::log::LogError;
use crate::private::FieldNumber;
use crate::projection::*;
use crate::release::ReleaseRecord;

impl View<'_> {
    /// The state of a target; that of an unused one if it was never used.
    pub fn state(&self, key: &TargetKey) -> Result<TargetState, LogError> {
        let row = read::fresh(self.rows, self.states, key, self.at)?;
        Ok(row.map_or_else(|| TargetState::new(key.clone()), |row| row.state.clone()))
    }

    /// Every target that was ever used.
    pub fn targets(&self) -> Result<Vec<TargetState>, LogError> {
        Ok(read::targets(self.rows)?.into_iter().map(|row| row.state).collect())
    }

    /// Targets that owe something.
    pub fn pending(&self) -> Result<Vec<PendingRow>, LogError> {
        Ok(read::pending(self.rows)?)
    }

    /// Deployments of a target, newest first.
    pub fn deployments(&self, key: &TargetKey, page: &Page) -> Result<Vec<DeploymentRow>, LogError> {
        Ok(self.read(|rows| read::newest(rows, key, page))??)
    }

    /// Reads a deployment.
    pub fn deployment(&self, id: DeploymentId) -> Result<Option<DeploymentRow>, LogError> {
        Ok(read::deployment(self.rows, id)?)
    }

    /// Deployments by the start of their id, `dep_` in front accepted and ignored.
    pub fn find_deployment(
        &self,
        prefix: &str,
        within: Option<&TargetKey>,
    ) -> Result<DeploymentMatch, LogError> {
        let prefix = prefix.strip_prefix("dep_").unwrap_or(prefix).to_ascii_lowercase();
        Ok(read::by_prefix(self.rows, &prefix, within)?)
    }

    /// What is known of a release.
    pub fn release(&self, release: DeploymentId) -> Result<Option<ReleaseRow>, LogError> {
        Ok(read::release(self.rows, release)?)
    }

    /// What a rollback needs of a release; `None` if it was never resolved to an image.
    pub fn release_record(&self, release: DeploymentId) -> Result<Option<ReleaseRecord>, LogError> {
        let Some(row) = self.release(release)? else { return Ok(None) };
        let Some(image) = row.image else { return Ok(None) };
        Ok(Some(ReleaseRecord { release, spec: row.spec, image, tagged: row.tagged }))
    }

    /// What a target does, in short.
    pub fn status(&self, key: &TargetKey) -> Result<StatusRow, LogError> {
        Ok(read::status(self.rows, key)?.unwrap_or_default())
    }

    /// Every artefact that a target ever had.
    pub fn artefacts(&self, key: &TargetKey) -> Result<Vec<ArtefactRow>, LogError> {
        Ok(read::artefacts(self.rows, key)?)
    }

    /// Private fields of an event that were erased.
    pub fn erased(&self, position: Position) -> Result<Vec<FieldNumber>, LogError> {
        Ok(read::erased(self.rows, position)?)
    }

    /// The state of the edge.
    pub fn edge(&self) -> Result<EdgeState, LogError> {
        Ok(read::edge(self.rows)?.map(|row| row.state).unwrap_or_default())
    }
}
