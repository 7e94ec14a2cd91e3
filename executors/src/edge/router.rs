//! The executor of the role Router: brings the edge the newest routes and waits for replicas to drain.

use super::client::{Client, ControlError};
use super::limits::{DRAIN, LAME_DUCK, LEAVING};
use crate::executor::*;
use async_trait::async_trait;
use haloy_ledger::deployment::Effect;
use haloy_ledger::edge::{Route, RouteSnapshot};
use haloy_ledger::ids::ReplicaId;
use haloy_ledger::ledger::Routes;
use haloy_ledger::outcome::{FailureCode, LogTail, Observed, Outcome};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// How to start an edge where none runs.
#[derive(Debug, Clone)]
pub struct Start {
    /// The program and its arguments.
    pub command: Vec<std::ffi::OsString>,
    /// Where its output goes.
    pub log: PathBuf,
}

/// The edge of this machine.
pub struct EdgeRouter {
    client: Client,
    start: Option<Start>,
    drain: Duration,
    starting: Mutex<()>,
}

/// How long an edge may take to answer after it was started.
const STARTING: Duration = Duration::from_secs(10);

impl EdgeRouter {
    /// Of the edge in a folder; `start` is used when it is needed and none runs.
    pub fn new(folder: &std::path::Path, start: Option<Start>, drain: Option<Duration>) -> Self {
        let drain = drain.unwrap_or(DRAIN).min(DRAIN);
        Self { client: Client::new(folder), start, drain, starting: Mutex::new(()) }
    }

