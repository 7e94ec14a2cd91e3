//! What the service in this process works with: its engine, its registries, its edge.

use super::EmbeddedOptions;
use crate::settings;
use haloy_edge::Waits;
use haloy_executors::registry::RegistryOptions;
use haloy_executors::{
    DockerExecutor, EdgeRouter, Executor, RegistryExecutor, SimulatedBeside, SimulatedExecutor, Start,
};
use std::path::Path;
use std::sync::Arc;

/// The service in this process.
pub struct Embedded {
    pub(super) options: EmbeddedOptions,
    /// Docker, where it is the engine.
    pub(super) docker: Option<Arc<DockerExecutor>>,
    /// The simulated engine, where it is that.
    pub(super) simulation: Option<Arc<SimulatedExecutor>>,
    pub(super) engine: Arc<dyn Executor>,
    pub(super) registry: Arc<dyn Executor>,
    pub(super) router: Arc<dyn Executor>,
    /// The edge, where it is real.
    pub(super) edge_router: Option<Arc<EdgeRouter>>,
    /// Registries, where they are real.
    pub(super) registries: Option<Arc<RegistryExecutor>>,
}

impl Embedded {
    /// On Docker.
    pub fn new(options: EmbeddedOptions) -> Self {
        let docker = Arc::new(DockerExecutor::new(haloy_executors::DockerOptions {
            host: None,
            health: options.limits.health,
            used_addresses: Some(options.ledger.join("addresses")),
            hello: settings::seconds(settings::DOCKER_TIMEOUT),
            waits: Some(options.waits.clone()),
        }));
        let engine: Arc<dyn Executor> = Arc::<DockerExecutor>::clone(&docker);
        let default = RegistryOptions::default();
        let registries = RegistryOptions {
            certs: settings::path(settings::REGISTRY_CERTS).unwrap_or(default.certs),
            timeout: settings::seconds(settings::REGISTRY_TIMEOUT).unwrap_or(default.timeout),
            waits: options.waits.clone(),
            ..default
        };
        let registries = RegistryExecutor::new(registries, Arc::<DockerExecutor>::clone(&docker));
        let registries = Arc::new(registries);
        let registry: Arc<dyn Executor> = Arc::<RegistryExecutor>::clone(&registries);
        let edge = router(&options.edge_folder(), options.waits.clone());
        let router: Arc<dyn Executor> = Arc::<EdgeRouter>::clone(&edge);
        let (docker, edge_router, registries) = (Some(docker), Some(edge), Some(registries));
        Self { options, docker, simulation: None, engine, registry, router, edge_router, registries }
    }

    /// On the simulated engine, and its registry.
    pub fn simulated(options: EmbeddedOptions, engine: Arc<SimulatedExecutor>) -> Self {
        let registry = Arc::new(SimulatedBeside::registry(Arc::clone(&engine)));
        let router = Arc::new(SimulatedBeside::router(Arc::clone(&engine)));
        let simulation = Some(Arc::clone(&engine));
        Self {
            options,
            docker: None,
            simulation,
            engine,
            registry,
            router,
            edge_router: None,
            registries: None,
        }
    }
}

/// The router of a ledger: an edge in its folder, started by this program when it is needed.
fn router(folder: &Path, waits: Waits) -> Arc<EdgeRouter> {
    let start = std::env::current_exe().ok().map(|program| Start {
        command: vec![
            program.into(),
            "edge".into(),
            "run".into(),
            "--detached".into(),
            "--folder".into(),
            folder.into(),
        ],
        log: folder.join("edge.log"),
    });
    let drain = settings::seconds(settings::DRAIN_TIMEOUT);
    Arc::new(EdgeRouter::new(folder, start, drain).told_to(waits))
}
