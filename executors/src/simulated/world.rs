//! The simulated world: its contents, and how often something goes wrong.

use haloy_ledger::ids::{DeploymentId, Digest, EffectId, LedgerId, ReplicaId};
use haloy_ledger::locks::locked;
use haloy_ledger::release::MadeVolume;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

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

/// A simulated container.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "failpoints", derive(serde::Serialize, serde::Deserialize))]
pub struct SimReplica {
    /// The effect that made it: what its labels say.
    pub effect: EffectId,
    /// Image of the container.
    pub image_id: Digest,
    /// Address.
    pub address: String,
    /// Whether it runs.
    pub running: bool,
    /// Whether it answers well.
    pub healthy: bool,
    /// Names and values of its environment.
    pub env: Vec<(String, String)>,
    /// Volumes that were made for it, or taken over.
    pub volumes: Vec<MadeVolume>,
}

/// The contents of the world.
#[derive(Debug, Clone, Default)]
pub struct World {
    /// Containers by owner.
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
    pub(super) addresses: BTreeSet<u32>,
    /// The address of the first replica of a deployment.
    pub(super) firsts: BTreeMap<(LedgerId, DeploymentId), u32>,
    pub(super) random: u64,
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

    pub(super) fn strikes(&mut self, what: &'static str, thousandths: u32) -> bool {
        let strikes = self.random() % 1000 < u64::from(thousandths);
        if strikes {
            *self.struck.entry(what).or_default() += 1;
        }
        strikes
    }
}

/// The executor.
pub struct SimulatedExecutor {
    pub(super) world: Mutex<World>,
    pub(super) faults: Mutex<Faults>,
    /// Where a test keeps the world from one process to the next.
    #[cfg(feature = "failpoints")]
    pub(super) file: Option<std::path::PathBuf>,
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
        locked(&self.world)
    }

    /// What the engine has, as [`DockerExecutor::offer`](crate::DockerExecutor::offer) tells.
    pub fn offer(&self) -> crate::EngineOffer {
        let networks = self.world().networks.clone();
        crate::EngineOffer { cpus: Some(CPUS), networks, buildkit: true }
    }

    /// Other faults from now on.
    pub fn set_faults(&self, faults: Faults) {
        *locked(&self.faults) = faults;
    }

    pub(super) fn faults(&self) -> Faults {
        *locked(&self.faults)
    }

    pub(super) async fn delay(&self) {
        let longest = self.faults().delay_ms;
        if longest > 0 {
            let ms = self.world().random() % longest;
            tokio::time::sleep(Duration::from_millis(ms)).await;
        }
    }
}

/// Every image id of the simulation.
pub(super) fn digest(of: &str) -> Digest {
    let hash = blake3::hash(of.as_bytes()).to_hex();
    Digest::new(format!("sha256:{hash}")).expect("a BLAKE3 hash is as long as a SHA-256 hash")
}

pub(super) const ENGINE: &str = "simulated";
/// CPUs of the engine.
const CPUS: u32 = 4;
