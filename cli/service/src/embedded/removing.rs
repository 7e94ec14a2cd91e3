//! Stopping and pruning: removals on request.

use super::{As, Embedded, Open, drive, errors, queries, values};
use crate::*;
use haloy_executors::Dispatcher;
use haloy_ledger::deployment::Command;
use haloy_ledger::ids::TargetKey;
use std::collections::BTreeSet;
use std::sync::Arc;

pub async fn stop(
    service: &As,
    open: &Open,
    request: StopRequest,
    follow: &Arc<dyn Follow>,
) -> Result<StatusAnswer, Error> {
    let StopRequest { key, remove, volumes, why } = request;
    let (here, context) = (&service.here, service.context(&why));
    let dispatcher = drive::dispatcher(here, open, follow);
    drive::reached(&dispatcher, &key, "stopped").await?;
    let driver = open.handle.driver(&key).await;
    drive::settle_first(&dispatcher, &driver, &context, follow).await?;
    let command = Command::Stop { remove, volumes: volumes.clone(), at: here.now() };
    let executed = open.handle.execute(&key, command, &context).await.map_err(errors::execute)?;
    follow.recorded(&key, &executed.events);
    dispatcher.drive(&driver, &context).await.map_err(errors::dispatch)?;
    stopped_indeed(&dispatcher, &key, remove).await?;
    let there = still_there(open, &key).await?;
    let stay: Vec<String> = volumes.into_iter().filter(|volume| there.contains(volume)).collect();
    if !stay.is_empty() {
        let message = format!("{key}: it is stopped, and could not be removed: {}", stay.join(", "));
        return Err(Error::new(Kind::Partial, message).hint("haloy events says why; then: haloy prune"));
    }
    here.status_of(open, &key).await
}

/// Whether nothing of the target runs, and with `removed`, whether it has no container: as seen by the engine.
async fn stopped_indeed(dispatcher: &Dispatcher, key: &TargetKey, removed: bool) -> Result<(), Error> {
    let observed = dispatcher.observe(key).await.map_err(|error| {
        let message = format!("{key}: whether it is stopped is unknown: {error}");
        Error::new(Kind::Operational, message).hint("look again with: haloy status")
    })?;
    let left = observed.replicas.iter().filter(|seen| seen.running || removed);
    let left: Vec<String> = left.map(|seen| seen.replica.to_string()).collect();
    if left.is_empty() {
        return Ok(());
    }
    let what = if removed { "could not be removed" } else { "could not be stopped" };
    let message = format!("{key}: {what}: {}", left.join(", "));
    Err(Error::new(Kind::Operational, message).hint("haloy events says why, and haloy status what runs"))
}

pub async fn prune(
    service: &As,
    open: &Open,
    request: PruneRequest,
    follow: &Arc<dyn Follow>,
) -> Result<PruneAnswer, Error> {
    let PruneRequest { key, apply, why } = &request;
    let (here, context) = (&service.here, service.context(why));
    let dispatcher = drive::dispatcher(here, open, follow);
    let driver = open.handle.driver(key).await;
    if *apply {
        drive::settle_first(&dispatcher, &driver, &context, follow).await?;
    }
    let of = key.clone();
    let mut answer = open.handle.view(move |view| queries::prunable(view, &of)).await?;
    let tags: Vec<String> = answer.artefacts.iter().map(|row| row.tag.clone()).collect();
    if let Some(reclaim) = here.reclaimable(&tags).await {
        answer.bytes = Some(reclaim.total);
        for row in &mut answer.artefacts {
            row.bytes = reclaim.each.get(&row.tag).copied();
        }
    }
    here.measure(&mut answer.volumes).await;
    if *apply {
        let volumes = answer.volumes.iter().map(|row| row.volume.clone()).collect();
        let command = Command::Prune { volumes };
        let executed = open.handle.execute(key, command, &context).await.map_err(errors::execute)?;
        follow.recorded(key, &executed.events);
        dispatcher.drive(&driver, &context).await.map_err(errors::dispatch)?;
        open.handle.call(values::forget_unused).await;
        let there = still_there(open, key).await?;
        for row in &mut answer.volumes {
            row.stays = there.contains(&row.volume);
        }
        answer.applied = true;
    }
    Ok(answer)
}

/// Volumes that no container of the target has, and that are not removed.
async fn still_there(open: &Open, key: &TargetKey) -> Result<BTreeSet<String>, Error> {
    let state = open.handle.state(key).await.map_err(errors::log)?;
    Ok(state.volumes.into_iter().map(|left| left.made.volume).collect())
}

impl Embedded {
    /// Bytes that removing these tags would give back, where Docker reports them.
    pub(super) async fn reclaimable(&self, tags: &[String]) -> Option<haloy_executors::docker::Reclaim> {
        if tags.is_empty() {
            return None;
        }
        self.docker.as_ref()?.reclaimable(tags).await.ok()
    }
}
