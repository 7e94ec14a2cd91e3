//! What runs, and where it is now. The log has the address of a replica at its start; only the engine knows
//! the current one, and an unconfirmed address is not shown as one where the replica answers.

use super::{Embedded, Open, errors, find};
use crate::doing::doing;
use crate::*;
use haloy_edge::{ControlError, ReplicaStatus};
use haloy_executors::docker::with_port;
use haloy_executors::{Executor, Scope};
use haloy_ledger::deployment::state::{ReplicaPhase, TargetState};
use haloy_ledger::edge::Route;
use haloy_ledger::ids::{AppName, DeploymentId, LedgerId, TargetKey, TargetName};
use haloy_ledger::outcome::{Backend, Condition, Observed, ObservedReplica};
use haloy_ledger::read::View;
use std::collections::{BTreeMap, BTreeSet};

/// State of targets in the log; the engine and the edge add the observed one.
pub struct Recorded {
    pub answers: Vec<StatusAnswer>,
    ledger: LedgerId,
    routes: Vec<Route>,
}

/// Not queried yet.
const UNASKED: &str = "Docker was not queried";

pub fn status(view: &View<'_>, keys: Option<Vec<TargetKey>>) -> Result<Recorded, Error> {
    let mut answers = Vec::new();
    let routes = view.route_snapshot().map_err(errors::log)?.routes;
    for key in find::keys_or_all(view, keys)? {
        answers.push(recorded(view, &key, &routes)?);
    }
    Ok(Recorded { answers, ledger: view.ledger(), routes })
}

fn is_of(route: &Route, answer: &StatusAnswer) -> bool {
    route.app.as_str() == answer.app && route.target.as_str() == answer.target
}

fn recorded(view: &View<'_>, key: &TargetKey, routes: &[Route]) -> Result<StatusAnswer, Error> {
    let state = view.state(key).map_err(errors::log)?;
    let row = view.status(key).map_err(errors::log)?;
    let live = state.current.as_ref();
    let replicas = live.map(|live| live.replicas.as_slice()).unwrap_or_default();
    let of_it = routes.iter().filter(|route| route.app == key.app && route.target == key.target);
    Ok(StatusAnswer {
        app: key.app.to_string(),
        target: key.target.to_string(),
        release: live.map(|live| live.release),
        deployment: live.map(|live| live.deployment),
        image: live.map(|live| live.spec.config.image.reference.to_string()),
        since: row.since.map(|(_, at)| at),
        stopped: live.is_some_and(|live| live.stopped),
        wanted: live.map_or(0, |live| live.spec.config.replicas),
        port: live.map(|live| live.spec.config.port),
        replicas: replicas
            .iter()
            .map(|replica| ReplicaRow {
                replica: replica.id.to_string(),
                phase: replica.phase,
                address: None,
                recorded: replica.address.clone(),
                differs: false,
                running: None,
                condition: None,
                restarts: None,
                container: None,
                out: None,
            })
            .collect(),
        unfinished: unfinished(&state),
        last: state.last_ended,
        domains: of_it.map(|route| route.domain.clone()).collect(),
        not_served: None,
        strays: Vec::new(),
        unseen: Some(UNASKED.to_owned()),
        state: RunState::Unknown,
    })
}

/// What was interrupted here: a rollout, or the stop or restart of what is live.
fn unfinished(state: &TargetState) -> Option<(DeploymentId, String)> {
    let live = state.current.as_ref().filter(|_| state.stop.is_some() || state.restart.is_some());
    let rollout = state.rollout.as_ref().map(|rollout| rollout.deployment);
    let deployment = rollout.or(live.map(|live| live.deployment))?;
    let step = haloy_ledger::deployment::owed(state);
    Some((deployment, step.first().map_or("its end".to_owned(), |(_, effect)| doing(effect))))
}

fn url(address: &str, port: u16) -> String {
    format!("http://{}", with_port(address, port))
}

/// Queries the engine for what really runs, where, and in which condition.
async fn ask_engine(engine: &dyn Executor, ledger: LedgerId, answers: &mut [StatusAnswer]) {
    let scope = |answer: &StatusAnswer| {
        let (app, target) = (AppName::new(&*answer.app).ok()?, TargetName::new(&*answer.target).ok()?);
        Some(Scope { ledger, key: TargetKey { app, target } })
    };
    let Some(scopes) = answers.iter().map(scope).collect::<Option<Vec<_>>>() else { return };
    match engine.observe_replicas(&scopes).await {
        Ok(observed) => answers.iter_mut().zip(observed).for_each(|(answer, seen)| note_seen(answer, &seen)),
        Err(error) => {
            let why = words::with_detail(error.cause.to_string(), Some(&error.detail));
            answers.iter_mut().for_each(|answer| answer.unseen = Some(why.clone()));
        }
    }
}

