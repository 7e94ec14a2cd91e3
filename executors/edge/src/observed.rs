//! What is known of the edge from outside: its counters, the names of its requests, its access log and its reports.

use super::access_log::Access;
use super::changes::Changes;
use super::metrics::Metrics;
use super::options::{AccessLog, EdgeError};
use super::requests::Requests;
use super::store::Store;
use haloy_ledger::edge::Report;
use haloy_ledger::ports::{Clock, Entropy, SystemClock, SystemEntropy};
use std::sync::Arc;

/// Reports of the edge about its work.
pub struct Observed {
    store: Arc<Store>,
    /// Counters.
    pub metrics: Metrics,
    /// Names of requests.
    pub requests: Requests,
    /// The access log.
    pub access: Access,
    /// Changes of replicas that were reported to the log.
    pub changes: Changes,
}

impl Observed {
    /// Opens the access log.
    pub fn new(store: Arc<Store>, access_log: &AccessLog) -> Result<Self, EdgeError> {
        let access = Access::open(access_log).map_err(EdgeError::AccessLog)?;
        let (metrics, requests, changes) = (Metrics::default(), Requests::new(), Changes::default());
        Ok(Self { store, metrics, requests, access, changes })
    }

    /// Takes note of something for the log.
    pub fn report(&self, what: Report) {
        let at = SystemClock.now();
        let entropy: &dyn Entropy = &SystemEntropy;
        let key = haloy_ledger::ids::DeploymentId::from_parts(at.unix_ms(), entropy.ulid_bits());
        if let Err(error) = self.store.report(at, format!("edge/{key}"), what) {
            eprintln!("haloy edge: a report cannot be kept: {error}");
        }
    }
}
