//! The engine: connected to when it is first needed, and what is remembered of it meanwhile.

use super::client::{self, ConnectError, DockerOptions, EngineFacts};
use super::{addresses, buildkit};
use crate::contract::ExecutorError;
use bollard::Docker;
use haloy_ledger::ids::EffectId;
use haloy_ledger::locks::locked;
use haloy_ledger::outcome::Outcome;
use std::collections::BTreeMap;
use std::time::Instant;
use tokio::sync::{Mutex, OnceCell};

/// The executor of containers, networks and local images.
///
/// Connects when it is first needed: a deploy without Docker is recorded, and fails with its cause.
pub struct DockerExecutor {
    pub(super) options: DockerOptions,
    pub(super) connection: OnceCell<client::Connection>,
    /// The engine took a connection and never answered, at this time: not every caller has to wait for that.
    pub(super) silent: std::sync::Mutex<Option<(Instant, ConnectError)>>,
    /// Docker makes two networks of one name if two requests come at once.
    pub(super) network_lock: Mutex<()>,
    /// Last use of fixed addresses.
    pub(super) used: addresses::Used,
    /// The user's own `docker build`, once looked for.
    pub(super) build_cli: OnceCell<Option<buildkit::Cli>>,
    /// Release commands that ended: each runs once, however often it is requested.
    pub(super) released: Released,
}

impl DockerExecutor {
    /// Does not connect yet.
    pub fn new(options: DockerOptions) -> Self {
        let used = addresses::Used::new(options.used_addresses.clone());
        Self {
            options,
            connection: OnceCell::new(),
            silent: std::sync::Mutex::default(),
            network_lock: Mutex::new(()),
            used,
            build_cli: OnceCell::new(),
            released: Released::default(),
        }
    }

    /// Connects, if that has not been done, and returns what was found.
    pub async fn facts(&self) -> Result<EngineFacts, ConnectError> {
        Ok(self.connection().await?.facts.clone())
    }

    /// A `docker` on this machine that builds with BuildKit, on the engine that is used here.
    pub(super) async fn build_cli(&self, host: &str) -> Option<&buildkit::Cli> {
        self.build_cli.get_or_init(|| buildkit::Cli::find(host)).await.as_ref()
    }

    async fn connection(&self) -> Result<&client::Connection, ConnectError> {
        self.connection.get_or_try_init(|| self.connect()).await
    }

    async fn connect(&self) -> Result<client::Connection, ConnectError> {
        let before = locked(&self.silent).clone();
        if let Some((_, error)) = before.filter(|(at, _)| at.elapsed() < self.options.hello()) {
            return Err(error);
        }
        let connecting = client::connect(&self.options);
        let connected = match &self.options.waits {
            // Each question has a wait of its own as well; this is the wait for all of them.
            Some(waits) => waits.during("Docker", connecting).await,
            None => connecting.await,
        };
        if let Err(error @ ConnectError::Silent { .. }) = &connected {
            *locked(&self.silent) = Some((Instant::now(), error.clone()));
        }
        connected
    }

    pub(super) async fn engine(&self) -> Result<Engine<'_>, ExecutorError> {
        let connection = self.connection().await.map_err(ConnectError::into_executor_error)?;
        Ok(Engine { docker: &connection.docker, facts: &connection.facts, executor: self })
    }
}

/// A connected engine, while one effect is performed.
pub(super) struct Engine<'a> {
    pub(super) docker: &'a Docker,
    pub(super) facts: &'a EngineFacts,
    pub(super) executor: &'a DockerExecutor,
}

/// How release commands ended, for as long as this process lives.
#[derive(Default)]
pub(super) struct Released(std::sync::Mutex<BTreeMap<EffectId, Outcome>>);

impl Released {
    pub(super) fn get(&self, id: &EffectId) -> Option<Outcome> {
        locked(&self.0).get(id).cloned()
    }

    pub(super) fn put(&self, id: &EffectId, outcome: &Outcome) {
        locked(&self.0).insert(id.clone(), outcome.clone());
    }
}
