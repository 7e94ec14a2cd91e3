//! Containers: create and start, adopt, stop, remove.

use super::errors::{self, Doing, failed, refused};
use super::given::endpoint;
use super::network::Joined;
use super::volumes::{Mounted, unnamed};
use super::{Engine, labels, place};
use crate::executor::*;
use crate::limits::APPEARS;
use bollard::models::*;
use bollard::query_parameters::*;
use haloy_ledger::deployment::effect::ReplicaSpec;
use haloy_ledger::ids::{Digest, ReplicaId};
use haloy_ledger::outcome::{FailureCode, Outcome, Public};
use haloy_ledger::words;
use std::collections::{HashMap, HashSet};
use std::net::Ipv4Addr;

/// Seconds that a container has to end after SIGTERM.
const GRACE_SECONDS: i32 = 20;
/// Between two looks for a container whose creation was asked for by a process that is gone.
const LOOK_AGAIN: std::time::Duration = std::time::Duration::from_millis(100);
/// Exit code of a container that had to be killed.
const KILLED: i64 = 137;

/// Addresses that are tried for one replica before the engine chooses.
const ADDRESSES: usize = 4;

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
        Ok(self.list(labels::filter_replica(scope, replica)).await?.into_iter().next())
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
        let mut refused = HashSet::new();
        let id = loop {
            let id = match self.find(&cx.scope, spec.replica).await? {
                Some(found) if labels::is_effect(&found.labels, &cx.scope, &cx.id) => found.id,
                Some(_) | None => self.create(cx, spec, &refused).await?,
            };
            let Err(error) = self.docker.start_container(&id, None).await else { break id };
            let container = self.inspect_container(&id).await?;
            let asked = container.as_ref().and_then(place::asked_by);
            let ran = container.as_ref().is_some_and(place::ran);
            // Somebody else's container has the address, or the engine gives none out: try another way.
            let other = asked.filter(|_| errors::of_address(&error) && refused.len() < ADDRESSES);
            let again = other.is_some_and(|asked| refused.insert(asked));
            match (again, ran) {
                (true, true) => self.move_away(&id, spec, &refused).await?,
                // One that ran stays: what it wrote is its own, and it may start another time.
                (false, true) => {}
                // One that cannot start is left as `created`; it would hold the name.
                (_, false) => drop(self.force_remove(&id).await),
            }
            if !again {
                return Err(failed(&error, Doing::Start, words!("starting {}", Public(&spec.name))));
            }
        };
        let container = self.inspect_container(&id).await?;
        let volumes = container.as_ref().map(|found| unnamed(found, &labels_of(found))).unwrap_or_default();
        let place = container.as_ref().and_then(place::place);
        Ok(Outcome::ReplicaStarted {
            volumes,
            fixed: place.as_ref().is_some_and(|place| place.fixed),
            address: place.map(|place| place.address),
            image_id: container
                .and_then(|container| container.image)
                .and_then(|image| Digest::new(image).ok())
                .unwrap_or_else(|| spec.image_id.clone()),
            container_id: id,
        })
    }

    async fn create(
        &self,
        cx: &EffectContext,
        spec: &ReplicaSpec,
        refused: &HashSet<String>,
    ) -> Result<String, ExecutorError> {
        let joined = self.joined(&spec.network).await?;
        let id = {
            let _lock = self.lock_addresses().await;
            let address = self.address_in(&joined, refused).await?;
            self.create_with(cx, spec, &joined.id, address).await?
        };
        if let Some(also) = &joined.also
            && let Err(error) = self.connect(also, &id, endpoint(None, spec.alias.as_ref())).await
        {
            let text = format!(
                "{} is not on the older network {}: {}",
                spec.name,
                spec.network,
                errors::sentence(&error)
            );
            cx.progress.progress(&cx.id, Progress::Line(text));
        }
        Ok(id)
    }

    /// The next address of a network. None where it has none to give, or after so many refusals: then the
    /// engine chooses.
    async fn address_in(
        &self,
        joined: &Joined,
        refused: &HashSet<String>,
    ) -> Result<Option<Ipv4Addr>, ExecutorError> {
        match joined.upper.filter(|_| refused.len() < ADDRESSES) {
            Some(upper) => self.next_address(upper, refused).await,
            None => Ok(None),
        }
    }

    /// Gives a container that does not run another address, since it cannot start with the one that it has.
    async fn move_away(
        &self,
        id: &str,
        spec: &ReplicaSpec,
        refused: &HashSet<String>,
    ) -> Result<(), ExecutorError> {
        let joined = self.joined(&spec.network).await?;
        let moving =
            |error| failed(&error, Doing::Other, words!("giving {} another address", Public(&spec.name)));
        let _lock = self.lock_addresses().await;
        let address = self.address_in(&joined, refused).await?;
        let leaving = NetworkDisconnectRequest { container: id.to_owned(), force: Some(true) };
        let left = self.docker.disconnect_network(&joined.id, leaving).await;
        left.map_err(moving)?;
        let place = endpoint(address, spec.alias.as_ref());
        self.connect(&joined.id, id, place).await.map_err(moving)
    }

    async fn create_with(
        &self,
        cx: &EffectContext,
        spec: &ReplicaSpec,
        network: &str,
        address: Option<Ipv4Addr>,
    ) -> Result<String, ExecutorError> {
        let volumes = self.volumes_for(cx, spec).await?;
        let named =
            || CreateContainerOptions { name: Some(spec.name.clone()), ..CreateContainerOptions::default() };
        let mut created =
            self.docker.create_container(Some(named()), body(cx, spec, (network, address), &volumes)).await;
        // An engine that takes no address is asked without one, before anything is said to have failed.
        if address.is_some() && created.as_ref().is_err_and(|error| errors::status(error) != Some(409)) {
            created =
                self.docker.create_container(Some(named()), body(cx, spec, (network, None), &volumes)).await;
        }
        match created {
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
        let found = self.find(&cx.scope, replica).await?;
        let volumes = self.left_by(&cx.scope, replica, found.as_ref()).await?;
        let Some(found) = found else { return Ok(Outcome::ReplicaRemoved { container_id: None, volumes }) };
        self.note_address(&found.id).await;
        self.force_remove(&found.id).await?;
        Ok(Outcome::ReplicaRemoved { container_id: Some(found.id), volumes })
    }

    async fn force_remove(&self, id: &str) -> Result<(), ExecutorError> {
        // Never with its volumes: also one without a name may be all that there is of a database.
        let options = RemoveContainerOptions { force: true, v: false, ..RemoveContainerOptions::default() };
        match self.docker.remove_container(id, Some(options)).await {
            Ok(()) => Ok(()),
            Err(error) if errors::status(&error) == Some(404) => Ok(()),
            Err(error) => Err(failed(&error, Doing::Other, "removing a container")),
        }
    }
}

