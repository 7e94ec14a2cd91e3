//! What follows from an event for releases that are kept: tags, losses, pins, holds and names.

use super::evolve::parts::with_rollout;
use super::evolve::volumes;
use super::state::*;
use crate::event::*;
use crate::ids::{DeploymentId, EffectNumber};
use crate::release::{HistoryStrategy, ResolvedImage, TaggedImage};

pub(super) fn with(
    state: &mut TargetState,
    release: DeploymentId,
    change: impl FnOnce(&mut RetainedRelease),
) {
    if let Some(kept) = state.releases.iter_mut().find(|k| k.release == release) {
        change(kept);
    }
}

/// Folds one event; others than these change nothing here.
pub(super) fn evolve(state: &mut TargetState, event: &TargetEvent) {
    match event {
        TargetEvent::PrunePlanned(e) if e.artefact.is_volume() => volumes::planned(state, e),
        TargetEvent::PrunePlanned(e) => with(state, e.rel, |k| k.pruning = Some(e.rule)),
        TargetEvent::ArtefactPruned(e) => pruned(state, e),
        TargetEvent::PruneFailed(e) if e.artefact.is_volume() => volumes::failed(state, e),
        TargetEvent::PruneFailed(e) => with(state, e.rel, |k| (k.pruning, k.prune_attempts) = (None, 0)),
        TargetEvent::ImageLost(e) => with(state, e.rel, |k| k.image = ImageSeen::Lost),
        TargetEvent::ImageFound(e) => with(state, e.rel, |k| k.image = ImageSeen::There),
        TargetEvent::TagMoved(e) => with(state, e.rel, |k| {
            k.tag_now = match &e.now {
                Some(now) if *now == e.recorded => TagNow::AsRecorded,
                Some(now) => TagNow::At(now.clone()),
                None => TagNow::Gone,
            };
        }),
        TargetEvent::RetentionChanged(e) => expired(state, &e.dropped),
        TargetEvent::ReleaseTagged(e) => tagged(state, e),
        TargetEvent::ReleaseUntagged(e) => untagged(state, e),
        TargetEvent::ReleasePinned(e) => with(state, e.rel, |k| k.holds.pinned = true),
        TargetEvent::ReleaseUnpinned(e) => with(state, e.rel, |k| k.holds.pinned = false),
        TargetEvent::HoldPlaced(e) => with(state, e.rel, |k| k.holds.held = true),
        TargetEvent::HoldReleased(e) => with(state, e.rel, |k| k.holds.held = false),
        _others => {}
    }
}

/// The image of a rollout has its own tag; or a name reached the engine.
pub(super) fn image_tagged(state: &mut TargetState, e: &ImageTagged) {
    if !is_own_tag(&e.local_tag, e.rel) {
        return named(state, |naming| {
            naming.local.take_if(|local| local.local_tag == e.local_tag);
        });
    }
    let tagged = TaggedImage {
        local_tag: e.local_tag.clone(),
        image_id: e.image_id.clone(),
        engine_id: e.engine_id.clone(),
    };
    let (mut strategy, mut origin) = (HistoryStrategy::Local, None);
    with_rollout(state, e.id, |rollout| {
        rollout.tagged = Some(tagged.clone());
        strategy = rollout.spec.config.retention.strategy;
        origin = rollout.image.as_ref().filter(|_| strategy == HistoryStrategy::Registry).and_then(origin_of);
    });
    match state.releases.iter_mut().find(|k| k.release == e.rel) {
        Some(kept) => {
            kept.tagged = Some(tagged);
            kept.image = ImageSeen::There;
        }
        None => state.releases.push(RetainedRelease {
            release: e.rel,
            strategy,
            standing: Standing::Candidate,
            first_live: 0,
            last_live: 0,
            left_at: None,
            tagged: Some(tagged),
            origin,
            tag_now: TagNow::AsRecorded,
            image: ImageSeen::There,
            holds: Holds::default(),
            pruning: None,
            prune_attempts: 0,
        }),
    }
}

fn origin_of(image: &ResolvedImage) -> Option<Origin> {
    let digest = image.digest.clone()?;
    let tag_digest = image.index_digest.clone().unwrap_or_else(|| digest.clone());
    Some(Origin { reference: image.reference.clone(), tag_digest, digest })
}

