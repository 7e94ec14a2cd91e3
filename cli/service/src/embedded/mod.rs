//! The service in this process: it opens the ledger, works, and closes it.

mod bound;
mod certificates;
mod check;
mod choose;
mod doctor;
mod drive;
mod edge;
mod engines;
mod errors;
mod evidence;
mod find;
mod fitting;
mod keeping;
mod neighbours;
mod open;
mod options;
mod queries;
mod removing;
mod reports;
mod restart;
mod rollout;
mod running;
#[cfg(test)]
mod testing;
mod told;
mod values;
mod volumes;

pub use bound::As;
pub use engines::Embedded;
pub use evidence::verifier;
pub use options::{EmbeddedOptions, Entropies, Machine};

use crate::*;
use async_trait::async_trait;
use haloy_edge::EdgeStatus;
use haloy_executors::{EngineOffer, LogLine};
use haloy_ledger::ids::TargetKey;
use haloy_ledger::integrity::verify::Report;
use haloy_ledger::ledger::{Backup, KeyChange, Recovery, Redacted};
use haloy_ledger::release::Retention;
use open::Open;
use std::sync::Arc;

#[async_trait]
impl Reads for As {
    async fn targets(&self) -> Result<Vec<TargetKey>, Error> {
        self.here.view(|view| find::keys_or_all(view, None)).await
    }

    async fn status(&self, keys: Option<Vec<TargetKey>>) -> Result<Vec<StatusAnswer>, Error> {
        // Docker says who it is meanwhile.
        let recorded = self.here.view(move |view| running::status(view, keys));
        let (recorded, ()) = tokio::try_join!(recorded, self.here.greet())?;
        Ok(self.here.seen(recorded).await)
    }

    async fn history(&self, keys: Option<Vec<TargetKey>>, limit: usize) -> Result<Vec<HistoryRow>, Error> {
        self.here.view(move |view| queries::history(view, keys, limit)).await
    }

    async fn show(&self, id: &str) -> Result<ShowAnswer, Error> {
        let id = id.to_owned();
        self.here.view(move |view| queries::show(view, &id)).await
    }

    async fn events(&self, request: EventsRequest) -> Result<Vec<EventRow>, Error> {
        if !self.here.is_there()? {
            return Ok(Vec::new());
        }
        self.here.read_entries(move |ledger| ledger.view(|view| queries::events(view, &request))).await?
    }

    async fn logs(
        &self,
        request: LogsRequest,
        each: &mut (dyn FnMut(LogLine) + Send),
    ) -> Result<usize, Error> {
        self.here.logs(request, each).await
    }

    async fn rollback_targets(
        &self,
        keys: Option<Vec<TargetKey>>,
        all: bool,
    ) -> Result<Vec<TargetsAnswer>, Error> {
        self.here.view_each(keys, move |view, key| queries::rollback_targets(view, key, all)).await
    }

    async fn rollback_choice(&self, key: &TargetKey, to: Option<&str>) -> Result<Choice, Error> {
        let (key, to) = (key.clone(), to.map(str::to_owned));
        self.here.view(move |view| choose::rollback_choice(view, &key, to.as_deref())).await
    }

    async fn rollback_sources(&self, key: &TargetKey, to: Option<&str>) -> Result<ReleaseSources, Error> {
        let (key, to) = (key.clone(), to.map(str::to_owned));
        self.here.view(move |view| values::rollback_sources(view, &key, to.as_deref())).await
    }

    async fn volumes(&self, key: &TargetKey) -> Result<Vec<VolumeRow>, Error> {
        let key = key.clone();
        let mut rows = self.here.view(move |view| volumes::volumes(view, &key)).await?;
        self.here.measure(&mut rows).await;
        Ok(rows)
    }

    async fn offer(&self) -> Option<EngineOffer> {
        self.here.offer().await
    }

    async fn doctor(&self) -> Result<Vec<Finding>, Error> {
        Ok(doctor::doctor(&self.here).await)
    }
}

#[async_trait]
impl Deploys for As {
    async fn deploy(&self, request: DeployRequest, follow: Arc<dyn Follow>) -> Result<Deployed, Error> {
        let open = self.open("haloy deploy", &follow).await?;
        rollout::deploy(self, &open, request, &follow).await
    }

    async fn rollback(
        &self,
        request: RollbackRequest,
        follow: Arc<dyn Follow>,
    ) -> Result<RollbackAnswer, Error> {
        let open = self.open("haloy rollback", &follow).await?;
        rollout::rollback(self, &open, request, &follow).await
    }

    async fn restart(&self, request: RestartRequest, follow: Arc<dyn Follow>) -> Result<StatusAnswer, Error> {
        let open = self.open("haloy restart", &follow).await?;
        restart::restart(self, &open, request, &follow).await
    }

    async fn stop(&self, request: StopRequest, follow: Arc<dyn Follow>) -> Result<StatusAnswer, Error> {
        let open = self.open("haloy stop", &follow).await?;
        removing::stop(self, &open, request, &follow).await
    }

