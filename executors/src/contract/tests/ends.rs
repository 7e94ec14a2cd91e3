//! Ends: by the deadline, and soon after an effect is no longer wanted.

use super::judge::good;
use super::subject::{Beside, Case, Subject, World, context};
use crate::contract::{ExecutorError, NoProgress};
use haloy_ledger::outcome::{FailureCode, Outcome};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The deadline of an effect that does not end by itself.
const LIMIT: Duration = Duration::from_millis(300);
/// When such an effect is cancelled.
const CANCELLED_AFTER: Duration = Duration::from_millis(100);
/// How long it may take to end from then on, on a machine that has other things to do as well.
const SOON: Duration = Duration::from_secs(3);

/// None if it did not end in time.
async fn within(
    world: &dyn World,
    case: &Case,
    (limit, cancel): (Duration, CancellationToken),
) -> Option<Result<Outcome, ExecutorError>> {
    let beside = Beside { limit, cancel, progress: Arc::new(NoProgress) };
    let context = context(world, &case.step, beside);
    let most = limit.min(LIMIT.max(CANCELLED_AFTER)) + SOON;
    tokio::time::timeout(most, case.executor.execute(&context, &case.step.effect)).await.ok()
}

/// Every effect that does not end by itself ends by its deadline, and not as a success; and soon after it is
/// cancelled, with [`FailureCode::Cancelled`].
pub async fn ends(subject: &dyn Subject) -> Vec<String> {
    let name = subject.name();
    let (world, mut found) = (subject.world().await, Vec::new());
    let cases = world.endless().await;
    if cases.is_empty() {
        found.push(format!("{name}: no effect is known that does not end by itself"));
    }
    for case in &cases {
        let number = case.step.number;
        match within(&*world, case, (LIMIT, CancellationToken::new())).await {
            None => found.push(format!("{name}: {number:?} does not end by its deadline")),
            Some(Ok(outcome)) if good(&outcome) => {
                found.push(format!("{name}: {number:?} ends by its deadline as a success: {outcome:?}"));
            }
            Some(_ended) => {}
        }
    }
    // By others, for what has ended may be remembered.
    for case in &world.endless().await {
        let number = case.step.number;
        let cancel = CancellationToken::new();
        let cancelling = cancel.clone();
        let timer = tokio::spawn(async move {
            tokio::time::sleep(CANCELLED_AFTER).await;
            cancelling.cancel();
        });
        match within(&*world, case, (Duration::from_secs(60), cancel)).await {
            None => found.push(format!("{name}: {number:?} does not end after it was cancelled")),
            Some(Err(error)) if error.cause.code == FailureCode::Cancelled => {}
            Some(other) => found.push(format!("{name}: {number:?}, cancelled, comes to {other:?}")),
        }
        timer.abort();
    }
    world.clear().await;
    found
}
