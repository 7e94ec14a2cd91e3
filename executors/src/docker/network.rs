//! The network of the replicas. Docker makes two of one name if asked twice: look first, keep the
//! oldest, and use ids.

use super::Engine;
use super::errors::{Doing, failed};
use crate::executor::ExecutorError;
use bollard::models::{Network, NetworkCreateRequest};
use bollard::query_parameters::ListNetworksOptions;
use haloy_ledger::outcome::{Outcome, Public};
use haloy_ledger::words;
use std::collections::HashMap;

const LABEL: &str = "haloy.network";

impl Engine<'_> {
    async fn networks(&self, name: &str) -> Result<Vec<Network>, ExecutorError> {
        // A plain name would match every network that contains it.
        let filters = HashMap::from([("name".to_owned(), vec![format!("^{name}$")])]);
        let options = ListNetworksOptions { filters: Some(filters) };
        let found = self.docker.list_networks(Some(options)).await;
        let mut found = found
            .map_err(|error| failed(&error, Doing::Other, words!("looking for network {}", Public(name))))?;
        found.retain(|network| network.name.as_deref() == Some(name));
        let age = |network: &Network| (network.created.as_ref().map(ToString::to_string), network.id.clone());
        found.sort_by_key(age);
        Ok(found)
    }

    pub(super) async fn ensure_network(&self, name: &str) -> Result<Outcome, ExecutorError> {
        let _one_at_a_time = self.executor.network_lock.lock().await;
        let mut found = self.networks(name).await?;
        if found.is_empty() {
            let request = NetworkCreateRequest {
                name: name.to_owned(),
                driver: Some("bridge".to_owned()),
                labels: Some(HashMap::from([(LABEL.to_owned(), "1".to_owned())])),
                ..NetworkCreateRequest::default()
            };
            let made = self.docker.create_network(request).await;
            let made = made
                .map_err(|error| failed(&error, Doing::Other, words!("creating network {}", Public(name))))?;
            found = self.networks(name).await?;
            let winner = found.first().and_then(|network| network.id.clone());
            if winner.as_ref().is_some_and(|winner| *winner != made.id) {
                // Another process was first; ours has no containers yet.
                drop(self.docker.remove_network(&made.id).await);
            }
        }
        let network_id = found.first().and_then(|network| network.id.clone()).unwrap_or_default();
        Ok(Outcome::NetworkReady { network_id })
    }

    /// The id of a network by its name; the name itself where there is none, so that Docker says so.
    pub(super) async fn network_id(&self, name: &str) -> Result<String, ExecutorError> {
        let found = self.networks(name).await?;
        Ok(found.first().and_then(|network| network.id.clone()).unwrap_or_else(|| name.to_owned()))
    }
}
