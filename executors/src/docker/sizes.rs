//! What removing tags would give back: layers that nothing else uses, each counted once.

use super::Engine;
use super::errors::{Doing, failed};
use crate::contract::ExecutorError;
use bollard::query_parameters::{ListContainersOptions, ListImagesOptions};
use std::collections::{BTreeMap, BTreeSet};

/// Bytes that come back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reclaim {
    /// For each tag, if it alone went; 0 if something else holds its image.
    pub each: BTreeMap<String, u64>,
    /// Room if all of them were removed: shared layers come back, too, and count once.
    pub total: u64,
}

/// An image of the engine: its layers from the bottom, with bytes.
struct Image {
    tags: Vec<String>,
    used: bool,
    layers: Vec<(String, u64)>,
}

impl Image {
    /// Whether it is removed with its last tags, since no container needs it.
    fn goes(&self, tags: &BTreeSet<&str>) -> bool {
        !self.used && !self.tags.is_empty() && self.tags.iter().all(|tag| tags.contains(tag.as_str()))
    }
}

impl Engine<'_> {
    pub(super) async fn reclaimable(&self, tags: &[String]) -> Result<Reclaim, ExecutorError> {
        let images = self.images_with_layers().await?;
        let all: BTreeSet<&str> = tags.iter().map(String::as_str).collect();
        let each = tags.iter().map(|tag| (tag.clone(), freed(&images, &BTreeSet::from([tag.as_str()]))));
        Ok(Reclaim { each: each.collect(), total: freed(&images, &all) })
    }

    async fn images_with_layers(&self) -> Result<Vec<Image>, ExecutorError> {
        let doing = |error: &bollard::errors::Error| failed(error, Doing::Other, "measuring images");
        let options = ListContainersOptions { all: true, ..ListContainersOptions::default() };
        let containers = self.docker.list_containers(Some(options)).await.map_err(|error| doing(&error))?;
        let used: BTreeSet<String> = containers.into_iter().filter_map(|found| found.image_id).collect();
        let listed =
            self.docker.list_images(None::<ListImagesOptions>).await.map_err(|error| doing(&error))?;
        let mut images = Vec::new();
        for summary in listed {
            // Gone meanwhile: nothing to count.
            let Some(image) = self.inspect(&summary.id).await? else { continue };
            let history = self.docker.image_history(&summary.id).await.map_err(|error| doing(&error))?;
            let ids = image.root_fs.and_then(|root| root.layers).unwrap_or_default();
            // The history counts from the top, and has steps that made no layer.
            let sizes: Vec<u64> = (history.iter().rev())
                .filter_map(|step| u64::try_from(step.size).ok().filter(|size| *size > 0))
                .collect();
            images.push(Image {
                tags: summary.repo_tags,
                used: used.contains(&summary.id),
                layers: chained(ids, &sizes),
            });
        }
        Ok(images)
    }
}

/// A layer is the same only on top of the same layers. Where steps and layers do not match up, the
/// bytes are those of the lowest layer: the sum stays right for an image that goes as a whole.
fn chained(ids: Vec<String>, sizes: &[u64]) -> Vec<(String, u64)> {
    let matches = ids.len() == sizes.len();
    let whole: u64 = sizes.iter().sum();
    let mut below = String::new();
    let mut layers = Vec::new();
    for (place, id) in ids.into_iter().enumerate() {
        below = blake3::hash(format!("{below}{id}").as_bytes()).to_hex().to_string();
        let size =
            if matches { sizes.get(place).copied().unwrap_or(0) } else { whole * u64::from(place == 0) };
        layers.push((below.clone(), size));
    }
    layers
}

fn freed(images: &[Image], tags: &BTreeSet<&str>) -> u64 {
    let (going, staying): (Vec<&Image>, Vec<&Image>) = images.iter().partition(|image| image.goes(tags));
    let needed: BTreeSet<&str> =
        staying.iter().flat_map(|image| &image.layers).map(|(id, _)| id.as_str()).collect();
    let back: BTreeMap<&str, u64> = (going.iter().flat_map(|image| &image.layers))
        .filter(|(id, _)| !needed.contains(id.as_str()))
        .map(|(id, size)| (id.as_str(), *size))
        .collect();
    back.values().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(tag: &str, ids: &[&str], sizes: &[u64]) -> Image {
        let ids = ids.iter().map(|id| (*id).to_owned()).collect();
        Image { tags: vec![tag.to_owned()], used: false, layers: chained(ids, sizes) }
    }

    #[test]
    fn shared_layers_count_once_and_only_when_the_last_one_goes() {
        let mut images = vec![image("a", &["base", "x"], &[100, 1]), image("b", &["base", "y"], &[100, 2])];
        assert_eq!(freed(&images, &BTreeSet::from(["a"])), 1);
        assert_eq!(freed(&images, &BTreeSet::from(["a", "b"])), 103);
        images[1].used = true;
        assert_eq!(freed(&images, &BTreeSet::from(["a", "b"])), 1);
        images[0].tags.push("other".to_owned());
        assert_eq!(freed(&images, &BTreeSet::from(["a"])), 0);
    }

    #[test]
    fn the_same_layer_on_another_base_is_another_one() {
        let images = [image("a", &["p", "x"], &[1, 5]), image("b", &["q", "x"], &[2, 5])];
        assert_eq!(freed(&images, &BTreeSet::from(["a"])), 6);
    }
}
