//! Containers: create and start, adopt, stop, remove.

use super::errors::{self, Doing, failed, refused};
use super::{Engine, labels};
use crate::executor::*;
use bollard::models::*;
use bollard::query_parameters::*;
use haloy_ledger::deployment::effect::ReplicaSpec;
use haloy_ledger::ids::{Digest, ReplicaId};
use haloy_ledger::outcome::{FailureCode, Outcome, Public};
use haloy_ledger::words;
use std::collections::HashMap;

/// Seconds that a container has to end after SIGTERM.
const GRACE_SECONDS: i32 = 20;
/// How long a container may take to appear whose creation was asked for by a process that is gone.
const APPEARS: std::time::Duration = std::time::Duration::from_secs(2);
/// Between two looks for it.
const LOOK_AGAIN: std::time::Duration = std::time::Duration::from_millis(100);
/// Exit code of a container that had to be killed.
const KILLED: i64 = 137;

/// A container of ours.
pub(super) struct Found {
    pub(super) id: String,
    pub(super) labels: HashMap<String, String>,
}

impl Engine<'_> {
    async fn list(&self, label: Vec<String>) -> Result<Vec<Found>, ExecutorError> {
        let filters = HashMap::from([("label".to_owned(), label)]);
        let options =
            ListContainersOptions { all: true, filters: Some(filters), ..ListContainersOptions::default() };
        let found = self.docker.list_containers(Some(options)).await;
        let found = found.map_err(|error| failed(&error, Doing::Other, "listing containers"))?;
        let found = found.into_iter().filter_map(|container| {
            Some(Found { id: container.id?, labels: container.labels.unwrap_or_default() })
        });
        Ok(found.collect())
    }

    /// Everything of a target, running or not.
    pub(super) async fn all(&self, scope: &Scope) -> Result<Vec<Found>, ExecutorError> {
        self.list(labels::filter(scope)).await
    }

    /// A replica's container, by its labels.
    pub(super) async fn find(
        &self,
        scope: &Scope,
        replica: ReplicaId,
    ) -> Result<Option<Found>, ExecutorError> {
        let mut label = labels::filter(scope);
        label.push(format!("{}={}", labels::DEPLOYMENT, replica.deployment));
        label.push(format!("{}={}", labels::REPLICA, replica.index));
        Ok(self.list(label).await?.into_iter().next())
    }

    pub(super) async fn inspect_container(
        &self,
        id: &str,
    ) -> Result<Option<ContainerInspectResponse>, ExecutorError> {
        match self.docker.inspect_container(id, None).await {
            Ok(container) => Ok(Some(container)),
            Err(error) if errors::status(&error) == Some(404) => Ok(None),
            Err(error) => Err(failed(&error, Doing::Other, "looking at a container")),
        }
    }

    pub(super) async fn start(
        &self,
        cx: &EffectContext,
        spec: &ReplicaSpec,
    ) -> Result<Outcome, ExecutorError> {
        let id = match self.find(&cx.scope, spec.replica).await? {
            Some(found) if labels::is_effect(&found.labels, &cx.scope, &cx.id) => found.id,
            Some(_) | None => self.create(cx, spec).await?,
        };
        if let Err(error) = self.docker.start_container(&id, None).await {
            // A container that cannot start is left as `created`; it would hold the name.
            drop(self.force_remove(&id).await);
            return Err(failed(&error, Doing::Start, words!("starting {}", Public(&spec.name))));
        }
        let container = self.inspect_container(&id).await?;
        Ok(Outcome::ReplicaStarted {
            address: container.as_ref().and_then(address),
            fixed: false,
            image_id: container
                .and_then(|container| container.image)
                .and_then(|image| Digest::new(image).ok())
                .unwrap_or_else(|| spec.image_id.clone()),
            container_id: id,
        })
    }

    async fn create(&self, cx: &EffectContext, spec: &ReplicaSpec) -> Result<String, ExecutorError> {
        let network = self.network_id(&spec.network).await?;
        let options =
            CreateContainerOptions { name: Some(spec.name.clone()), ..CreateContainerOptions::default() };
        match self.docker.create_container(Some(options), body(cx, spec, network)).await {
            Ok(created) => Ok(created.id),
            Err(error) if errors::status(&error) == Some(409) => self.adopt(cx, spec).await,
            Err(error) => Err(failed(&error, Doing::Start, words!("creating {}", Public(&spec.name)))),
        }
    }

    /// The name is taken: by this very effect, or by somebody else's container, never touched.
    async fn adopt(&self, cx: &EffectContext, spec: &ReplicaSpec) -> Result<String, ExecutorError> {
        let Some(taken) = self.inspect_container(&spec.name).await? else {
            return Err(errors::ended(FailureCode::NameTaken, "the name was taken and is free again", true));
        };
        let taken_labels = taken.config.and_then(|config| config.labels).unwrap_or_default();
        let id = taken.id.unwrap_or_default();
        if labels::is_effect(&taken_labels, &cx.scope, &cx.id) {
            return Ok(id);
        }
        let whose = match (taken_labels.get(labels::LEDGER), taken_labels.get(labels::APP)) {
            (Some(ledger), Some(app)) => format!("belongs to app {app} of ledger {ledger}"),
            (_, _) => "was not made by haloy".to_owned(),
        };
        let short = id.get(..12).unwrap_or(&id);
        let words = words!("a container named {} is there already; it was not touched", Public(&spec.name));
        Err(refused(FailureCode::NameTaken, words).saying(format!("{short} {whose}")))
    }

    pub(super) async fn stop(
        &self,
        cx: &EffectContext,
        replica: ReplicaId,
        expected: bool,
    ) -> Result<Outcome, ExecutorError> {
        let mut found = self.find(&cx.scope, replica).await?;
        // Docker goes on with a creation whose client was killed, and lists it only then.
        let until = std::time::Instant::now() + APPEARS;
        while found.is_none() && expected && std::time::Instant::now() < until {
            tokio::time::sleep(LOOK_AGAIN).await;
            found = self.find(&cx.scope, replica).await?;
        }
        let Some(found) = found else {
            return Ok(Outcome::ReplicaStopped { exit_code: None, forced: false });
        };
        let options = StopContainerOptions { t: Some(GRACE_SECONDS), ..StopContainerOptions::default() };
        match self.docker.stop_container(&found.id, Some(options)).await {
            Ok(()) => {}
            Err(error) if errors::status(&error) == Some(404) => {}
            Err(error) => return Err(failed(&error, Doing::Other, "stopping a container")),
        }
        let state = self.inspect_container(&found.id).await?.and_then(|container| container.state);
        let exit_code = state.and_then(|state| state.exit_code);
        Ok(Outcome::ReplicaStopped { exit_code, forced: exit_code == Some(KILLED) })
    }

    pub(super) async fn remove(
        &self,
        cx: &EffectContext,
        replica: ReplicaId,
    ) -> Result<Outcome, ExecutorError> {
        let Some(found) = self.find(&cx.scope, replica).await? else {
            return Ok(Outcome::ReplicaRemoved { container_id: None });
        };
        self.force_remove(&found.id).await?;
        Ok(Outcome::ReplicaRemoved { container_id: Some(found.id) })
    }

    async fn force_remove(&self, id: &str) -> Result<(), ExecutorError> {
        // `v` takes anonymous volumes only; named ones are the user's.
        let options = RemoveContainerOptions { force: true, v: true, ..RemoveContainerOptions::default() };
        match self.docker.remove_container(id, Some(options)).await {
            Ok(()) => Ok(()),
            Err(error) if errors::status(&error) == Some(404) => Ok(()),
            Err(error) => Err(failed(&error, Doing::Other, "removing a container")),
        }
    }
}

