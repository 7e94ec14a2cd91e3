//! What follows from an event: pure, total, without clock or lookups.
//!
//! An event that does not fit (of another rollout, of a replica that is not known) changes nothing:
//! the log is the truth, and a fold never fails.

use super::kept;
use super::plan::{self, Step};
use super::state::*;
use crate::event::*;
use crate::ids::{DeploymentId, ReplicaId};
use crate::outcome::{Failure, Observed};
use crate::release::{HistoryStrategy, MadeVolume, ReleaseSpec};
use std::sync::Arc;

pub(super) mod failures;
pub(super) mod parts;
mod replicas;
mod restart;
mod routes;
pub(super) mod volumes;

use failures::{attempt_failed, effect_failed};
use parts::{replicas, set_phase, with_rollout};
use replicas::{replica_healthy, replica_removed, replica_started, restarted};

/// Folds one event into the state of its target.
pub fn evolve(mut state: TargetState, event: &TargetEvent) -> TargetState {
    let had = volumes::had(&state);
    match event {
        TargetEvent::DeploymentRequested(e) => {
            routes::try_again(&mut state);
            state.proposed = Some(rollout(e));
        }
        TargetEvent::DeploymentAdmitted(e) => admitted(&mut state, e.id),
        // Nothing of the deployment was started.
        TargetEvent::DeploymentRefused(e) => refused(&mut state, e.id),
        TargetEvent::ReleaseCommandFinished(e) => {
            with_rollout(&mut state, e.id, |r| r.release_command = Some(e.exit));
        }
        // Nothing that a rule of this version owes or waits for.
        TargetEvent::ExecRun(_) => {}
        TargetEvent::CancelRequested(e) => cancel_requested(&mut state, e.id),
        TargetEvent::ImageResolved(e) => with_rollout(&mut state, e.id, |r| r.image = Some(e.image.clone())),
        TargetEvent::ImageBuilt(e) => with_rollout(&mut state, e.id, |r| {
            r.image = Some(e.image(r.spec.config.image.reference.clone()));
        }),
        TargetEvent::ImagePulled(e) => with_rollout(&mut state, e.id, |r| {
            if let Some(image) = &mut r.image {
                image.image_id = Some(e.image_id.clone());
            }
        }),
        TargetEvent::ImagePushed(e) => kept::pushed(&mut state, e),
        TargetEvent::ImageTagged(e) => kept::image_tagged(&mut state, e),
        TargetEvent::NetworkReady(e) => {
            with_rollout(&mut state, e.id, |r| r.network_id = Some(e.network_id.clone()));
        }
        TargetEvent::HookFinished(e) => with_rollout(&mut state, e.id, |r| r.hooks.push((e.hook, e.exit))),
        TargetEvent::ReplicaStarted(e) => replica_started(&mut state, e),
        TargetEvent::ReplicaHealthy(e) => replica_healthy(&mut state, e.r),
        TargetEvent::ReplicaUnhealthy(e) => set_phase(&mut state, e.r, ReplicaPhase::Unhealthy),
        TargetEvent::RoutesApplied(e) => routes::applied(&mut state, e),
        TargetEvent::ReplicaDrained(e) => routes::drained(&mut state, e.r),
        TargetEvent::ReplicaStopped(e) => set_phase(&mut state, e.r, ReplicaPhase::Stopped),
        TargetEvent::ReplicaRemoved(e) => replica_removed(&mut state, e),
        TargetEvent::EffectAttemptFailed(e) => attempt_failed(&mut state, e),
        TargetEvent::EffectFailed(e) => effect_failed(&mut state, e),
        TargetEvent::RolloutTurnedBack(e) => turned_back(&mut state, e.id, &e.cause, e.after_retired),
        TargetEvent::RolloutInterrupted(e) => interrupted(&mut state, e),
        TargetEvent::DeploymentSucceeded(e) => succeeded(&mut state, e.id),
        TargetEvent::DeploymentFailed(e) => ended(&mut state, e.id, Ending::Failed),
        TargetEvent::DeploymentRolledBack(e) => ended(&mut state, e.id, Ending::RolledBack),
        TargetEvent::DeploymentCancelled(e) => ended(&mut state, e.id, Ending::Cancelled),
        TargetEvent::DeploymentInterrupted(e) => ended(&mut state, e.id, Ending::Interrupted),
        TargetEvent::PrunePlanned(_)
        | TargetEvent::ArtefactPruned(_)
        | TargetEvent::PruneFailed(_)
        | TargetEvent::ImageLost(_)
        | TargetEvent::ImageFound(_)
        | registry_events!()
        | TargetEvent::RetentionChanged(_)
        | TargetEvent::ReleaseTagged(_)
        | TargetEvent::ReleaseUntagged(_)
        | hold_events!() => kept::evolve(&mut state, event),
        TargetEvent::StopRequested(e) => stop_requested(&mut state, e),
        TargetEvent::TargetStopped(_) => stopped(&mut state),
        TargetEvent::ReplicaRestarted(e) => restarted(&mut state, e),
        TargetEvent::RestartRequested(_) | TargetEvent::RestartCutShort(_) | TargetEvent::RestartEnded(_) => {
            restart::evolve(&mut state, event);
        }
    }
    routes::remember(&mut state);
    volumes::remember(&mut state, had);
    state
}

