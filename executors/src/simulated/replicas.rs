//! Simulated containers: started, stopped, and probed.

use super::edge::routed;
use super::world::{SimReplica, SimulatedExecutor, World};
use crate::contract::EffectContext;
use haloy_ledger::deployment::effect::ReplicaSpec;
use haloy_ledger::ids::{LedgerId, ReplicaId};
use haloy_ledger::outcome::*;
use haloy_ledger::release::{MadeVolume, volumes};

impl SimulatedExecutor {
    /// A container answers what its variable STATUS says, as the app of the demo does.
    pub(super) fn start(
        &self,
        world: &mut World,
        cx: &EffectContext,
        key: (LedgerId, String, String, ReplicaId),
        spec: &ReplicaSpec,
    ) -> Outcome {
        let unhealthy = self.faults().unhealthy;
        let status = cx.values.env.iter().find(|(name, _)| name == "STATUS");
        let well = status.is_none_or(|(_, status)| status.starts_with(['2', '3']));
        if !world.replicas.contains_key(&key) {
            let address = free_address(world, &key);
            let replica = SimReplica {
                effect: cx.request.id.clone(),
                image_id: spec.image_id.clone(),
                address,
                running: true,
                healthy: well && !world.strikes("unhealthy", unhealthy),
                env: cx.values.env.clone(),
                volumes: made_for(world, spec),
            };
            world.replicas.insert(key.clone(), replica);
        }
        // A container that is restarted may come back in another state.
        let again = world.replicas.get(&key).is_some_and(|found| !found.running);
        let again = again.then(|| well && !world.strikes("unhealthy", unhealthy));
        let found = world.replicas.get_mut(&key);
        let (address, volumes) = found.map_or((None, Vec::new()), |found| {
            found.running = true;
            found.healthy = again.unwrap_or(found.healthy);
            (Some(found.address.clone()), found.volumes.clone())
        });
        let (container_id, image_id) = (format!("sim-{}", key.3), spec.image_id.clone());
        Outcome::ReplicaStarted { container_id, address, fixed: false, image_id, volumes }
    }
}

/// An address that was never used. The first replica of a deployment that is started keeps those below and
/// above for its siblings, so that the result does not depend on which one was first; they are started side
/// by side.
fn free_address(world: &mut World, key: &(LedgerId, String, String, ReplicaId)) -> String {
    let text = |number: u32| format!("10.{}.{}.{}", number >> 16 & 255, number >> 8 & 255, number & 255);
    let next = world.addresses.last().map_or(1, |last| last + 1);
    let first = *world.firsts.entry((key.0, key.3.deployment)).or_insert(next);
    let own = first + u32::from(key.3.index);
    let number = if world.addresses.contains(&own) { next } else { own };
    world.addresses.insert(number);
    text(number)
}

/// Volumes for paths that the image declares and no entry covers: taken over where they exist, otherwise
/// made.
fn made_for(world: &mut World, spec: &ReplicaSpec) -> Vec<MadeVolume> {
    let paths = volumes::uncovered(&world.declared, &spec.volumes);
    let made = paths.into_iter().map(|path| {
        let before = spec.takes_over.iter().find(|made| made.path == path);
        let before = before.filter(|made| world.volumes.contains(&made.volume)).cloned();
        let name = format!("sim-volume-{}{}", spec.replica, path.replace('/', "-"));
        before.unwrap_or(MadeVolume { path, volume: name })
    });
    let made: Vec<MadeVolume> = made.collect();
    world.volumes.extend(made.iter().map(|made| made.volume.clone()));
    made
}

pub(super) fn stop(world: &mut World, key: &(LedgerId, String, String, ReplicaId)) -> Outcome {
    if routed(world, key.3) {
        world.stopped_routed.push(key.3);
    }
    let found = world.replicas.get_mut(key).filter(|found| found.running);
    let exit_code = found.map(|found| {
        found.running = false;
        143
    });
    Outcome::ReplicaStopped { exit_code, forced: false }
}

pub(super) fn remove(world: &mut World, key: &(LedgerId, String, String, ReplicaId)) -> Outcome {
    let gone = world.replicas.remove(key);
    let container_id = gone.as_ref().map(|_| format!("sim-{}", key.3));
    let volumes = gone.map(|gone| gone.volumes).unwrap_or_default();
    Outcome::ReplicaRemoved { container_id, volumes }
}

pub(super) fn await_healthy(world: &World, key: &(LedgerId, String, String, ReplicaId)) -> Outcome {
    let unhealthy = |code, text: &'static str| Outcome::ReplicaUnhealthy {
        cause: Failure::new(code, text),
        detail: String::new(),
        probes: 3,
        exit_code: None,
        log_tail: LogTail("simulated: not well".to_owned()),
    };
    match world.replicas.get(key) {
        Some(found) if found.running && found.healthy => {
            Outcome::ReplicaHealthy { probes: 1, took_ms: 1, how: HealthHow::Http }
        }
        Some(found) if found.running => unhealthy(FailureCode::NeverHealthy, "GET / answered 503, 3 probes"),
        Some(_) | None => unhealthy(FailureCode::ExitedEarly, "the container ended before it was healthy"),
    }
}
