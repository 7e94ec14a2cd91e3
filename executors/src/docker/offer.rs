//! What an engine offers a target: queried before anything is started or recorded.

use super::DockerExecutor;
use super::errors::{Doing, failed};
use super::network::{STANDS_FOR, is_made};
use crate::contract::ExecutorError;
use bollard::query_parameters::ListNetworksOptions;
use std::collections::BTreeSet;

/// What an engine has.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct EngineOffer {
    /// CPUs, where it says so.
    pub cpus: Option<u32>,
    /// Names of existing networks.
    pub networks: BTreeSet<String>,
    /// Images are built for it with BuildKit.
    pub buildkit: bool,
}

impl EngineOffer {
    /// Whether containers can be on a network of that name. Haloy's own is made; another one is the user's, and
    /// one that is not there is mistyped or forgotten.
    pub fn has_network(&self, name: &str) -> bool {
        is_made(name) || self.networks.contains(name)
    }
}

impl DockerExecutor {
    /// What this engine has.
    pub async fn offer(&self) -> Result<EngineOffer, ExecutorError> {
        let engine = self.engine().await?;
        let listed = engine.docker.list_networks(None::<ListNetworksOptions>).await;
        let listed = listed.map_err(|error| failed(&error, Doing::Other, "listing networks"))?;
        let stands_for =
            listed.iter().filter_map(|network| network.labels.as_ref()?.get(STANDS_FOR).cloned());
        let networks = listed.iter().filter_map(|network| network.name.clone()).chain(stands_for).collect();
        let buildkit = self.build_cli(&engine.facts.host).await.is_some();
        Ok(EngineOffer { cpus: engine.facts.cpus, networks, buildkit })
    }
}
