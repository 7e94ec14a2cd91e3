//! Names, pins, holds and prunes: rules for what stays restorable.

use super::deciding::{Deciding, expire, plan_prunes, retention_before};
use super::rejection::nothing_running;
use super::{NotRestorable, Rejection};
use crate::deployment::effect::name_tag;
use crate::deployment::restorable::restorable;
use crate::deployment::state::{RetainedRelease, TargetState};
use crate::event::*;
use crate::ids::{DeploymentId, ImageRef, ReleaseName};

/// A release that can be named, pinned or held: a good one of which something is left.
fn good(state: &TargetState, release: DeploymentId) -> Result<&RetainedRelease, Rejection> {
    let not = |why| Rejection::NotRestorable { release, why };
    let kept = state.kept(release).ok_or(not(NotRestorable::Pruned))?;
    match restorable(kept) {
        // What runs is certainly present, and a lost image may be found again.
        Ok(()) | Err(NotRestorable::ImageLost) => Ok(kept),
        Err(why) if Some(release) != state.current_release() || !kept.was_good() => Err(not(why)),
        Err(_) => Ok(kept),
    }
}

pub(super) fn tag(
    state: &TargetState,
    name: ReleaseName,
    release: DeploymentId,
    push: Option<PushedTag>,
) -> Result<Vec<TargetEvent>, Rejection> {
    nothing_running(state)?;
    let kept = good(state, release)?;
    let before = state.names.get(&name).copied();
    if before == Some(release) && push.is_none() {
        return Ok(Vec::new());
    }
    let local_tag = kept.tagged.as_ref().map(|_| name_tag(state, &name));
    Ok(vec![ReleaseTagged { name, before, after: release, local_tag, pushed: push }.into()])
}

pub(super) fn untag(
    state: &TargetState,
    name: ReleaseName,
    pushed: Option<ImageRef>,
) -> Result<Vec<TargetEvent>, Rejection> {
    nothing_running(state)?;
    let Some(before) = state.names.get(&name).copied() else { return Err(Rejection::NoSuchName { name }) };
    let local_tag = name_tag(state, &name);
    Ok(vec![ReleaseUntagged { name, before, local_tag, pushed }.into()])
}

pub(super) fn pin(
    state: &TargetState,
    release: DeploymentId,
    pinned: bool,
) -> Result<Vec<TargetEvent>, Rejection> {
    if pinned {
        let kept = good(state, release)?;
        return Ok(if kept.holds.pinned { Vec::new() } else { vec![ReleasePinned { rel: release }.into()] });
    }
    let Some(kept) = state.kept(release).filter(|kept| kept.holds.pinned) else { return Ok(Vec::new()) };
    Ok(release_and_expire(state, ReleaseUnpinned { rel: kept.release }.into()))
}

pub(super) fn hold(
    state: &TargetState,
    release: DeploymentId,
    basis: String,
) -> Result<Vec<TargetEvent>, Rejection> {
    let kept = good(state, release)?;
    if kept.holds.held {
        return Err(Rejection::AlreadyHeld { release });
    }
    Ok(vec![HoldPlaced { rel: release, basis: basis.into() }.into()])
}

pub(super) fn release_hold(
    state: &TargetState,
    release: DeploymentId,
) -> Result<Vec<TargetEvent>, Rejection> {
    let Some(kept) = state.kept(release).filter(|kept| kept.holds.held) else {
        return Err(Rejection::NotHeld { release });
    };
    Ok(release_and_expire(state, HoldReleased { rel: kept.release }.into()))
}

/// Without its pin or hold a release may have no place left.
fn release_and_expire(state: &TargetState, event: TargetEvent) -> Vec<TargetEvent> {
    let mut deciding = Deciding::new(state);
    deciding.push(event);
    expire(&mut deciding, Vec::new(), retention_before(state));
    deciding.events
}

/// Plans a removal for each volume named here, if haloy made it and no container uses it. No rule ever
/// removes a volume, and none is removed while a rollout, a stop or a restart may yet need it.
pub(super) fn remove_volumes(deciding: &mut Deciding, named: &[String]) {
    let state = &deciding.state;
    if state.rollout.is_some() || state.stop.is_some() || state.restart.is_some() {
        return;
    }
    let count = state.retention.as_ref().map_or(0, |retention| retention.count);
    let asked = state.volumes.iter().filter(|left| !left.pruning && named.contains(&left.made.volume));
    let planned: Vec<PrunePlanned> = asked
        .map(|left| PrunePlanned {
            rel: left.replica.deployment,
            artefact: Artefact::Volume(left.made.volume.clone()),
            rule: PruneRule::Asked,
            count,
        })
        .collect();
    planned.into_iter().for_each(|planned| deciding.push(planned));
}

/// A removal for everything that no rule keeps, and for the volumes that are named.
pub(super) fn prune(state: &TargetState, volumes: &[String]) -> Vec<TargetEvent> {
    let mut deciding = Deciding::new(state);
    expire(&mut deciding, Vec::new(), retention_before(state));
    for planned in plan_prunes(&deciding.state) {
        deciding.push(planned);
    }
    remove_volumes(&mut deciding, volumes);
    deciding.events
}
