//! Looking whether images are where they should be: on the engine, and in their registries.

use super::{As, Embedded, Open, drive, errors};
use crate::*;
use futures_util::StreamExt;
use haloy_executors::limits::REGISTRY_LOOK;
use haloy_executors::{Dispatcher, Driver, RegistryLogin};
use haloy_ledger::Ledger;
use haloy_ledger::deployment::Command;
use haloy_ledger::deployment::state::{Origin, TargetState};
use haloy_ledger::event::TargetEvent;
use haloy_ledger::ids::{DeploymentId, TargetKey, Timestamp};
use haloy_ledger::outcome::{Failure, FailureCode, RegistryAnswer, RegistrySeen};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Questions to the engine at once.
const ENGINE_AT_ONCE: usize = 8;
/// Questions to registries at once.
const AT_ONCE: usize = 32;

/// An image to look up in a registry.
struct Question {
    key: TargetKey,
    release: DeploymentId,
    origin: Origin,
    login: Option<RegistryLogin>,
}

/// Looks for every image of these targets, and records what changed.
pub async fn check(
    service: &As,
    open: &Open,
    request: CheckRequest,
    follow: &Arc<dyn Follow>,
) -> Result<(), Error> {
    let CheckRequest { keys, why } = request;
    let (here, context) = (&service.here, service.context(&why));
    let dispatcher = drive::dispatcher(here, open, follow);
    let mut releases: BTreeMap<TargetKey, Vec<DeploymentId>> = BTreeMap::new();
    let mut questions = Vec::new();
    // Always in the same order: two who check the same targets do not wait for each other.
    let mut drivers = Vec::new();
    for key in keys.into_iter().collect::<BTreeSet<_>>() {
        drivers.push(open.handle.driver(&key).await);
    }
    let looks = drivers.iter().map(|driver| look_here(open, &dispatcher, driver, &context, follow));
    let looks: Vec<_> = looks.collect();
    let mut looks = futures_util::stream::iter(looks).buffered(ENGINE_AT_ONCE);
    while let Some(looked) = looks.next().await {
        let Looked { key, kept, asked } = looked?;
        releases.insert(key, kept);
        questions.extend(asked);
    }
    for (key, seen) in ask(here, questions, follow).await {
        let checked = Checked { releases: releases.remove(&key).unwrap_or_default(), seen, at: here.now() };
        record(open, &key, checked, &context, follow).await?;
    }
    for (key, releases) in releases {
        let checked = Checked { releases, seen: Vec::new(), at: here.now() };
        record(open, &key, checked, &context, follow).await?;
    }
    Ok(())
}

/// Questions that are left after the engine was checked.
struct Looked {
    key: TargetKey,
    /// Releases of which it will be known.
    kept: Vec<DeploymentId>,
    asked: Vec<Question>,
}

async fn look_here(
    open: &Open,
    dispatcher: &Dispatcher,
    driver: &Driver,
    context: &haloy_ledger::CommandContext,
    follow: &Arc<dyn Follow>,
) -> Result<Looked, Error> {
    let key = driver.key().clone();
    // Registries are queried even if the engine does not answer.
    let looked = match dispatcher.record_observed(driver, context).await {
        Ok(events) => {
            follow.recorded(&key, &events);
            true
        }
        Err(error) => {
            follow.note(&format!("{key}: the engine could not be checked: {error}"));
            false
        }
    };
    let state = dispatcher.handle.state(&key).await.map_err(errors::log)?;
    let here = state.releases.iter().filter(|kept| kept.origin.is_some() || looked);
    let kept = here.map(|kept| kept.release).collect();
    let wanted = key.clone();
    let asked = open.handle.call(move |ledger| asked(ledger, &wanted, &state, None)).await;
    Ok(Looked { key, kept, asked })
}

