//! Removing everything of one ledger: for `haloy demo` and tests, which leave nothing behind.

use super::errors::{Doing, failed};
use super::{DockerExecutor, labels};
use crate::executor::ExecutorError;
use bollard::query_parameters::{
    ListContainersOptions, ListImagesOptions, RemoveContainerOptions, RemoveImageOptions,
};
use std::collections::HashMap;

impl DockerExecutor {
    /// Removes every container that carries this ledger's label, every tag of `slug`, and the network,
    /// if nobody else uses it.
    pub async fn forget(&self, ledger: &str, slug: &str, network: &str) -> Result<(), ExecutorError> {
        let engine = self.engine().await?;
        let docker = engine.docker;
        let label = vec![format!("{}={ledger}", labels::LEDGER)];
        let filters = Some(HashMap::from([("label".to_owned(), label)]));
        let options = ListContainersOptions { all: true, filters, ..ListContainersOptions::default() };
        let found = docker.list_containers(Some(options)).await;
        for container in found.map_err(|error| failed(&error, Doing::Other, "listing containers"))? {
            let options = RemoveContainerOptions { force: true, ..RemoveContainerOptions::default() };
            let removed = docker.remove_container(&container.id.unwrap_or_default(), Some(options)).await;
            removed.map_err(|error| failed(&error, Doing::Other, "removing a container"))?;
        }
        let filters = Some(HashMap::from([("reference".to_owned(), vec![slug.to_owned()])]));
        let options = ListImagesOptions { filters, ..ListImagesOptions::default() };
        let images = docker.list_images(Some(options)).await;
        for image in images.map_err(|error| failed(&error, Doing::Image, "listing images"))? {
            for tag in image.repo_tags {
                let removed = docker.remove_image(&tag, None::<RemoveImageOptions>, None).await;
                removed.map_err(|error| failed(&error, Doing::Image, "removing a tag"))?;
            }
        }
        engine.forget_networks(network).await
    }
}
