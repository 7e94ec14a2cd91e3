//! What is done again, by the same process or by one that has just begun.

use super::judge::{answers, good, same};
use super::subject::{Beside, Step, Subject, World, context};
use crate::contract::{Executor, ExecutorError, NoProgress, Scope};
use haloy_ledger::ids::LedgerId;
use haloy_ledger::outcome::Outcome;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// More time than any step of a suite needs.
const ENOUGH: Duration = Duration::from_secs(60);

async fn perform(world: &dyn World, executor: &dyn Executor, step: &Step) -> Result<Outcome, ExecutorError> {
    let (cancel, progress) = (CancellationToken::new(), Arc::new(NoProgress));
    let context = context(world, step, Beside { limit: ENOUGH, cancel, progress });
    executor.execute(&context, &step.effect).await
}

/// Every effect of its role, each performed twice: the second time changes nothing and has an equivalent
/// outcome. Another ledger sees nothing of it.
pub async fn repeats(subject: &dyn Subject) -> Vec<String> {
    let name = subject.name();
    let (world, mut found, mut done) = (subject.world().await, Vec::new(), Vec::new());
    let executor = world.executor();
    while let Some(step) = world.next(&done) {
        let first = perform(&*world, &*executor, &step).await;
        let once = world.state().await;
        let again = perform(&*world, &*executor, &step).await;
        let twice = world.state().await;
        if !same(&first, &again) {
            found.push(format!("{name}: {:?}, repeated, comes to {again:?} after {first:?}", step.number));
        }
        if once != twice {
            found.push(format!("{name}: {:?}, repeated, makes {twice} of {once}", step.number));
        }
        found.extend(others_see_nothing(&*world, &*executor, &name).await);
        match first {
            Ok(outcome) if good(&outcome) && answers(&step.effect, &outcome) => done.push(outcome),
            failed => {
                found.push(format!("{name}: {:?} comes to {failed:?}", step.number));
                break;
            }
        }
    }
    world.clear().await;
    found
}

async fn others_see_nothing(world: &dyn World, executor: &dyn Executor, name: &str) -> Option<String> {
    let own = world.scope();
    let other = Scope { ledger: LedgerId::from_parts(2, 0), ..own.clone() };
    match (executor.observe(&own).await, executor.observe(&other).await) {
        (Ok(_own), Ok(seen)) if seen.replicas.is_empty() => None,
        (own, other) => Some(format!("{name}: its own ledger sees {own:?}, and another one {other:?}")),
    }
}

/// A crash after each effect: another executor performs the last one again, since its result was never
/// received, and then the rest; the world is the same after every one of them as without a crash.
pub async fn crashes(subject: &dyn Subject) -> Vec<String> {
    let name = subject.name();
    let (mut found, mut states) = (Vec::new(), Vec::new());
    found.extend(run(subject, None, |_step, state| states.push(state)).await.err());
    for cut in 1..=states.len() {
        let mut compared = Vec::new();
        let compare = |number: usize, state: String| {
            let expected = states.get(number).map_or("nothing", String::as_str);
            if state != expected {
                compared.push(format!(
                    "{name}: after a crash behind effect {cut}, effect {} leaves {state} and not {expected}",
                    number + 1
                ));
            }
        };
        if let Err(failed) = run(subject, Some(cut), compare).await {
            found.push(failed);
        }
        found.append(&mut compared);
    }
    found
}

/// Performs all effects in a world of their own, with a crash behind one of them; `after` receives the number
/// of each finished effect, from 0, and the resulting world.
async fn run(
    subject: &dyn Subject,
    crash: Option<usize>,
    mut after: impl FnMut(usize, String),
) -> Result<(), String> {
    let world = subject.world().await;
    let (mut executor, mut done, mut result) = (world.executor(), Vec::new(), Ok(()));
    let mut crash = crash;
    while let Some(step) = world.next(&done) {
        let mut outcome = perform(&*world, &*executor, &step).await;
        if crash == Some(done.len() + 1) {
            crash = None;
            executor = world.executor();
            if subject.repeats_after_a_crash() {
                let again = perform(&*world, &*executor, &step).await;
                if !same(&outcome, &again) {
                    let number = step.number;
                    result = Err(format!(
                        "{}: {number:?}, repeated after a crash, comes to {again:?} after {outcome:?}",
                        subject.name()
                    ));
                }
                outcome = again;
            }
        }
        match outcome {
            Ok(outcome) if good(&outcome) => {
                after(done.len(), world.state().await);
                done.push(outcome);
            }
            failed => {
                result = Err(format!("{}: {:?} comes to {failed:?}", subject.name(), step.number));
                break;
            }
        }
    }
    world.clear().await;
    result
}
