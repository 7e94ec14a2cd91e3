//! Answers, as data: what `-o json` prints.

use crate::{Error, Kind, ReleaseSources};
use haloy_ledger::deployment::state::Ending;
use haloy_ledger::ids::{DeploymentId, Position, ReleaseName, Timestamp};
use haloy_ledger::outcome::{Failure, FailureCode};
use haloy_ledger::projection::Moved;
use haloy_ledger::read::{EventView, SameAs, Verdict};
use haloy_ledger::release::{HistoryStrategy, MadeVolume};
use serde::{Deserialize, Serialize};

/// How a deployment went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeploymentAnswer {
    /// App.
    pub app: String,
    /// Target.
    pub target: String,
    /// The deployment.
    pub id: DeploymentId,
    /// The release that it was to make live.
    pub release: DeploymentId,
    /// Requested image: `repository:tag`.
    pub image: String,
    /// Whether it is a rollback.
    pub rollback: bool,
    /// How it ended.
    pub ending: Ending,
    /// What ran before runs unchanged; none for a success.
    pub target_unchanged: Option<bool>,
    /// Why it did not succeed.
    pub cause: Option<Failure>,
    /// What others wrote about it (an engine, a registry, the app); none where they wrote nothing.
    pub detail: Option<String>,
    /// Milliseconds from request to end.
    pub took_ms: u64,
    /// Domains that the edge routes to them.
    pub domains: Vec<String>,
    /// Where the replicas answer now; empty if Docker did not say.
    pub addresses: Vec<String>,
    /// The release that should run now.
    pub runs: Option<DeploymentId>,
    /// Replicas that should run.
    pub wanted: u16,
    /// Replicas of it that were running afterwards; none if Docker did not answer.
    pub running: Option<usize>,
    /// Why nothing was seen, where nothing was.
    pub unseen: Option<String>,
    /// Names of values that are others now than when the release was deployed.
    pub changed_secrets: Vec<String>,
    /// Last lines of a replica that failed.
    pub log_tail: Vec<String>,
    /// What went wrong, or may be other than meant, without failing it.
    pub warnings: Vec<Warned>,
    /// Volumes of what runs that the configuration does not name: haloy made them for paths that the image
    /// declares.
    pub volumes: Vec<MadeVolume>,
}

impl DeploymentAnswer {
    /// What kind of failure this deployment is; none if it succeeded.
    pub fn failure(&self) -> Option<Kind> {
        Some(match (self.ending, self.target_unchanged) {
            (Ending::Succeeded, _) => return None,
            (Ending::Cancelled, _) => Kind::Interrupted,
            // Only what was seen to run was restored.
            (Ending::RolledBack, _) | (_, Some(false)) if self.all_run() => Kind::RolledBack,
            (Ending::RolledBack, _) | (_, Some(false)) => Kind::Operational,
            (Ending::Failed, _) if self.rollback && self.image_missing() => Kind::NotRestorable,
            (Ending::Refused, _) => Kind::Blocked,
            (Ending::Failed | Ending::Interrupted, _) => Kind::Failed,
        })
    }

    /// Every replica that should run was seen running.
    pub fn all_run(&self) -> bool {
        self.running.is_some_and(|running| running >= usize::from(self.wanted))
    }

    /// Whether it failed for want of the image: the requested release cannot be restored, for now.
    pub fn image_missing(&self) -> bool {
        let codes = [FailureCode::ImageNotFound, FailureCode::Unauthorized, FailureCode::RegistryUnreachable];
        self.cause.as_ref().is_some_and(|cause| codes.contains(&cause.code))
    }
}

/// What went wrong without failing a deployment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Warned {
    /// What.
    pub text: String,
    /// What was written about it, in its last lines.
    pub lines: Vec<String>,
}

/// Result of a deploy of one target or of several.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Deployed {
    /// Deployments that ended, in the order of the file.
    pub answers: Vec<DeploymentAnswer>,
    /// Why a target has no deployment, or one that did not end; in the order of the file.
    pub errors: Vec<Error>,
}

impl Deployed {
    /// Kind of failure of all of them together: the common one, or [`Kind::Partial`] if they differ.
    pub fn failure(&self) -> Option<Kind> {
        let answers = self.answers.iter().map(DeploymentAnswer::failure);
        let all: Vec<_> = answers.chain(self.errors.iter().map(|error| Some(error.kind))).collect();
        let (first, rest) = all.split_first()?;
        if rest.iter().all(|failure| failure == first) { *first } else { Some(Kind::Partial) }
    }
}