fn rollout(e: &DeploymentRequested) -> Rollout {
    let (release, spec, image, rollback, secrets) = match &e.ask {
        DeploymentKind::Deploy { release } => {
            (e.id, release.as_ref().clone(), None, false, SecretsFrom::Fresh)
        }
        DeploymentKind::Rollback { restores, release, image, changed_secrets, secrets, .. } => {
            let mut spec = release.as_ref().clone();
            for changed in changed_secrets {
                let credentials = spec.config.image.registry.iter_mut();
                let credentials = credentials.flat_map(|auth| [&mut auth.username, &mut auth.password]);
                let entries = spec.config.env.iter_mut().chain(credentials);
                for entry in entries.filter(|entry| entry.name == changed.name) {
                    entry.fingerprint = changed.fingerprint.clone();
                }
            }
            (*restores, spec, Some(image.as_ref().clone()), true, *secrets)
        }
    };
    Rollout {
        deployment: e.id,
        requested: e.at,
        release,
        spec: Arc::new(ReleaseSpec { config: spec.config.without_private(), ..spec }),
        rollback,
        secrets,
        direction: Direction::Forward,
        cancelled: false,
        interrupted: false,
        hooks: Vec::new(),
        release_command: None,
        image,
        tagged: None,
        network_id: None,
        replicas: Vec::new(),
        attempts: Default::default(),
    }
}

/// Every gate let it pass: it begins.
fn admitted(state: &mut TargetState, id: DeploymentId) {
    if let Some(rollout) = state.proposed.take_if(|proposed| proposed.deployment == id) {
        state.rollout = Some(rollout);
    }
}

fn cancel_requested(state: &mut TargetState, id: DeploymentId) {
    let asked = [&mut state.proposed, &mut state.rollout].into_iter().flatten();
    asked.filter(|r| r.deployment == id).for_each(|r| r.cancelled = true);
}

fn refused(state: &mut TargetState, id: DeploymentId) {
    if state.proposed.take_if(|proposed| proposed.deployment == id).is_some() {
        state.last_ended = Some((id, Ending::Refused));
    }
}

/// Turning: what was being done may or may not have happened, and is dealt with either way.
fn turned_back(state: &mut TargetState, id: DeploymentId, cause: &Failure, after_retired: bool) {
    let in_flight = plan::steps(state);
    for step in in_flight {
        match step {
            Step::Start(index) => with_rollout(state, id, |rollout| {
                rollout
                    .replicas
                    .push(Replica::new(ReplicaId { deployment: id, index }, ReplicaPhase::Wanted));
                rollout.replicas.sort_by_key(|r| r.id);
            }),
            Step::Stop(replica) => set_phase(state, replica, ReplicaPhase::Leaving),
            Step::Hook(_)
            | Step::Resolve
            | Step::Build
            | Step::Push
            | Step::Pull
            | Step::Tag
            | Step::Network
            | Step::ReleaseCommand
            | Step::Await(_)
            | Step::StartAgain(_)
            | Step::AwaitAgain(_)
            | Step::Routes
            | Step::Drain(_)
            | Step::Remove(_) => {}
        }
    }
    routes::try_again(state);
    with_rollout(state, id, |rollout| {
        rollout.direction = Direction::Back { cause: cause.clone(), after_retired };
        rollout.attempts.clear();
    });
}

