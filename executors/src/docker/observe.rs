//! What is really there.

use super::errors::{Doing, failed};
use super::{Engine, glance, labels, place};
use crate::contract::*;
use bollard::models::{ContainerState, HealthStatusEnum};
use bollard::query_parameters::ListImagesOptions;
use futures_util::StreamExt;
use haloy_ledger::ids::Digest;
use haloy_ledger::outcome::{Condition, Observed, ObservedReplica, ObservedTag};
use std::collections::{BTreeSet, HashMap};

/// How many containers are inspected at once.
const AT_ONCE: usize = 8;

type Labels = HashMap<String, String>;

impl Engine<'_> {
    pub(super) async fn observe(&self, scope: &Scope) -> Result<Observed, ExecutorError> {
        let replicas = self.replicas(scope).await?;
        let (tags, images) = self.images(&scope.key.app.slug()).await?;
        Ok(Observed { engine_id: self.facts.engine_id.clone(), replicas, tags, images })
    }

    async fn replicas(&self, scope: &Scope) -> Result<Vec<ObservedReplica>, ExecutorError> {
        let mut replicas = Vec::new();
        for found in self.all(scope).await? {
            replicas.extend(self.replica(found.id, &found.labels).await?);
        }
        replicas.sort_by_key(|found| found.replica);
        Ok(replicas)
    }

    /// A container that is a replica; none if it is none, or is gone by now.
    async fn replica(
        &self,
        container_id: String,
        labels: &Labels,
    ) -> Result<Option<ObservedReplica>, ExecutorError> {
        let Some(replica) = labels::replica(labels) else { return Ok(None) };
        let Some(container) = self.inspect_container(&container_id).await? else { return Ok(None) };
        let state = container.state.clone().unwrap_or_default();
        let running = state.running == Some(true);
        Ok(Some(ObservedReplica {
            replica,
            running,
            address: place::place(&container).filter(|_| running).map(|place| place.address),
            exit_code: state.exit_code.filter(|_| !running),
            oom: state.oom_killed == Some(true),
            condition: condition(&state),
            restarts: container.restart_count.and_then(|count| u64::try_from(count).ok()),
            container_id,
        }))
    }

    /// Replicas of many targets of one ledger: one list of all, and a look at each container that does not
    /// plainly run.
    pub(super) async fn replicas_of(
        &self,
        scopes: &[Scope],
    ) -> Result<Vec<Vec<ObservedReplica>>, ExecutorError> {
        let filter = match scopes {
            [] => return Ok(Vec::new()),
            [one] => labels::filter(one),
            [first, ..] => labels::filter_ledger(first.ledger),
        };
        let now = self.facts.now_seconds();
        let mut found = vec![Vec::new(); scopes.len()];
        let mut looks = Vec::new();
        for container in self.summaries(filter).await? {
            let labels = container.labels.clone().unwrap_or_default();
            let of_it = scopes.iter().position(|scope| labels::in_scope(&labels, scope));
            let Some(at) = of_it else { continue };
            match (now.and_then(|now| glance::plain(&container, now)), container.id) {
                (Some(replica), _) => found[at].push(replica),
                (None, Some(id)) => looks.push((at, id, labels)),
                (None, None) => {}
            }
        }
        let looks =
            looks.into_iter().map(|(at, id, labels)| async move { (at, self.replica(id, &labels).await) });
        let mut looks = futures_util::stream::iter(looks).buffer_unordered(AT_ONCE);
        while let Some((at, replica)) = looks.next().await {
            found[at].extend(replica?);
        }
        found.iter_mut().for_each(|found| found.sort_by_key(|found| found.replica));
        Ok(found)
    }

    /// Tags of the app's own repository, and every image on the engine.
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
