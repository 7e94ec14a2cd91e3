//! The table of routes of all targets: what the edge is to do at one size of the log.

use super::state::EdgeState;
use crate::deployment::TargetState;
use crate::deployment::route::desired_routes;
use crate::ids::{AppName, LedgerId, ReplicaId, TargetKey, TargetName};
use crate::outcome::{Backend, DesiredRoutes};
use crate::release::{AcmeMode, Domain};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Everything that the edge has to know, in order of domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteSnapshot {
    /// Ledger of the routes; an edge serves one ledger.
    pub ledger: LedgerId,
    /// Size of the log that they were computed from: a larger one is newer.
    pub generation: u64,
    /// Routes, one for each domain.
    pub routes: Vec<Route>,
}

/// A domain and the replicas that answer for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// The domain.
    pub domain: String,
    /// Names that redirect to it.
    pub aliases: Vec<String>,
    /// App that owns the domain.
    pub app: AppName,
    /// Target that owns the domain.
    pub target: TargetName,
    /// Replicas that are well; none while nothing of the target runs.
    pub backends: Vec<Backend>,
    /// Whether certificates are requested, as the release says; none = depends on the names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acme: Option<AcmeMode>,
}

/// What a snapshot holds for one target, including domains that another target still has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TargetRoutes {
    /// Desired domains.
    pub domains: Vec<Domain>,
    /// Replicas that should receive requests.
    pub routed: Vec<ReplicaId>,
}

impl Route {
    /// The target that answers.
    pub fn key(&self) -> TargetKey {
        TargetKey { app: self.app.clone(), target: self.target.clone() }
    }
}

impl RouteSnapshot {
    /// Whether both route the same names to the same replicas, and differ at most in what one of them does
    /// not say about them: a version that did not record it wrote it.
    pub fn same_but_for_unsaid(&self, other: &Self) -> bool {
        let same = |(one, other): (&Backend, &Backend)| {
            let said = |one: &Option<String>, other: &Option<String>| {
                one == other || one.is_none() || other.is_none()
            };
            one == other
                || said(&one.container, &other.container)
                    && said(&one.health, &other.health)
                    && one.clone().bare() == other.clone().bare()
        };
        let bare = |route: &Route| Route { backends: Vec::new(), acme: None, ..route.clone() };
        let certified = |(one, other): (&Route, &Route)| {
            one.acme == other.acme || one.acme.is_none() || other.acme.is_none()
        };
        self.ledger == other.ledger
            && self.routes.len() == other.routes.len()
            && self.routes.iter().zip(&other.routes).all(|(one, other)| {
                bare(one) == bare(other)
                    && certified((one, other))
                    && one.backends.len() == other.backends.len()
                    && one.backends.iter().zip(&other.backends).all(same)
            })
    }

    /// BLAKE3 of the routes, in hex: the same table has the same digest, whatever its generation.
    pub fn digest(&self) -> String {
        // Plain data of strings and numbers: it always encodes.
        let bytes = rmp_serde::to_vec_named(&self.routes).unwrap_or_default();
        blake3::hash(&bytes).to_hex().to_string()
    }
}

/// Computes the table: claims decide who owns a domain, desired routes decide who answers.
pub fn snapshot(
    ledger: LedgerId,
    generation: u64,
    edge: &EdgeState,
    targets: &[TargetState],
) -> (RouteSnapshot, BTreeMap<TargetKey, TargetRoutes>) {
    let by_target: BTreeMap<_, _> =
        targets.iter().map(|state| (state.key.clone(), (desired_routes(state), state))).collect();
    let answering = |holder: &TargetKey, domain: &str| {
        let (desired, state) = by_target.get(holder)?;
        let named = desired.domains.iter().find(|wanted| wanted.domain == domain)?;
        Some((holder.clone(), named.aliases.clone(), desired.backends.clone(), *state))
    };
    let routes = edge.claims.iter().filter_map(|(domain, claim)| {
        let found = answering(&claim.holder, domain).or_else(|| {
            // Not switched yet: the previous holder goes on answering, so that a move is one switch.
            let before = claim.before.as_ref().filter(|before| before.holder != claim.holder)?;
            let (_, state) = by_target.get(&claim.holder)?;
            let on_its_way = state.rollout.as_ref().is_some_and(|rollout| rollout.deployment == claim.id);
            if on_its_way { answering(&before.holder, domain) } else { None }
        });
        let (TargetKey { app, target }, aliases, backends, state) = found?;
        Some(Route { domain: domain.clone(), aliases, app, target, backends, acme: acme(state) })
    });
    let snapshot = RouteSnapshot { ledger, generation, routes: each_name_once(edge, routes.collect()) };
    let own = |desired: DesiredRoutes| TargetRoutes { routed: desired.replicas(), domains: desired.domains };
    (snapshot, by_target.into_iter().map(|(key, (desired, _))| (key, own(desired))).collect())
}

/// What the release of a target says about certificates; the release in progress comes first, as with the
/// contact address.
fn acme(state: &TargetState) -> Option<AcmeMode> {
    let rollout = state.rollout.as_ref().map(|rollout| &rollout.spec);
    let spec = rollout.or(state.current.as_ref().map(|live| &live.spec))?;
    spec.config.acme
}

/// The desired routes may still name an alias that now belongs to another target: the claim decides.
fn each_name_once(edge: &EdgeState, mut routes: Vec<Route>) -> Vec<Route> {
    let mut named: BTreeSet<String> = routes.iter().map(|route| route.domain.clone()).collect();
    for route in &mut routes {
        let others = |alias: &String| {
            let mut claims = edge.claims.iter().filter(|(domain, _)| **domain != route.domain);
            claims.any(|(domain, claim)| domain == alias || claim.aliases.contains(alias))
        };
        route.aliases.retain(|alias| !others(alias) && named.insert(alias.clone()));
    }
    routes
}
