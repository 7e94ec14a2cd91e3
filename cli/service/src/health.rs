//! Answers about what haloy runs on: what doctor found, and the edge.

use haloy_ledger::ids::Timestamp;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// A check of doctor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What.
    pub what: Cow<'static, str>,
    /// Whether it passed.
    pub ok: bool,
    /// What was found.
    pub found: String,
    /// What to do.
    pub fix: Option<String>,
}

/// Every route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoutesAnswer {
    /// In order of domain.
    pub routes: Vec<RouteRow>,
    /// Generation that the edge has in force; none if none runs or it has none.
    pub generation: Option<u64>,
}

/// A domain and who answers for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteRow {
    /// The domain.
    pub domain: String,
    /// Names that redirect to it.
    pub aliases: Vec<String>,
    /// App that owns the domain.
    pub app: String,
    /// Target that owns the domain.
    pub target: String,
    /// Current places of the replicas, as reported by Docker: an address, or why there is none (`unknown`
    /// where Docker did not answer); with `(out of the route)` where the checks of the edge keep one out of
    /// it.
    pub replicas: Vec<String>,
    /// A replica is not where this route leads.
    pub differs: bool,
    /// The edge does just that.
    pub in_force: bool,
    /// Until when clients believe its certificate; none if there is none.
    pub certificate_until: Option<Timestamp>,
    /// Why its authority did not issue one, if it did not.
    pub certificate_refused: Option<String>,
}
