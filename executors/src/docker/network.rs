//! The network of the replicas. Docker makes two of one name on simultaneous requests: look first, keep the
//! oldest, and use ids.
//!
//! The own network has an explicit subnet, since only then an engine gives out fixed addresses, and leaves
//! their half of it alone. The engine chose that subnet: a plain network is made, inspected, and made again
//! with its subnet. A network without that is used with addresses that change.

use super::addresses::{Halves, Upper};
use super::errors::{Doing, failed};
use super::{Engine, host_lock};
use crate::contract::{EffectContext, ExecutorError, Progress};
use bollard::models::{ContainerSummary, Ipam, IpamConfig, Network, NetworkCreateRequest};
use bollard::query_parameters::{ListContainersOptions, ListNetworksOptions};
use haloy_ledger::outcome::{FailureCode, Outcome, Public};
use haloy_ledger::words;
use std::collections::HashSet;

/// Says that haloy made it, and how: one of the two below.
const LABEL: &str = "haloy.network";
/// The engine gives out all of its addresses.
const PLAIN: &str = "1";
/// The upper half belongs to haloy.
const HALVED: &str = "2";
/// The name that it stands for in a configuration.
pub(super) const STANDS_FOR: &str = "haloy.network.for";
/// The network of apps that name none: haloy's by its name, whoever made it.
const OWN: &str = "haloy";

/// Whether haloy makes a network of that name where there is none. Every other one is the user's.
pub(super) fn is_made(name: &str) -> bool {
    name == OWN
}

/// The networks of a replica.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Joined {
    /// The one that it is created on.
    pub(super) id: String,
    /// Addresses for it; none where the engine chooses.
    pub(super) upper: Option<Upper>,
    /// Another network of the same name with other users.
    pub(super) also: Option<String>,
}

/// Everything that stands for one name.
#[derive(Debug, Default)]
struct Standing {
    /// Made with a subnet, oldest first.
    halved: Vec<(String, Upper)>,
    /// Networks of exactly this name without a subnet, oldest first; and whether haloy made it.
    plain: Vec<(Network, bool)>,
    /// Beginnings of a second network that was not finished.
    begun: Vec<String>,
    /// Names of all networks of the engine.
    names: HashSet<String>,
}

