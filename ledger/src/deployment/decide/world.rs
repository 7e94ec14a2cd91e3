//! What was seen of the world: lost and found images, and how a rollout goes on after a crash.

use super::deciding::Deciding;
use super::{commands, conclude, restart};
use crate::deployment::command::Restarted;
use crate::deployment::effect::{Effect, owed};
use crate::deployment::plan;
use crate::deployment::state::{
    Direction, Origin, ReplicaPhase, RetainedRelease, Rollout, TagNow, TargetState,
};
use crate::event::*;
use crate::ids::{DeploymentId, Timestamp};
use crate::outcome::*;
use crate::release::RolloutStrategy;
use crate::words;

/// Images that were removed by others, and images that are back.
pub(super) fn observed(state: &TargetState, observed: &Observed) -> Vec<TargetEvent> {
    // What a registry keeps does not depend on the engine.
    let here = |k: &&RetainedRelease| k.pruning.is_none() && k.origin.is_none();
    state.releases.iter().filter(here).filter_map(|k| changed(k, observed)).collect()
}

/// Replicas of what is live that run again, or elsewhere. Others are the business of a rollout or a stop.
pub(super) fn restarted(state: &TargetState, restarted: Vec<Restarted>) -> Vec<TargetEvent> {
    let known = |found: &Restarted| {
        let mut live = state.current.iter().filter(|live| !live.stopped).flat_map(|live| &live.replicas);
        let container = Some(&found.container_id);
        live.any(|r| r.id == found.replica && r.container_id.as_ref() == container && plan::serves(r))
    };
    let events = restarted.into_iter().filter(known).map(|found| {
        let Restarted { replica: r, container_id, address, fixed, cause } = found;
        ReplicaRestarted { r, container_id, address, fixed, cause }.into()
    });
    events.collect()
}

/// Answers of registries about the releases that they keep, and the fact that they were queried.
pub(super) fn checked(
    state: &TargetState,
    mut releases: Vec<DeploymentId>,
    seen: &[RegistrySeen],
    at: Timestamp,
) -> Vec<TargetEvent> {
    let mut events: Vec<TargetEvent> = Vec::new();
    let mut unanswered = Vec::new();
    for seen in seen {
        let Some((kept, origin)) =
            state.kept(seen.release).and_then(|kept| Some((kept, kept.origin.as_ref()?)))
        else {
            continue;
        };
        if matches!(seen.answer, RegistryAnswer::Unknown { .. }) {
            unanswered.push(seen.release);
        }
        events.extend(in_registry(kept, origin, &seen.answer));
    }
    releases.retain(|release| !unanswered.contains(release));
    events.push(ImagesChecked { at, releases, unanswered }.into());
    events
}

fn in_registry(kept: &RetainedRelease, origin: &Origin, answer: &RegistryAnswer) -> Vec<TargetEvent> {
    let (rel, place) = (kept.release, ImagePlace::Registry);
    let (there, tag) = match answer {
        RegistryAnswer::Unknown { cause, detail } => {
            let why = FailureReport::new(cause.clone(), detail.clone());
            return not_in_registry(rel, origin, &why).into_iter().collect();
        }
        RegistryAnswer::There { tag } => (true, tag),
        RegistryAnswer::Gone { tag } => (false, tag),
    };
    let image = match (there, kept.is_lost()) {
        (true, true) => Some(ImageFound { rel, place }.into()),
        (false, false) => {
            let repository = origin.reference.repository();
            let words = words!("{}@{} is not in the registry", Public(repository), origin.digest);
            Some(ImageLost { rel, place, cause: not_found(words), detail: None }.into())
        }
        (true, false) | (false, true) => None,
    };
    let tag_now = match tag {
        Some(tag) if *tag == origin.tag_digest => TagNow::AsRecorded,
        Some(tag) => TagNow::At(tag.clone()),
        None => TagNow::Gone,
    };
    let (reference, recorded) = (origin.reference.clone(), origin.tag_digest.clone());
    let moved = (tag_now != kept.tag_now && reference.digest().is_none())
        .then(|| TagMoved { rel, reference, recorded, now: tag.clone() }.into());
    image.into_iter().chain(moved).collect()
}