/// Looks for one release in its registry; does nothing for a release that no registry keeps.
pub async fn check_one(
    service: &Embedded,
    open: &Open,
    driver: &Driver,
    release: DeploymentId,
    context: &haloy_ledger::CommandContext,
    follow: &Arc<dyn Follow>,
) -> Result<(), Error> {
    let key = driver.key();
    let state = open.handle.state(key).await.map_err(errors::log)?;
    let wanted = key.clone();
    let questions = open.handle.call(move |ledger| asked(ledger, &wanted, &state, Some(release))).await;
    for (key, seen) in ask(service, questions, follow).await {
        let checked = Checked { releases: vec![release], seen, at: service.now() };
        record(open, &key, checked, &context.consequence(), follow).await?;
    }
    Ok(())
}

fn asked(ledger: &Ledger, key: &TargetKey, state: &TargetState, only: Option<DeploymentId>) -> Vec<Question> {
    let kept = state.releases.iter().filter(|kept| only.is_none_or(|only| kept.release == only));
    kept.filter_map(|kept| {
        let origin = kept.origin.clone()?;
        // Without its credentials the registry is queried anonymously; it reports if that is not enough.
        let values = haloy_executors::values::read(ledger, kept.release, None).ok();
        let login = values.and_then(|values| values.registry);
        Some(Question { key: key.clone(), release: kept.release, origin, login })
    })
    .collect()
}

async fn ask(
    service: &Embedded,
    questions: Vec<Question>,
    follow: &Arc<dyn Follow>,
) -> BTreeMap<TargetKey, Vec<RegistrySeen>> {
    let Some(registry) = service.registries.clone() else { return BTreeMap::new() };
    let total = questions.len();
    if total > 1 {
        follow.note(&format!("asking registries for {}", words::count(total, "image")));
    }
    let answers = futures_util::stream::iter(questions).map(|question| {
        let registry = Arc::clone(&registry);
        async move {
            let looked = registry.look_up(&question.origin, question.login.as_ref());
            let answer = tokio::time::timeout(REGISTRY_LOOK, looked).await.unwrap_or_else(|_| {
                let reference = &question.origin.reference;
                let text =
                    haloy_ledger::words!("{}: no answer within {} s", reference, REGISTRY_LOOK.as_secs());
                let cause = Failure::new(FailureCode::RegistryUnreachable, text);
                RegistryAnswer::Unknown { cause, detail: String::new() }
            });
            (question.key, RegistrySeen { release: question.release, answer })
        }
    });
    let mut answers = answers.buffer_unordered(AT_ONCE);
    let mut seen: BTreeMap<TargetKey, Vec<RegistrySeen>> = BTreeMap::new();
    while let Some((key, answer)) = answers.next().await {
        seen.entry(key).or_default().push(answer);
    }
    for answers in seen.values_mut() {
        answers.sort_by_key(|seen| seen.release);
    }
    seen
}

/// Releases that were looked for, results, and time.
struct Checked {
    releases: Vec<DeploymentId>,
    seen: Vec<RegistrySeen>,
    at: Timestamp,
}

async fn record(
    open: &Open,
    key: &TargetKey,
    checked: Checked,
    context: &haloy_ledger::CommandContext,
    follow: &Arc<dyn Follow>,
) -> Result<(), Error> {
    let Checked { releases, seen, at } = checked;
    if releases.is_empty() {
        return Ok(());
    }
    let command = Command::RecordChecked { releases, seen, at };
    let executed = open.handle.execute(key, command, context).await.map_err(errors::execute)?;
    let bad = |event: &TargetEvent| {
        matches!(
            event,
            TargetEvent::TagMoved(_) | TargetEvent::RegistryUnreachable(_) | TargetEvent::ImageLost(_)
        )
    };
    let (bad, fine): (Vec<TargetEvent>, Vec<TargetEvent>) = executed.events.into_iter().partition(bad);
    for event in &bad {
        follow.note(&format!("warning: {key}: {}", event::of_a_target(event)));
    }
    follow.recorded(key, &fine);
    Ok(())
}