impl Engine<'_> {
    async fn standing_for(&self, name: &str) -> Result<Standing, ExecutorError> {
        // A filter by name would leave out those whose label says what they stand for.
        let listed = self.docker.list_networks(None::<ListNetworksOptions>).await;
        let mut listed = listed
            .map_err(|error| failed(&error, Doing::Other, words!("looking for network {}", Public(name))))?;
        let age = |network: &Network| (network.created.as_ref().map(ToString::to_string), network.id.clone());
        listed.sort_by_key(age);
        let mut standing = Standing::default();
        for network in listed {
            let Some(id) = network.id.clone() else { continue };
            standing.names.extend(network.name.clone());
            let named = network.name.as_deref() == Some(name);
            let for_name = label(&network, STANDS_FOR) == Some(name);
            match (label(&network, LABEL), upper(&network)) {
                (Some(HALVED), Some(upper)) if for_name => standing.halved.push((id, upper)),
                (Some(PLAIN), _) if for_name && !named => standing.begun.push(id),
                (label, _) if named => standing.plain.push((network.clone(), label.is_some())),
                (_, _) => {}
            }
        }
        Ok(standing)
    }

    /// Whether there is a network of this name.
    pub(super) async fn has_network(&self, name: &str) -> Result<bool, ExecutorError> {
        let standing = self.standing_for(name).await?;
        Ok(!(standing.halved.is_empty() && standing.plain.is_empty()))
    }

    /// Makes a network where there is none of that name: for those who remove it themselves.
    pub(super) async fn provide_network(&self, name: &str) -> Result<(), ExecutorError> {
        let _one_at_a_time = self.executor.network_lock.lock().await;
        let _of_the_host = host_lock::take(&host_lock::folder(&self.facts.host)).await;
        if !self.has_network(name).await? {
            self.make(name, name).await?;
        }
        Ok(())
    }

    /// Makes haloy's own network, where it is not there, or lets one with fixed addresses take its place.
    pub(super) async fn ensure_network(
        &self,
        cx: &EffectContext,
        name: &str,
    ) -> Result<Outcome, ExecutorError> {
        let _one_at_a_time = self.executor.network_lock.lock().await;
        let _of_the_host = host_lock::take(&host_lock::folder(&self.facts.host)).await;
        let standing = self.standing_for(name).await?;
        for id in &standing.begun {
            // Refused while anybody is on it, which is as it should be.
            drop(self.docker.remove_network(id).await);
        }
        let network_id = match (standing.halved.first(), standing.plain.first()) {
            (None, None) if is_made(name) => self.make(name, name).await?,
            // A mistyped name would be a network without anything else on it.
            (None, None) => {
                let words = words!("there is no network {}", Public(name));
                let hint = format!("make it: docker network create {name}");
                return Err(ExecutorError::new(FailureCode::Other, words).saying(hint));
            }
            (None, Some((plain, ours))) => {
                let id = plain.id.clone().unwrap_or_default();
                let users = self.users(plain).await?;
                // The engine refuses to remove it if a container joined meanwhile.
                if *ours && users.is_empty() && self.docker.remove_network(&id).await.is_ok() {
                    self.make(name, name).await?
                } else if can_be_replaced(plain, *ours)
                    && let Some(beside) = self.make_beside(name, &standing).await
                {
                    let users: Vec<String> = users.iter().map(User::name).collect();
                    cx.tell(Progress::Line(still_used(name, &users)));
                    beside
                } else {
                    id
                }
            }
            (Some((id, _)), plain) => {
                if let Some((plain, ours)) = plain {
                    self.leave(cx, name, (plain, *ours), id).await?;
                }
                id.clone()
            }
        };
        Ok(Outcome::NetworkReady { network_id })
    }

    /// An older network of the name, beside the one that replaced it: removed once nothing uses it.
    async fn leave(
        &self,
        cx: &EffectContext,
        name: &str,
        (plain, ours): (&Network, bool),
        halved: &str,
    ) -> Result<(), ExecutorError> {
        let users = self.users(plain).await?;
        let need: Vec<String> = users.iter().filter(|user| !user.is_on(halved)).map(User::name).collect();
        let note = |text: String| cx.tell(Progress::Line(text));
        if !need.is_empty() {
            note(still_used(name, &need));
        } else if ours
            && users.is_empty()
            && self.docker.remove_network(plain.id.as_deref().unwrap_or_default()).await.is_ok()
        {
            note(format!("the older network {name} was removed: nothing used it any more"));
        }
        Ok(())
    }

    /// The networks of a replica with this configuration; the name itself where there is none, so that Docker
    /// reports that.
    pub(super) async fn joined(&self, name: &str) -> Result<Joined, ExecutorError> {
        let standing = self.standing_for(name).await?;
        let plain = standing.plain.first().map(|(network, _)| network);
        let plain_id = plain.and_then(|network| network.id.clone());
        let Some((id, upper)) = standing.halved.into_iter().next() else {
            return Ok(Joined { id: plain_id.unwrap_or_else(|| name.to_owned()), upper: None, also: None });
        };
        // As long as a container is on the older one alone, which could not be found otherwise.
        let also = match plain {
            Some(plain) if self.users(plain).await?.iter().any(|user| !user.is_on(&id)) => plain_id,
            Some(_) | None => None,
        };
        Ok(Joined { id, upper: Some(upper), also })
    }

    /// Removes every unused network that haloy made for a name.
    pub(super) async fn forget_networks(&self, name: &str) -> Result<(), ExecutorError> {
        let standing = self.standing_for(name).await?;
        let plain =
            standing.plain.into_iter().filter(|(_, ours)| *ours).filter_map(|(network, _)| network.id);
        let halved = standing.halved.into_iter().map(|(id, _)| id);
        for id in plain.chain(halved).chain(standing.begun) {
            // Refused while anybody is on it, which is as it should be.
            drop(self.docker.remove_network(&id).await);
        }
        Ok(())
    }

    /// A second network for a name, beside one that is in use. None where the engine makes none.
    async fn make_beside(&self, name: &str, standing: &Standing) -> Option<String> {
        let second = format!("{name}-2");
        if standing.names.contains(&second) && standing.begun.is_empty() {
            return None;
        }
        let begun = self.create_network(&second, name, None).await.ok()?;
        let halved = self.halved(&begun, &second, name).await;
        if halved.is_none() {
            drop(self.docker.remove_network(&begun).await);
        }
        halved
    }

    /// The first network for a name: with a subnet, if the engine lets us.
    async fn make(&self, called: &str, name: &str) -> Result<String, ExecutorError> {
        let creating = |error| failed(&error, Doing::Other, words!("creating network {}", Public(called)));
        let begun = self.create_network(called, name, None).await.map_err(creating)?;
        if let Some(halved) = self.halved(&begun, called, name).await {
            return Ok(halved);
        }
        let standing = self.standing_for(name).await?;
        let winner = standing.plain.first().and_then(|(network, _)| network.id.clone());
        match winner {
            Some(winner) if winner == begun => Ok(begun),
            Some(winner) => {
                // Another process was first; ours has no containers yet.
                drop(self.docker.remove_network(&begun).await);
                Ok(winner)
            }
            // The engine took the plain one back and then made none with a subnet.
            None => self.create_network(called, name, None).await.map_err(creating),
        }
    }

    /// Makes a plain network again with the subnet that the engine chose for it. None where the engine does
    /// not do that; the plain one may be gone then.
    async fn halved(&self, plain: &str, called: &str, name: &str) -> Option<String> {
        let standing = self.standing_for(name).await.ok()?;
        if let Some((id, _)) = standing.halved.into_iter().next() {
            // Another process was first.
            drop(self.docker.remove_network(plain).await);
            return Some(id);
        }
        let found = self.docker.inspect_network(plain, None).await.ok()?;
        let config = found.ipam?.config?.into_iter().find(|config| v4(config).is_some())?;
        let halves = v4(&config)?;
        let config = IpamConfig { ip_range: Some(halves.lower), auxiliary_addresses: None, ..config };
        self.docker.remove_network(plain).await.ok()?;
        let made = self.create_network(called, name, Some(config)).await.ok()?;
        // Checks the result, not the request: an engine may ignore options that it does not know.
        let standing = self.standing_for(name).await.ok()?;
        let id = standing.halved.into_iter().next().map(|(id, _)| id);
        if id.as_ref() != Some(&made) {
            drop(self.docker.remove_network(&made).await);
        }
        id
    }

    async fn create_network(
        &self,
        called: &str,
        name: &str,
        config: Option<IpamConfig>,
    ) -> Result<String, bollard::errors::Error> {
        let how = if config.is_some() { HALVED } else { PLAIN };
        let labels = [(LABEL, how), (STANDS_FOR, name)];
        let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let ipam = config.map(|config| Ipam { config: Some(vec![config]), ..Ipam::default() });
        let request = NetworkCreateRequest {
            name: called.to_owned(),
            driver: Some("bridge".to_owned()),
            labels: Some(labels),
            ipam,
            ..NetworkCreateRequest::default()
        };
        Ok(self.docker.create_network(request).await?.id)
    }

    /// Every container of the engine, of any owner, running or not.
    pub(super) async fn everybody(&self) -> Result<Vec<ContainerSummary>, ExecutorError> {
        let options = ListContainersOptions { all: true, ..ListContainersOptions::default() };
        let listed = self.docker.list_containers(Some(options)).await;
        listed.map_err(|error| failed(&error, Doing::Other, "listing containers"))
    }

    /// The containers that are on a network; also those that do not run, which the network itself does not
    /// list, and which could not be started without it.
    async fn users(&self, network: &Network) -> Result<Vec<User>, ExecutorError> {
        let (id, name) = (network.id.as_deref().unwrap_or_default(), network.name.as_deref());
        let users = self.everybody().await?.into_iter().map(User).filter(|user| {
            // A container that was never started has no id of its network, but a name.
            user.is_on(id) || user.networks().any(|(known, id)| id.is_empty() && Some(known) == name)
        });
        Ok(users.collect())
    }
}