/// What a registry's failure to give an image means for the release.
pub(super) fn not_in_registry(
    rel: DeploymentId,
    origin: &Origin,
    why: &FailureReport,
) -> Option<TargetEvent> {
    let (reference, cause, detail) = (origin.reference.clone(), why.cause.clone(), why.private());
    match cause.code {
        FailureCode::ImageNotFound => {
            Some(ImageLost { rel, place: ImagePlace::Registry, cause, detail }.into())
        }
        FailureCode::EngineUnreachable | FailureCode::Cancelled => None,
        _other => Some(RegistryUnreachable { rel, reference, cause, detail }.into()),
    }
}

fn changed(kept: &RetainedRelease, observed: &Observed) -> Option<TargetEvent> {
    let tagged = kept.tagged.as_ref().filter(|t| t.engine_id == observed.engine_id)?;
    let place = ImagePlace::Engine(tagged.engine_id.clone());
    let seen = observed.tags.iter().find(|seen| seen.local_tag == tagged.local_tag);
    let image_there = observed.images.contains(&tagged.image_id);
    match (seen, kept.is_lost()) {
        (Some(seen), true) if seen.image_id == tagged.image_id => {
            Some(ImageFound { rel: kept.release, place }.into())
        }
        // Under whichever name: a rollback runs it by its id, and gives it its own tag again.
        (_, true) if image_there => Some(ImageFound { rel: kept.release, place }.into()),
        (_, false) if image_there => None,
        (Some(seen), false) if seen.image_id != tagged.image_id => {
            let tag = Public(&tagged.local_tag);
            let words = words!("tag {} points at another image, {}", tag, Public(seen.image_id.short()));
            Some(ImageLost { rel: kept.release, place, cause: not_found(words), detail: None }.into())
        }
        (None, false) => {
            let words = words!("tag {} is gone from the engine", Public(&tagged.local_tag));
            Some(ImageLost { rel: kept.release, place, cause: not_found(words), detail: None }.into())
        }
        (Some(_), _) | (None, true) => None,
    }
}

fn not_found(words: Words) -> Failure {
    Failure::new(FailureCode::ImageNotFound, words)
}

/// D7: after a crash, from what is really there, on or back.
pub(super) fn settle(state: &TargetState, found: Observed, at: Timestamp) -> Vec<TargetEvent> {
    let mut deciding = Deciding::new(state);
    if let Some(rollout) = &state.rollout {
        let id = rollout.deployment;
        let at_effects = owed(state).into_iter().map(|(id, _)| id).collect();
        let goes_on = goes_on(state, rollout, &found);
        let command = owed(state)
            .into_iter()
            .map(|(_, effect)| effect)
            .find(|effect| matches!(effect, Effect::RunHook { .. } | Effect::RunReleaseCommand { .. }));
        deciding.push(RolloutInterrupted { id, at_effects, found, goes_on });
        // D8: neither a hook nor a release command is ever repeated after a crash.
        if let Some(command) = command {
            commands::unknown(&mut deciding, id, &command);
        }
        if !goes_on {
            let text = "haloy was interrupted in the middle of the rollout";
            conclude::turn_back(&mut deciding, Failure::new(FailureCode::Interrupted, text));
        }
    }
    let text = "haloy was interrupted in the middle of the restart";
    restart::cut_short(&mut deciding, Failure::new(FailureCode::Interrupted, text));
    conclude::conclude(&mut deciding, Some(at));
    deciding.events
}

/// Forward only if going back would cost more than going on, and going on can still succeed.
fn goes_on(state: &TargetState, rollout: &Rollout, found: &Observed) -> bool {
    if rollout.direction != Direction::Forward {
        return false;
    }
    let runs = |id| found.replicas.iter().any(|f| f.replica == id && f.running);
    let broken = rollout.replicas.iter().any(|r| {
        let there = found.replicas.iter().any(|f| f.replica == r.id);
        r.phase == ReplicaPhase::Unhealthy || (there && !runs(r.id))
    });
    if broken {
        return false;
    }
    let old = state.current.iter().filter(|live| !live.stopped).flat_map(|live| &live.replicas);
    let some_retired = old.clone().any(|r| !plan::serves(r) || !runs(r.id));
    let new = usize::from(rollout.spec.config.replicas);
    let all_new_well =
        rollout.replicas.iter().filter(|r| r.phase == ReplicaPhase::Healthy && runs(r.id)).count() == new;
    let replacing = rollout.spec.config.rollout == RolloutStrategy::Replace;
    some_retired || all_new_well || (replacing && conclude::retired(state))
}
