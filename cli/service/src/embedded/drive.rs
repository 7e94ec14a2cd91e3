//! Bringing a target to the state in the ledger: executors, settling a crash, starting what should run.

use super::{Embedded, Open, errors};
use crate::*;
use haloy_executors::{
    DispatchError, Dispatcher, Driver, ExecutorError, HookExecutor, LedgerValues, Missing, Observer,
    Progress, ProgressSink,
};
use haloy_ledger::CommandContext;
use haloy_ledger::deployment::Effect;
use haloy_ledger::event::TargetEvent;
use haloy_ledger::ids::{DeploymentId, EffectId, TargetKey};
use std::sync::Arc;

struct Relay(Arc<dyn Follow>);

impl Observer for Relay {
    fn started(&self, key: &TargetKey, id: &EffectId, effect: &Effect) {
        self.0.started(key, id, effect);
    }
    fn recorded(&self, key: &TargetKey, events: &[TargetEvent]) {
        self.0.recorded(key, events);
    }
}

impl ProgressSink for Relay {
    fn progress(&self, effect: &EffectId, progress: Progress) {
        match progress {
            Progress::Line(line) => self.0.line(effect, &line),
            // A good probe is not news.
            Progress::Probe { saw, .. } if saw == "healthy" => {}
            Progress::Probe { number, saw } => self.0.line(effect, &format!("probe {number}: {saw}")),
            Progress::Bytes { .. } => {}
        }
    }
}

/// A dispatcher over this service's executors.
pub fn dispatcher(service: &Embedded, open: &Open, follow: &Arc<dyn Follow>) -> Arc<Dispatcher> {
    let relay = Arc::new(Relay(Arc::clone(follow)));
    Arc::new(Dispatcher {
        handle: open.handle.clone(),
        ledger: open.id,
        executors: vec![
            Arc::clone(&service.engine),
            Arc::clone(&service.registry),
            Arc::clone(&service.router),
            Arc::new(HookExecutor::default()),
        ],
        values: Arc::new(LedgerValues(open.handle.clone())),
        limits: service.options.limits,
        clock: Arc::clone(&service.options.machine.clock),
        entropy: Arc::clone(&service.options.machine.entropy.dispatcher),
        progress: Arc::<Relay>::clone(&relay),
        observer: relay,
        changed: Arc::new(tokio::sync::Notify::new()),
    })
}

/// Unreachable containers cannot be stopped or restarted: that is reported before anything is recorded.
pub async fn reached(dispatcher: &Dispatcher, key: &TargetKey, what: &str) -> Result<(), Error> {
    dispatcher.observe(key).await.map(drop).map_err(|why| {
        let message = format!("{key}: nothing was {what}, since it cannot be reached: {why}");
        Error::new(Kind::Operational, message).hint("haloy doctor")
    })
}

/// What a crash left at a target is ended before anything new begins (D7).
pub async fn settle_first(
    dispatcher: &Dispatcher,
    driver: &Driver,
    context: &CommandContext,
    follow: &Arc<dyn Follow>,
) -> Result<Option<DeploymentId>, Error> {
    let key = driver.key();
    let state = dispatcher.handle.state(key).await.map_err(errors::log)?;
    if haloy_ledger::deployment::owed(&state).is_empty() && state.rollout.is_none() {
        return Ok(None);
    }
    let unfinished = state.rollout.as_ref().map(|rollout| rollout.deployment);
    if state.restart.is_some() {
        follow.note(&format!("settling the restart of {key}, which was interrupted"));
    }
    if let Some(id) = unfinished {
        follow.note(&format!("settling deployment {id} of {key}, which was interrupted"));
    }
    // The reason of a command belongs to its own request, not to what it settles.
    dispatcher.settle(driver, &context.consequence()).await.map_err(errors::dispatch)?;
    Ok(unfinished)
}

/// Restarts what should run and does not, and records replicas that run elsewhere; reports what it cannot do.
/// An engine that does not answer is not an error here: steps that need it report that themselves.
pub async fn revive(
    dispatcher: &Dispatcher,
    driver: &Driver,
    context: &CommandContext,
    follow: &Arc<dyn Follow>,
) -> Result<usize, Error> {
    let key = driver.key();
    let missing = match dispatcher.revive(driver, &context.consequence()).await {
        Ok(missing) => missing,
        Err(DispatchError::Observe(error)) => {
            follow.note(&format!("{key}: what runs is unknown: {error}"));
            return Ok(0);
        }
        Err(error) => return Err(errors::dispatch(error)),
    };
    for Missing { replica, cause } in &missing {
        let number = replica.index + 1;
        follow.note(&match cause {
            Some(ExecutorError { cause, detail, .. }) => {
                format!("{key}: replica {number} does not run and could not be started: {cause} {detail}")
            }
            None => format!("{key}: the container of replica {number} is gone; a deploy makes a new one"),
        });
    }
    Ok(missing.len())
}
