//! The table of routes.

use super::View;
use crate::deployment::TargetState;
use crate::edge::{self, RouteSnapshot, TargetRoutes};
use crate::ids::TargetKey;
use crate::log::LogError;
use std::collections::{BTreeMap, BTreeSet};

/// The newest table of routes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routes {
    /// What the edge is to do.
    pub snapshot: RouteSnapshot,
    /// What is in it for each target.
    pub targets: BTreeMap<TargetKey, TargetRoutes>,
    /// Address for mail of an authority about the certificate of a domain. Private: never in the snapshot.
    pub contacts: BTreeMap<String, String>,
}

impl View<'_> {
    /// The table of routes.
    pub fn routes(&self) -> Result<Routes, LogError> {
        let (edge, targets) = (self.edge()?, self.targets()?);
        let (snapshot, known) = edge::snapshot(self.ledger(), self.at().0, &edge, &targets);
        let mut contacts = BTreeMap::new();
        for route in &snapshot.routes {
            let of = targets.iter().find(|state| state.key == route.key());
            if let Some(contact) = of.map(|state| self.contact(state)).transpose()?.flatten() {
                contacts.insert(route.domain.clone(), contact);
            }
        }
        Ok(Routes { snapshot, targets: known, contacts })
    }

    /// The same table without anything beside it: only the targets that hold a domain, or held it before, are read.
    ///
    /// # Errors
    /// If a row cannot be read.
    pub fn route_snapshot(&self) -> Result<RouteSnapshot, LogError> {
        let edge = self.edge()?;
        let holders = edge.claims.values().flat_map(|claim| {
            std::iter::once(&claim.holder).chain(claim.before.as_ref().map(|before| &before.holder))
        });
        let holders: BTreeSet<&TargetKey> = holders.collect();
        let states = holders.into_iter().map(|key| self.state(key));
        let states = states.collect::<Result<Vec<_>, LogError>>()?;
        Ok(edge::snapshot(self.ledger(), self.at().0, &edge, &states).0)
    }

    /// The contact address that the release of a target gives for certificates; the release in progress comes
    /// first.
    fn contact(&self, state: &TargetState) -> Result<Option<String>, LogError> {
        let rollout = state.rollout.as_ref().map(|rollout| rollout.release);
        let Some(release) = rollout.or(state.current_release()) else { return Ok(None) };
        let Some(row) = self.release(release)? else { return Ok(None) };
        let private = self.log.read_private(row.requested)?;
        let found = private.into_iter().find(|row| row.field == crate::release::field::ACME_EMAIL);
        Ok(found.map(|row| row.value))
    }
}
