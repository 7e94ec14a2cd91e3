//! The service in this process: it opens the ledger, works, and closes it.

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
mod told;
mod values;
mod volumes;

pub use engines::Embedded;
pub use evidence::verifier;
pub use options::{EmbeddedOptions, keys_folder, ledger_folder};

use super::*;
use crate::machine;
use async_trait::async_trait;
use haloy_edge::EdgeStatus;
use haloy_executors::{EngineOffer, LogQuery, Scope};
use open::Open;
use std::time::Instant;

#[async_trait]
impl Service for Embedded {
    async fn offer(&self) -> Option<EngineOffer> {
        self.offered().await
    }

    async fn deploy(&self, request: DeployRequest, follow: Arc<dyn Follow>) -> Result<Deployed, Error> {
        let open = self.open("haloy deploy", &follow).await?;
        rollout::deploy(self, &open, request, &follow).await
    }

    async fn rollback_choice(&self, key: &TargetKey, to: Option<&str>) -> Result<Choice, Error> {
        let (key, to) = (key.clone(), to.map(str::to_owned));
        self.read(move |ledger| choose::choose(ledger, &key, to.as_deref())).await?
    }

    async fn rollback(
        &self,
        request: RollbackRequest,
        follow: Arc<dyn Follow>,
    ) -> Result<DeploymentAnswer, Error> {
        let open = self.open("haloy rollback", &follow).await?;
        rollout::rollback(self, &open, request, &follow).await
    }

    async fn rollback_targets(
        &self,
        keys: Option<Vec<TargetKey>>,
        all: bool,
    ) -> Result<Vec<TargetsAnswer>, Error> {
        self.read_each(keys, move |ledger, key| queries::rollback_targets(ledger, key, all)).await
    }

    async fn check(&self, keys: &[TargetKey], why: &Why, follow: Arc<dyn Follow>) -> Result<(), Error> {
        let open = self.open("haloy rollback-targets --check", &follow).await?;
        check::check(self, &open, keys, why, &follow).await
    }

    async fn tag_preview(&self, request: &TagRequest) -> Result<TagPreview, Error> {
        let (keys, release, name) = (request.keys.clone(), request.release.clone(), request.name.clone());
        let request = TagRequest { keys, release, name, push: request.push, why: Why::default() };
        self.read(move |ledger| keeping::tag_preview(ledger, &request)).await?
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
        Ok(self.read_each(keys, keeping::held).await?.into_iter().flatten().collect())
    }

    async fn dropped(&self, wanted: Vec<(TargetKey, Retention)>) -> Result<Vec<Dropped>, Error> {
        self.read(move |ledger| keeping::dropped(ledger, &wanted)).await?
    }

    async fn what_if(
        &self,
        keys: Option<Vec<TargetKey>>,
        request: &WhatIfRequest,
    ) -> Result<Vec<WhatIfAnswer>, Error> {
        let request = request.clone();
        let over = i64::try_from(request.over.as_nanos()).unwrap_or(i64::MAX);
        let since = haloy_ledger::ids::Timestamp(machine::now().0.saturating_sub(over));
        let read = move |ledger: &haloy_ledger::Ledger, key: &TargetKey| {
            keeping::what_if(ledger, key, &request, since)
        };
        let mut answers = self.read_each(keys, read).await?;
        for answer in &mut answers {
            answer.bytes = self.reclaimable(&answer.tags).await.map(|reclaim| reclaim.total);
        }
        Ok(answers)
    }

    async fn targets(&self) -> Result<Vec<TargetKey>, Error> {
        self.read(|ledger| find::keys_or_all(ledger, None)).await?
    }

    async fn status(&self, keys: Option<Vec<TargetKey>>) -> Result<Vec<StatusAnswer>, Error> {
        let recorded = self.read(move |ledger| running::status(ledger, keys)).await??;
        Ok(self.seen(recorded).await)
    }

    async fn history(&self, keys: Option<Vec<TargetKey>>, limit: usize) -> Result<Vec<HistoryRow>, Error> {
        self.read(move |ledger| queries::history(ledger, keys, limit)).await?
    }

    async fn show(&self, id: &str) -> Result<ShowAnswer, Error> {
        let id = id.to_owned();
        self.read(move |ledger| queries::show(ledger, &id)).await?
    }

    async fn events(&self, request: EventsRequest) -> Result<Vec<EventRow>, Error> {
        if !self.is_there()? {
            return Ok(Vec::new());
        }
        self.read_entries(move |ledger| queries::events(ledger, &request)).await?
    }