/// Result of a rollback.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RollbackAnswer {
    /// The deployment was begun and has ended.
    Ended(Box<DeploymentAnswer>),
    /// Nothing was begun: the rollback would go to another release than the request has values of. Sources to
    /// query before it is requested again.
    Asks(ReleaseSources),
}

/// The release that a rollback would restore.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    /// The release.
    pub release: DeploymentId,
    /// Image.
    pub image: String,
    /// When it was deployed.
    pub at: Timestamp,
    /// The release that runs.
    pub leaves: Option<DeploymentId>,
    /// Good releases that a rollback without an id passes over: the same as what runs, or as what was left.
    pub same: Vec<DeploymentId>,
}

/// A release, as listed for a rollback.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TargetRow {
    /// The release.
    pub id: DeploymentId,
    /// Tag, or image where there is none.
    pub version: String,
    /// Image, in full.
    pub image: String,
    /// Time of the request.
    pub at: Timestamp,
    /// Actor.
    pub by: Option<String>,
    /// Strategy that it was deployed with.
    pub strategy: HistoryStrategy,
    /// Whether it can be restored.
    pub verdict: Verdict,
    /// A rollback without an id restores it.
    pub default: bool,
    /// What it equals in image and configuration: a rollback without an id then passes it over.
    pub same: Option<SameAs>,
    /// Where a rollback left it, and the reason that was given.
    pub left: Option<(Position, Option<String>)>,
    /// Names that people gave it.
    pub names: Vec<ReleaseName>,
    /// Pinned: kept whatever the count is.
    pub pinned: bool,
    /// Held: must be kept.
    pub held: bool,
    /// Where its tag in the registry was seen to have moved.
    pub moved: Option<Moved>,
    /// Where its registry last did not answer, and why.
    pub unanswered: Option<(Position, Failure)>,
    /// When its image was last checked.
    pub checked: Option<Timestamp>,
}

/// Everything that could be rolled back to, and what cannot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TargetsAnswer {
    /// App.
    pub app: String,
    /// Target.
    pub target: String,
    /// Strategy in force.
    pub strategy: Option<HistoryStrategy>,
    /// Earlier releases kept.
    pub count: Option<u16>,
    /// Deployments on record, counted to 2: tells a target that was never used from one whose every
    /// deployment failed.
    pub deployments: usize,
    /// The releases that are kept, newest first; with `--explain` every deploy.
    pub releases: Vec<TargetRow>,
}

/// A deployment in history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HistoryRow {
    /// The deployment.
    pub id: DeploymentId,
    /// App.
    pub app: String,
    /// Target.
    pub target: String,
    /// The release that it makes live.
    pub release: DeploymentId,
    /// Whether it is a rollback.
    pub rollback: bool,
    /// The release that a rollback left.
    pub leaves: Option<DeploymentId>,
    /// When.
    pub at: Timestamp,
    /// Actor.
    pub by: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// Ticket.
    pub ticket: Option<String>,
    /// Requested image.
    pub image: String,
    /// Digest that it was resolved to.
    pub digest: Option<String>,
    /// How it ended; none while it is in progress.
    pub ending: Option<Ending>,
    /// Why it did not succeed.
    pub cause: Option<Failure>,
    /// What others wrote about it (an engine, a registry, the app); none where they wrote nothing.
    pub detail: Option<String>,
    /// Milliseconds from request to end.
    pub took_ms: Option<u64>,
    /// Commit, with a `+` where the tree was dirty.
    pub commit: Option<String>,
    /// CI system and run.
    pub ci: Option<String>,
    /// Position of its request.
    pub position: Position,
}

/// An event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventRow {
    /// What is stored, private values joined.
    #[serde(flatten)]
    pub view: EventView,
    /// Actor.
    pub by: Option<String>,
    /// The event in a sentence; none for a kind that this program does not know.
    pub sentence: Option<String>,
}

/// A deployment, with its steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShowAnswer {
    /// Deployment as in the history.
    pub deployment: HistoryRow,
    /// Events of the deployment.
    pub events: Vec<EventRow>,
    /// What its configuration changed against the release before.
    pub changes: Vec<String>,
    /// Last lines of what failed.
    pub log_tail: Vec<String>,
    /// What went wrong, or may be other than meant, without failing it.
    pub warnings: Vec<Warned>,
}

/// What a replay found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