    /// Its socket.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Starts the edge unless it runs.
    pub async fn ensure(&self) -> Result<(), ExecutorError> {
        let _one_starts_it = self.starting.lock().await;
        let Some(start) = &self.start else { return Ok(()) };
        if self.runs().await {
            return Ok(());
        }
        let mut child = spawn(start).map_err(|error| {
            let failed = ExecutorError::new(FailureCode::EdgeUnreachable, "the edge cannot be started");
            failed.saying(error.to_string()).retryable(true)
        })?;
        let until = Instant::now() + STARTING;
        while Instant::now() < until {
            if self.client.status().await.is_ok() {
                return Ok(());
            }
            if let Ok(Some(_ended)) = child.try_wait() {
                let said = std::fs::read_to_string(&start.log).unwrap_or_default();
                let last = said.lines().rev().find(|line| line.starts_with("error")).unwrap_or("it ended");
                let failed = ExecutorError::new(FailureCode::EdgeUnreachable, "the edge cannot be started");
                return Err(failed.saying(last.trim_start_matches("error: ")));
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Err(failed(FailureCode::EdgeUnreachable, "the edge was started and does not answer", true))
    }

    /// Whether one runs, and stays. One that leaves is waited for: another could not listen beside it.
    async fn runs(&self) -> bool {
        let until = Instant::now() + LAME_DUCK + LEAVING + STARTING;
        loop {
            match self.client.status().await {
                Ok(status) if status.leaving && Instant::now() < until => {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                status => return status.is_ok(),
            }
        }
    }

    async fn apply(&self, cx: &EffectContext) -> Result<Outcome, ExecutorError> {
        let Some(routes) = &cx.routes else {
            return Err(failed(FailureCode::Other, "no routes came with the effect", false));
        };
        self.ensure().await?;
        let Routes { snapshot, targets, contacts } = routes.as_ref();
        // Read back: what counts is what the edge has, not what it was sent.
        let (applied, served) = self.tell(snapshot, contacts).await.map_err(told)?;
        let Some(served) = served.filter(|served| settles(served, snapshot, &cx.scope)) else {
            applied.map_err(told)?;
            return Err(failed(FailureCode::EdgeRefused, "the edge has other routes", true));
        };
        let own = targets.get(&(cx.scope.app.clone(), cx.scope.target.clone()));
        let own = own.cloned().unwrap_or_default();
        Ok(Outcome::RoutesApplied {
            generation: served.generation,
            digest: served.digest(),
            domains: own.domains,
            routed: own.routed,
        })
    }

    /// Brings routes to the edge that runs; what it said, and what it serves now. One of an older version
    /// keeps no containers, and could not show who answers: this program takes over from it.
    pub async fn tell(
        &self,
        snapshot: &RouteSnapshot,
        contacts: &BTreeMap<String, String>,
    ) -> Result<(Result<(u64, String), ControlError>, Option<RouteSnapshot>), ControlError> {
        // Before the routes, so that a certificate is asked for as soon as they are in force.
        self.client.contacts(contacts).await?;
        let applied = self.client.apply(snapshot).await;
        let served = self.client.routes().await?;
        let lacks = |served: &RouteSnapshot| served != snapshot && served.same_but_for_containers(snapshot);
        let program = self.start.as_ref().and_then(|start| start.command.first());
        let Some(program) = program.filter(|_| applied.is_ok() && served.as_ref().is_some_and(lacks)) else {
            return Ok((applied, served));
        };
        self.client.upgrade(program.as_ref()).await?;
        Ok((self.client.apply(snapshot).await, self.client.routes().await?))
    }

    async fn drain(&self, replica: ReplicaId) -> Result<Outcome, ExecutorError> {
        match self.client.drain(replica, self.drain).await {
            Ok(drained) => Ok(Outcome::ReplicaDrained {
                left_in_flight: drained.left_in_flight,
                took_ms: drained.took_ms,
            }),
            // Nothing flows through an edge that does not run.
            Err(ControlError::NotRunning(_)) => Ok(nothing_left()),
            Err(error) => Err(told(error)),
        }
    }
}

/// Whether what the edge serves is what was sent, or newer and the same for this target: another target's
/// call may have been faster. Newer alone is not enough: a ledger may have come back from a copy.
pub(crate) fn settles(served: &RouteSnapshot, sent: &RouteSnapshot, scope: &Scope) -> bool {
    let mine = |snapshot: &RouteSnapshot| -> Vec<Route> {
        let routes = snapshot.routes.iter();
        routes.filter(|route| route.app == scope.app && route.target == scope.target).cloned().collect()
    };
    served == sent
        || (served.ledger == sent.ledger && served.generation > sent.generation && mine(served) == mine(sent))
}

fn nothing_left() -> Outcome {
    Outcome::ReplicaDrained { left_in_flight: 0, took_ms: 0 }
}

fn spawn(start: &Start) -> std::io::Result<std::process::Child> {
    let Some((program, arguments)) = start.command.split_first() else {
        return Err(std::io::Error::other("no program is known"));
    };
    if let Some(folder) = start.log.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let log = std::fs::File::create(&start.log)?;
    let mut command = std::process::Command::new(program);
    command.args(arguments).stdin(std::process::Stdio::null());
    command.stdout(log.try_clone()?).stderr(log).spawn()
}

fn failed(code: FailureCode, text: &'static str, retryable: bool) -> ExecutorError {
    ExecutorError::new(code, text).retryable(retryable)
}

fn told(error: ControlError) -> ExecutorError {
    match error {
        ControlError::NotRunning(_) | ControlError::BrokeOff(_) => {
            failed(FailureCode::EdgeUnreachable, "the edge does not answer", true).saying(error.to_string())
        }
        // A stale snapshot is made anew for the next attempt; a full disk may have room again.
        ControlError::Refused { status, .. } => {
            failed(FailureCode::EdgeRefused, "the edge refuses", status == 409 || status >= 500)
                .saying(error.to_string())
        }
    }
}

#[async_trait]
impl Executor for EdgeRouter {
    fn role(&self) -> Role {
        Role::Router
    }

    async fn execute(&self, cx: &EffectContext, effect: &Effect) -> Result<Outcome, ExecutorError> {
        match effect {
            Effect::ApplyRoutes { .. } => self.apply(cx).await,
            Effect::Drain { replica } => tokio::select! {
                drained = self.drain(*replica) => drained,
                () = cx.cancel.cancelled() => {
                    Err(failed(FailureCode::Cancelled, "cancelled", false))
                }
            },
            _other => Err(failed(FailureCode::NotSupported, "the edge does not perform this", false)),
        }
    }

    async fn observe(&self, _: &Scope) -> Result<Observed, ExecutorError> {
        Ok(Observed::default())
    }

    async fn log_tail(&self, _: &Scope, _: ReplicaId, _: &Values) -> Result<LogTail, ExecutorError> {
        Ok(LogTail::default())
    }
}
