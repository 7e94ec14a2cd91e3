//! Images on the engine: resolving, fetching by digest, our own tags.

use super::Engine;
use super::errors::{self, Doing, failed};
use crate::contract::*;
use bollard::auth::DockerCredentials;
use bollard::models::ImageInspect;
use bollard::query_parameters::{CreateImageOptions, RemoveImageOptions, TagImageOptions};
use futures_util::StreamExt;
use haloy_ledger::ids::{Digest, ImageRef};
use haloy_ledger::outcome::{FailureCode, Outcome, Public, PulledFrom};
use haloy_ledger::release::{ImageSpec, PullPolicy, ResolvedImage, labels as described};
use haloy_ledger::words;

impl Engine<'_> {
    /// The credentials of the configuration, or those that `docker login` left.
    pub(super) async fn login(
        &self,
        cx: &EffectContext,
        image: &ImageRef,
    ) -> Result<Option<DockerCredentials>, ExecutorError> {
        let login = match &cx.values.registry {
            Some(login) => login.clone(),
            None => {
                let waits = self.executor.options.waits.clone().unwrap_or_default();
                let Some(login) = crate::registry::stored_login(image, &waits).await? else {
                    return Ok(None);
                };
                cx.values.mask.learn([&login.password]);
                login
            }
        };
        Ok(Some(DockerCredentials {
            username: Some(login.username),
            password: Some(login.password),
            serveraddress: login.server,
            ..DockerCredentials::default()
        }))
    }

    pub(super) async fn inspect(&self, name: &str) -> Result<Option<ImageInspect>, ExecutorError> {
        match self.docker.inspect_image(name).await {
            Ok(image) => Ok(Some(image)),
            Err(error) if errors::status(&error) == Some(404) => Ok(None),
            Err(error) => Err(failed(&error, Doing::Image, words!("looking for image {}", Public(name)))),
        }
    }

    /// The image of a reference, by the pull policy.
    ///
    /// With `always` the registry is queried. If it does not have the image, a local image of that name that
    /// was never pulled is taken: it was built here. A registry that does not answer, or refuses access, does
    /// not count as that: the local image may be an old one.
    pub(super) async fn resolve(
        &self,
        cx: &EffectContext,
        spec: &ImageSpec,
    ) -> Result<Outcome, ExecutorError> {
        let reference = &spec.reference;
        let local = self.inspect(reference.as_str()).await?;
        let resolved = match (spec.pull_policy, local) {
            (PullPolicy::Never | PullPolicy::IfMissing, Some(image)) => self.as_local(reference, &image)?,
            (PullPolicy::Never, None) => {
                let text = words!("image {} is not on this engine, and pull_policy is `never`", reference);
                return Err(ExecutorError::new(FailureCode::ImageNotFound, text));
            }
            (PullPolicy::Always, Some(image)) if reference.digest().is_some() => {
                self.as_local(reference, &image)?
            }
            (PullPolicy::Always | PullPolicy::IfMissing, local) => {
                match self.resolve_from_registry(cx, reference).await {
                    Ok(resolved) => resolved,
                    Err(error) => {
                        // What was pushed elsewhere has a digest there, and none here.
                        let built_here =
                            |image: &ImageInspect| digest_at(image, reference.repository()).is_none();
                        let unknown = error.cause.code == FailureCode::ImageNotFound;
                        match local.filter(|image| unknown && built_here(image)) {
                            Some(image) => self.as_local(reference, &image)?,
                            None => return Err(error),
                        }
                    }
                }
            }
        };
        Ok(Outcome::ImageResolved(resolved))
    }

    fn as_local(&self, reference: &ImageRef, image: &ImageInspect) -> Result<ResolvedImage, ExecutorError> {
        let platform = platform(image);
        self.check_platform(reference, &platform)?;
        let labels = image.config.as_ref().and_then(|config| config.labels.clone()).unwrap_or_default();
        let label = |name: &str| labels.get(name).map(String::as_str);
        let digest = digest_at(image, reference.repository());
        Ok(ResolvedImage {
            reference: reference.clone(),
            index_digest: None,
            digest,
            image_id: image.id.clone().and_then(|id| Digest::new(id).ok()),
            platform,
            size: image.size.and_then(|size| u64::try_from(size).ok()),
            created: image.created.as_ref().and_then(|created| described::created(&created.to_string())),
            revision: label("org.opencontainers.image.revision").and_then(described::revision),
            source: label("org.opencontainers.image.source").and_then(described::source),
        })
    }

    async fn resolve_from_registry(
        &self,
        cx: &EffectContext,
        reference: &ImageRef,
    ) -> Result<ResolvedImage, ExecutorError> {
        let asked =
            self.docker.inspect_registry_image(reference.as_str(), self.login(cx, reference).await?).await;
        let found = asked.map_err(|error| failed(&error, Doing::Image, words!("image {}", reference)))?;
        let digest = found.descriptor.digest.clone().and_then(|digest| Digest::new(digest).ok());
        let digest = digest.ok_or_else(|| {
            ExecutorError::new(
                FailureCode::Other,
                words!("the registry gave no digest for image {}", reference),
            )
        })?;
        let is_index = found
            .descriptor
            .media_type
            .as_deref()
            .is_some_and(|kind| kind.contains("index") || kind.contains("list"));
        let platforms: Vec<String> = (found.platforms.iter())
            .map(|p| {
                format!(
                    "{}/{}",
                    p.os.as_deref().unwrap_or("linux"),
                    p.architecture.as_deref().unwrap_or_default()
                )
            })
            .filter(|platform| !platform.ends_with('/'))
            .collect();
        let platform = &self.facts.platform;
        if !platforms.is_empty() && !platforms.contains(platform) {
            self.check_platform(reference, &platforms.join(", "))?;
        }
        Ok(ResolvedImage {
            reference: reference.clone(),
            index_digest: is_index.then(|| digest.clone()),
            digest: Some(digest),
            image_id: None,
            platform: platform.clone(),
            size: None,
            created: None,
            revision: None,
            source: None,
        })
    }

    fn check_platform(&self, reference: &ImageRef, platform: &str) -> Result<(), ExecutorError> {
        if platform == self.facts.platform {
            return Ok(());
        }
        let words =
            words!("image {} is for another platform than {}", reference, Public(&self.facts.platform));
        Err(ExecutorError::new(FailureCode::PlatformMismatch, words).saying(format!("it is for {platform}")))
    }

    /// Brings the image to the engine. By digest where one is known; never all tags of a repository.
    pub(super) async fn pull(
        &self,
        cx: &EffectContext,
        reference: &ImageRef,
        digest: Option<&Digest>,
        _policy: PullPolicy,
    ) -> Result<Outcome, ExecutorError> {
        let name = match digest {
            Some(digest) => format!("{}@{digest}", reference.repository()),
            None => reference.to_string(),
        };
        if let Some(image) = self.inspect(&name).await? {
            return Ok(Outcome::ImagePulled {
                image_id: id_of(&image)?,
                bytes: 0,
                from: PulledFrom::Present,
            });
        }
        let login = self.login(cx, reference).await?;
        let options = CreateImageOptions { from_image: Some(name.clone()), ..CreateImageOptions::default() };
        let mut stream = Box::pin(self.docker.create_image(Some(options), None, login));
        let mut bytes = Bytes::default();
        while let Some(info) = stream.next().await {
            let info =
                info.map_err(|error| failed(&error, Doing::Image, words!("pulling {}", Public(&name))))?;
            if let (Some(layer), Some(detail)) = (info.id, info.progress_detail) {
                bytes.note(layer, detail.current, detail.total);
                cx.tell(bytes.progress());
            }
        }
        let image = self.inspect(&name).await?.ok_or_else(|| {
            ExecutorError::new(
                FailureCode::ImageNotFound,
                words!("image {} was pulled, and is not on the engine", Public(&name)),
            )
        })?;
        Ok(Outcome::ImagePulled { image_id: id_of(&image)?, bytes: bytes.done(), from: PulledFrom::Registry })
    }

    /// Our own tag, so that no other prune can remove the image.
    pub(super) async fn tag(&self, image_id: &Digest, local_tag: &str) -> Result<Outcome, ExecutorError> {
        if self.inspect(image_id.as_str()).await?.is_none() {
            let text = words!(
                "image {} behind tag {} is not on this engine",
                Public(image_id.short()),
                Public(local_tag)
            );
            return Err(ExecutorError::new(FailureCode::ImageNotFound, text));
        }
        let (repo, tag) = local_tag.split_once(':').unwrap_or((local_tag, "latest"));
        let options = TagImageOptions { repo: Some(repo.to_owned()), tag: Some(tag.to_owned()) };
        let tagged = self.docker.tag_image(image_id.as_str(), Some(options)).await;
        tagged.map_err(|error| failed(&error, Doing::Image, words!("tagging {}", Public(local_tag))))?;
        Ok(Outcome::ImageTagged {
            local_tag: local_tag.to_owned(),
            image_id: image_id.clone(),
            engine_id: self.facts.engine_id.clone(),
        })
    }

    /// Removes our tag; the image goes with its last tag.
    pub(super) async fn remove_tag(&self, local_tag: &str) -> Result<Outcome, ExecutorError> {
        let Some(image) = self.inspect(local_tag).await? else {
            return Ok(Outcome::LocalTagRemoved { freed: 0, shared: false });
        };
        self.remove_reference(local_tag).await?;
        let id = image.id.clone().unwrap_or_default();
        // An image pulled by digest keeps that name; without any tag nothing else uses it.
        if let Some(left) = self.inspect(&id).await?
            && left.repo_tags.as_ref().is_none_or(Vec::is_empty)
        {
            for digest in left.repo_digests.iter().flatten() {
                // In use by a container, or gone meanwhile: either way it must not be forced.
                drop(self.remove_reference(digest).await);
            }
        }
        let shared = self.inspect(&id).await?.is_some();
        let size = image.size.and_then(|size| u64::try_from(size).ok()).unwrap_or(0);
        Ok(Outcome::LocalTagRemoved { freed: if shared { 0 } else { size }, shared })
    }

    pub(super) async fn remove_reference(&self, name: &str) -> Result<(), ExecutorError> {
        match self.docker.remove_image(name, None::<RemoveImageOptions>, None).await {
            Ok(_) => Ok(()),
            Err(error) if errors::status(&error) == Some(404) => Ok(()),
            Err(error) => Err(failed(&error, Doing::Other, words!("removing {}", Public(name)))),
        }
    }
}

