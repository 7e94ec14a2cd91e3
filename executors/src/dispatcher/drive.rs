//! Driving one target until it owes nothing.

use super::beside::{facts, needs_values};
use super::limits::{Limits, deadline};
use super::plan::plan;
use crate::contract::*;
use crate::drivers::Driver;
use crate::ledger_handle::LedgerHandle;
use crate::mask::{Mask, MaskedProgress};
use crate::values::ValueStore;
use haloy_ledger::deployment::state::TargetState;
use haloy_ledger::deployment::{Command, Effect, owed};
use haloy_ledger::event::TargetEvent;
use haloy_ledger::ids::{DeploymentId, EffectId, EffectNumber, LedgerId, TargetKey};
use haloy_ledger::log::LogError;
use haloy_ledger::outcome::{FailureCode, FailureReport, Observed, Outcome};
use haloy_ledger::ports::{Clock, Entropy};
use haloy_ledger::{CommandContext, ExecuteError, words};
use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Why a target could not be driven. The world's failures are outcomes, not this.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DispatchError {
    /// The ledger refused or failed.
    #[error(transparent)]
    Execute(#[from] ExecuteError),
    /// The ledger could not be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The world could not be observed.
    #[error("{0}")]
    Observe(ExecutorError),
    /// No executor fills a role that is needed.
    #[error("no executor fills the role {0:?}")]
    NoExecutor(Role),
    /// An executor gave an answer that does not fit its effect.
    #[error("an executor gave an answer to another question than it was asked: {0:?}")]
    Answer(Box<Outcome>),
}

/// A drive in progress. It is compiled here, once, and optimised as this crate is: the body of an `async fn`
/// is compiled where it is awaited, in every crate that does.
pub type Driving<'a, T> = Pin<Box<dyn Future<Output = Result<T, DispatchError>> + Send + 'a>>;

/// Receives progress callbacks while a target is driven.
pub trait Observer: Send + Sync {
    /// An effect is being performed.
    fn started(&self, key: &TargetKey, id: &EffectId, effect: &Effect);
    /// Events were recorded.
    fn recorded(&self, key: &TargetKey, events: &[TargetEvent]);
}

/// Ignores all progress.
#[derive(Debug, Clone, Copy, Default)]
pub struct Quiet;

impl Observer for Quiet {
    fn started(&self, _key: &TargetKey, _id: &EffectId, _effect: &Effect) {}
    fn recorded(&self, _key: &TargetKey, _events: &[TargetEvent]) {}
}

/// Brings owed effects to executors.
pub struct Dispatcher {
    /// The ledger.
    pub handle: LedgerHandle,
    /// Id of the ledger; labels carry it.
    pub ledger: LedgerId,
    /// One executor for each role.
    pub executors: Vec<Arc<dyn Executor>>,
    /// Resolved values.
    pub values: Arc<dyn ValueStore>,
    /// Limits.
    pub limits: Limits,
    /// Time for reports.
    pub clock: Arc<dyn Clock>,
    /// Jitter.
    pub entropy: Arc<dyn Entropy>,
    /// Progress of effects.
    pub progress: Arc<dyn ProgressSink>,
    /// Events and steps.
    pub observer: Arc<dyn Observer>,
    /// Wakes the drive after a command from elsewhere.
    pub changed: Arc<Notify>,
}

/// What one effect came to.
pub(super) struct Ended {
    pub(super) id: EffectId,
    pub(super) result: Result<Outcome, ExecutorError>,
}

/// A running effect.
struct Running {
    cancel: CancellationToken,
    /// How long one attempt may take; an executor may demand a wait that is as long.
    limit: Duration,
}

/// What runs and what waits: lost in a crash, and no loss.
#[derive(Default)]
struct InFlight {
    running: BTreeMap<EffectId, Running>,
    tasks: JoinSet<Ended>,
    waiting: BTreeMap<EffectId, tokio::time::Instant>,
    attempts: BTreeMap<EffectId, u32>,
    /// What no text may show: values of every release that had to do with this drive.
    mask: Arc<Mask>,
    masked: BTreeSet<DeploymentId>,
}