fn note_seen(answer: &mut StatusAnswer, observed: &[ObservedReplica]) {
    answer.unseen = None;
    for row in &mut answer.replicas {
        let seen = observed.iter().find(|seen| seen.replica.to_string() == row.replica);
        row.running = Some(seen.is_some_and(|seen| seen.running));
        row.condition = seen.filter(|seen| seen.running).map(|seen| seen.condition);
        row.restarts = seen.and_then(|seen| seen.restarts);
        row.container = seen.map(|seen| seen.container_id.clone());
        let address = seen.and_then(|seen| seen.address.clone());
        row.differs = address.is_some() && address != row.recorded;
        row.address = address.zip(answer.port).map(|(address, port)| url(&address, port));
    }
    // While a rollout is in progress there are others, which is expected.
    if answer.unfinished.is_none() {
        let known = |seen: &ObservedReplica| {
            answer.replicas.iter().any(|row| row.replica == seen.replica.to_string())
        };
        let strays = observed.iter().filter(|seen| seen.running && !known(seen));
        answer.strays = strays.map(|seen| seen.replica.to_string()).collect();
    }
}

/// Routes of the edge, queried once for many targets; or why they are not known.
type Served = Result<(Vec<Route>, Vec<ReplicaStatus>), String>;

fn is_replica(seen: &ReplicaStatus, name: &str) -> bool {
    seen.subject.as_ref().is_some_and(|subject| subject.replica.to_string() == name)
}

/// Notes which replicas the checks of the edge keep out of the route, and which it was not given.
fn note_out(served: &Served, answer: &mut StatusAnswer) {
    let Ok((_, replicas)) = served else { return };
    let settled = answer.unfinished.is_none();
    let some_well = settled && answer.replicas.iter().any(|row| row.phase == ReplicaPhase::Healthy);
    for row in &mut answer.replicas {
        let seen = replicas.iter().find(|seen| is_replica(seen, &row.replica));
        let unsure = || {
            (some_well && row.phase == ReplicaPhase::Started)
                .then(|| "was not healthy after its restart".to_owned())
        };
        row.out = seen.and_then(|seen| seen.out.clone()).or_else(unsure);
    }
}

/// Why a target that runs gets no requests; none if it does.
fn not_served(served: &Served, answer: &StatusAnswer, wanted: &[Route]) -> Option<String> {
    let (routes, replicas) = match served {
        Ok(seen) => seen,
        Err(why) => return Some(why.clone()),
    };
    let wanted: Vec<&Route> = wanted.iter().filter(|route| is_of(route, answer)).collect();
    if let Some(lacking) = wanted.iter().find(|route| !routes.contains(route)) {
        return Some(format!("the edge does not have the route of {} as it should be", lacking.domain));
    }
    if let Some(empty) = wanted.iter().find(|route| route.backends.is_empty()) {
        return Some(format!("no replica receives the traffic of {}", empty.domain));
    }
    let doubt = |backend: &Backend| {
        let seen = replicas.iter().find(|seen| is_replica(seen, &backend.replica.to_string()))?;
        // Where all are out, requests are sent to them all the same, and hardly one is answered.
        let out =
            || Some(format!("no replica answers the checks of the edge; the first {}", seen.out.as_ref()?));
        seen.doubt.clone().or_else(out)
    };
    let mut doubts = wanted.iter().flat_map(|route| &route.backends).map(doubt);
    // One replica that gets requests is enough.
    let first = doubts.next()??;
    doubts.all(|doubt| doubt.is_some()).then_some(first)
}

/// Where the replicas of a target answer now.
pub fn addresses(state: &TargetState, observed: &Observed) -> Vec<String> {
    let Some(live) = &state.current else { return Vec::new() };
    let now = live.replicas.iter().filter_map(|replica| {
        let seen = observed.replicas.iter().find(|seen| seen.replica == replica.id)?;
        Some(url(seen.address.as_ref()?, live.spec.config.port))
    });
    now.collect()
}

/// Replicas of what is live that run; of any release, where nothing is live.
pub fn running(state: &TargetState, observed: &Observed) -> usize {
    let live = state.current.as_ref();
    let of_it = |seen: &&ObservedReplica| {
        seen.running && live.is_none_or(|live| live.replicas.iter().any(|replica| replica.id == seen.replica))
    };
    observed.replicas.iter().filter(of_it).count()
}

/// The engine's answers for queried targets, each once; none where it did not answer.
#[derive(Default)]
pub struct Seen(BTreeMap<TargetKey, Option<Vec<ObservedReplica>>>);

