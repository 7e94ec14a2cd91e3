//! What should run and does not, or runs elsewhere than recorded: an engine that was killed starts nothing
//! again, one that was restarted gives out addresses in another order, and people stop containers by hand.

use super::drive::{DispatchError, Dispatcher, perform};
use super::limits::deadline;
use crate::contract::*;
use crate::drivers::Driver;
use haloy_ledger::CommandContext;
use haloy_ledger::deployment::command::Restarted;
use haloy_ledger::deployment::state::{Replica, TargetState};
use haloy_ledger::deployment::{Command, effect, plan};
use haloy_ledger::event::RestartCause;
use haloy_ledger::ids::{ReplicaId, TargetKey};
use haloy_ledger::outcome::{Observed, Outcome};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;
use tokio_util::sync::CancellationToken;

/// A replica that should run and could not be made to.
#[derive(Debug, Clone)]
pub struct Missing {
    /// The replica.
    pub replica: ReplicaId,
    /// Why; none if its container is gone, which only a deploy or a rollback can make good.
    pub cause: Option<ExecutorError>,
}

impl Dispatcher {
    /// Compares the live release with the observed state, starts replicas that do not run, and records their
    /// current addresses. Returns those that cannot be started.
    ///
    /// The containers stay the same: what they wrote is kept. Nothing is done while a rollout, a stop or a
    /// restart is unfinished: those say themselves what should run.
    pub async fn revive(
        &self,
        driver: &Driver,
        context: &CommandContext,
    ) -> Result<Vec<Missing>, DispatchError> {
        let key = driver.key();
        let state = self.handle.state(key).await?;
        let live = state.current.as_ref().filter(|live| !live.stopped);
        let unfinished = state.rollout.is_some() || state.stop.is_some() || state.restart.is_some();
        let Some(live) = live.filter(|_| !unfinished) else {
            return Ok(Vec::new());
        };
        let observed = self.observe(key).await?;
        let (mut restarted, mut missing) = (Vec::new(), Vec::new());
        for replica in live.replicas.iter().filter(|replica| plan::serves(replica)) {
            match compare(replica, &observed) {
                ReplicaCondition::AsRecorded => {}
                ReplicaCondition::Moved(moved) => restarted.push(moved),
                ReplicaCondition::Gone => missing.push(Missing { replica: replica.id, cause: None }),
                ReplicaCondition::Down => match self.again(key, &state, replica).await? {
                    Ok(again) => restarted.push(again),
                    Err(cause) => missing.push(Missing { replica: replica.id, cause: Some(cause) }),
                },
            }
        }
        if !restarted.is_empty() {
            let command = Command::RecordRestarted { restarted };
            let executed = self.handle.execute(key, command, context).await?;
            self.observer.recorded(key, &executed.events);
            // The edge receives their addresses.
            self.drive(driver, context).await?;
        }
        Ok(missing)
    }

    /// Starts an existing container.
    async fn again(
        &self,
        key: &TargetKey,
        state: &TargetState,
        replica: &Replica,
    ) -> Result<Result<Restarted, ExecutorError>, DispatchError> {
        let again = effect::started_by(state, replica.id);
        let Some(((id, effect), live)) = again.zip(state.current.as_ref()) else {
            return Err(DispatchError::NoExecutor(Role::Engine));
        };
        let engine = self.executors.iter().find(|executor| executor.role() == Role::Engine);
        let engine = Arc::clone(engine.ok_or(DispatchError::NoExecutor(Role::Engine))?);
        self.observer.started(key, &id, &effect);
        let values = self.values.values(live.release, Some(&live.spec)).await;
        let limit = deadline(&effect, &self.limits);
        let scope = Scope { ledger: self.ledger, key: key.clone() };
        let deployment = replica.id.deployment;
        let context = EffectContext {
            request: EffectRequest { id, scope, deployment, attempt: 1, facts: BTreeMap::new() },
            deadline: Instant::now() + limit,
            cancel: CancellationToken::new(),
            progress: Arc::clone(&self.progress),
            values: Arc::new(Values::default()),
            routes: None,
        };
        Ok(match perform(engine, context, effect, values, limit).await.result {
            Ok(Outcome::ReplicaStarted { container_id, address, fixed, .. }) => Ok(Restarted {
                replica: replica.id,
                container_id,
                address,
                fixed,
                cause: RestartCause::NotRunning,
            }),
            Ok(other) => return Err(DispatchError::Answer(Box::new(other))),
            Err(error) => Err(error),
        })
    }
}

enum ReplicaCondition {
    AsRecorded,
    Moved(Restarted),
    Down,
    Gone,
}

fn compare(replica: &Replica, observed: &Observed) -> ReplicaCondition {
    let Some(seen) = observed.replicas.iter().find(|seen| seen.replica == replica.id) else {
        return ReplicaCondition::Gone;
    };
    if !seen.running {
        return ReplicaCondition::Down;
    }
    // While the container is being connected it has no address; that is not news.
    if seen.address.is_none() || seen.address == replica.address {
        return ReplicaCondition::AsRecorded;
    }
    ReplicaCondition::Moved(Restarted {
        replica: replica.id,
        container_id: seen.container_id.clone(),
        address: seen.address.clone(),
        fixed: false,
        cause: RestartCause::Moved,
    })
}
