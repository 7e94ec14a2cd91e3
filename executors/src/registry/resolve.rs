//! From a tag to the manifest that this host runs.

use super::Registry;
use super::reference::{at_digest, reference};
use crate::contract::ExecutorError;
use haloy_ledger::ids::{Digest, ImageRef};
use haloy_ledger::outcome::{FailureCode, Public};
use haloy_ledger::release::{ResolvedImage, labels as described};
use haloy_ledger::words;
use oci_client::Reference;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Without these a registry answers with a manifest of the oldest schema, which has another digest.
pub(super) const ACCEPTED: &[&str] = &[
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
];

/// An index or a manifest: only the fields that are needed.
#[derive(Deserialize)]
struct Manifest {
    manifests: Option<Vec<Entry>>,
    config: Option<Blob>,
    #[serde(default)]
    layers: Vec<Blob>,
}

#[derive(Deserialize)]
struct Entry {
    digest: String,
    platform: Option<Platform>,
}

#[derive(Deserialize)]
struct Platform {
    os: String,
    architecture: String,
}

#[derive(Deserialize)]
struct Blob {
    digest: String,
    size: u64,
}

/// What an image says of itself.
#[derive(Deserialize, Default)]
struct About {
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
    created: Option<String>,
    config: Option<Labelled>,
}

#[derive(Deserialize)]
struct Labelled {
    #[serde(rename = "Labels")]
    labels: Option<BTreeMap<String, String>>,
}

/// Largest configuration of an image that is read.
const LARGEST: usize = 4 << 20;

impl Registry {
    /// The manifest that a tag or digest means on a platform (`os/arch`), with the index that it
    /// came from, its bytes, its age, and where it says it was built from.
    pub async fn resolve(&self, image: &ImageRef, platform: &str) -> Result<ResolvedImage, ExecutorError> {
        let asked = reference(image)?;
        let (manifest, digest) = self.manifest(&asked).await?;
        let (manifest, index, digest) = match &manifest.manifests {
            None => (manifest, None, digest),
            Some(entries) => {
                let chosen = choose(image, entries, platform)?;
                let (manifest, chosen) = self.manifest(&at_digest(&asked, &chosen)).await?;
                (manifest, Some(digest), chosen)
            }
        };
        let about = self.about(&asked, manifest.config.as_ref()).await?;
        let runs_on = format!("{}/{}", about.os, about.architecture);
        if !about.architecture.is_empty() && runs_on != platform {
            return Err(mismatch(image, &runs_on, platform));
        }
        let labels = about.config.and_then(|config| config.labels).unwrap_or_default();
        let label = |name: &str| labels.get(name).map(String::as_str);
        let blobs = manifest.config.iter().chain(&manifest.layers);
        Ok(ResolvedImage {
            reference: image.clone(),
            index_digest: index,
            digest: Some(digest),
            image_id: None,
            platform: platform.to_owned(),
            size: Some(blobs.map(|blob| blob.size).sum()),
            created: about.created.as_deref().and_then(described::created),
            revision: label("org.opencontainers.image.revision").and_then(described::revision),
            source: label("org.opencontainers.image.source").and_then(described::source),
        })
    }

    async fn manifest(&self, image: &Reference) -> Result<(Manifest, Digest), ExecutorError> {
        let (raw, digest) =
            self.ask(image, self.client.pull_manifest_raw(image, &self.auth, ACCEPTED)).await?;
        let unreadable = |error: String| {
            ExecutorError::new(
                FailureCode::Other,
                words!("the manifest of {} cannot be read", Public(&image.whole())),
            )
            .saying(error)
        };
        let manifest: Manifest =
            serde_json::from_slice(&raw).map_err(|error| unreadable(haloy_edge::said::json(&error)))?;
        if manifest.manifests.is_none() && manifest.config.is_none() {
            return Err(unreadable("it is of a schema that Docker no longer runs".to_owned()));
        }
        Ok((manifest, Digest::new(digest).map_err(|error| unreadable(error.to_string()))?))
    }

    async fn about(&self, image: &Reference, config: Option<&Blob>) -> Result<About, ExecutorError> {
        let Some(config) = config.filter(|config| config.size <= LARGEST as u64) else {
            return Ok(About::default());
        };
        let mut bytes = Vec::new();
        self.ask(image, self.client.pull_blob(image, config.digest.as_str(), &mut bytes)).await?;
        // What is not an image's configuration says nothing about a platform.
        Ok(serde_json::from_slice(&bytes).unwrap_or_default())
    }
}

fn choose(image: &ImageRef, entries: &[Entry], platform: &str) -> Result<Digest, ExecutorError> {
    let named = |entry: &Entry| {
        entry.platform.as_ref().map(|platform| format!("{}/{}", platform.os, platform.architecture))
    };
    match entries.iter().find(|entry| named(entry).as_deref() == Some(platform)) {
        Some(entry) => Digest::new(&*entry.digest).map_err(|error| {
            ExecutorError::new(FailureCode::Other, words!("the index of {} cannot be read", image))
                .saying(error.to_string())
        }),
        None => {
            // Attestations have a platform of `unknown/unknown`, and are not images.
            let there = entries.iter().filter_map(named).filter(|name| !name.starts_with("unknown"));
            Err(mismatch(image, &there.collect::<Vec<_>>().join(", "), platform))
        }
    }
}

fn mismatch(image: &ImageRef, there: &str, platform: &str) -> ExecutorError {
    let words = words!("image {} is for another platform than {}", image, Public(platform));
    ExecutorError::new(FailureCode::PlatformMismatch, words).saying(format!("it is for {there}"))
}
