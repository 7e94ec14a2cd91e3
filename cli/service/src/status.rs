//! State of a target: the recorded and the observed one.

use haloy_ledger::deployment::state::{Ending, ReplicaPhase};
use haloy_ledger::ids::{DeploymentId, Timestamp};
use haloy_ledger::outcome::Condition;
use serde::{Deserialize, Serialize};

/// A replica.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplicaRow {
    /// Name.
    pub replica: String,
    /// Where it is in its life, as the log knows it.
    pub phase: ReplicaPhase,
    /// Current address, as reported by Docker; none where it does not run or Docker did not answer.
    pub address: Option<String>,
    /// The address that the log has.
    pub recorded: Option<String>,
    /// Whether it is at another address than recorded: the next command that changes something records that.
    pub differs: bool,
    /// Whether Docker runs it; none if Docker was not queried or did not answer.
    pub running: Option<bool>,
    /// How it is, where it runs.
    pub condition: Option<Condition>,
    /// How often Docker started it again by itself; none if Docker did not say.
    pub restarts: Option<u64>,
    /// Id of its container, where Docker has one.
    pub container: Option<String>,
    /// Why the checks of the edge keep it out of the route; none if they do not, or if the edge was not
    /// queried.
    pub out: Option<String>,
}

/// What a target does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusAnswer {
    /// App.
    pub app: String,
    /// Target.
    pub target: String,
    /// The release that is live.
    pub release: Option<DeploymentId>,
    /// The deployment that made it live.
    pub deployment: Option<DeploymentId>,
    /// Image.
    pub image: Option<String>,
    /// Since when.
    pub since: Option<Timestamp>,
    /// Whether it was stopped.
    pub stopped: bool,
    /// Replicas wanted.
    pub wanted: u16,
    /// Port that they listen on.
    pub port: Option<u16>,
    /// Replicas of the target.
    pub replicas: Vec<ReplicaRow>,
    /// A deployment that was interrupted and is not settled, or whose stop or restart was, and the step.
    pub unfinished: Option<(DeploymentId, String)>,
    /// The last deployment that ended, and how.
    pub last: Option<(DeploymentId, Ending)>,
    /// Domains that the edge should route to it.
    pub domains: Vec<String>,
    /// Why the edge sends it no requests; none if it does, if it has no domains, or if nothing of it runs.
    pub not_served: Option<String>,
    /// Containers of it that run, and that the log does not have.
    pub strays: Vec<String>,
    /// Why it was not observed; none if Docker answered.
    pub unseen: Option<String>,
    /// State in one word.
    pub state: RunState,
}

/// What a target does. Where several are true, it is the first of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Docker did not answer: nothing was seen.
    Unknown,
    /// A deployment, a stop or a restart was interrupted and is not settled.
    Unfinished,
    /// Nothing was ever live, or it was removed.
    NothingRuns,
    /// Stopped, and not running.
    Stopped,
    /// Fewer replicas run than should.
    Degraded,
    /// A replica ends again and again, and Docker starts it again.
    Restarting,
    /// A replica is paused.
    Paused,
    /// The HEALTHCHECK of a replica fails, or it fails the checks of the edge.
    Unhealthy,
    /// Has domains, and the edge sends it no requests.
    NotServed,
    /// What runs is not what the log has: elsewhere, or something else.
    Differs,
    /// The HEALTHCHECK of a replica has not decided yet.
    Starting,
    /// All of it runs, as far as can be observed.
    Running,
}

impl RunState {
    /// Whether it matches the log.
    pub fn is_well(self) -> bool {
        match self {
            Self::NothingRuns | Self::Stopped | Self::Starting | Self::Running => true,
            Self::Unknown
            | Self::Unfinished
            | Self::Degraded
            | Self::Restarting
            | Self::Paused
            | Self::Unhealthy
            | Self::NotServed
            | Self::Differs => false,
        }
    }
}

impl ReplicaRow {
    /// Whether it runs without any known problem.
    pub fn is_well(&self) -> bool {
        let well = matches!(self.condition, Some(Condition::Well | Condition::Starting));
        self.running == Some(true) && well && self.out.is_none()
    }
}

impl StatusAnswer {
    /// What the target does, from what was seen of its replicas and of the edge.
    pub fn judge(&self) -> RunState {
        if self.unseen.is_some() {
            return RunState::Unknown;
        }
        if self.unfinished.is_some() {
            return RunState::Unfinished;
        }
        let any = |condition| self.replicas.iter().any(|row| row.condition == Some(condition));
        let running = self.replicas.iter().filter(|row| row.running == Some(true)).count();
        let quiet = match (self.release.is_none(), self.stopped) {
            (true, _) => Some(RunState::NothingRuns),
            (_, true) => Some(RunState::Stopped),
            (false, false) => None,
        };
        if let Some(quiet) = quiet {
            let runs = running > 0 || !self.strays.is_empty();
            return if runs { RunState::Differs } else { quiet };
        }
        if running < usize::from(self.wanted) {
            return RunState::Degraded;
        }
        let differs = !self.strays.is_empty() || self.replicas.iter().any(|row| row.differs);
        let out = self.replicas.iter().any(|row| row.out.is_some());
        let worst = [
            (any(Condition::Restarting), RunState::Restarting),
            (any(Condition::Paused), RunState::Paused),
            (any(Condition::Unhealthy) || out, RunState::Unhealthy),
            (self.not_served.is_some(), RunState::NotServed),
            (differs, RunState::Differs),
            (any(Condition::Starting), RunState::Starting),
        ];
        worst.iter().find(|(is, _)| *is).map_or(RunState::Running, |(_, state)| *state)
    }
}