/// Takes the observed state as the actual one.
fn interrupted(state: &mut TargetState, e: &RolloutInterrupted) {
    let wanted: Vec<(ReplicaId, Vec<MadeVolume>)> = plan::steps(state)
        .into_iter()
        .filter_map(|step| match step {
            Step::Start(index) => {
                Some((ReplicaId { deployment: e.id, index }, volumes::taken_over(state, index)))
            }
            Step::Hook(_)
            | Step::Resolve
            | Step::Build
            | Step::Push
            | Step::Pull
            | Step::Tag
            | Step::Network
            | Step::ReleaseCommand
            | Step::Await(_)
            | Step::StartAgain(_)
            | Step::AwaitAgain(_)
            | Step::Stop(_)
            | Step::Routes
            | Step::Drain(_)
            | Step::Remove(_) => None,
        })
        .collect();
    routes::try_again(state);
    for replica in replicas(state) {
        replica.phase = phase_found(replica, &e.found);
    }
    with_rollout(state, e.id, |rollout| {
        // A new replica that vanished is started again; on the way back it is simply gone.
        if rollout.direction == Direction::Forward {
            rollout.replicas.retain(|r| r.phase != ReplicaPhase::Removed);
        }
        for (id, volumes) in wanted {
            let Some(found) = e.found.replicas.iter().find(|found| found.replica == id) else { continue };
            let phase = if found.running { ReplicaPhase::Started } else { ReplicaPhase::Unhealthy };
            rollout.replicas.push(Replica {
                container_id: Some(found.container_id.clone()),
                address: found.address.clone(),
                volumes,
                ..Replica::new(id, phase)
            });
        }
        rollout.replicas.sort_by_key(|r| r.id);
        rollout.interrupted = true;
        rollout.attempts.clear();
    });
}

fn phase_found(replica: &Replica, found: &Observed) -> ReplicaPhase {
    match found.replicas.iter().find(|f| f.replica == replica.id) {
        // Its start may still be in progress on the engine.
        None if replica.phase == ReplicaPhase::Wanted => ReplicaPhase::Wanted,
        None => ReplicaPhase::Removed,
        Some(f) if f.running && replica.phase == ReplicaPhase::Stopped => ReplicaPhase::Leaving,
        Some(f) if f.running => replica.phase,
        Some(_) => ReplicaPhase::Stopped,
    }
}

fn succeeded(state: &mut TargetState, id: DeploymentId) {
    let Some(rollout) = state.rollout.take_if(|r| r.deployment == id) else { return };
    state.lives += 1;
    let live = state.lives;
    state.routes.base = rollout.spec.config.domains.clone();
    if rollout.rollback {
        if let Some(left) = state.current_release().filter(|left| *left != rollout.release) {
            kept::with(state, left, |k| k.left_at = Some(live));
        }
    } else {
        remember_retention(state, &rollout);
    }
    kept::with(state, rollout.release, |k| {
        // An expired release is restored by its image alone, and goes on without a place.
        if k.standing == Standing::Candidate {
            k.standing = Standing::Good;
        }
        k.last_live = live;
        k.first_live = if k.first_live == 0 { live } else { k.first_live };
    });
    state.releases.sort_by_key(|k| std::cmp::Reverse((k.last_live, k.release)));
    if let (Some(image), Some(tagged)) = (rollout.image, rollout.tagged) {
        state.current = Some(Live {
            deployment: rollout.deployment,
            release: rollout.release,
            spec: rollout.spec,
            image,
            tagged,
            replicas: rollout.replicas.into_iter().filter(plan::serves).collect(),
            stopped: false,
            secrets: rollout.secrets,
            volumes: Vec::new(),
        });
    }
    state.last_ended = Some((id, Ending::Succeeded));
}

/// With strategy `none` nothing of the new release is kept, but earlier releases keep the count they had.
fn remember_retention(state: &mut TargetState, rollout: &Rollout) {
    let mut retention = rollout.spec.config.retention.clone();
    if retention.strategy == HistoryStrategy::None {
        retention.count = state.retention.as_ref().map_or(0, |before| before.count);
    }
    state.retention = Some(retention);
}

fn ended(state: &mut TargetState, id: DeploymentId, ending: Ending) {
    let Some(rollout) = state.rollout.take_if(|r| r.deployment == id) else { return };
    if let Some(live) = &mut state.current {
        let restored = rollout.replicas.into_iter().filter(|r| r.id.index >= rollout.spec.config.replicas);
        live.replicas.extend(restored);
        live.replicas
            .retain(|r| if live.stopped { r.phase != ReplicaPhase::Removed } else { plan::serves(r) });
    }
    state.last_ended = Some((id, ending));
}

fn stop_requested(state: &mut TargetState, e: &StopRequested) {
    routes::try_again(state);
    state.stop = Some(Stop { remove: e.remove, volumes: e.volumes.clone(), attempts: Default::default() });
}

fn stopped(state: &mut TargetState) {
    // What is removed gives its domains back; what is only stopped keeps them.
    if state.stop.take().is_some_and(|stop| stop.remove) {
        state.routes.base.clear();
    }
    if let Some(live) = &mut state.current {
        live.stopped = true;
        live.replicas.retain(|r| r.phase != ReplicaPhase::Removed);
    }
}
