//! A simulated engine: containers, images, tags and a network in memory, with faults, delays and
//! repeats from a seed. For simulation and for `haloy demo --simulated`, never instead of Docker.
//!
//! The world outlives the executor's callers: a dispatcher that is dropped in the middle of an effect
//! leaves it half done or done, as a crash does.

use crate::executor::*;
use async_trait::async_trait;
use haloy_ledger::deployment::Effect;
use haloy_ledger::ids::{Digest, EffectId, LedgerId, ReplicaId};
use haloy_ledger::outcome::*;
use haloy_ledger::release::MadeVolume;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

mod images;
#[cfg(feature = "failpoints")]
mod kept;
mod replicas;

/// How often things go wrong, in thousandths.
#[derive(Debug, Clone, Copy, Default)]
#[cfg_attr(feature = "failpoints", derive(serde::Serialize, serde::Deserialize), serde(default))]
pub struct Faults {
    /// An attempt fails, and a retry may help.
    pub retryable: u32,
    /// An attempt fails for good.
    pub fatal: u32,
    /// The effect is done and its answer is lost: reported as a failed attempt.
    pub lost_answer: u32,
    /// A replica does not become healthy.
    pub unhealthy: u32,
    /// The effect is performed twice.
    pub repeated: u32,
    /// Longest delay before and after an effect, in milliseconds.
    pub delay_ms: u64,
}

/// One simulated container.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "failpoints", derive(serde::Serialize, serde::Deserialize))]
pub struct SimReplica {
    /// The effect that made it: what its labels say.
    pub effect: EffectId,
    /// What it runs.
    pub image_id: Digest,
    /// Its address.
    pub address: String,
    /// It runs.
    pub running: bool,
    /// It answers well.
    pub healthy: bool,
    /// Names and values of its environment.
    pub env: Vec<(String, String)>,
    /// Volumes that were made for it, or taken over.
    pub volumes: Vec<MadeVolume>,
}

/// Everything that is there.
#[derive(Debug, Clone, Default)]
pub struct World {
    /// Containers by whose they are.
    pub replicas: BTreeMap<(LedgerId, String, String, ReplicaId), SimReplica>,
    /// Tags and what they point at.
    pub tags: BTreeMap<String, Digest>,
    /// Tags in the simulated registry that were pushed.
    pub pushed: BTreeMap<String, Digest>,
    /// What the simulated edge serves.
    pub routes: Option<haloy_ledger::edge::RouteSnapshot>,
    /// Replicas that were stopped while the edge still sent them requests: there must be none.
    pub stopped_routed: Vec<ReplicaId>,
    /// Release commands that were begun, in order: none may be there twice.
    pub released: Vec<EffectId>,
    /// Networks.
    pub networks: BTreeSet<String>,
    /// Paths that every image declares as a `VOLUME`.
    pub declared: Vec<String>,
    /// Volumes that were made for them.
    pub volumes: BTreeSet<String>,
    /// Images that the registry does not have.
    pub missing: BTreeSet<String>,
    /// How often each kind of fault struck.
    pub struck: BTreeMap<&'static str, u64>,
    addresses: u32,
    random: u64,
}

impl World {
    /// splitmix64: small, seeded, good enough for faults.
    fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn strikes(&mut self, what: &'static str, thousandths: u32) -> bool {
        let strikes = self.random() % 1000 < u64::from(thousandths);
        if strikes {
            *self.struck.entry(what).or_default() += 1;
        }
        strikes
    }
}

/// The executor.
pub struct SimulatedExecutor {
    world: Mutex<World>,
    faults: Mutex<Faults>,
    /// Where a test keeps the world from one process to the next.
    #[cfg(feature = "failpoints")]
    file: Option<std::path::PathBuf>,
}

impl SimulatedExecutor {
    /// An empty world with a seed.
    pub fn new(seed: u64, faults: Faults) -> Self {
        let world = World { random: seed, ..World::default() };
        Self {
            world: Mutex::new(world),
            faults: Mutex::new(faults),
            #[cfg(feature = "failpoints")]
            file: None,
        }
    }

    /// The world, to look at and to meddle with.
    pub fn world(&self) -> MutexGuard<'_, World> {
        // A panic elsewhere leaves plain data, which is still what it was.
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the engine has, as [`DockerExecutor::offer`](crate::DockerExecutor::offer) tells.
    pub fn offer(&self) -> crate::EngineOffer {
        let networks = self.world().networks.clone();
        crate::EngineOffer { cpus: Some(CPUS), networks, buildkit: true }
    }

    /// Other faults from now on.
    pub fn set_faults(&self, faults: Faults) {
        *self.faults.lock().unwrap_or_else(PoisonError::into_inner) = faults;
    }

    fn faults(&self) -> Faults {
        *self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn delay(&self) {
        let longest = self.faults().delay_ms;
        if longest > 0 {
            let ms = self.world().random() % longest;
            tokio::time::sleep(Duration::from_millis(ms)).await;
        }
    }
}

/// What every image id of the simulation is made of.
fn digest(of: &str) -> Digest {
    let hash = blake3::hash(of.as_bytes()).to_hex();
    Digest::new(format!("sha256:{hash}")).expect("a BLAKE3 hash is as long as a SHA-256 hash")
}

fn failed(code: FailureCode, words: impl Into<Words>, retryable: bool) -> ExecutorError {
    ExecutorError::new(code, words).retryable(retryable)
}

const ENGINE: &str = "simulated";
/// CPUs of the engine.
const CPUS: u32 = 4;

#[async_trait]
impl Executor for SimulatedExecutor {
    fn role(&self) -> Role {
        Role::Engine
    }