    async fn logs(
        &self,
        request: LogsRequest,
        each: &mut (dyn FnMut(LogLine) + Send),
    ) -> Result<usize, Error> {
        let Some(docker) = &self.docker else { return Ok(0) };
        let Some(ledger) = self.ledger_id().await? else { return Ok(0) };
        let scope = Scope { ledger, key: request.key.clone() };
        let LogsRequest { container, tail, follow, .. } = request;
        let query = LogQuery { scope, container, tail, follow };
        docker.logs(&query, each).await.map_err(errors::executor)
    }

    async fn volumes(&self, key: &TargetKey) -> Result<Vec<VolumeRow>, Error> {
        let key = key.clone();
        let mut rows = self.read(move |ledger| volumes::made(ledger, &key)).await??;
        self.measure(&mut rows).await;
        Ok(rows)
    }

    async fn restart(
        &self,
        key: &TargetKey,
        why: &Why,
        follow: Arc<dyn Follow>,
    ) -> Result<StatusAnswer, Error> {
        let open = self.open("haloy restart", &follow).await?;
        restart::restart(self, &open, key, why, &follow).await
    }

    async fn stop(
        &self,
        request: StopRequest,
        why: &Why,
        follow: Arc<dyn Follow>,
    ) -> Result<StatusAnswer, Error> {
        let open = self.open("haloy stop", &follow).await?;
        removing::stop(self, &open, request, why, &follow).await
    }

    async fn prune(
        &self,
        key: &TargetKey,
        apply: bool,
        why: &Why,
        follow: Arc<dyn Follow>,
    ) -> Result<PruneAnswer, Error> {
        let open = self.open("haloy prune", &follow).await?;
        removing::prune(self, &open, key, removing::Asked { apply, why }, &follow).await
    }

    async fn settle(&self, why: &Why, follow: Arc<dyn Follow>) -> Result<Vec<DeploymentAnswer>, Error> {
        let open = self.open("haloy settle", &follow).await?;
        rollout::settle_all(self, &open, &crate::facts::context(why), &follow).await
    }

    async fn replay(&self, progress: &mut (dyn FnMut(u64) + Send)) -> Result<ReplayAnswer, Error> {
        self.must_be_there()?;
        let started = Instant::now();
        let report = self.read(|ledger| ledger.replay(&mut |_| {}).map_err(errors::log)).await??;
        progress(report.events);
        Ok(ReplayAnswer {
            events: report.events,
            rows: report.rows,
            digest: report.digest,
            differences: report.differences.iter().map(ToString::to_string).collect(),
            took_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        })
    }

    async fn verify(&self, request: VerifyRequest) -> Result<Report, Error> {
        self.check_evidence(request).await
    }

    async fn checkpoint(&self) -> Result<CheckpointAnswer, Error> {
        self.read_entries(evidence::checkpoint).await?
    }

    async fn prove(&self, what: &str) -> Result<Vec<ProofRow>, Error> {
        self.proofs(what).await
    }

    async fn keys(&self) -> Result<Vec<KeyRow>, Error> {
        self.must_be_there()?;
        self.read(evidence::keys).await?
    }

    async fn change_keys(&self, lost: bool, why: &Why) -> Result<KeyChange, Error> {
        self.other_keys(lost, why).await
    }

    async fn redact(&self, request: RedactRequest) -> Result<Redacted, Error> {
        self.erase(request).await
    }

    async fn recover(&self, why: &Why) -> Result<Recovery, Error> {
        self.make_anew(why).await
    }

    async fn backup(&self, into: &Path) -> Result<Backup, Error> {
        self.copy_into(into).await
    }

    async fn restore(&self, from: &Path, older: bool, why: &Why) -> Result<Recovery, Error> {
        self.put_back(from, older, why).await
    }

    async fn routes(&self) -> Result<RoutesAnswer, Error> {
        self.route_list().await
    }

    async fn edge_status(&self) -> Result<EdgeStatus, Error> {
        self.edge().await
    }

    async fn edge_reload(&self) -> Result<EdgeStatus, Error> {
        self.reload_edge().await
    }

    async fn edge_stop(&self) -> Result<EdgeStatus, Error> {
        self.stop_edge().await
    }

    async fn edge_upgrade(&self) -> Result<EdgeStatus, Error> {
        self.upgrade_edge().await
    }

    async fn doctor(&self) -> Result<Vec<Finding>, Error> {
        Ok(doctor::doctor(self).await)
    }
}