impl Seen {
    /// Queries the engine for the targets of routes.
    pub async fn ask(engine: &dyn Executor, ledger: LedgerId, routes: &[Route]) -> Self {
        let keys: BTreeSet<_> = routes.iter().map(Route::key).collect();
        let scope = |key: &TargetKey| Scope { ledger, key: key.clone() };
        let scopes: Vec<Scope> = keys.iter().map(scope).collect();
        let mut observed = engine.observe_replicas(&scopes).await.ok().map(Vec::into_iter);
        Self(keys.into_iter().map(|key| (key, observed.as_mut().and_then(Iterator::next))).collect())
    }

    /// Where a replica of a route is, in words, and whether that is another place than the route leads to.
    pub fn place(&self, route: &Route, backend: &Backend) -> (String, bool) {
        let Some(Some(observed)) = self.0.get(&route.key()) else { return ("unknown".to_owned(), false) };
        let seen = observed.iter().find(|seen| seen.replica == backend.replica);
        match seen.map(|seen| (seen.running, seen.address.as_ref())) {
            Some((true, Some(address))) => (with_port(address, backend.port), *address != backend.address),
            Some((true, None)) => ("no address".to_owned(), true),
            Some((false, _)) => ("not running".to_owned(), true),
            None => ("gone".to_owned(), true),
        }
    }
}

impl Embedded {
    /// Actual state of targets: the engine and the edge are queried.
    pub(super) async fn seen(&self, recorded: Recorded) -> Vec<StatusAnswer> {
        let Recorded { mut answers, ledger, routes } = recorded;
        ask_engine(self.engine.as_ref(), ledger, &mut answers).await;
        let mut served = None;
        for answer in &mut answers {
            let runs = answer.release.is_some() && !answer.stopped && !answer.domains.is_empty();
            // A simulated machine has no edge to ask.
            if let (true, Some(_)) = (runs, &self.edge_router) {
                if served.is_none() {
                    served = Some(self.served().await);
                }
                if let Some(served) = &served {
                    answer.not_served = not_served(served, answer, &routes);
                    note_out(served, answer);
                }
            }
            answer.state = answer.judge();
        }
        answers
    }

    /// What one target does, with the ledger that is open.
    pub(super) async fn status_of(&self, open: &Open, key: &TargetKey) -> Result<StatusAnswer, Error> {
        let keys = Some(vec![key.clone()]);
        let recorded = open.handle.view(move |view| status(view, keys)).await?;
        let answers = self.seen(recorded).await;
        answers.into_iter().next().ok_or_else(|| Error::new(Kind::Operational, "the target is not known"))
    }

    async fn served(&self) -> Served {
        let unknown = |error: ControlError| match error {
            ControlError::NotRunning(_) => "the edge does not run".to_owned(),
            ControlError::BrokeOff(_) | ControlError::Refused { .. } => format!("it is not known: {error}"),
        };
        let routes = self.client().routes().await.map_err(unknown)?;
        let replicas = self.looked_at_edge().await.map_err(unknown)?.replicas;
        Ok((routes.map(|served| served.routes).unwrap_or_default(), replicas))
    }

    /// Whether what should run does run, its condition, and whether it is at the recorded address. No finding
    /// where nothing should run.
    pub(super) async fn replicas_finding(&self, recorded: Recorded) -> Option<Finding> {
        let what = "replicas".into();
        let answers = self.seen(recorded).await;
        let should = answers.iter().filter(|answer| !answer.stopped && answer.unfinished.is_none());
        let rows: Vec<&ReplicaRow> = should.flat_map(|answer| &answer.replicas).collect();
        if rows.is_empty() {
            return None;
        }
        if rows.iter().any(|row| row.running.is_none()) {
            let found = "unknown: Docker does not answer".to_owned();
            return Some(Finding { what, ok: false, found, fix: None });
        }
        let count = |is: &dyn Fn(&ReplicaRow) -> bool| rows.iter().filter(|row| is(row)).count();
        let down = count(&|row| row.running == Some(false));
        let elsewhere = count(&|row| row.differs);
        let is = |condition| count(&|row| row.condition == Some(condition));
        let found: Vec<String> = [
            (down, "do not run"),
            (is(Condition::Restarting), "restart again and again"),
            (is(Condition::Paused), "are paused"),
            (is(Condition::Unhealthy), "are unhealthy"),
            (count(&|row| row.out.is_some()), "fail the checks of the edge"),
            (elsewhere, "are not where the log has them"),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, words)| format!("{count} of {} {words}", rows.len()))
        .collect();
        if found.is_empty() {
            let found = format!("{} running, where the log has them", rows.len());
            return Some(Finding { what, ok: true, found, fix: None });
        }
        let fix = if down + elsewhere > 0 { "haloy settle" } else { "haloy status; haloy logs" };
        Some(Finding { what, ok: false, found: found.join(", "), fix: Some(fix.to_owned()) })
    }
}