    async fn execute(&self, cx: &EffectContext, effect: &Effect) -> Result<Outcome, ExecutorError> {
        self.delay().await;
        if let Effect::RunReleaseCommand { .. } = effect {
            self.world().released.push(cx.id.clone());
        }
        let faults = self.faults();
        if self.world().strikes("retryable", faults.retryable) {
            return Err(failed(FailureCode::Other, "simulated: try again", true));
        }
        // What is gone already is removed, whatever became of the answer: no engine fails at that.
        let gone = match effect {
            Effect::RemoveLocalTag { local_tag } => !self.world().tags.contains_key(local_tag),
            _other => false,
        };
        if self.world().strikes("fatal", faults.fatal) && !gone {
            return Err(failed(FailureCode::Other, "simulated: it cannot be done", false));
        }
        let mut outcome = self.perform(cx, effect);
        if self.world().strikes("repeated", faults.repeated) {
            outcome = self.perform(cx, effect);
        }
        #[cfg(feature = "failpoints")]
        self.keep();
        if self.world().strikes("lost answer", faults.lost_answer) {
            return Err(failed(FailureCode::TimedOut, "simulated: no answer came", true));
        }
        self.delay().await;
        outcome
    }

    async fn observe(&self, scope: &Scope) -> Result<Observed, ExecutorError> {
        let world = self.world();
        let mine = |key: &&(LedgerId, String, String, ReplicaId)| {
            key.0 == scope.ledger && key.1 == scope.app.as_str() && key.2 == scope.target.as_str()
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
                restarts: None,
            });
        let prefix = format!("{}:", scope.app.slug());
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

    async fn log_tail(&self, _: &Scope, _: ReplicaId, _: &Values) -> Result<LogTail, ExecutorError> {
        Ok(LogTail::new("simulated: no log"))
    }
}

/// The registry of the same simulated world.
pub struct SimulatedRegistry(pub Arc<SimulatedExecutor>);

#[async_trait]
impl Executor for SimulatedRegistry {
    fn role(&self) -> Role {
        Role::Registry
    }

    async fn execute(&self, cx: &EffectContext, effect: &Effect) -> Result<Outcome, ExecutorError> {
        self.0.execute(cx, effect).await
    }

    async fn observe(&self, _: &Scope) -> Result<Observed, ExecutorError> {
        Ok(Observed::default())
    }

    async fn log_tail(&self, _: &Scope, _: ReplicaId, _: &Values) -> Result<LogTail, ExecutorError> {
        Ok(LogTail::default())
    }
}

impl SimulatedExecutor {
    fn perform(&self, cx: &EffectContext, effect: &Effect) -> Result<Outcome, ExecutorError> {
        let mut world = self.world();
        let key = |replica: ReplicaId| {
            (cx.scope.ledger, cx.scope.app.to_string(), cx.scope.target.to_string(), replica)
        };
        match effect {
            Effect::ResolveImage { image, .. } => images::resolve(&world, &image.reference),
            Effect::BuildImage { local_tag, .. } => {
                let args: Vec<String> =
                    cx.values.build_args.iter().map(|(name, value)| format!("{name}={value}")).collect();
                let image_id = digest(&args.join(" "));
                world.tags.insert(local_tag.clone(), image_id.clone());
                let platform = "linux/amd64".to_owned();
                let (context_digest, dockerfile_digest) = ("simulated".to_owned(), "simulated".to_owned());
                Ok(Outcome::ImageBuilt {
                    image_id,
                    context_digest,
                    dockerfile_digest,
                    platform,
                    size: Some(1),
                })
            }
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
                    return Err(failed(FailureCode::Other, "there is no network of that name", false));
                }
                world.networks.insert(network.clone());
                Ok(Outcome::NetworkReady { network_id: format!("sim-{network}") })
            }
            Effect::StartReplica(spec) => Ok(self.start(&mut world, cx, key(spec.replica), spec)),
            Effect::AwaitHealthy { replica, .. } => Ok(replicas::await_healthy(&world, &key(*replica))),
            Effect::StopReplica { replica, .. } => Ok(replicas::stop(&mut world, &key(*replica))),
            Effect::RemoveReplica { replica } => {
                let gone = world.replicas.remove(&key(*replica));
                let container_id = gone.as_ref().map(|_| format!("sim-{replica}"));
                let volumes = gone.map(|gone| gone.volumes).unwrap_or_default();
                Ok(Outcome::ReplicaRemoved { container_id, volumes })
            }
            Effect::RemoveLocalTag { local_tag } => {
                let gone = world.tags.remove(local_tag);
                let shared = gone.is_some_and(|id| world.tags.values().any(|other| *other == id));
                Ok(Outcome::LocalTagRemoved { freed: u64::from(!shared), shared })
            }
            Effect::RemoveVolume { volume } => images::remove_volume(&mut world, volume),
            Effect::ApplyRoutes { .. } => super::simulated_edge::apply(&mut world, cx),
            Effect::Drain { .. } => Ok(Outcome::ReplicaDrained { left_in_flight: 0, took_ms: 1 }),
            // One container of its own, gone when it ends; it fails as the app would.
            Effect::RunReleaseCommand { .. } => Ok(images::release_command(cx)),
            Effect::RunHook { .. } => {
                Err(failed(FailureCode::NotSupported, "the simulated engine runs no hooks", false))
            }
        }
    }
}
