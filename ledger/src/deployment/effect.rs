//! Effects that a target owes the world: acts as data, derived from the state, never stored.
//!
//! Effects carry no secret values. Values of the environment and credentials travel beside them,
//! see `EffectContext` in the executors.

mod kinds;
mod replicas;

pub use kinds::{Effect, ReplicaSpec};
pub use replicas::started_by;

use kinds::id;

use super::plan::{self, Step};
use super::route::desired_routes;
use super::state::{ReplicaPhase, Rollout, TargetState};
use crate::event::{HookId, HookStage};
use crate::ids::{DeploymentId, EffectId, EffectNumber, ReplicaId, slug};
use crate::release::{ConfigSnapshot, HistoryStrategy, UncoveredVolumes};

/// Every effect that is owed now, with the id that it keeps over attempts and restarts.
///
/// Derived from the state alone: the same state after a restart gives the same answer.
pub fn owed(state: &TargetState) -> Vec<(EffectId, Effect)> {
    let steps = plan::steps(state);
    let rollout = steps.iter().filter_map(|step| effect(state, step));
    rollout.chain(removals(state)).chain(volumes(state)).chain(naming(state)).collect()
}

/// The tag of a release on the engine: every deployment owns its own.
pub fn local_tag(state: &TargetState, release: DeploymentId) -> String {
    format!("{}:{release}", slug(state.key.app.as_str()))
}

/// What a name needs on the engine and in the registry.
fn naming(state: &TargetState) -> impl Iterator<Item = (EffectId, Effect)> {
    use EffectNumber as N;
    state.naming.iter().flat_map(|naming| {
        let local = naming.local.as_ref().map(|local| {
            let local_tag = local.local_tag.clone();
            match &local.image_id {
                Some(image_id) => (
                    id(naming.release, N::TagImage, &local_tag),
                    Effect::TagImage { image_id: image_id.clone(), local_tag, covering: None },
                ),
                None => {
                    (id(naming.release, N::RemoveLocalTag, &local_tag), Effect::RemoveLocalTag { local_tag })
                }
            }
        });
        let push = naming.push.as_ref().map(|push| {
            let (reference, digest) = (push.reference.clone(), push.digest.clone());
            (id(naming.release, N::PushTag, &reference), Effect::PushTag { reference, digest })
        });
        let unpush = naming.unpush.as_ref().map(|reference| {
            let reference = reference.clone();
            (id(naming.release, N::DeleteRegistryTag, &reference), Effect::DeleteRegistryTag { reference })
        });
        local.into_iter().chain(push).chain(unpush)
    })
}

/// The tag of a name on the engine.
pub fn name_tag(state: &TargetState, name: &crate::ids::ReleaseName) -> String {
    format!("{}:{name}", slug(state.key.app.as_str()))
}

/// Tags whose removal is planned. Not while they are needed again: a rollback may have taken over.
fn removals(state: &TargetState) -> impl Iterator<Item = (EffectId, Effect)> {
    state.releases.iter().filter(|k| k.pruning.is_some()).filter_map(|kept| {
        let local_tag = kept.tagged.as_ref()?.local_tag.clone();
        let id = id(kept.release, EffectNumber::RemoveLocalTag, &local_tag);
        Some((id, Effect::RemoveLocalTag { local_tag }))
    })
}

/// Volumes whose removal is planned: only on request, never by a rule.
fn volumes(state: &TargetState) -> impl Iterator<Item = (EffectId, Effect)> {
    state.volumes.iter().filter(|left| left.pruning).map(|left| {
        let volume = left.made.volume.clone();
        (id(left.replica.deployment, EffectNumber::RemoveVolume, &volume), Effect::RemoveVolume { volume })
    })
}