/// A container on a network.
struct User(ContainerSummary);

impl User {
    fn name(&self) -> String {
        let name = self.0.names.as_ref().and_then(|names| names.first());
        name.map_or_else(|| "a container".to_owned(), |name| name.trim_start_matches('/').to_owned())
    }

    /// Names and ids of its networks.
    fn networks(&self) -> impl Iterator<Item = (&str, &str)> {
        let networks = self.0.network_settings.iter().filter_map(|settings| settings.networks.as_ref());
        networks
            .flatten()
            .map(|(name, endpoint)| (name.as_str(), endpoint.network_id.as_deref().unwrap_or_default()))
    }

    fn is_on(&self, id: &str) -> bool {
        self.networks().any(|(_, known)| known == id)
    }
}

fn label<'a>(network: &'a Network, name: &str) -> Option<&'a str> {
    network.labels.as_ref()?.get(name).map(String::as_str)
}

fn v4(config: &IpamConfig) -> Option<Halves> {
    Halves::of(config.subnet.as_deref()?)
}

/// The addresses of a network that was made with a subnet, if it still is one.
fn upper(network: &Network) -> Option<Upper> {
    let configs = network.ipam.as_ref()?.config.as_ref()?;
    configs.iter().find_map(|config| {
        let halves = v4(config)?;
        (config.ip_range.as_deref() == Some(halves.lower.as_str())).then_some(halves.upper)
    })
}

