//! The one place where async code meets the ledger (a test looks for others).
//!
//! The ledger blocks: on fsync when writing, on disk when reading. So every call goes to a blocking
//! thread, a few at once.

use crate::drivers::{Driver, Drivers};
use haloy_ledger::deployment::{Command, TargetState};
use haloy_ledger::ids::TargetKey;
use haloy_ledger::log::LogError;
use haloy_ledger::read::View;
use haloy_ledger::{CommandContext, ExecuteError, Executed, Ledger};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Most calls at once; more would only wait for each other.
const AT_ONCE: usize = 4;

/// The ledger, for async code.
#[derive(Clone)]
pub struct LedgerHandle {
    ledger: Arc<Ledger>,
    permits: Arc<Semaphore>,
    inline: bool,
    drivers: Arc<Drivers>,
}

impl LedgerHandle {
    /// For an open ledger.
    pub fn new(ledger: Arc<Ledger>) -> Self {
        Self { ledger, permits: Arc::new(Semaphore::new(AT_ONCE)), inline: false, drivers: Arc::default() }
    }

    /// For a ledger in memory, which never blocks: everything stays on one thread, in one order. For
    /// simulation.
    pub fn inline(ledger: Arc<Ledger>) -> Self {
        Self { inline: true, ..Self::new(ledger) }
    }

    /// Runs something that reads or writes the ledger, on a blocking thread.
    ///
    /// # Panics
    /// If `call` panics.
    pub async fn call<T: Send + 'static>(&self, call: impl FnOnce(&Ledger) -> T + Send + 'static) -> T {
        if self.inline {
            // A step in between, so that a simulated crash can strike before and after.
            tokio::task::yield_now().await;
            let answer = call(&self.ledger);
            tokio::task::yield_now().await;
            return answer;
        }
        // The semaphore is never closed, so a permit always comes.
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let ledger = Arc::clone(&self.ledger);
        let done = tokio::task::spawn_blocking(move || {
            let answer = call(&ledger);
            drop(permit);
            answer
        });
        crate::join::ended(done.await).await
    }

    /// An answer of one instant, on a blocking thread.
    ///
    /// # Errors
    /// Errors of `answer`, and of reading the store.
    pub async fn view<T: Send + 'static, E: From<LogError> + Send + 'static>(
        &self,
        answer: impl FnOnce(&View<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E> {
        self.call(move |ledger| ledger.view(answer)).await
    }

    /// Waits until nothing in this process drives a target. All handles that were cloned from one wait for
    /// each other.
    pub async fn driver(&self, key: &TargetKey) -> Driver {
        self.drivers.turn(key).await
    }

    /// Decides and appends; durable when it returns.
    pub async fn execute(
        &self,
        key: &TargetKey,
        command: Command,
        context: &CommandContext,
    ) -> Result<Executed, ExecuteError> {
        let (key, context) = (key.clone(), context.clone());
        let name = command.name();
        crate::failpoint!("before-append:{name}");
        let done = self.call(move |ledger| ledger.execute(&key, &command, &context)).await;
        crate::failpoint!("after-append:{name}");
        done
    }

    /// The state of a target.
    pub async fn state(&self, key: &TargetKey) -> Result<TargetState, LogError> {
        let key = key.clone();
        self.call(move |ledger| ledger.state(&key)).await
    }
}