fn effect(state: &TargetState, step: &Step) -> Option<(EffectId, Effect)> {
    use EffectNumber as N;
    match step {
        Step::Stop(replica) => {
            let id = id(replica.deployment, N::StopReplica, replica.index);
            let grace_seconds = replicas::grace_seconds(state, *replica);
            let expected = expected(state, *replica);
            Some((id, Effect::StopReplica { replica: *replica, grace_seconds, expected }))
        }
        Step::Remove(replica) => {
            let id = id(replica.deployment, N::RemoveReplica, replica.index);
            Some((id, Effect::RemoveReplica { replica: *replica }))
        }
        Step::Routes => {
            let by = state.rollout.as_ref().map(|rollout| rollout.deployment);
            let by =
                by.or(state.current.as_ref().map(|live| live.deployment)).or(state.routes.applied_for)?;
            let subject = format!("routes-{}", state.routes.changes);
            Some((id(by, N::ApplyRoutes, subject), Effect::ApplyRoutes { desired: desired_routes(state) }))
        }
        Step::Drain(replica) => {
            let id = id(replica.deployment, N::Drain, replica.index);
            Some((id, Effect::Drain { replica: *replica }))
        }
        Step::StartAgain(replica) => replicas::started_by(state, *replica),
        Step::AwaitAgain(replica) => {
            let id = id(replica.deployment, N::AwaitHealthy, replica.index);
            Some((id, replicas::await_again(state, *replica)?))
        }
        Step::Hook(_)
        | Step::Resolve
        | Step::Build
        | Step::Push
        | Step::Pull
        | Step::Tag
        | Step::Network
        | Step::ReleaseCommand
        | Step::Start(_)
        | Step::Await(_) => rollout_effect(state, state.rollout.as_ref()?, step),
    }
}

/// The replica was being started when the rollout turned, and no container of it was ever reported.
fn expected(state: &TargetState, id: ReplicaId) -> bool {
    let mut replicas = state.rollout.iter().flat_map(|rollout| &rollout.replicas);
    replicas.any(|replica| replica.id == id && replica.phase == ReplicaPhase::Wanted)
}

fn rollout_effect(state: &TargetState, rollout: &Rollout, step: &Step) -> Option<(EffectId, Effect)> {
    use EffectNumber as N;
    let deployment = rollout.deployment;
    let config = &rollout.spec.config;
    Some(match step {
        Step::Hook(hook) => (id(deployment, N::RunHook, hook_subject(*hook)), run_hook(config, *hook)?),
        Step::Resolve => (
            id(deployment, N::ResolveImage, ""),
            Effect::ResolveImage {
                image: Box::new(config.image.clone()),
                registry: config.retention.strategy == HistoryStrategy::Registry,
            },
        ),
        Step::Build => {
            let local_tag = local_tag(state, rollout.release);
            let build = config.image.build.clone()?;
            (id(deployment, N::BuildImage, ""), Effect::BuildImage { build, local_tag })
        }
        Step::Push => {
            let image_id = rollout.image.as_ref()?.image_id.clone()?;
            let reference = config.image.reference.clone();
            (id(deployment, N::PushImage, ""), Effect::PushImage { image_id, reference })
        }
        Step::Pull => (id(deployment, N::PullImage, ""), pull(rollout)?),
        Step::Tag => {
            let image_id = rollout.image.as_ref()?.image_id.clone()?;
            let local_tag = local_tag(state, rollout.release);
            let refuse = config.uncovered_volumes == Some(UncoveredVolumes::Refuse);
            let covering = refuse.then(|| config.volumes.clone());
            (id(deployment, N::TagImage, &local_tag), Effect::TagImage { image_id, local_tag, covering })
        }
        Step::Network => {
            (id(deployment, N::EnsureNetwork, ""), Effect::EnsureNetwork { network: config.network.clone() })
        }
        Step::ReleaseCommand => {
            (id(deployment, N::RunReleaseCommand, ""), replicas::release_command(state, rollout)?)
        }
        Step::Start(index) => (
            id(deployment, N::StartReplica, index),
            Effect::StartReplica(Box::new(replicas::start(state, rollout, *index)?)),
        ),
        Step::Await(index) => {
            (id(deployment, N::AwaitHealthy, index), replicas::await_healthy(state, rollout, *index)?)
        }
        Step::Stop(_)
        | Step::Remove(_)
        | Step::StartAgain(_)
        | Step::AwaitAgain(_)
        | Step::Routes
        | Step::Drain(_) => return None,
    })
}

fn hook_subject(hook: HookId) -> String {
    match hook.stage {
        HookStage::PreDeploy => format!("pre-{}", hook.index),
        HookStage::PostDeploy => format!("post-{}", hook.index),
    }
}

fn run_hook(config: &ConfigSnapshot, hook: HookId) -> Option<Effect> {
    let commands = match hook.stage {
        HookStage::PreDeploy => &config.hooks.pre_deploy,
        HookStage::PostDeploy => &config.hooks.post_deploy,
    };
    commands.get(usize::from(hook.index))?;
    Some(Effect::RunHook { hook, folder: config.hooks.folder.clone() })
}

fn pull(rollout: &Rollout) -> Option<Effect> {
    let image = rollout.image.as_ref()?;
    Some(Effect::PullImage {
        reference: image.reference.clone(),
        digest: image.digest.clone(),
        policy: rollout.spec.config.image.pull_policy,
    })
}
