//! A simulated engine: containers, images, tags and a network in memory, with faults, delays and
//! repeats from a seed. For simulation and for `haloy demo --simulated`, never instead of Docker.
//!
//! The world outlives the executor's callers: a dispatcher that is dropped in the middle of an effect
//! leaves it half done or done, as a crash does.

use crate::contract::*;
use async_trait::async_trait;
use haloy_ledger::deployment::Effect;
use haloy_ledger::ids::{LedgerId, ReplicaId, TargetKey};
use haloy_ledger::outcome::*;

mod beside;
mod edge;
mod images;
#[cfg(feature = "failpoints")]
mod kept;
mod replicas;
mod world;

pub use beside::SimulatedBeside;
use world::{ENGINE, digest};
pub use world::{Faults, SimReplica, SimulatedExecutor, World};

#[async_trait]
impl Executor for SimulatedExecutor {
    fn role(&self) -> Role {
        Role::Engine
    }

    fn capabilities(&self) -> &'static [Capability] {
        use Capability as C;
        &[C::EngineImages, C::Builds, C::Pushes, C::Replicas, C::Volumes, C::ReleaseCommands]
    }

    async fn execute(&self, cx: &EffectContext, effect: &Effect) -> Result<Outcome, ExecutorError> {
        match Role::of(effect) {
            Role::Engine => self.act(cx, effect).await,
            Role::Registry | Role::Router | Role::Hooks => {
                Err(ExecutorError::not_supported("this is not for the engine"))
            }
        }
    }

    async fn observe(&self, scope: &Scope) -> Result<Observed, ExecutorError> {
        let world = self.world();
        let mine = |key: &&(LedgerId, String, String, ReplicaId)| {
            key.0 == scope.ledger && key.1 == scope.key.app.as_str() && key.2 == scope.key.target.as_str()
        };
        let replicas =
            world.replicas.iter().filter(|(key, _)| mine(key)).map(|(key, found)| ObservedReplica {
                replica: key.3,
                container_id: format!("sim-{}", key.3),
                running: found.running,
                address: Some(found.address.clone()).filter(|_| found.running),
                exit_code: (!found.running).then_some(143),
                oom: false,
                condition: if found.healthy { Condition::Well } else { Condition::Unhealthy },
                restarts: Some(0),
            });
        let prefix = format!("{}:", scope.key.app.slug());
        let tags = world.tags.iter().filter(|(tag, _)| tag.starts_with(&prefix));
        let tags =
            tags.map(|(tag, id)| ObservedTag { local_tag: tag.clone(), image_id: id.clone(), size: 1 });
        Ok(Observed {
            engine_id: ENGINE.to_owned(),
            replicas: replicas.collect(),
            tags: tags.collect(),
            images: world.tags.values().cloned().collect(),
        })
    }
}

impl SimulatedExecutor {
    /// Applies the effect to the world, whatever its role; with the faults of this world.
    async fn act(&self, cx: &EffectContext, effect: &Effect) -> Result<Outcome, ExecutorError> {
        cx.within(self.act_in_time(cx, effect)).await
    }

    async fn act_in_time(&self, cx: &EffectContext, effect: &Effect) -> Result<Outcome, ExecutorError> {
        self.delay().await;
        if let Effect::RunReleaseCommand { .. } = effect {
            self.world().released.push(cx.request.id.clone());
        }
        let faults = self.faults();
        if self.world().strikes("retryable", faults.retryable) {
            return Err(ExecutorError::new(FailureCode::Other, "simulated: try again").retry(Retry::Now));
        }
        // Whatever is already gone is removed, whatever became of the answer: no engine fails at that.
        let gone = match effect {
            Effect::RemoveLocalTag { local_tag } => !self.world().tags.contains_key(local_tag),
            _other => false,
        };
        if self.world().strikes("fatal", faults.fatal) && !gone {
            return Err(ExecutorError::new(FailureCode::Other, "simulated: it cannot be done"));
        }
        let mut outcome = self.perform(cx, effect);
        if self.world().strikes("repeated", faults.repeated) {
            outcome = self.perform(cx, effect);
        }
        #[cfg(feature = "failpoints")]
        self.keep();
        if self.world().strikes("lost answer", faults.lost_answer) {
            return Err(
                ExecutorError::new(FailureCode::TimedOut, "simulated: no answer came").retry(Retry::Now)
            );
        }
        self.delay().await;
        outcome
    }

    fn perform(&self, cx: &EffectContext, effect: &Effect) -> Result<Outcome, ExecutorError> {
        let mut world = self.world();
        let Scope { ledger, key: TargetKey { app, target } } = &cx.request.scope;
        let key = |replica: ReplicaId| (*ledger, app.to_string(), target.to_string(), replica);
        match effect {
            Effect::ResolveImage { image, .. } => images::resolve(&world, &image.reference),
            Effect::BuildImage { local_tag, .. } => Ok(images::build(&mut world, cx, local_tag)),
            Effect::PullImage { reference, digest: known, .. } => {
                let image_id = known.clone().unwrap_or_else(|| digest(reference.as_str()));
                Ok(Outcome::ImagePulled { image_id, bytes: 1, from: PulledFrom::Registry })
            }
            Effect::PushImage { image_id, reference } => {
                world.pushed.insert(reference.to_string(), image_id.clone());
                Ok(Outcome::ImagePushed { reference: reference.clone(), digest: image_id.clone() })
            }
            Effect::PushTag { reference, digest } => {
                world.pushed.insert(reference.to_string(), digest.clone());
                Ok(Outcome::ImagePushed { reference: reference.clone(), digest: digest.clone() })
            }
            Effect::DeleteRegistryTag { reference } => {
                world.pushed.remove(reference.as_str());
                Ok(Outcome::RegistryTagRemoved)
            }
            Effect::TagImage { image_id, local_tag, covering } => {
                images::tag(&mut world, image_id, local_tag, covering.as_deref())
            }
            Effect::EnsureNetwork { network } => {
                let offer = crate::EngineOffer { networks: world.networks.clone(), ..Default::default() };
                if !offer.has_network(network) {
                    return Err(ExecutorError::new(FailureCode::Other, "there is no network of that name"));
                }
                world.networks.insert(network.clone());
                Ok(Outcome::NetworkReady { network_id: format!("sim-{network}") })
            }
            Effect::StartReplica(spec) => Ok(self.start(&mut world, cx, key(spec.replica), spec)),
            Effect::AwaitHealthy { replica, .. } => Ok(replicas::await_healthy(&world, &key(*replica))),
            Effect::StopReplica { replica, .. } => Ok(replicas::stop(&mut world, &key(*replica))),
            Effect::RemoveReplica { replica } => Ok(replicas::remove(&mut world, &key(*replica))),
            Effect::RemoveLocalTag { local_tag } => Ok(images::remove_tag(&mut world, local_tag)),
            Effect::RemoveVolume { volume } => images::remove_volume(&mut world, volume),
            Effect::ApplyRoutes { .. } => edge::apply(&mut world, cx),
            Effect::Drain { .. } => Ok(Outcome::ReplicaDrained { left_in_flight: 0, took_ms: 1 }),
            // A container of its own, gone when it ends; it fails as the app would.
            Effect::RunReleaseCommand { .. } => Ok(images::release_command(cx)),
            Effect::RunHook { .. } => Err(ExecutorError::not_supported("the simulated world runs no hooks")),
        }
    }
}
