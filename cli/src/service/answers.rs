//! Answers, as data: what `-o json` prints.

use haloy_ledger::deployment::state::Ending;
use haloy_ledger::ids::{DeploymentId, Position, Timestamp};
use haloy_ledger::ledger::{EventView, Verdict};
use haloy_ledger::outcome::Failure;
use haloy_ledger::release::HistoryStrategy;
use serde::Serialize;

/// How a deployment went.
#[derive(Debug, Clone, Serialize)]
pub struct DeploymentAnswer {
    /// App.
    pub app: String,
    /// Target.
    pub target: String,
    /// The deployment.
    pub id: DeploymentId,
    /// The release that it was to make live.
    pub release: DeploymentId,
    /// What was asked for: `repository:tag`.
    pub image: String,
    /// It is a rollback.
    pub rollback: bool,
    /// How it ended.
    pub ending: Ending,
    /// What ran before runs unchanged; none for a success.
    pub target_unchanged: Option<bool>,
    /// Why it did not succeed.
    pub cause: Option<Failure>,
    /// Milliseconds from request to end.
    pub took_ms: u64,
    /// Where the replicas answer.
    pub addresses: Vec<String>,
    /// The release that runs now.
    pub runs: Option<DeploymentId>,
    /// Names of values that are others now than when the release was deployed.
    pub changed_secrets: Vec<String>,
    /// Last lines of a replica that failed.
    pub log_tail: Vec<String>,
}

impl DeploymentAnswer {
    /// Exit code of this deployment alone.
    pub fn exit(&self) -> u8 {
        match (self.ending, self.target_unchanged) {
            (Ending::Succeeded, _) => 0,
            (Ending::RolledBack, _) | (_, Some(false)) => 4,
            (Ending::Cancelled, _) => 130,
            (Ending::Failed | Ending::Interrupted, _) => 3,
        }
    }
}

/// The release that a rollback would restore.
#[derive(Debug, Clone, Serialize)]
pub struct Choice {
    /// The release.
    pub release: DeploymentId,
    /// Its image.
    pub image: String,
    /// When it was deployed.
    pub at: Timestamp,
    /// The release that runs.
    pub leaves: Option<DeploymentId>,
}

/// A release, as listed for a rollback.
#[derive(Debug, Clone, Serialize)]
pub struct TargetRow {
    /// The release.
    pub id: DeploymentId,
    /// Its tag, or its image where that has none.
    pub version: String,
    /// Its image, in full.
    pub image: String,
    /// When it was asked for.
    pub at: Timestamp,
    /// Who asked.
    pub by: Option<String>,
    /// Strategy that it was deployed with.
    pub strategy: HistoryStrategy,
    /// Whether it can be restored.
    pub verdict: Verdict,
    /// A rollback without an id restores it.
    pub default: bool,
    /// Where a rollback left it, and the reason that was given.
    pub left: Option<(Position, Option<String>)>,
}

/// Everything that could be rolled back to, and what cannot.
#[derive(Debug, Clone, Serialize)]
pub struct TargetsAnswer {
    /// App.
    pub app: String,
    /// Target.
    pub target: String,
    /// Strategy in force.
    pub strategy: Option<HistoryStrategy>,
    /// Earlier releases kept.
    pub count: Option<u16>,
    /// Every deploy, newest first.
    pub releases: Vec<TargetRow>,
}

/// One replica.
#[derive(Debug, Clone, Serialize)]
pub struct ReplicaRow {
    /// Its name.
    pub replica: String,
    /// Where it is in its life, as the log knows it.
    pub phase: haloy_ledger::deployment::state::ReplicaPhase,
    /// Where it answers.
    pub address: Option<String>,
    /// Whether Docker runs it; none if Docker was not asked or did not answer.
    pub running: Option<bool>,
}

/// What a target does.
#[derive(Debug, Clone, Serialize)]
pub struct StatusAnswer {
    /// App.
    pub app: String,
    /// Target.
    pub target: String,
    /// The release that is live.
    pub release: Option<DeploymentId>,
    /// The deployment that made it live.
    pub deployment: Option<DeploymentId>,
    /// Its image.
    pub image: Option<String>,
    /// Since when.
    pub since: Option<Timestamp>,
    /// It was stopped.
    pub stopped: bool,
    /// Replicas wanted.
    pub wanted: u16,
    /// Its replicas.
    pub replicas: Vec<ReplicaRow>,
    /// A deployment that was interrupted and is not settled, and its step.
    pub unfinished: Option<(DeploymentId, String)>,
    /// The last deployment that ended, and how.
    pub last: Option<(DeploymentId, Ending)>,
}

/// A deployment in history.
#[derive(Debug, Clone, Serialize)]
pub struct HistoryRow {
    /// The deployment.
    pub id: DeploymentId,
    /// App.
    pub app: String,
    /// Target.
    pub target: String,
    /// The release that it makes live.
    pub release: DeploymentId,
    /// It is a rollback.
    pub rollback: bool,
    /// The release that a rollback left.
    pub leaves: Option<DeploymentId>,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// Ticket.
    pub ticket: Option<String>,
    /// What was asked for.
    pub image: String,
    /// What it was resolved to.
    pub digest: Option<String>,
    /// How it ended; none if it has not.
    pub ending: Option<Ending>,
    /// Why it did not succeed.
    pub cause: Option<Failure>,
    /// Milliseconds from request to end.
    pub took_ms: Option<u64>,
    /// Commit, with a `+` where the tree was dirty.
    pub commit: Option<String>,
    /// CI system and run.
    pub ci: Option<String>,
    /// Where it was asked for.
    pub position: Position,
}

/// One event.
#[derive(Debug, Clone, Serialize)]
pub struct EventRow {
    /// What is stored, private values joined.
    #[serde(flatten)]
    pub view: EventView,
    /// Who.
    pub by: Option<String>,
    /// The event in a sentence; none for a kind that this program does not know.
    pub sentence: Option<String>,
}

/// One deployment, with its steps.
#[derive(Debug, Clone, Serialize)]
pub struct ShowAnswer {
    /// What history says.
    pub deployment: HistoryRow,
    /// Its events.
    pub events: Vec<EventRow>,
    /// What its configuration changed against the release before.
    pub changes: Vec<String>,
    /// Last lines of a replica that failed.
    pub log_tail: Vec<String>,
}

/// What a prune removes, or would.
#[derive(Debug, Clone, Serialize)]
pub struct PruneAnswer {
    /// App.
    pub app: String,
    /// Target.
    pub target: String,
    /// It was done.
    pub applied: bool,
    /// Release, tag, rule, bytes where known.
    pub artefacts: Vec<PruneRow>,
}

/// One artefact that no rule keeps.
#[derive(Debug, Clone, Serialize)]
pub struct PruneRow {
    /// The release.
    pub release: DeploymentId,
    /// Its tag.
    pub tag: String,
    /// Why it may go.
    pub rule: haloy_ledger::deployment::event::PruneRule,
    /// Bytes of the image, shared layers included.
    pub bytes: Option<u64>,
}

/// What a replay found.
#[derive(Debug, Clone, Serialize)]
pub struct ReplayAnswer {
    /// Events folded.
    pub events: u64,
    /// Rows compared.
    pub rows: u64,
    /// BLAKE3 over all rows.
    pub digest: String,
    /// Rows that differ.
    pub differences: Vec<String>,
    /// Milliseconds.
    pub took_ms: u64,
}

/// One thing that doctor looked at.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    /// What.
    pub what: &'static str,
    /// It is well.
    pub ok: bool,
    /// What was found.
    pub found: String,
    /// What to do.
    pub fix: Option<String>,
}