/// An image reached its registry: the one of a rollout, or one with a new name.
pub(super) fn pushed(state: &mut TargetState, e: &ImagePushed) {
    with_rollout(state, e.id, |rollout| {
        if let Some(image) = &mut rollout.image {
            image.digest = Some(e.digest.clone());
        }
    });
    named(state, |naming| {
        naming.push.take_if(|push| push.reference == e.reference);
    });
}

/// One part of a name is done; without any part left, the name is done.
fn named(state: &mut TargetState, change: impl FnOnce(&mut Naming)) {
    if let Some(naming) = &mut state.naming {
        change(naming);
    }
    state.naming.take_if(|naming| naming.local.is_none() && naming.push.is_none() && naming.unpush.is_none());
}

fn tagged(state: &mut TargetState, e: &ReleaseTagged) {
    state.names.insert(e.name.clone(), e.after);
    let image_id = state.kept(e.after).and_then(|k| k.tagged.as_ref()).map(|tagged| tagged.image_id.clone());
    let local = (e.local_tag.clone())
        .zip(image_id)
        .map(|(local_tag, image_id)| LocalNaming { local_tag, image_id: Some(image_id) });
    let push = e.pushed.clone();
    let naming = Naming { release: e.after, local, push, unpush: None, attempts: Default::default() };
    state.naming = Some(naming);
    named(state, |_| {});
}

fn untagged(state: &mut TargetState, e: &ReleaseUntagged) {
    state.names.remove(&e.name);
    let local = Some(LocalNaming { local_tag: e.local_tag.clone(), image_id: None });
    let unpush = e.pushed.clone();
    let naming = Naming { release: e.before, local, push: None, unpush, attempts: Default::default() };
    state.naming = Some(naming);
}

fn pruned(state: &mut TargetState, e: &ArtefactPruned) {
    if matches!(e.artefact, Artefact::Volume(_)) {
        return volumes::pruned(state, e);
    }
    if !e.artefact.is_own(e.rel) {
        return named(state, |naming| match &e.artefact {
            Artefact::LocalTag(tag) => drop(naming.local.take_if(|local| local.local_tag == *tag)),
            Artefact::RegistryTag(tag) => drop(naming.unpush.take_if(|gone| gone.as_str() == tag)),
            Artefact::Volume(_) => {}
        });
    }
    with(state, e.rel, |k| {
        k.tagged = None;
        k.pruning = None;
        k.prune_attempts = 0;
    });
    forget(state);
}

fn expired(state: &mut TargetState, dropped: &[DeploymentId]) {
    let in_registry =
        |k: &&mut RetainedRelease| k.strategy == HistoryStrategy::Registry && dropped.contains(&k.release);
    state.releases.iter_mut().filter(in_registry).for_each(|kept| kept.standing = Standing::Expired);
    forget(state);
}

/// What holds nothing here and can no longer be restored lives on in the projections only.
fn forget(state: &mut TargetState) {
    let current = state.current_release();
    let in_registry = |k: &RetainedRelease| {
        k.strategy == HistoryStrategy::Registry && k.standing == Standing::Good && k.origin.is_some()
    };
    state.releases.retain(|k| k.tagged.is_some() || Some(k.release) == current || in_registry(k));
}

/// Counts an attempt at a removal or a name; false if the effect was of another kind.
pub(super) fn attempt_failed(state: &mut TargetState, e: &EffectAttemptFailed) -> bool {
    if e.eff.number == EffectNumber::RemoveVolume {
        let left = state.volumes.iter_mut().find(|left| left.made.volume == e.eff.subject);
        left.into_iter().for_each(|left| left.attempts = e.attempt);
        return true;
    }
    let own = e.eff.number == EffectNumber::RemoveLocalTag && is_own_tag(&e.eff.subject, e.eff.deployment);
    if let Some(naming) = state.naming.as_mut().filter(|_| !own) {
        naming.attempts.insert(e.eff.clone(), e.attempt);
        return true;
    }
    if e.eff.number != EffectNumber::RemoveLocalTag {
        return false;
    }
    with(state, e.eff.deployment, |k| k.prune_attempts = e.attempt);
    true
}
