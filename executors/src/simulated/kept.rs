//! The simulated world in a file, so that a test can give one command after the other, each in a
//! process of its own. Only with the cargo feature `failpoints`, which no release has.

use super::world::{Faults, SimReplica, SimulatedExecutor, World};
use haloy_ledger::edge::RouteSnapshot;
use haloy_ledger::files::{self, Readers};
use haloy_ledger::ids::{Digest, LedgerId, ReplicaId};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Mutex;

/// The part of the world that lies in the file. A test writes its starting point: faults, missing images.
#[derive(Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Kept {
    faults: Faults,
    missing: BTreeSet<String>,
    replicas: Vec<((LedgerId, String, String, ReplicaId), SimReplica)>,
    tags: BTreeMap<String, Digest>,
    pushed: BTreeMap<String, Digest>,
    routes: Option<RouteSnapshot>,
    networks: BTreeSet<String>,
    addresses: BTreeSet<u32>,
    random: u64,
}

impl SimulatedExecutor {
    /// The world of a file, empty where there is none; what happens to it is written there.
    pub fn kept_in(file: &Path) -> std::io::Result<Self> {
        let kept = match files::read_if_there(file)? {
            Some(bytes) => serde_json::from_slice(&bytes)?,
            None => Kept::default(),
        };
        let Kept { faults, missing, replicas, tags, pushed, routes, networks, addresses, random } = kept;
        let replicas = replicas.into_iter().collect();
        let world = World {
            missing,
            replicas,
            tags,
            pushed,
            routes,
            networks,
            addresses,
            random,
            ..World::default()
        };
        Ok(Self { world: Mutex::new(world), faults: Mutex::new(faults), file: Some(file.to_owned()) })
    }

    /// Writes the world down; as a whole, since a test may end this process at any time.
    pub(super) fn keep(&self) {
        let Some(file) = &self.file else { return };
        // Held until it is written: effects are performed side by side.
        let held = self.world();
        let world = held.clone();
        let kept = Kept {
            faults: self.faults(),
            missing: world.missing,
            replicas: world.replicas.into_iter().collect(),
            tags: world.tags,
            pushed: world.pushed,
            routes: world.routes,
            networks: world.networks,
            addresses: world.addresses,
            random: world.random,
        };
        let bytes = serde_json::to_vec(&kept).map_err(std::io::Error::from);
        let written = bytes.and_then(|bytes| files::put_in_folder(file, &bytes, Readers::All));
        written.expect("a test keeps its world where it can be written");
    }
}
