//! What the service in this process works with: its engine, its registries, its edge.

use super::EmbeddedOptions;
use haloy_executors::Start;
use haloy_executors::registry::RegistryOptions;
use haloy_executors::{
    DockerExecutor, EdgeRouter, Executor, RegistryExecutor, SimulatedBeside, SimulatedExecutor,
};
use haloy_ledger::ids::{DeploymentId, Timestamp};
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
    /// Has Docker say who it is, so that whoever asks it something later need not wait for that. What is wrong is for
    /// them to say.
    pub(super) async fn greet(&self) -> Result<(), crate::Error> {
        if let Some(docker) = &self.docker {
            drop(docker.facts().await);
        }
        Ok(())
    }

    /// On Docker.
    pub fn new(options: EmbeddedOptions) -> Self {
        let docker = Arc::new(DockerExecutor::new(haloy_executors::DockerOptions {
            host: None,
            health: options.limits.health,
            used_addresses: Some(options.ledger.join("addresses")),
            hello: options.docker_timeout,
            waits: Some(options.waits.clone()),
        }));
        let engine: Arc<dyn Executor> = Arc::<DockerExecutor>::clone(&docker);
        let default = RegistryOptions::default();
        let registries = RegistryOptions {
            certs: options.registry_certs.clone().unwrap_or(default.certs),
            timeout: options.registry_timeout.unwrap_or(default.timeout),
            waits: options.waits.clone(),
            ..default
        };
        let registries = RegistryExecutor::new(registries, Arc::<DockerExecutor>::clone(&docker));
        let registries = Arc::new(registries);
        let registry: Arc<dyn Executor> = Arc::<RegistryExecutor>::clone(&registries);
        let edge = router(&options);
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

impl Embedded {
    /// What time it is.
    pub(super) fn now(&self) -> Timestamp {
        self.options.machine.clock.now()
    }

    /// An id for something new.
    pub(super) fn new_id(&self) -> DeploymentId {
        DeploymentId::from_parts(self.now().unix_ms(), self.options.machine.entropy.ids.ulid_bits())
    }
}

/// The router of a ledger: an edge in its folder, started by this program when it is needed.
fn router(options: &EmbeddedOptions) -> Arc<EdgeRouter> {
    let folder = options.edge_folder();
    let start = options.machine.program.clone().map(|program| Start {
        command: vec![
            program.into(),
            "edge".into(),
            "run".into(),
            "--detached".into(),
            "--folder".into(),
            folder.clone().into(),
        ],
        log: folder.join("edge.log"),
    });
    Arc::new(EdgeRouter::new(&folder, start, options.drain).with_waits(options.waits.clone()))
}
