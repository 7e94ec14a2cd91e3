//! The executor of the role Router: brings the edge the newest routes and waits for replicas to drain.

use crate::contract::*;
use crate::limits::{EDGE_LOG, EDGE_STARTING};
use async_trait::async_trait;
use haloy_edge::limits::{DRAIN, LAME_DUCK, LEAVING};
use haloy_edge::{Client, ControlError, Waits};
use haloy_ledger::deployment::Effect;
use haloy_ledger::edge::{Route, RouteSnapshot};
use haloy_ledger::ids::ReplicaId;
use haloy_ledger::outcome::{FailureCode, Observed, Outcome};
use haloy_ledger::read::Routes;
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

impl EdgeRouter {
    /// For the edge in a folder; `start` is used when no edge runs.
    pub fn new(folder: &std::path::Path, start: Option<Start>, drain: Option<Duration>) -> Self {
        let drain = drain.unwrap_or(DRAIN).min(DRAIN);
        Self { client: Client::new(folder), start, drain, starting: Mutex::new(()) }
    }

    /// Tells there whenever the edge is waited for.
    #[must_use]
    pub fn with_waits(self, waits: Waits) -> Self {
        Self { client: self.client.with_waits(waits), ..self }
    }

    /// The command socket.
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
        let (mut child, begins) = spawn(start)
            .map_err(|error| unreachable("the edge cannot be started").saying(error.to_string()))?;
        let until = Instant::now() + EDGE_STARTING;
        while Instant::now() < until {
            if self.client.status().await.is_ok() {
                return Ok(());
            }
            if let Ok(Some(_ended)) = child.try_wait() {
                let said = since(&start.log, begins).unwrap_or_default();
                let last = said.lines().rev().find(|line| line.starts_with("error")).unwrap_or("it ended");
                let failed = unreachable("the edge cannot be started").retry(Retry::Never);
                return Err(failed.saying(last.trim_start_matches("error: ")));
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Err(unreachable("the edge was started and does not answer"))
    }

    /// Whether an edge runs, and stays. One that leaves is waited for: another could not listen beside it.
    async fn runs(&self) -> bool {
        let until = Instant::now() + LAME_DUCK + LEAVING + EDGE_STARTING;
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
            return Err(ExecutorError::new(FailureCode::Other, "no routes came with the effect"));
        };
        self.ensure().await?;
        let Routes { snapshot, targets, contacts } = routes.as_ref();
        // Read back: the routes that the edge has decide, not those that were sent.
        let (applied, served) = self.tell(snapshot, contacts).await.map_err(failure)?;
        let Some(served) = served.filter(|served| settles(served, snapshot, &cx.request.scope)) else {
            applied.map_err(failure)?;
            let refused = ExecutorError::new(FailureCode::EdgeRefused, "the edge has other routes");
            return Err(refused.retry(Retry::Now));
        };
        let own = targets.get(&cx.request.scope.key);
        let own = own.cloned().unwrap_or_default();
        Ok(Outcome::RoutesApplied {
            generation: served.generation,
            digest: served.digest(),
            domains: own.domains,
            routed: own.routed,
        })
    }

    /// Sends routes to the running edge; returns its answer, and what it serves now. An edge of an older
    /// version keeps no containers, and could not identify replicas: this program takes over from it.
    pub async fn tell(
        &self,
        snapshot: &RouteSnapshot,
        contacts: &BTreeMap<String, String>,
    ) -> Result<(Result<(u64, String), ControlError>, Option<RouteSnapshot>), ControlError> {
        // Before the routes, so that certificates are requested as soon as the routes are in force.
        self.client.contacts(contacts).await?;
        let applied = self.client.apply(snapshot).await;
        let served = self.client.routes().await?;
        let lacks = |served: &RouteSnapshot| served != snapshot && served.same_but_for_unsaid(snapshot);
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
            Err(error) => Err(failure(error)),
        }
    }
}

/// Whether what the edge serves is what was sent, or newer and the same for this target: another target's
/// call may have been faster. Newer alone is not enough: a ledger may have come back from a copy.
pub(crate) fn settles(served: &RouteSnapshot, sent: &RouteSnapshot, scope: &Scope) -> bool {
    let mine = |snapshot: &RouteSnapshot| -> Vec<Route> {
        let routes = snapshot.routes.iter();
        routes
            .filter(|route| route.app == scope.key.app && route.target == scope.key.target)
            .cloned()
            .collect()
    };
    served == sent
        || (served.ledger == sent.ledger && served.generation > sent.generation && mine(served) == mine(sent))
}

fn nothing_left() -> Outcome {
    Outcome::ReplicaDrained { left_in_flight: 0, took_ms: 0 }
}

