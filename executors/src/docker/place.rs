//! Where a container is, as the engine says now.

use bollard::models::{ContainerInspectResponse, EndpointSettings};
use std::collections::HashMap;

/// Networks that a container is attached to, by name.
type Networks = HashMap<String, EndpointSettings>;

/// A container's address on the network that it was created on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) address: String,
    /// Whether it was created with this address: the engine gives it back after every restart.
    pub(super) fixed: bool,
}

/// The address that an endpoint requests each time.
pub(super) fn requested(endpoint: &EndpointSettings) -> Option<&str> {
    let asked = endpoint.ipam_config.as_ref()?.ipv4_address.as_deref()?;
    Some(asked).filter(|asked| !asked.is_empty())
}

/// The endpoint of a container on the network that it was created on; where that is not visible, on the first
/// one by name.
fn endpoint(container: &ContainerInspectResponse) -> Option<&EndpointSettings> {
    let networks = container.network_settings.as_ref()?.networks.as_ref()?;
    let mode = container.host_config.as_ref().and_then(|config| config.network_mode.as_deref());
    endpoint_on(networks, mode)
}

fn endpoint_on<'a>(networks: &'a Networks, mode: Option<&str>) -> Option<&'a EndpointSettings> {
    let own = networks.iter().find(|(name, endpoint)| {
        mode.is_some_and(|mode| *name == mode || endpoint.network_id.as_deref() == Some(mode))
    });
    own.or_else(|| networks.iter().min_by_key(|(name, _)| *name)).map(|(_, endpoint)| endpoint)
}

/// Where a container is; none while it has no address.
pub(super) fn place(container: &ContainerInspectResponse) -> Option<Place> {
    place_at(endpoint(container)?)
}

/// The same, of a container that is attached to these networks and was created on `mode`.
pub(super) fn place_on(networks: &Networks, mode: Option<&str>) -> Option<Place> {
    place_at(endpoint_on(networks, mode)?)
}

fn place_at(endpoint: &EndpointSettings) -> Option<Place> {
    // A network without IPv4 gives one of IPv6 alone.
    let addresses = [&endpoint.ip_address, &endpoint.global_ipv6_address];
    let address = addresses.into_iter().flatten().find(|address| !address.is_empty())?.clone();
    let fixed = requested(endpoint) == Some(address.as_str());
    Some(Place { address, fixed })
}

/// An address and a port as URLs and `Host` have them.
pub fn with_port(address: &str, port: u16) -> String {
    if address.contains(':') { format!("[{address}]:{port}") } else { format!("{address}:{port}") }
}

/// The address that a container was created with, where it was with one.
pub(super) fn requested_by(container: &ContainerInspectResponse) -> Option<String> {
    requested(endpoint(container)?).map(str::to_owned)
}

/// When a container was started last: another time, another life, perhaps with another address.
pub(super) fn life(container: &ContainerInspectResponse) -> Option<String> {
    let state = container.state.as_ref().filter(|state| state.running == Some(true))?;
    state.started_at.clone()
}

/// Whether a container ever ran.
pub(super) fn ran(container: &ContainerInspectResponse) -> bool {
    let started = container.state.as_ref().and_then(|state| state.started_at.as_deref());
    // The engine's zero time.
    started.is_some_and(|started| !started.is_empty() && !started.starts_with("0001-01-01"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bollard::models::{EndpointIpamConfig, HostConfig, NetworkSettings};

    fn endpoint(id: &str, v4: &str, v6: &str, asked: Option<&str>) -> EndpointSettings {
        EndpointSettings {
            network_id: Some(id.to_owned()),
            ip_address: Some(v4.to_owned()),
            global_ipv6_address: Some(v6.to_owned()),
            ipam_config: asked.map(|asked| EndpointIpamConfig {
                ipv4_address: Some(asked.to_owned()),
                ..EndpointIpamConfig::default()
            }),
            ..EndpointSettings::default()
        }
    }

    fn on(mode: &str, networks: &[(&str, EndpointSettings)]) -> ContainerInspectResponse {
        let networks = networks.iter().map(|(name, endpoint)| ((*name).to_owned(), endpoint.clone()));
        ContainerInspectResponse {
            host_config: Some(HostConfig { network_mode: Some(mode.to_owned()), ..HostConfig::default() }),
            network_settings: Some(NetworkSettings {
                networks: Some(networks.collect()),
                ..NetworkSettings::default()
            }),
            ..ContainerInspectResponse::default()
        }
    }

    #[test]
    fn the_network_that_it_was_created_on_says_where_it_is() {
        let both = [
            ("haloy", endpoint("1", "10.0.0.2", "", None)),
            ("haloy-2", endpoint("2", "10.1.0.8", "", Some("10.1.0.8"))),
        ];
        let fixed = |address: &str, fixed| Some(Place { address: address.to_owned(), fixed });
        assert_eq!(place(&on("2", &both)), fixed("10.1.0.8", true), "by id");
        assert_eq!(place(&on("haloy", &both)), fixed("10.0.0.2", false), "by name");
        assert_eq!(place(&on("gone", &both)), fixed("10.0.0.2", false), "the same one each time");
        let v6 = [("six", endpoint("6", "", "fd00::2", None))];
        assert_eq!(place(&on("six", &v6)), fixed("fd00::2", false));
        assert_eq!(place(&on("none", &[("none", endpoint("0", "", "", None))])), None);
    }
}
