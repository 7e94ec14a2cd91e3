//! What an executor works with in this process: values that are never recorded, and handles.

use super::error::ExecutorError;
use super::messages::{EffectRequest, Progress};
use crate::mask::Mask;
use haloy_ledger::ids::EffectId;
use std::sync::Arc;
use std::time::Instant;
use tokio_util::sync::CancellationToken;

/// Resolved values: never in an effect, never in the log, never printed.
#[derive(Clone, Default)]
pub struct Values {
    /// Environment of the replicas, in file order.
    pub env: Vec<(String, String)>,
    /// Build arguments.
    pub build_args: Vec<(String, String)>,
    /// Registry: server, user name, password.
    pub registry: Option<RegistryLogin>,
    /// Headers of the health probe, in file order.
    pub health_headers: Vec<(String, String)>,
    /// The release command; none if there is none, or if it was erased.
    pub release_command: Option<String>,
    /// Lines of the hooks before, then of those after; none for one that was erased.
    pub hooks: (Vec<Option<String>>, Vec<Option<String>>),
    /// What must not appear in any text that others write: secrets and credentials.
    pub mask: Arc<Mask>,
}

/// Credentials of a registry.
#[derive(Clone)]
pub struct RegistryLogin {
    /// Host; none = that of the image.
    pub server: Option<String>,
    /// User name.
    pub username: String,
    /// Password or token.
    pub password: String,
}

impl std::fmt::Debug for Values {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.env.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Values").field("env", &names).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for RegistryLogin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RegistryLogin").field("server", &self.server).finish_non_exhaustive()
    }
}

/// Where progress goes.
pub trait ProgressSink: Send + Sync {
    /// Takes note; must not block.
    fn progress(&self, effect: &EffectId, progress: Progress);
}

/// Drops all progress.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProgress;

impl ProgressSink for NoProgress {
    fn progress(&self, _effect: &EffectId, _progress: Progress) {}
}

/// Everything beside the effect that an executor needs to perform it.
#[derive(Clone)]
pub struct EffectContext {
    /// The request, as data.
    pub request: EffectRequest,
    /// When to give up.
    pub deadline: Instant,
    /// Set when the effect is no longer owed: stop soon, leave nothing half done.
    pub cancel: CancellationToken,
    /// Where progress goes.
    pub progress: Arc<dyn ProgressSink>,
    /// Resolved values.
    pub values: Arc<Values>,
    /// The newest routes of all targets, for the role Router only.
    pub routes: Option<Arc<haloy_ledger::read::Routes>>,
}

impl EffectContext {
    /// The result of `work`, unless the deadline passes or the effect is no longer owed before; then `work`
    /// is dropped.
    pub async fn within<T>(
        &self,
        work: impl Future<Output = Result<T, ExecutorError>>,
    ) -> Result<T, ExecutorError> {
        // As long from now, and not at an instant: the simulation has a clock of its own.
        let left = self.deadline.saturating_duration_since(Instant::now());
        tokio::select! {
            // In this order: what is done is reported.
            biased;
            done = work => done,
            () = self.cancel.cancelled() => Err(ExecutorError::cancelled()),
            () = tokio::time::sleep(left) => Err(ExecutorError::late()),
        }
    }

    /// Tells what happens while the effect runs.
    pub fn tell(&self, progress: Progress) {
        self.progress.progress(&self.request.id, progress);
    }
}
