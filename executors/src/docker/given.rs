//! Giving out fixed addresses: to one container at a time on this machine, for every process.

use super::addresses::Upper;
use super::host_lock::{self, HostLock};
use super::{Engine, place};
use crate::contract::ExecutorError;
use bollard::errors::Error;
use bollard::models::{ContainerSummary, EndpointIpamConfig, EndpointSettings, NetworkConnectRequest};
use std::collections::HashSet;
use std::net::Ipv4Addr;
use tokio::sync::MutexGuard;

/// Held from the check of free addresses until the next container with one exists. Without the part for other
/// processes, where that is not available: the engine rejects the second of two requests for one address at
/// their start.
pub(super) struct AddressLock<'a> {
    _process: MutexGuard<'a, ()>,
    _host: Option<HostLock>,
}

/// An endpoint with an address of its own, or another name than the container's; none where it needs neither.
pub(super) fn endpoint(address: Option<Ipv4Addr>, alias: Option<&String>) -> Option<EndpointSettings> {
    if address.is_none() && alias.is_none() {
        return None;
    }
    let ipam_config = address.map(|address| EndpointIpamConfig {
        ipv4_address: Some(address.to_string()),
        ..EndpointIpamConfig::default()
    });
    let aliases = alias.map(|alias| vec![alias.clone()]);
    Some(EndpointSettings { ipam_config, aliases, ..EndpointSettings::default() })
}

impl Engine<'_> {
    pub(super) async fn lock_addresses(&self) -> AddressLock<'_> {
        let process = self.executor.network_lock.lock().await;
        let host = host_lock::take(&host_lock::folder(&self.facts.host)).await;
        AddressLock { _process: process, _host: host }
    }

    /// An address that no container of the engine has or was created with: of whatever ledger, running or
    /// not. None if all are taken.
    pub(super) async fn next_address(
        &self,
        upper: Upper,
        refused: &HashSet<String>,
    ) -> Result<Option<Ipv4Addr>, ExecutorError> {
        let everybody = self.everybody().await?;
        let mut taken: HashSet<Ipv4Addr> = refused.iter().filter_map(|text| text.parse().ok()).collect();
        let mut last: Option<(i64, Ipv4Addr)> = None;
        for container in &everybody {
            for address in addresses(container).filter(|address| upper.contains(*address)) {
                taken.insert(address);
                last = last.max(Some((container.created.unwrap_or(0), address)));
            }
        }
        let next = upper.next(&taken, last.map(|(_, address)| address), &self.executor.used.all());
        if let Some(next) = next {
            self.executor.used.note(next);
        }
        Ok(next)
    }

    /// A container with a fixed address is about to go: its address was in use until now.
    pub(super) async fn note_address(&self, id: &str) {
        let Ok(Some(container)) = self.inspect_container(id).await else { return };
        if let Some(address) = place::requested_by(&container).and_then(|asked| asked.parse().ok()) {
            self.executor.used.note(address);
        }
    }

    pub(super) async fn connect(
        &self,
        network: &str,
        container: &str,
        endpoint_config: Option<EndpointSettings>,
    ) -> Result<(), Error> {
        let request = NetworkConnectRequest { container: container.to_owned(), endpoint_config };
        self.docker.connect_network(network, request).await
    }
}

/// Every address that a container has or requests.
fn addresses(container: &ContainerSummary) -> impl Iterator<Item = Ipv4Addr> {
    let networks = container.network_settings.iter().filter_map(|settings| settings.networks.as_ref());
    let endpoints = networks.flat_map(|networks| networks.values());
    endpoints.flat_map(|endpoint| {
        let has = endpoint.ip_address.as_deref();
        [has, place::requested(endpoint)].into_iter().flatten().filter_map(|text| text.parse().ok())
    })
}
