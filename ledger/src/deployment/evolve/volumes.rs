//! Volumes that haloy made: who has them, and which no container has any more.
//!
//! One rule for every event: a volume that a replica had before the event and none has after it is left over.
//! Only the event of its removal, and a user who names it, take a volume away here.

use crate::deployment::plan;
use crate::deployment::state::{LeftVolume, Replica, ReplicaPhase, TargetState};
use crate::event::{Artefact, ArtefactPruned, PruneFailed, PrunePlanned};
use crate::ids::ReplicaId;
use crate::release::{MadeVolume, RolloutStrategy, volumes};
use std::collections::BTreeSet;

/// Most volumes that are remembered as left; of more, the oldest are for their owner to find by label.
const MOST: usize = 500;

/// What replicas had before an event.
pub(super) struct Had {
    /// Volumes of the live release.
    live: Vec<(ReplicaId, MadeVolume)>,
    /// Volumes of the rollout.
    new: Vec<(ReplicaId, MadeVolume)>,
}

fn of(replicas: &[Replica]) -> Vec<(ReplicaId, MadeVolume)> {
    replicas.iter().flat_map(|r| r.volumes.iter().map(|made| (r.id, made.clone()))).collect()
}

/// Looks before an event is folded. Most targets have nothing of the kind.
pub(super) fn had(state: &TargetState) -> Had {
    Had {
        live: state.current.as_ref().map(|live| of(&live.replicas)).unwrap_or_default(),
        new: state.rollout.as_ref().map(|rollout| of(&rollout.replicas)).unwrap_or_default(),
    }
}

fn replicas(state: &TargetState) -> impl Iterator<Item = &Replica> {
    let old = state.current.iter().flat_map(|live| &live.replicas);
    old.chain(state.rollout.iter().flat_map(|rollout| &rollout.replicas))
}

/// Names of volumes that a container has, or may have.
fn held(state: &TargetState) -> BTreeSet<String> {
    let there = replicas(state).filter(|r| r.phase != ReplicaPhase::Removed);
    there.flat_map(|r| &r.volumes).map(|made| made.volume.clone()).collect()
}

/// Volume sources that the user names, in what is live or in progress: from then on they are the user's.
fn named(state: &TargetState) -> BTreeSet<&str> {
    let live = state.current.iter().flat_map(|live| &live.spec.config.volumes);
    let new = state.rollout.iter().flat_map(|rollout| &rollout.spec.config.volumes);
    live.chain(new).filter_map(|entry| volumes::parts_of(entry)).map(|(source, _)| source).collect()
}

/// Whether the user names this volume.
pub(in crate::deployment) fn is_named(state: &TargetState, volume: &str) -> bool {
    named(state).contains(volume)
}

/// After an event: a volume without any container is left over, one that is used again is not.
pub(super) fn remember(state: &mut TargetState, had: Had) {
    if let Some(live) = &mut state.current
        && live.replicas.is_empty()
        && !had.live.is_empty()
    {
        live.volumes = had.live.iter().map(|(_, made)| made.clone()).collect();
    }
    let had: Vec<(ReplicaId, MadeVolume)> = had.live.into_iter().chain(had.new).collect();
    if had.is_empty() && state.volumes.is_empty() {
        return;
    }
    let (held, named) = (held(state), named(state));
    let stays = |volume: &str| !held.contains(volume) && !named.contains(volume);
    let mut left = state.volumes.clone();
    left.retain(|known| stays(&known.made.volume));
    for (replica, made) in had {
        if stays(&made.volume) && !left.iter().any(|known| known.made.volume == made.volume) {
            left.push(LeftVolume { made, replica, pruning: false, attempts: 0 });
        }
    }
    left.drain(..left.len().saturating_sub(MOST));
    state.volumes = left;
}

/// A removed container had these volumes, whatever was known of it.
pub(super) fn found(state: &mut TargetState, id: ReplicaId, volumes: &[MadeVolume]) {
    for made in volumes {
        if !state.volumes.iter().any(|left| left.made.volume == made.volume) {
            let made = made.clone();
            state.volumes.push(LeftVolume { made, replica: id, pruning: false, attempts: 0 });
        }
    }
    let old = state.current.iter_mut().flat_map(|live| &mut live.replicas);
    let new = state.rollout.iter_mut().flat_map(|rollout| &mut rollout.replicas);
    if let Some(replica) = old.chain(new).find(|replica| replica.id == id) {
        let more = volumes.iter().filter(|made| !replica.volumes.contains(made)).cloned();
        let more: Vec<MadeVolume> = more.collect();
        replica.volumes.extend(more);
    }
}

fn with(state: &mut TargetState, artefact: &Artefact, change: impl FnOnce(&mut LeftVolume)) {
    let Artefact::Volume(volume) = artefact else { return };
    if let Some(left) = state.volumes.iter_mut().find(|left| left.made.volume == *volume) {
        change(left);
    }
}

/// The volume is to go.
pub(in crate::deployment) fn planned(state: &mut TargetState, e: &PrunePlanned) {
    with(state, &e.artefact, |left| left.pruning = true);
}

/// The volume stays after all.
pub(in crate::deployment) fn failed(state: &mut TargetState, e: &PruneFailed) {
    with(state, &e.artefact, |left| (left.pruning, left.attempts) = (false, 0));
}

/// The volume is gone, with its data.
pub(in crate::deployment) fn pruned(state: &mut TargetState, e: &ArtefactPruned) {
    let Artefact::Volume(volume) = &e.artefact else { return };
    state.volumes.retain(|left| left.made.volume != *volume);
    if let Some(live) = &mut state.current {
        live.volumes.retain(|made| made.volume != *volume);
    }
}

/// Volumes that a new replica takes over: those of the replica that it replaces, if that is gone and was the
/// only one, so that two containers never write to one volume.
pub(in crate::deployment) fn taken_over(state: &TargetState, index: u16) -> Vec<MadeVolume> {
    let (Some(rollout), Some(live)) = (&state.rollout, &state.current) else { return Vec::new() };
    let new = rollout.spec.config.replicas;
    let gone = |r: &&Replica| matches!(r.phase, ReplicaPhase::Stopped | ReplicaPhase::Removed);
    let before: &[MadeVolume] = if index >= new {
        let place = usize::from(index - new);
        let restored = live.replicas.iter().filter(|r| !plan::serves(r)).nth(place).filter(gone);
        restored.map(|r| r.volumes.as_slice()).unwrap_or_default()
    } else if rollout.spec.config.rollout == RolloutStrategy::Replace && new == 1 {
        match live.replicas.as_slice() {
            [] => &live.volumes,
            [only] if gone(&only) => &only.volumes,
            _several => &[],
        }
    } else {
        &[]
    };
    let alone = |made: &MadeVolume| before.iter().filter(|other| other.path == made.path).count() == 1;
    let going = |made: &MadeVolume| state.volumes.iter().any(|v| v.pruning && v.made.volume == made.volume);
    before.iter().filter(|made| alone(made) && !going(made)).cloned().collect()
}
