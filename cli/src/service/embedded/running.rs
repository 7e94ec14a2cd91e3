//! What runs, and where it is now. The log says where a replica was when it was started; only the engine says
//! where it is, and an address that nobody confirmed is not shown as one where it answers.

use super::{Embedded, errors, queries};
use crate::error::Error;
use crate::output::words;
use crate::service::*;
use haloy_executors::docker::with_port;
use haloy_executors::{Executor, Scope};
use haloy_ledger::Ledger;
use haloy_ledger::deployment::state::TargetState;
use haloy_ledger::edge::Route;
use haloy_ledger::ids::{AppName, LedgerId, TargetName};
use haloy_ledger::outcome::{Backend, Observed};
use std::collections::BTreeMap;

/// What the log says of targets; where their replicas are is for the engine to add.
pub fn status(ledger: &Ledger, keys: Option<Vec<TargetKey>>) -> Result<Vec<StatusAnswer>, Error> {
    let mut answers = Vec::new();
    for key in queries::keys_or_all(ledger, keys)? {
        let state = ledger.state(&key.app, &key.target).map_err(errors::log)?;
        let row = ledger.status(&key.app, &key.target).map_err(errors::log)?;
        let live = state.current.as_ref();
        let replicas = live.map(|live| live.replicas.as_slice()).unwrap_or_default();
        answers.push(StatusAnswer {
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
                })
                .collect(),
            unfinished: state.rollout.as_ref().map(|rollout| {
                let step = haloy_ledger::deployment::owed(&state);
                let step = step.first().map_or("its end".to_owned(), |(_, effect)| words::doing(effect));
                (rollout.deployment, step)
            }),
            last: state.last_ended,
        });
    }
    Ok(answers)
}

fn url(address: &str, port: u16) -> String {
    format!("http://{}", with_port(address, port))
}

/// Asks the engine what really runs, and where; a target is shown without that where it does not answer.
pub async fn ask_engine(engine: &dyn Executor, ledger: LedgerId, answer: &mut StatusAnswer) {
    let (Ok(app), Ok(target)) = (AppName::new(&*answer.app), TargetName::new(&*answer.target)) else {
        return;
    };
    let Ok(observed) = engine.observe(&Scope { ledger, app, target }).await else { return };
    for row in &mut answer.replicas {
        let seen = observed.replicas.iter().find(|seen| seen.replica.to_string() == row.replica);
        row.running = Some(seen.is_some_and(|seen| seen.running));
        let address = seen.and_then(|seen| seen.address.clone());
        row.differs = address.is_some() && address != row.recorded;
        row.address = address.zip(answer.port).map(|(address, port)| url(&address, port));
    }
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

/// What the engine says of targets that were asked about, each once; none where it did not answer.
#[derive(Default)]
pub struct Seen(BTreeMap<(AppName, TargetName), Option<Observed>>);

impl Seen {
    /// Asks about the target of a route.
    pub async fn ask(&mut self, engine: &dyn Executor, ledger: LedgerId, route: &Route) {
        let key = (route.app.clone(), route.target.clone());
        if self.0.contains_key(&key) {
            return;
        }
        let (app, target) = key.clone();
        self.0.insert(key, engine.observe(&Scope { ledger, app, target }).await.ok());
    }

    /// Where a replica of a route is, in words, and whether that is another place than the route leads to.
    pub fn place(&self, route: &Route, backend: &Backend) -> (String, bool) {
        let key = (route.app.clone(), route.target.clone());
        let Some(Some(observed)) = self.0.get(&key) else { return ("unknown".to_owned(), false) };
        let seen = observed.replicas.iter().find(|seen| seen.replica == backend.replica);
        match seen.map(|seen| (seen.running, seen.address.as_ref())) {
            Some((true, Some(address))) => (with_port(address, backend.port), *address != backend.address),
            Some((true, None)) => ("no address".to_owned(), true),
            Some((false, _)) => ("not running".to_owned(), true),
            None => ("gone".to_owned(), true),
        }
    }
}

impl Embedded {
    /// Whether what should run does, and where the log has it.
    /// Nothing is said where nothing should run.
    pub(super) async fn replicas_finding(
        &self,
        mut answers: Vec<StatusAnswer>,
        ledger: LedgerId,
    ) -> Option<Finding> {
        let what = "replicas";
        for answer in &mut answers {
            ask_engine(self.engine.as_ref(), ledger, answer).await;
        }
        let should = answers.iter().filter(|answer| !answer.stopped && answer.unfinished.is_none());
        let rows: Vec<&ReplicaRow> = should.flat_map(|answer| &answer.replicas).collect();
        if rows.is_empty() {
            return None;
        }
        if rows.iter().any(|row| row.running.is_none()) {
            let found = "unknown: Docker does not answer".to_owned();
            return Some(Finding { what, ok: false, found, fix: None });
        }
        let down = rows.iter().filter(|row| row.running == Some(false)).count();
        let elsewhere = rows.iter().filter(|row| row.differs).count();
        let found = match (down, elsewhere) {
            (0, 0) => format!("{} running, where the log has them", rows.len()),
            (0, elsewhere) => format!("{elsewhere} of {} are not where the log has them", rows.len()),
            (down, 0) => format!("{down} of {} do not run", rows.len()),
            (down, elsewhere) => {
                format!("{down} of {} do not run, {elsewhere} are not where the log has them", rows.len())
            }
        };
        let ok = down + elsewhere == 0;
        Some(Finding { what, ok, found, fix: (!ok).then(|| "haloy settle".to_owned()) })
    }
}