    async fn settle(
        &self,
        why: CommandMetadata,
        follow: Arc<dyn Follow>,
    ) -> Result<Vec<DeploymentAnswer>, Error> {
        let open = self.open("haloy settle", &follow).await?;
        rollout::settle(self, &open, &why, &follow).await
    }
}

#[async_trait]
impl Keeping for As {
    async fn check(&self, request: CheckRequest, follow: Arc<dyn Follow>) -> Result<(), Error> {
        let open = self.open("haloy rollback-targets --check", &follow).await?;
        check::check(self, &open, request, &follow).await
    }

    async fn tag_preview(&self, request: &TagRequest) -> Result<TagPreview, Error> {
        let request = request.clone();
        self.here.view(move |view| keeping::tag_preview(view, &request)).await
    }

    async fn tag(&self, request: TagRequest, follow: Arc<dyn Follow>) -> Result<KeptAnswer, Error> {
        let open = self.open("haloy tag", &follow).await?;
        keeping::tag(self, &open, request, &follow).await
    }

    async fn untag(&self, request: UntagRequest, follow: Arc<dyn Follow>) -> Result<KeptAnswer, Error> {
        let open = self.open("haloy tag --remove", &follow).await?;
        keeping::untag(self, &open, request, &follow).await
    }

    async fn keep(&self, request: KeepRequest, follow: Arc<dyn Follow>) -> Result<KeptAnswer, Error> {
        let command = match request.keep {
            Keep::Pin | Keep::Unpin => "haloy tag",
            Keep::Hold | Keep::ReleaseHold => "haloy hold",
        };
        let open = self.open(command, &follow).await?;
        keeping::keep(self, &open, request, &follow).await
    }

    async fn held(&self, keys: Option<Vec<TargetKey>>) -> Result<Vec<HeldRow>, Error> {
        Ok(self.here.view_each(keys, keeping::held).await?.into_iter().flatten().collect())
    }

    async fn dropped(&self, wanted: Vec<(TargetKey, Retention)>) -> Result<Vec<Dropped>, Error> {
        self.here.view(move |view| keeping::dropped(view, &wanted)).await
    }

    async fn what_if(
        &self,
        keys: Option<Vec<TargetKey>>,
        request: WhatIfRequest,
    ) -> Result<Vec<WhatIfAnswer>, Error> {
        self.here.what_if(keys, request).await
    }

    async fn prune(&self, request: PruneRequest, follow: Arc<dyn Follow>) -> Result<PruneAnswer, Error> {
        let open = self.open("haloy prune", &follow).await?;
        removing::prune(self, &open, request, &follow).await
    }
}

#[async_trait]
impl Maintenance for As {
    async fn replay(&self) -> Result<ReplayAnswer, Error> {
        self.here.replay().await
    }

    async fn verify(&self, request: VerifyRequest, counter: Counter) -> Result<Report, Error> {
        self.here.verify(request, counter).await
    }

    async fn checkpoint(&self) -> Result<CheckpointAnswer, Error> {
        self.here.read_entries(evidence::checkpoint).await?
    }

    async fn prove(&self, what: &str) -> Result<Vec<ProofRow>, Error> {
        self.here.prove(what).await
    }

    async fn keys(&self) -> Result<Vec<KeyRow>, Error> {
        self.here.must_be_there()?;
        self.here.read(evidence::keys).await?
    }

    async fn rotate_key(&self, why: CommandMetadata) -> Result<KeyChange, Error> {
        self.here.rotate_key(self.context(&why)).await
    }

    async fn adopt_keys(&self, why: CommandMetadata) -> Result<KeyChange, Error> {
        self.here.adopt_keys(self.context(&why)).await
    }

    async fn redact(&self, request: RedactRequest) -> Result<Redacted, Error> {
        let context = self.context(&request.why);
        self.here.redact(request, context).await
    }

    async fn recover(&self, why: CommandMetadata) -> Result<Recovery, Error> {
        self.here.recover(self.context(&why)).await
    }

    async fn backup(&self, request: BackupRequest) -> Result<Backup, Error> {
        self.here.backup(request).await
    }

    async fn restore(&self, request: RestoreRequest) -> Result<Recovery, Error> {
        let context = self.context(&request.why);
        self.here.restore(request, context).await
    }
}

#[async_trait]
impl Edge for As {
    async fn routes(&self) -> Result<RoutesAnswer, Error> {
        self.here.routes().await
    }

    async fn edge_status(&self) -> Result<EdgeStatus, Error> {
        self.here.edge_status().await
    }

    async fn edge_reload(&self) -> Result<EdgeStatus, Error> {
        self.here.edge_reload().await
    }

    async fn edge_stop(&self) -> Result<EdgeStatus, Error> {
        self.here.edge_stop().await
    }

    async fn edge_upgrade(&self) -> Result<EdgeStatus, Error> {
        self.here.edge_upgrade().await
    }
}
