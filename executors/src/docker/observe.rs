//! What is really there.

use super::errors::{Doing, failed};
use super::{Engine, labels, place};
use crate::executor::*;
use bollard::models::{ContainerState, HealthStatusEnum};
use bollard::query_parameters::ListImagesOptions;
use haloy_ledger::ids::Digest;
use haloy_ledger::outcome::{Condition, Observed, ObservedReplica, ObservedTag};
use std::collections::BTreeSet;

impl Engine<'_> {
    pub(super) async fn observe(&self, scope: &Scope) -> Result<Observed, ExecutorError> {
        let replicas = self.replicas(scope).await?;
        let (tags, images) = self.images(&scope.app.slug()).await?;
        Ok(Observed { engine_id: self.facts.engine_id.clone(), replicas, tags, images })
    }

    pub(super) async fn replicas(&self, scope: &Scope) -> Result<Vec<ObservedReplica>, ExecutorError> {
        let mut replicas = Vec::new();
        for found in self.all(scope).await? {
            let Some(replica) = labels::replica(&found.labels) else { continue };
            let Some(container) = self.inspect_container(&found.id).await? else { continue };
            let state = container.state.clone().unwrap_or_default();
            let running = state.running == Some(true);
            replicas.push(ObservedReplica {
                replica,
                running,
                address: place::place(&container).filter(|_| running).map(|place| place.address),
                exit_code: state.exit_code.filter(|_| !running),
                oom: state.oom_killed == Some(true),
                condition: condition(&state),
                restarts: container.restart_count.and_then(|count| u64::try_from(count).ok()).unwrap_or(0),
                container_id: found.id,
            });
        }
        replicas.sort_by_key(|found| found.replica);
        Ok(replicas)
    }

    /// Tags of the app's own repository, and every image that is there.
    async fn images(&self, slug: &str) -> Result<(Vec<ObservedTag>, BTreeSet<Digest>), ExecutorError> {
        let listed = self.docker.list_images(None::<ListImagesOptions>).await;
        let listed = listed.map_err(|error| failed(&error, Doing::Image, "listing images"))?;
        let prefix = format!("{slug}:");
        let (mut tags, mut images) = (Vec::new(), BTreeSet::new());
        for image in listed {
            let Ok(image_id) = Digest::new(image.id) else { continue };
            let size = u64::try_from(image.size).unwrap_or(0);
            let ours = image.repo_tags.into_iter().filter(|tag| tag.starts_with(&prefix));
            tags.extend(ours.map(|local_tag| ObservedTag { local_tag, image_id: image_id.clone(), size }));
            images.insert(image_id);
        }
        tags.sort_by(|a, b| a.local_tag.cmp(&b.local_tag));
        Ok((tags, images))
    }
}

/// The worst that the engine says of a container that runs.
fn condition(state: &ContainerState) -> Condition {
    if state.restarting == Some(true) {
        return Condition::Restarting;
    }
    if state.paused == Some(true) {
        return Condition::Paused;
    }
    match state.health.as_ref().and_then(|health| health.status) {
        Some(HealthStatusEnum::UNHEALTHY) => Condition::Unhealthy,
        Some(HealthStatusEnum::STARTING) => Condition::Starting,
        Some(HealthStatusEnum::HEALTHY | HealthStatusEnum::NONE | HealthStatusEnum::EMPTY) | None => {
            Condition::Well
        }
    }
}
