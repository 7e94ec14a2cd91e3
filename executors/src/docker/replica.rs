//! Containers: create and start, adopt, stop, remove.

use super::body::body;
use super::errors::{self, Doing, failed};
use super::given::endpoint;
use super::labels::OwnContainer;
use super::network::Joined;
use super::volumes::unnamed;
use super::{Engine, labels, place};
use crate::contract::*;
use crate::limits::APPEARS;
use bollard::models::*;
use bollard::query_parameters::*;
use haloy_ledger::deployment::effect::ReplicaSpec;
use haloy_ledger::ids::{Digest, ReplicaId};
use haloy_ledger::outcome::{FailureCode, Outcome, Public};
use haloy_ledger::words;
use std::collections::{HashMap, HashSet};
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

/// Between two checks for a container whose creation was requested by a process that is gone.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// Exit code of a container that had to be killed.
const KILLED: i64 = 137;

/// Addresses that are tried for one replica before the engine chooses.
const ADDRESSES: usize = 4;

impl Engine<'_> {
    pub(super) async fn list(&self, label: Vec<String>) -> Result<Vec<OwnContainer>, ExecutorError> {
        let found = self.summaries(label).await?.into_iter().filter_map(|container| {
            Some(OwnContainer { id: container.id?, labels: container.labels.unwrap_or_default() })
        });
        Ok(found.collect())
    }

    /// Containers with these labels, running or not, as a list shows them.
    pub(super) async fn summaries(&self, label: Vec<String>) -> Result<Vec<ContainerSummary>, ExecutorError> {
        let filters = HashMap::from([("label".to_owned(), label)]);
        let options =
            ListContainersOptions { all: true, filters: Some(filters), ..ListContainersOptions::default() };
        let found = self.docker.list_containers(Some(options)).await;
        found.map_err(|error| failed(&error, Doing::Other, "listing containers"))
    }

    /// Everything of a target, running or not.
    pub(super) async fn all(&self, scope: &Scope) -> Result<Vec<OwnContainer>, ExecutorError> {
        self.list(labels::filter(scope)).await
    }

    /// A replica's container, by its labels.
    pub(super) async fn find(
        &self,
        scope: &Scope,
        replica: ReplicaId,
    ) -> Result<Option<OwnContainer>, ExecutorError> {
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
            let id = match self.find(&cx.request.scope, spec.replica).await? {
                Some(found) if labels::is_effect(&found.labels, &cx.request.scope, &cx.request.id) => {
                    found.id
                }
                Some(_) | None => self.create(cx, spec, &refused).await?,
            };
            let Err(error) = self.docker.start_container(&id, None).await else { break id };
            let container = self.inspect_container(&id).await?;
            let asked = container.as_ref().and_then(place::requested_by);
            let ran = container.as_ref().is_some_and(place::ran);
            // Another container has the address, or the engine gives none out: try another way.
            let other = asked.filter(|_| errors::of_address(&error) && refused.len() < ADDRESSES);
            let again = other.is_some_and(|asked| refused.insert(asked));
            match (again, ran) {
                (true, true) => self.move_away(&id, spec, &refused).await?,
                // A container that ran stays: what it wrote is its own, and it may start another time.
                (false, true) => {}
                // A container that cannot start is left as `created`; it would hold the name.
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
            cx.tell(Progress::Line(text));
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
        let init = self.init(spec).await?;
        let body = |address| body(cx, spec, (network, address), (&volumes, init));
        let named =
            || CreateContainerOptions { name: Some(spec.name.clone()), ..CreateContainerOptions::default() };
        let mut created = self.docker.create_container(Some(named()), body(address)).await;
        // An engine that takes no address gets a request without one, before a failure is reported.
        if address.is_some() && created.as_ref().is_err_and(|error| errors::status(error) != Some(409)) {
            created = self.docker.create_container(Some(named()), body(None)).await;
        }
        match created {
            Ok(created) => Ok(created.id),
            Err(error) if errors::status(&error) == Some(409) => self.adopt(cx, spec).await,
            Err(error) => Err(failed(&error, Doing::Start, words!("creating {}", Public(&spec.name)))),
        }
    }

    /// The name is taken: by this very effect, or by a foreign container, which is never touched.
    async fn adopt(&self, cx: &EffectContext, spec: &ReplicaSpec) -> Result<String, ExecutorError> {
        let Some(taken) = self.inspect_container(&spec.name).await? else {
            return Err(ExecutorError::new(FailureCode::NameTaken, "the name was taken and is free again")
                .retry(Retry::Now));
        };
        let taken_labels = taken.config.and_then(|config| config.labels).unwrap_or_default();
        let id = taken.id.unwrap_or_default();
        if labels::is_effect(&taken_labels, &cx.request.scope, &cx.request.id) {
            return Ok(id);
        }
        let whose = match (taken_labels.get(labels::LEDGER), taken_labels.get(labels::APP)) {
            (Some(ledger), Some(app)) => format!("belongs to app {app} of ledger {ledger}"),
            (_, _) => "was not made by haloy".to_owned(),
        };
        let short = id.get(..12).unwrap_or(&id);
        let words = words!("a container named {} already exists; it was not touched", Public(&spec.name));
        Err(ExecutorError::new(FailureCode::NameTaken, words).saying(format!("{short} {whose}")))
    }

    pub(super) async fn stop(
        &self,
        cx: &EffectContext,
        replica: ReplicaId,
        grace_seconds: u32,
        expected: bool,
    ) -> Result<Outcome, ExecutorError> {
        let mut found = self.find(&cx.request.scope, replica).await?;
        // Docker goes on with a creation whose client was killed, and lists the container only then.
        let until = Instant::now() + APPEARS;
        while found.is_none() && expected && Instant::now() < until {
            tokio::time::sleep(LOOK_AGAIN).await;
            found = self.find(&cx.request.scope, replica).await?;
        }
        let Some(found) = found else {
            return Ok(Outcome::ReplicaStopped { exit_code: None, forced: false });
        };
        let asked = Instant::now();
        self.stop_container(&found.id, grace_seconds).await?;
        let late = asked.elapsed() >= Duration::from_secs(grace_seconds.into());
        let state = self.inspect_container(&found.id).await?.and_then(|container| container.state);
        let exit_code = state.and_then(|state| state.exit_code);
        // A container that was killed before, for its memory say, was not killed by this stop.
        Ok(Outcome::ReplicaStopped { exit_code, forced: late && exit_code == Some(KILLED) })
    }

    /// Stops a container gracefully, and kills it after its grace. Fine if it is gone.
    pub(super) async fn stop_container(&self, id: &str, grace_seconds: u32) -> Result<(), ExecutorError> {
        let t = Some(i32::try_from(grace_seconds).unwrap_or(i32::MAX));
        let options = StopContainerOptions { t, ..StopContainerOptions::default() };
        match self.docker.stop_container(id, Some(options)).await {
            Ok(()) => Ok(()),
            Err(error) if errors::status(&error) == Some(404) => Ok(()),
            Err(error) => Err(failed(&error, Doing::Other, "stopping a container")),
        }
    }

    pub(super) async fn remove(
        &self,
        cx: &EffectContext,
        replica: ReplicaId,
    ) -> Result<Outcome, ExecutorError> {
        let found = self.find(&cx.request.scope, replica).await?;
        let volumes = self.left_by(&cx.request.scope, replica, found.as_ref()).await?;
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
