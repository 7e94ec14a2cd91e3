//! Looking whether images are where they should be: on the engine, and in their registries.

use super::{Embedded, Open, drive, errors};
use crate::error::Error;
use crate::facts;
use crate::machine;
use crate::output::{event, words};
use crate::service::*;
use futures_util::StreamExt;
use haloy_executors::limits::REGISTRY_LOOK;
use haloy_executors::{Dispatcher, RegistryLogin};
use haloy_ledger::Ledger;
use haloy_ledger::deployment::Command;
use haloy_ledger::deployment::state::{Origin, TargetState};
use haloy_ledger::ids::DeploymentId;
use haloy_ledger::outcome::{Failure, FailureCode, RegistryAnswer, RegistrySeen};
use std::collections::BTreeMap;

/// Questions to the engine at once.
const ENGINE_AT_ONCE: usize = 8;
/// Questions to registries at once.
const AT_ONCE: usize = 32;

/// One image to ask a registry for.
struct Question {
    key: TargetKey,
    release: DeploymentId,
    origin: Origin,
    login: Option<RegistryLogin>,
}

/// Looks for every image of these targets, and records what changed.
pub async fn check(
    service: &Embedded,
    open: &Open,
    keys: &[TargetKey],
    why: &Why,
    follow: &Arc<dyn Follow>,
) -> Result<(), Error> {
    let context = facts::context(why);
    let dispatcher = drive::dispatcher(service, open, follow);
    let mut releases: BTreeMap<TargetKey, Vec<DeploymentId>> = BTreeMap::new();
    let mut questions = Vec::new();
    let looks = futures_util::stream::iter(keys.to_vec()).map(|key| {
        let (dispatcher, context) = (&dispatcher, &context);
        async move { look_here(open, dispatcher, key, context, follow).await }
    });
    let mut looks = looks.buffered(ENGINE_AT_ONCE);
    while let Some(looked) = looks.next().await {
        let Looked { key, kept, asked } = looked?;
        releases.insert(key, kept);
        questions.extend(asked);
    }
    for (key, seen) in ask(service, questions, follow).await {
        record(open, &key, (releases.remove(&key).unwrap_or_default(), seen), &context, follow).await?;
    }
    for (key, releases) in releases {
        record(open, &key, (releases, Vec::new()), &context, follow).await?;
    }
    Ok(())
}

/// What a look at the engine leaves to be asked.
struct Looked {
    key: TargetKey,
    /// Releases of which it will be known.
    kept: Vec<DeploymentId>,
    asked: Vec<Question>,
}

async fn look_here(
    open: &Open,
    dispatcher: &Dispatcher,
    key: TargetKey,
    context: &haloy_ledger::CommandContext,
    follow: &Arc<dyn Follow>,
) -> Result<Looked, Error> {
    // An engine that does not answer is no reason not to ask the registries.
    let looked = match dispatcher.look(&key, context).await {
        Ok(events) => {
            follow.recorded(&key, &events);
            true
        }
        Err(error) => {
            follow.note(&format!("{key}: the engine was not asked: {error}"));
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

/// Looks for one release in its registry; nothing is asked for one that no registry keeps.
pub async fn check_one(
    service: &Embedded,
    open: &Open,
    key: &TargetKey,
    release: DeploymentId,
    context: &haloy_ledger::CommandContext,
    follow: &Arc<dyn Follow>,
) -> Result<(), Error> {
    let state = open.handle.state(key).await.map_err(errors::log)?;
    let wanted = key.clone();
    let questions = open.handle.call(move |ledger| asked(ledger, &wanted, &state, Some(release))).await;
    for (key, seen) in ask(service, questions, follow).await {
        record(open, &key, (vec![release], seen), &context.consequence(), follow).await?;
    }
    Ok(())
}

fn asked(ledger: &Ledger, key: &TargetKey, state: &TargetState, only: Option<DeploymentId>) -> Vec<Question> {
    let kept = state.releases.iter().filter(|kept| only.is_none_or(|only| kept.release == only));
    kept.filter_map(|kept| {
        let origin = kept.origin.clone()?;
        // Without its credentials the registry is asked as anybody; it says if that is not enough.
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
            let looked = registry.look(&question.origin, question.login.as_ref());
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

async fn record(
    open: &Open,
    key: &TargetKey,
    (releases, seen): (Vec<DeploymentId>, Vec<RegistrySeen>),
    context: &haloy_ledger::CommandContext,
    follow: &Arc<dyn Follow>,
) -> Result<(), Error> {
    if releases.is_empty() {
        return Ok(());
    }
    let command = Command::RecordChecked { releases, seen, at: machine::now() };
    let executed = open.handle.execute(key, command, context).await.map_err(errors::execute)?;
    let bad = |event: &Event| {
        matches!(event, Event::TagMoved(_) | Event::RegistryUnreachable(_) | Event::ImageLost(_))
    };
    let (bad, fine): (Vec<Event>, Vec<Event>) = executed.events.into_iter().partition(bad);
    for event in &bad {
        follow.note(&format!("warning: {key}: {}", event::sentence(event)));
    }
    follow.recorded(key, &fine);
    Ok(())
}