/// The digest of an image that was pulled from a repository, or pushed to it.
fn digest_at(image: &ImageInspect, repository: &str) -> Option<Digest> {
    image.repo_digests.iter().flatten().find_map(|known| {
        let (at, digest) = known.split_once('@')?;
        (familiar(at) == familiar(repository)).then(|| Digest::new(digest).ok())?
    })
}

/// A repository as Docker shows it: without the registry and the namespace that it takes where none is named.
fn familiar(repository: &str) -> &str {
    let hub = ["docker.io/", "index.docker.io/"];
    let rest = hub.iter().find_map(|hub| repository.strip_prefix(hub)).unwrap_or(repository);
    rest.strip_prefix("library/").unwrap_or(rest)
}

pub(super) fn platform(image: &ImageInspect) -> String {
    format!(
        "{}/{}",
        image.os.as_deref().unwrap_or("linux"),
        image.architecture.as_deref().unwrap_or_default()
    )
}

pub(super) fn id_of(image: &ImageInspect) -> Result<Digest, ExecutorError> {
    let id = image.id.clone().unwrap_or_default();
    Digest::new(id).map_err(|error| {
        ExecutorError::new(FailureCode::Other, "the engine gave a bad image id").saying(error.to_string())
    })
}

/// Bytes of a pull, per layer.
#[derive(Default)]
struct Bytes {
    layers: std::collections::BTreeMap<String, (u64, u64)>,
}

impl Bytes {
    fn note(&mut self, layer: String, current: Option<i64>, total: Option<i64>) {
        let number = |value: Option<i64>| value.and_then(|value| u64::try_from(value).ok()).unwrap_or(0);
        let entry = self.layers.entry(layer).or_default();
        *entry = (entry.0.max(number(current)), entry.1.max(number(total)));
    }

    fn done(&self) -> u64 {
        self.layers.values().map(|(done, _)| done).sum()
    }

    fn progress(&self) -> Progress {
        Progress::Bytes { done: self.done(), total: Some(self.layers.values().map(|(_, total)| total).sum()) }
    }
}
