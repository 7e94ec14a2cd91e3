//! What is really there.

use super::errors::{Doing, failed};
use super::{Engine, labels, place};
use crate::executor::*;
use bollard::query_parameters::ListImagesOptions;
use haloy_ledger::ids::Digest;
use haloy_ledger::outcome::{Observed, ObservedReplica, ObservedTag};
use std::collections::HashMap;

impl Engine<'_> {
    pub(super) async fn observe(&self, scope: &Scope) -> Result<Observed, ExecutorError> {
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
                container_id: found.id,
            });
        }
        replicas.sort_by_key(|found| found.replica);
        Ok(Observed {
            engine_id: self.facts.engine_id.clone(),
            replicas,
            tags: self.tags(&scope.app.slug()).await?,
        })
    }

    /// Tags of the app's own repository.
    async fn tags(&self, slug: &str) -> Result<Vec<ObservedTag>, ExecutorError> {
        let filters = HashMap::from([("reference".to_owned(), vec![slug.to_owned()])]);
        let options = ListImagesOptions { filters: Some(filters), ..ListImagesOptions::default() };
        let images = self.docker.list_images(Some(options)).await;
        let images = images.map_err(|error| failed(&error, Doing::Image, "listing images"))?;
        let prefix = format!("{slug}:");
        let mut tags = Vec::new();
        for image in images {
            let Ok(image_id) = Digest::new(image.id) else { continue };
            let size = u64::try_from(image.size).unwrap_or(0);
            let ours = image.repo_tags.into_iter().filter(|tag| tag.starts_with(&prefix));
            tags.extend(ours.map(|local_tag| ObservedTag { local_tag, image_id: image_id.clone(), size }));
        }
        tags.sort_by(|a, b| a.local_tag.cmp(&b.local_tag));
        Ok(tags)
    }
}
