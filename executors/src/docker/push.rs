//! Pushing what was built, and learning the digest that it got.

use super::Engine;
use super::errors::{Doing, failed};
use crate::contract::*;
use bollard::query_parameters::{PushImageOptions, TagImageOptions};
use futures_util::StreamExt;
use haloy_ledger::ids::{Digest, ImageRef};
use haloy_ledger::outcome::{FailureCode, Outcome};
use haloy_ledger::release::PullPolicy;
use haloy_ledger::words;

impl Engine<'_> {
    /// Pushes an image under its reference. Layers that the registry already has are not sent again.
    pub(super) async fn push(
        &self,
        cx: &EffectContext,
        image_id: &Digest,
        reference: &ImageRef,
    ) -> Result<Outcome, ExecutorError> {
        let (repo, tag) = (reference.repository(), reference.tag().unwrap_or("latest"));
        let doing = |error: &bollard::errors::Error, what: &'static str| {
            failed(error, Doing::Image, words!("{} {}", what, reference))
        };
        let was_here = self.inspect(reference.as_str()).await?;
        let options = TagImageOptions { repo: Some(repo.to_owned()), tag: Some(tag.to_owned()) };
        let tagged = self.docker.tag_image(image_id.as_str(), Some(options)).await;
        tagged.map_err(|error| doing(&error, "tagging"))?;
        let login = self.login(cx, reference).await?;
        let options = PushImageOptions { tag: Some(tag.to_owned()), ..PushImageOptions::default() };
        let mut stream = Box::pin(self.docker.push_image(repo, Some(options), login));
        // Errors come in the stream, after a good status: it is read to its end.
        while let Some(info) = stream.next().await {
            let info = info.map_err(|error| doing(&error, "pushing"))?;
            if let Some(status) = info.status.filter(|status| status.contains("digest")) {
                cx.tell(Progress::Line(status));
            }
        }
        let digest = self.pushed_digest(reference).await?;
        // The tag was for the push; the digest keeps a name of its own, so that a rollback finds it here.
        if was_here.is_none() {
            self.remove_reference(reference.as_str()).await?;
            self.pull(cx, reference, Some(&digest), PullPolicy::Always).await?;
        }
        Ok(Outcome::ImagePushed { reference: reference.clone(), digest })
    }

    async fn pushed_digest(&self, reference: &ImageRef) -> Result<Digest, ExecutorError> {
        let image = self.inspect(reference.as_str()).await?;
        let known = image.and_then(|image| image.repo_digests).unwrap_or_default();
        let mut digests = known.iter().filter_map(|known| known.split_once('@'));
        let found = digests.find(|(repository, _)| *repository == reference.repository());
        found.and_then(|(_, digest)| Digest::new(digest).ok()).ok_or_else(|| {
            ExecutorError::new(
                FailureCode::Other,
                words!("{} was pushed, and the engine knows no digest for it", reference),
            )
        })
    }
}
