//! Removing everything of one ledger: for `haloy demo` and tests, which leave nothing behind.

use super::errors::{Doing, failed};
use super::{DockerExecutor, Engine, labels};
use crate::contract::ExecutorError;
use bollard::query_parameters::{
    ListContainersOptions, ListImagesOptions, ListVolumesOptions, RemoveContainerOptions, RemoveImageOptions,
    RemoveVolumeOptions,
};
use std::collections::{BTreeSet, HashMap};

/// What was there before a ledger that is to leave nothing behind: it is not that ledger's, and stays.
#[derive(Debug, Clone, Default)]
pub struct Before {
    tags: BTreeSet<String>,
    network: bool,
}

impl DockerExecutor {
    /// Records what exists under these names, and makes the network where it does not.
    pub async fn before(&self, slug: &str, network: &str) -> Result<Before, ExecutorError> {
        let engine = self.engine().await?;
        let tags = engine.tags_of(slug).await?.into_iter().collect();
        let before = Before { tags, network: engine.has_network(network).await? };
        engine.provide_network(network).await?;
        Ok(before)
    }

    /// Removes every container and volume that carries this ledger's label, and the tags of `slug` and the
    /// network if they did not exist before; the network only if nothing else uses it.
    pub async fn forget(
        &self,
        ledger: &str,
        slug: &str,
        network: &str,
        before: &Before,
    ) -> Result<(), ExecutorError> {
        let engine = self.engine().await?;
        let docker = engine.docker;
        let label = vec![format!("{}={ledger}", labels::LEDGER)];
        let filters = Some(HashMap::from([("label".to_owned(), label)]));
        let options =
            ListContainersOptions { all: true, filters: filters.clone(), ..ListContainersOptions::default() };
        let found = docker.list_containers(Some(options)).await;
        for container in found.map_err(|error| failed(&error, Doing::Other, "listing containers"))? {
            let options = RemoveContainerOptions { force: true, ..RemoveContainerOptions::default() };
            let removed = docker.remove_container(&container.id.unwrap_or_default(), Some(options)).await;
            removed.map_err(|error| failed(&error, Doing::Other, "removing a container"))?;
        }
        let found = docker.list_volumes(Some(ListVolumesOptions { filters })).await;
        let found = found.map_err(|error| failed(&error, Doing::Other, "listing volumes"))?;
        for volume in found.volumes.unwrap_or_default() {
            let removed = docker.remove_volume(&volume.name, None::<RemoveVolumeOptions>).await;
            removed.map_err(|error| failed(&error, Doing::Other, "removing a volume"))?;
        }
        for tag in engine.tags_of(slug).await? {
            if !before.tags.contains(&tag) {
                let removed = docker.remove_image(&tag, None::<RemoveImageOptions>, None).await;
                removed.map_err(|error| failed(&error, Doing::Image, "removing a tag"))?;
            }
        }
        if before.network { Ok(()) } else { engine.forget_networks(network).await }
    }
}

impl Engine<'_> {
    async fn tags_of(&self, slug: &str) -> Result<Vec<String>, ExecutorError> {
        let filters = Some(HashMap::from([("reference".to_owned(), vec![slug.to_owned()])]));
        let options = ListImagesOptions { filters, ..ListImagesOptions::default() };
        let images = self.docker.list_images(Some(options)).await;
        let images = images.map_err(|error| failed(&error, Doing::Image, "listing images"))?;
        Ok(images.into_iter().flat_map(|image| image.repo_tags).collect())
    }
}