fn labels_of(container: &ContainerInspectResponse) -> HashMap<String, String> {
    container.config.as_ref().and_then(|config| config.labels.clone()).unwrap_or_default()
}

/// `network` is where it is created, and its address there.
fn body(
    cx: &EffectContext,
    spec: &ReplicaSpec,
    (network, address): (&str, Option<Ipv4Addr>),
    made: &[Mounted],
) -> ContainerCreateBody {
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
    let mut labels = labels::of(&cx.scope, &cx.id, spec);
    if !made.is_empty() {
        let names: Vec<&str> = made.iter().map(|made| made.volume.as_str()).collect();
        labels.insert(labels::VOLUMES.to_owned(), names.join(","));
    }
    let made = made.iter().map(|made| format!("{}:{}", made.volume, made.path));
    ContainerCreateBody {
        image: Some(spec.image_id.to_string()),
        env: Some(env),
        labels: Some(labels),
        host_config: Some(HostConfig {
            binds: Some(spec.volumes.iter().cloned().chain(made).collect()),
            network_mode: Some(network.to_owned()),
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
        networking_config: endpoint(address, spec.alias.as_ref()).map(|endpoint| NetworkingConfig {
            endpoints_config: Some(HashMap::from([(network.to_owned(), endpoint)])),
        }),
        ..ContainerCreateBody::default()
    }
}