/// The address of a container on its network.
pub(super) fn address(container: &ContainerInspectResponse) -> Option<String> {
    let networks = container.network_settings.as_ref()?.networks.as_ref()?;
    networks.values().filter_map(|network| network.ip_address.clone()).find(|address| !address.is_empty())
}

fn body(cx: &EffectContext, spec: &ReplicaSpec, network: String) -> ContainerCreateBody {
    let own = [
        ("HALOY_APP", cx.scope.app.to_string()),
        ("HALOY_TARGET", cx.scope.target.to_string()),
        ("HALOY_DEPLOYMENT_ID", spec.replica.deployment.to_string()),
        // From 1, as users of Haloy know it.
        ("HALOY_REPLICA_ID", (spec.replica.index + 1).to_string()),
    ];
    let own = own.iter().map(|(name, value)| format!("{name}={value}"));
    let env = own.chain(cx.values.env.iter().map(|(name, value)| format!("{name}={value}"))).collect();
    let resources = &spec.resources;
    ContainerCreateBody {
        image: Some(spec.image_id.to_string()),
        env: Some(env),
        labels: Some(labels::of(&cx.scope, &cx.id, spec)),
        host_config: Some(HostConfig {
            binds: Some(spec.volumes.clone()),
            network_mode: Some(network),
            // Without an init, a program that is process 1 ignores SIGTERM and is killed after the grace.
            init: Some(true),
            restart_policy: Some(RestartPolicy {
                name: Some(RestartPolicyNameEnum::UNLESS_STOPPED),
                maximum_retry_count: None,
            }),
            memory: resources.memory_bytes.and_then(|bytes| i64::try_from(bytes).ok()),
            nano_cpus: resources.milli_cpus.map(|milli| i64::from(milli) * 1_000_000),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    }
}