impl Dispatcher {
    /// Performs what the target owes until it owes nothing.
    pub fn drive<'a>(&'a self, driver: &'a Driver, context: &'a CommandContext) -> Driving<'a, TargetState> {
        Box::pin(self.perform_owed(driver.key(), context))
    }

    async fn perform_owed(
        &self,
        key: &TargetKey,
        context: &CommandContext,
    ) -> Result<TargetState, DispatchError> {
        let context = context.consequence();
        let mut flight = InFlight::default();
        loop {
            let state = self.handle.state(key).await?;
            self.hide_values(&state, &flight.mask, &mut flight.masked).await;
            self.start_and_cancel(key, &state, &mut flight).await?;
            if flight.running.is_empty() && flight.waiting.is_empty() {
                return Ok(state);
            }
            let next_attempt = flight.waiting.values().min().copied();
            tokio::select! {
                // In this order, always: the same run takes the same steps.
                biased;
                Some(ended) = flight.tasks.join_next() => {
                    let ended = crate::join::ended(ended).await;
                    self.report(key, &context, &mut flight, ended).await?;
                }
                () = wait_until(next_attempt) => {}
                () = self.changed.notified() => {}
            }
        }
    }

    async fn start_and_cancel(
        &self,
        key: &TargetKey,
        state: &TargetState,
        flight: &mut InFlight,
    ) -> Result<(), DispatchError> {
        let now = tokio::time::Instant::now();
        flight.waiting.retain(|_, until| *until > now);
        let owed = owed(state);
        flight.waiting.retain(|id, _| owed.iter().any(|(owed, _)| owed == id));
        let running: BTreeSet<EffectId> = flight.running.keys().cloned().collect();
        let waiting: BTreeSet<EffectId> = flight.waiting.keys().cloned().collect();
        let planned = plan(owed, &running, &waiting, self.limits.at_once);
        for id in planned.cancel {
            if let Some(running) = flight.running.get(&id) {
                running.cancel.cancel();
            }
        }
        for (id, effect) in planned.start {
            self.start(key, state, flight, id, effect).await?;
        }
        Ok(())
    }

    async fn start(
        &self,
        key: &TargetKey,
        state: &TargetState,
        flight: &mut InFlight,
        id: EffectId,
        effect: Effect,
    ) -> Result<(), DispatchError> {
        let role = Role::of(&effect);
        let executor = self.executors.iter().find(|executor| executor.role() == role);
        let executor = Arc::clone(executor.ok_or(DispatchError::NoExecutor(role))?);
        self.observer.started(key, &id, &effect);
        let mut values = self.values_for(state, &effect).await;
        if let Ok(values) = &mut values {
            flight.mask.learn_from(&values.mask);
            values.mask = Arc::clone(&flight.mask);
        }
        let routes = match role {
            // Read now, not when it was planned: the newest settles every target that waits for it.
            Role::Router => Some(Arc::new(self.handle.call(|ledger| ledger.routes()).await?)),
            Role::Engine | Role::Registry | Role::Hooks => None,
        };
        let cancel = CancellationToken::new();
        let limit = deadline(&effect, &self.limits);
        flight.running.insert(id.clone(), Running { cancel: cancel.clone(), limit });
        let request = EffectRequest {
            id: id.clone(),
            scope: Scope { ledger: self.ledger, key: key.clone() },
            deployment: state.rollout.as_ref().map_or(id.deployment, |rollout| rollout.deployment),
            attempt: flight.attempts.get(&id).copied().unwrap_or(0) + 1,
            facts: facts(key, state),
        };
        let context = EffectContext {
            request,
            deadline: Instant::now() + limit,
            cancel,
            progress: Arc::new(MaskedProgress::new(Arc::clone(&flight.mask), Arc::clone(&self.progress))),
            values: Arc::new(Values { mask: Arc::clone(&flight.mask), ..Values::default() }),
            routes,
        };
        flight.tasks.spawn(perform(executor, context, effect, values, limit));
        Ok(())
    }

    /// The values that an effect needs; none for one that only clears up.
    async fn values_for(&self, state: &TargetState, effect: &Effect) -> Result<Values, FailureReport> {
        let Some((release, spec)) = needs_values(state, effect) else { return Ok(Values::default()) };
        self.values.values(release, spec.as_deref()).await
    }

    /// Hides the values of the releases that run or come, also from effects that need none of them. A value
    /// that cannot be read cannot be sent anywhere either.
    async fn hide_values(&self, state: &TargetState, mask: &Mask, masked: &mut BTreeSet<DeploymentId>) {
        let rolling =
            state.rollout.as_ref().map(|rollout| (rollout.deployment, rollout.release, &rollout.spec));
        let live = state.current.as_ref().map(|live| (live.deployment, live.release, &live.spec));
        for (deployment, release, spec) in rolling.into_iter().chain(live) {
            if masked.insert(deployment)
                && let Ok(values) = self.values.values(release, Some(spec)).await
            {
                mask.learn_from(&values.mask);
            }
        }
    }

    async fn report(
        &self,
        key: &TargetKey,
        context: &CommandContext,
        flight: &mut InFlight,
        ended: Ended,
    ) -> Result<(), DispatchError> {
        let Ended { id, result } = ended;
        let running = flight.running.remove(&id);
        let cancelled = running.as_ref().is_some_and(|running| running.cancel.is_cancelled());
        let at = self.clock.now();
        let command = match result {
            Ok(outcome) => Command::RecordOutcome { effect: id, outcome: Box::new(outcome), at },
            // We ourselves stopped it: no attempt of its own.
            Err(_) if cancelled => return Ok(()),
            Err(error) => {
                let attempts = flight.attempts.entry(id.clone()).or_default();
                *attempts += 1;
                let pace = self.limits.wait(*attempts, self.entropy.as_ref());
                let wait = error.retry.wait(pace, running.map_or(pace, |running| running.limit));
                flight.waiting.insert(id.clone(), tokio::time::Instant::now() + wait);
                let ExecutorError { cause, detail, retry } = error;
                Command::RecordAttempt { effect: id, cause, detail, retryable: retry.helps(), at }
            }
        };
        let executed = self.handle.execute(key, command, context).await?;
        self.observer.recorded(key, &executed.events);
        Ok(())
    }

    /// Requests a change of the drive in progress: that the rollout goes back, or that a restart ends with
    /// the current replica.
    pub async fn ask_meanwhile(
        &self,
        key: &TargetKey,
        command: Command,
        context: &CommandContext,
    ) -> Result<(), DispatchError> {
        let executed = self.handle.execute(key, command, context).await?;
        self.observer.recorded(key, &executed.events);
        self.changed.notify_one();
        Ok(())
    }

    /// What is really there.
    pub async fn observe(&self, key: &TargetKey) -> Result<Observed, DispatchError> {
        let role = Role::Engine;
        let engine = self.executors.iter().find(|executor| executor.role() == role);
        let engine = engine.ok_or(DispatchError::NoExecutor(role))?;
        let scope = Scope { ledger: self.ledger, key: key.clone() };
        match engine.observe(&scope).await {
            Ok(observed) => Ok(observed),
            Err(error) => {
                let mask = Mask::default();
                self.hide_values(&self.handle.state(key).await?, &mask, &mut BTreeSet::new()).await;
                Err(DispatchError::Observe(mask.error(error)))
            }
        }
    }

    /// Settles what a crash left (D7): observes, decides, and drives to the end. The holder of the turn knows
    /// that nothing else works at the target.
    pub fn settle<'a>(&'a self, driver: &'a Driver, context: &'a CommandContext) -> Driving<'a, TargetState> {
        Box::pin(async move {
            let key = driver.key();
            let state = self.handle.state(key).await?;
            if state.rollout.is_some() || state.restart.is_some() {
                let observed = self.observe(key).await?;
                let command = Command::Settle { observed, at: self.clock.now() };
                let executed = self.handle.execute(key, command, context).await?;
                self.observer.recorded(key, &executed.events);
            }
            self.perform_owed(key, context).await
        })
    }

    /// Looks at what is really there and records what changed.
    pub fn record_observed<'a>(
        &'a self,
        driver: &'a Driver,
        context: &'a CommandContext,
    ) -> Driving<'a, Vec<TargetEvent>> {
        Box::pin(async move {
            let key = driver.key();
            let observed = self.observe(key).await?;
            let command = Command::RecordObserved { observed };
            let executed = self.handle.execute(key, command, &context.consequence()).await?;
            Ok(executed.events)
        })
    }
}

