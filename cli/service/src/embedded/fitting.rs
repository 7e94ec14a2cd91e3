//! Whether the engine has what a release needs: known before anything is recorded or started.

use super::Embedded;
use crate::{Error, Kind};
use haloy_executors::EngineOffer;
use haloy_ledger::release::ConfigSnapshot;

impl Embedded {
    /// Resources of the engine; none where none answers, which later steps report themselves.
    pub(super) async fn offer(&self) -> Option<EngineOffer> {
        match (&self.docker, &self.simulation) {
            (Some(docker), _) => docker.offer().await.ok(),
            (None, Some(simulation)) => Some(simulation.offer()),
            (None, None) => None,
        }
    }

    /// Refuses to restore what this engine cannot run any more.
    pub(super) async fn refuse_unfit(&self, config: &ConfigSnapshot) -> Result<(), Error> {
        let Some(offer) = self.offer().await else { return Ok(()) };
        let network = &config.network;
        if !offer.has_network(network) {
            let message =
                format!("that release runs on the network {network}, and there is none of that name");
            return Err(Error::new(Kind::Operational, message)
                .hint(format!("make it: docker network create {network}")));
        }
        let asked = config.resources.milli_cpus.unwrap_or_default();
        match offer.cpus {
            Some(cpus) if asked > cpus.saturating_mul(1000) => {
                let asked = f64::from(asked) / 1000.0;
                let message = format!("that release asks for {asked} CPUs, and this engine has {cpus}");
                Err(Error::new(Kind::Operational, message).hint("deploy it with a lower `cpus` instead"))
            }
            Some(_) | None => Ok(()),
        }
    }
}
