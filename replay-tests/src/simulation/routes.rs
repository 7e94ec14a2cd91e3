//! Domains of the simulation, and their invariants.

use super::invariants::Broken;
use super::parts::Random;
use super::watch::States;
use haloy_executors::simulated::World;
use haloy_ledger::Ledger;
use haloy_ledger::deployment::state::ReplicaPhase;
use haloy_ledger::deployment::{Command, TargetState};
use haloy_ledger::edge::Route;
use haloy_ledger::ids::{ReplicaId, TargetKey};
use haloy_ledger::log::LogError;
use haloy_ledger::release::Domain;
use std::collections::BTreeMap;

const NAMES: [&str; 4] = ["a.example", "b.example", "c.example", "d.example"];

/// A few names that several targets want, as domains or as aliases.
pub fn domains(random: &mut Random) -> Vec<Domain> {
    let mut wanted: Vec<Domain> = Vec::new();
    for name in NAMES {
        if random.percent(18) && !wanted.iter().any(|other| other.aliases.iter().any(|alias| alias == name)) {
            wanted.push(Domain { domain: name.to_owned(), aliases: Vec::new() });
        }
        let alias = match random.below(10) {
            0..=2 => format!("www.{name}"),
            3 => NAMES[random.below(NAMES.len())].to_owned(),
            _none => continue,
        };
        let mut named = wanted.iter().flat_map(|other| std::iter::once(&other.domain).chain(&other.aliases));
        if !named.any(|named| *named == alias)
            && let Some(last) = wanted.last_mut()
        {
            last.aliases.push(alias);
        }
    }
    wanted
}

/// A name that a deployment must not get: another has it, and no move was requested.
pub fn taken(ledger: &Ledger, key: &TargetKey, command: &Command) -> Option<String> {
    let Command::Deploy(deploy) = command else { return None };
    let claims = ledger.edge().ok()?.claims;
    let others = claims.iter().filter(|(_, c)| c.holder.app != key.app || c.holder.target != key.target);
    for (domain, claim) in others {
        for wanted in &deploy.release.config.domains {
            let moves = deploy.move_domains && wanted.domain == *domain;
            let names = std::iter::once(&wanted.domain).chain(&wanted.aliases);
            let both = names.filter(|name| (*name == domain && !moves) || claim.aliases.contains(name));
            if let Some(name) = both.into_iter().next() {
                return Some(format!("{name} of {}", claim.holder));
            }
        }
    }
    None
}

/// Between any two steps: who gets requests runs and is well.
pub fn well(ledger: &Ledger, states: &mut States, world: &World) -> Result<(), Broken> {
    for route in world.routes.iter().flat_map(|snapshot| &snapshot.routes) {
        for backend in &route.backends {
            let found = world.replicas.iter().find(|(key, _)| key.3 == backend.replica);
            let well = found.is_some_and(|(_, found)| found.running && found.healthy);
            if !well && !unsure(ledger, states, route, backend.replica)? {
                return Err(format!("the edge routes to {}, which is not well", backend.replica));
            }
        }
    }
    match world.stopped_routed.first() {
        None => Ok(()),
        Some(replica) => Err(format!("{replica} was stopped while the edge sent it requests")),
    }
}

/// A restart of it failed, as the log shows, and no other live replica could answer in its place.
fn unsure(ledger: &Ledger, states: &mut States, route: &Route, replica: ReplicaId) -> Result<bool, Broken> {
    let state = states.of(ledger, &route.key())?;
    let live = state.current.iter().flat_map(|live| &live.replicas);
    let phases: Vec<(ReplicaId, ReplicaPhase)> = live.map(|replica| (replica.id, replica.phase)).collect();
    let healthy = phases.iter().any(|(_, phase)| *phase == ReplicaPhase::Healthy);
    Ok(!healthy && phases.contains(&(replica, ReplicaPhase::Started)))
}

/// The table read from those who hold a domain is the table read from all targets.
pub fn the_same_table(ledger: &Ledger) -> Result<(), Broken> {
    let tables = ledger.view(|view| Ok::<_, LogError>((view.routes()?.snapshot, view.route_snapshot()?)));
    let (all, holders) = tables.map_err(|error| error.to_string())?;
    if all == holders { Ok(()) } else { Err(format!("{holders:?} is not the table {all:?}")) }
}

/// Each name has one owner, and a settled target has nothing but what its release names.
pub fn owned(ledger: &Ledger, state: &TargetState) -> Result<(), Broken> {
    let edge = ledger.edge().map_err(|error| error.to_string())?;
    let mut owners = BTreeMap::new();
    for (domain, claim) in &edge.claims {
        for name in std::iter::once(domain).chain(&claim.aliases) {
            match owners.insert(name.clone(), claim.holder.clone()) {
                Some(other) if other != claim.holder => {
                    return Err(format!("{name} belongs to {other} and to {}", claim.holder));
                }
                Some(_) | None => {}
            }
        }
        let mine = claim.holder.app == state.key.app && claim.holder.target == state.key.target;
        let named = state.routes.base.iter().any(|wanted| wanted.domain == *domain);
        if mine && state.rollout.is_none() && !named {
            return Err(format!("{} keeps {domain}, which no release names", state.key));
        }
    }
    Ok(())
}