/// A network that another one may stand beside: haloy's, by label or by name, and an ordinary one.
fn can_be_replaced(network: &Network, ours: bool) -> bool {
    let own = ours || network.name.as_deref() == Some(OWN);
    let ordinary = network.driver.as_deref() == Some("bridge") && network.internal != Some(true);
    let configs = network.ipam.as_ref().and_then(|ipam| ipam.config.as_ref());
    own && ordinary && configs.is_some_and(|configs| configs.iter().any(|config| v4(config).is_some()))
}

fn still_used(name: &str, users: &[String]) -> String {
    /// Names that are listed.
    const TOLD: usize = 5;
    let mut told: Vec<&str> = users.iter().take(TOLD).map(String::as_str).collect();
    if users.len() > TOLD {
        told.push("..");
    }
    format!(
        "network {name} has no fixed addresses; new replicas are on {name}-2, and on {name} as long as others are \
         on that one alone: {}",
        told.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(driver: &str, name: &str, subnet: &str, range: Option<&str>) -> Network {
        let config = IpamConfig {
            subnet: Some(subnet.to_owned()),
            ip_range: range.map(str::to_owned),
            ..IpamConfig::default()
        };
        Network {
            name: Some(name.to_owned()),
            driver: Some(driver.to_owned()),
            ipam: Some(Ipam { config: Some(vec![config]), ..Ipam::default() }),
            ..Network::default()
        }
    }

    #[test]
    fn a_network_gives_out_fixed_addresses_only_if_it_was_made_for_that() {
        assert!(upper(&network("bridge", OWN, "172.18.0.0/16", Some("172.18.0.0/17"))).is_some());
        assert!(upper(&network("bridge", OWN, "172.18.0.0/16", None)).is_none());
        assert!(upper(&network("bridge", OWN, "172.18.0.0/16", Some("172.18.128.0/17"))).is_none());
        assert!(upper(&network("bridge", OWN, "fd00::/64", None)).is_none());
    }

    #[test]
    fn only_an_ordinary_network_of_our_own_is_replaced() {
        let may = |driver, name, subnet, ours| can_be_replaced(&network(driver, name, subnet, None), ours);
        assert!(may("bridge", OWN, "172.18.0.0/16", false), "made by the user, under our name");
        assert!(may("bridge", "other", "172.18.0.0/16", true));
        assert!(!may("bridge", "other", "172.18.0.0/16", false), "the user's");
        assert!(!may("overlay", OWN, "172.18.0.0/16", true));
        assert!(!may("bridge", OWN, "fd00::/64", true), "no address of IPv4");
    }
}