/// Starts the edge; returns the process and the place in its log where its output begins: earlier output is
/// kept. The runtime reaps it when it ends, whichever lives longer.
fn spawn(start: &Start) -> std::io::Result<(tokio::process::Child, u64)> {
    let Some((program, arguments)) = start.command.split_first() else {
        return Err(std::io::Error::other("no program is known"));
    };
    if let Some(folder) = start.log.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let size = std::fs::metadata(&start.log).map_or(0, |log| log.len());
    let begins = if size > EDGE_LOG { 0 } else { size };
    if size > EDGE_LOG {
        std::fs::rename(&start.log, start.log.with_extension("log.1"))?;
    }
    let log = std::fs::OpenOptions::new().create(true).append(true).open(&start.log)?;
    let mut command = tokio::process::Command::new(program);
    command.args(arguments).stdin(std::process::Stdio::null());
    Ok((command.stdout(log.try_clone()?).stderr(log).spawn()?, begins))
}

/// What was written to a log from a place on.
fn since(log: &std::path::Path, place: u64) -> std::io::Result<String> {
    use std::io::{Read, Seek, SeekFrom};
    let mut file = std::fs::File::open(log)?;
    file.seek(SeekFrom::Start(place))?;
    let mut bytes = Vec::new();
    file.take(EDGE_LOG).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The edge could not be reached, or not be made to do it; in our own words.
fn unreachable(words: &'static str) -> ExecutorError {
    ExecutorError::new(FailureCode::EdgeUnreachable, words).retry(Retry::Now)
}

fn failure(error: ControlError) -> ExecutorError {
    match error {
        ControlError::NotRunning(_) | ControlError::BrokeOff(_) => {
            unreachable("the edge does not answer").saying(error.to_string())
        }
        // A stale snapshot is rebuilt for the next attempt; a full disk may have room again.
        ControlError::Refused { status, .. } => {
            let retry = Retry::now_if(status == 409 || status >= 500);
            ExecutorError::new(FailureCode::EdgeRefused, "the edge refuses")
                .saying(error.to_string())
                .retry(retry)
        }
    }
}

#[async_trait]
impl Executor for EdgeRouter {
    fn role(&self) -> Role {
        Role::Router
    }

    fn capabilities(&self) -> &'static [Capability] {
        &[Capability::Routes]
    }

    async fn execute(&self, cx: &EffectContext, effect: &Effect) -> Result<Outcome, ExecutorError> {
        match effect {
            Effect::ApplyRoutes { .. } => cx.within(self.apply(cx)).await,
            Effect::Drain { replica } => cx.within(self.drain(*replica)).await,
            _other => Err(ExecutorError::not_supported("the edge does not perform this")),
        }
    }

    async fn observe(&self, _: &Scope) -> Result<Observed, ExecutorError> {
        Ok(Observed::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failing(folder: &std::path::Path, said: &str) -> EdgeRouter {
        let script = format!("echo starting; echo 'error: {said}'; exit 1");
        let command = ["/bin/sh", "-c", &script].map(std::ffi::OsString::from).to_vec();
        EdgeRouter::new(folder, Some(Start { command, log: folder.join("edge.log") }), None)
    }

    #[tokio::test]
    async fn what_an_edge_said_is_kept_when_the_next_one_is_started() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = folder.path().join("edge.log");
        for said in ["the first cause", "the second cause"] {
            let error = failing(folder.path(), said).ensure().await.expect_err("it ends");
            assert_eq!(error.detail, said);
        }
        let text = std::fs::read_to_string(&log).expect("a log");
        assert!(text.contains("the first cause") && text.contains("the second cause"), "{text}");
        // A large log is moved aside, and the cause of the last end with it.
        let size = usize::try_from(EDGE_LOG).expect("small");
        std::fs::write(&log, [vec![b'x'; size], b"\nerror: an old one\n".to_vec()].concat())
            .expect("written");
        let error = failing(folder.path(), "the third cause").ensure().await.expect_err("it ends");
        assert_eq!(error.detail, "the third cause");
        let aside = std::fs::read_to_string(folder.path().join("edge.log.1")).expect("kept");
        assert!(aside.ends_with("an old one\n"));
        assert!(std::fs::metadata(&log).expect("a log").len() < 1000);
    }

    #[tokio::test]
    async fn an_edge_that_ended_leaves_no_process_behind() {
        let folder = tempfile::tempdir().expect("a folder");
        let start = Start { command: vec!["/bin/true".into()], log: folder.path().join("edge.log") };
        let (child, _) = spawn(&start).expect("it runs");
        let process = format!("/proc/{}", child.id().expect("it runs"));
        drop(child);
        for _look in 0..200 {
            if !std::path::Path::new(&process).exists() {
                return;
            }
            // Orphans are waited for when another child ends.
            drop(tokio::process::Command::new("/bin/true").status().await);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{process} is still there");
    }
}