async fn wait_until(instant: Option<tokio::time::Instant>) {
    match instant {
        Some(instant) => tokio::time::sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

pub(super) async fn perform(
    executor: Arc<dyn Executor>,
    mut context: EffectContext,
    effect: Effect,
    values: Result<Values, FailureReport>,
    limit: Duration,
) -> Ended {
    let id = context.request.id.clone();
    match values {
        Ok(values) => context.values = Arc::new(values),
        Err(cause) => {
            return Ended { id, result: context.values.mask.result(Err(cause.into())) };
        }
    }
    crate::failpoint!("before-effect:{:?}/{}", id.number, failpoint_subject(&id));
    // The executor keeps the deadline itself; this is for one that does not.
    let result =
        tokio::time::timeout(limit + crate::limits::GRACE, executor.execute(&context, &effect)).await;
    crate::failpoint!("after-effect:{:?}/{}", id.number, failpoint_subject(&id));
    let result = result.unwrap_or_else(|_| {
        let words = words!("nothing came of it within {} seconds", limit.as_secs());
        Err(ExecutorError::new(FailureCode::TimedOut, words).retry(Retry::Now))
    });
    Ended { id, result: context.values.mask.result(result) }
}

/// Subjects that hold ids differ from run to run; crash points must not.
fn failpoint_subject(id: &EffectId) -> &str {
    match id.number {
        EffectNumber::RemoveVolume => "volume",
        _tag if id.subject.contains(':') => "tag",
        _other => &id.subject,
    }
}
