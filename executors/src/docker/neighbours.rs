//! Containers of other ledgers on this engine. They are never touched; that they exist is worth knowing.

use super::errors::{Doing, failed};
use super::{DockerExecutor, labels};
use crate::contract::ExecutorError;
use bollard::query_parameters::ListContainersOptions;
use haloy_ledger::ids::LedgerId;
use std::collections::HashMap;

/// A container that runs and carries the labels of another ledger.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Neighbour {
    /// App, from its label.
    pub app: String,
    /// Target, from its label.
    pub target: String,
    /// Ledger, from its label.
    pub ledger: String,
}

impl DockerExecutor {
    /// Every container of other ledgers that runs, sorted.
    pub async fn neighbours(&self, ledger: LedgerId) -> Result<Vec<Neighbour>, ExecutorError> {
        let engine = self.engine().await?;
        let filters = HashMap::from([("label".to_owned(), vec![labels::APP.to_owned()])]);
        let options = ListContainersOptions { filters: Some(filters), ..ListContainersOptions::default() };
        let listed = engine.docker.list_containers(Some(options)).await;
        let listed = listed.map_err(|error| failed(&error, Doing::Other, "listing containers"))?;
        let ours = ledger.to_string();
        let mut found = Vec::new();
        for mut labels in listed.into_iter().filter_map(|container| container.labels) {
            let mut label = |name| labels.remove(name).unwrap_or_default();
            let neighbour = Neighbour {
                app: label(labels::APP),
                target: label(labels::TARGET),
                ledger: label(labels::LEDGER),
            };
            if neighbour.ledger != ours {
                found.push(neighbour);
            }
        }
        found.sort();
        Ok(found)
    }
}
