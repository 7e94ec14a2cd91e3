//! Containers of a target, as data: what they run, and for how long they are waited for.

use super::kinds::{Effect, ReplicaSpec, id};
use crate::deployment::evolve::volumes::taken_over;
use crate::deployment::state::{Live, Replica, Rollout, TargetState};
use crate::ids::{DeploymentId, Digest, EffectId, EffectNumber, ReplicaId, TargetKey};
use crate::release::{ConfigSnapshot, NamingStrategy};

/// Seconds that a container has to end after its signal, where the file does not say.
const GRACE_SECONDS: u32 = 20;

/// The configuration, image and release that a replica of this number runs.
fn runs<'a>(
    state: &'a TargetState,
    rollout: &'a Rollout,
    index: u16,
) -> Option<(&'a ConfigSnapshot, &'a Digest, DeploymentId)> {
    if index < rollout.spec.config.replicas {
        return Some((&rollout.spec.config, &rollout.tagged.as_ref()?.image_id, rollout.release));
    }
    let Live { spec, tagged, release, .. } = state.current.as_ref()?;
    Some((&spec.config, &tagged.image_id, *release))
}

pub(super) fn start(state: &TargetState, rollout: &Rollout, index: u16) -> Option<ReplicaSpec> {
    let runs = runs(state, rollout, index)?;
    Some(replica_spec(state, ReplicaId { deployment: rollout.deployment, index }, runs))
}

/// The effect that started a replica of what is live: done again, it starts the same container again.
pub fn started_by(state: &TargetState, replica: ReplicaId) -> Option<(EffectId, Effect)> {
    let Live { spec, tagged, release, .. } = state.current.as_ref()?;
    let spec = replica_spec(state, replica, (&spec.config, &tagged.image_id, *release));
    let id = id(replica.deployment, EffectNumber::StartReplica, replica.index);
    Some((id, Effect::StartReplica(Box::new(spec))))
}

fn replica_spec(
    state: &TargetState,
    replica: ReplicaId,
    (config, image_id, release): (&ConfigSnapshot, &Digest, DeploymentId),
) -> ReplicaSpec {
    let (TargetKey { app, target }, ReplicaId { deployment, index }) = (&state.key, replica);
    let name = match config.naming {
        NamingStrategy::Static => config.alias.clone().unwrap_or_else(|| app.to_string()),
        NamingStrategy::Dynamic => {
            format!("{}-{}-{}-{index}", app.slug(), target.slug(), deployment.tail())
        }
    };
    ReplicaSpec {
        replica,
        name,
        alias: config.alias.clone(),
        release,
        image_id: image_id.clone(),
        network: config.network.clone(),
        env: config.env.iter().map(|entry| entry.name.clone()).collect(),
        volumes: config.volumes.clone(),
        takes_over: taken_over(state, index),
        port: config.port,
        resources: config.resources.clone(),
        init: config.init,
        grace_seconds: config.stop_timeout_seconds.unwrap_or(GRACE_SECONDS),
    }
}

pub(super) fn await_healthy(state: &TargetState, rollout: &Rollout, index: u16) -> Option<Effect> {
    let (config, ..) = runs(state, rollout, index)?;
    await_with(config, rollout.replica(index)?)
}

/// Waits for a replica of what is live that was started again.
pub(super) fn await_again(state: &TargetState, id: ReplicaId) -> Option<Effect> {
    let live = state.current.as_ref()?;
    await_with(&live.spec.config, live.replicas.iter().find(|replica| replica.id == id)?)
}

fn await_with(config: &ConfigSnapshot, replica: &Replica) -> Option<Effect> {
    Some(Effect::AwaitHealthy {
        replica: replica.id,
        container_id: replica.container_id.clone()?,
        address: replica.address.clone(),
        port: config.port,
        health: config.health.clone(),
        domain: config.domains.first().map(|domain| domain.domain.clone()),
    })
}

/// How long a replica may take to stop: as the release says that it runs.
pub(super) fn grace_seconds(state: &TargetState, replica: ReplicaId) -> u32 {
    let rollout = state.rollout.as_ref().filter(|rollout| rollout.deployment == replica.deployment);
    let config = match rollout {
        Some(rollout) => {
            runs(state, rollout, replica.index).map(|(config, ..)| config).or(Some(&rollout.spec.config))
        }
        None => state.current.as_ref().map(|live| &live.spec.config),
    };
    config.and_then(|config| config.stop_timeout_seconds).unwrap_or(GRACE_SECONDS)
}

/// The release command, in a container like that of the first replica.
pub(super) fn release_command(state: &TargetState, rollout: &Rollout) -> Option<Effect> {
    let form = rollout.spec.config.release_command.as_ref()?.form;
    let mut container = start(state, rollout, 0)?;
    let (app, target) = (state.key.app.slug(), state.key.target.slug());
    container.name = format!("{app}-{target}-{}-release", rollout.deployment.tail());
    // A lookup of the app by its name must find a replica.
    container.alias = None;
    // What a replica has without a name for it is its own.
    container.takes_over = Vec::new();
    Some(Effect::RunReleaseCommand { form, container: Box::new(container) })
}
