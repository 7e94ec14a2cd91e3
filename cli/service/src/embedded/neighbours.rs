//! One app in two ledgers on one engine: both deploy it, and neither knows what the other runs.

use super::Embedded;
use crate::{DeploymentAnswer, Finding, Warned, words};
use haloy_executors::docker::Neighbour;
use haloy_ledger::ids::LedgerId;
use std::collections::BTreeSet;

fn warning(app: &str, neighbours: &[Neighbour]) -> Option<String> {
    let of_it: Vec<&Neighbour> = neighbours.iter().filter(|neighbour| neighbour.app == app).collect();
    let ledgers: BTreeSet<&str> = of_it.iter().map(|neighbour| neighbour.ledger.as_str()).collect();
    if of_it.is_empty() {
        return None;
    }
    let ledgers = ledgers.into_iter().collect::<Vec<_>>().join(", ");
    let count = words::count(of_it.len(), "container");
    Some(format!("{app} runs from another ledger, too ({ledgers}): {count} on this engine"))
}

const FIX: &str = "stop it with the ledger that it is of (--ledger DIR), or give it another name there";

impl Embedded {
    async fn neighbours(&self, ledger: LedgerId) -> Vec<Neighbour> {
        match &self.docker {
            // Without an answer there is nothing to warn about.
            Some(docker) => docker.neighbours(ledger).await.unwrap_or_default(),
            None => Vec::new(),
        }
    }

    /// Warns where an app that was deployed runs from another ledger, too.
    pub(super) async fn warn_of_neighbours(&self, ledger: LedgerId, answers: &mut [DeploymentAnswer]) {
        let neighbours = self.neighbours(ledger).await;
        for answer in answers {
            if let Some(told) = warning(&answer.app, &neighbours) {
                answer.warnings.push(Warned { text: format!("{told}; {FIX}"), lines: Vec::new() });
            }
        }
    }

    /// Apps of this ledger that run from another one, too; nothing where there is none.
    pub(super) async fn neighbours_finding(
        &self,
        ledger: LedgerId,
        apps: BTreeSet<String>,
    ) -> Option<Finding> {
        let neighbours = self.neighbours(ledger).await;
        let found: Vec<String> = apps.iter().filter_map(|app| warning(app, &neighbours)).collect();
        let (what, fix) = ("other ledgers".into(), Some(FIX.to_owned()));
        (!found.is_empty()).then(|| Finding { what, ok: false, found: found.join("; "), fix })
    }
}
