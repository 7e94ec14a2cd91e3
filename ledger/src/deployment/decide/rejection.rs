//! Why a rule rejected a command: typed, and something that the user can act on.

use crate::deployment::restorable::NotRestorable;
use crate::deployment::state::TargetState;
use crate::ids::DeploymentId;
use serde::Serialize;

/// A rule rejected the command. Nothing is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "rejection")]
pub enum Rejection {
    /// Another rollout is in progress.
    #[error("deployment {running} is still in progress")]
    RolloutRunning {
        /// The deployment that is.
        running: DeploymentId,
    },
    /// The target is being stopped.
    #[error("the target is being stopped")]
    StopRunning,
    /// The target is being restarted.
    #[error("the target is being restarted")]
    RestartRunning,
    /// The named rollout is not running, so it cannot be cancelled.
    #[error("deployment {id} is not in progress, so it cannot be cancelled")]
    NotRunning {
        /// The deployment that was named.
        id: DeploymentId,
    },
    /// The rollout is already rolling back.
    #[error("deployment {id} is already rolling back")]
    GoesBack {
        /// The deployment that was named.
        id: DeploymentId,
    },
    /// The release is already running.
    #[error("release {release} is the current one")]
    AlreadyCurrent {
        /// The release that was named.
        release: DeploymentId,
    },
    /// The release cannot be made live again.
    #[error("release {release} is not restorable: {why}")]
    NotRestorable {
        /// The release that was named.
        release: DeploymentId,
        /// Why.
        why: NotRestorable,
    },
    /// Nothing runs here.
    #[error("nothing runs here")]
    NothingRuns,
    /// The target is already stopped.
    #[error("the target is already stopped")]
    AlreadyStopped,
    /// The target is stopped, so there is nothing to restart.
    #[error("the target is stopped, so nothing runs that could be restarted")]
    IsStopped,
    /// A name is still being applied on the engine or in the registry.
    #[error("a release tag is still being applied; try again when it is done")]
    NamingRunning,
    /// No release has that name.
    #[error("no release has the name `{name}`")]
    NoSuchName {
        /// The name that was given.
        name: crate::ids::ReleaseName,
    },
    /// The release is already held.
    #[error("release {release} is already held")]
    AlreadyHeld {
        /// The release that was named.
        release: DeploymentId,
    },
    /// The release is not held.
    #[error("release {release} is not held")]
    NotHeld {
        /// The release that was named.
        release: DeploymentId,
    },
    /// Another app of this ledger has the same slug, so their images would be indistinguishable.
    #[error("app `{app}` and app `{other}` would share the name `{slug}` on Docker")]
    SlugTaken {
        /// The requested app.
        app: String,
        /// The app that has the slug.
        other: String,
        /// What both become.
        slug: String,
    },
}

/// D6: one rollout per target, and none beside a stop.
pub(super) fn nothing_running(state: &TargetState) -> Result<(), Rejection> {
    if let Some(rollout) = state.rollout.as_ref().or(state.proposed.as_ref()) {
        return Err(Rejection::RolloutRunning { running: rollout.deployment });
    }
    if state.stop.is_some() {
        return Err(Rejection::StopRunning);
    }
    if state.restart.is_some() {
        return Err(Rejection::RestartRunning);
    }
    if state.naming.is_some() {
        return Err(Rejection::NamingRunning);
    }
    Ok(())
}
