//! Tags: reading, listing, adding and deleting them.

use super::Registry;
use super::errors::Asked;
use super::reference::{at_digest, at_tag, reference};
use super::resolve::ACCEPTED;
use crate::contract::ExecutorError;
use haloy_ledger::ids::{Digest, ImageRef};
use haloy_ledger::outcome::{FailureCode, Public, Words};
use haloy_ledger::words;
use oci_client::secrets::RegistryAuth;
use oci_client::{Reference, RegistryOperation};
use serde::Deserialize;
use std::collections::BTreeSet;

/// Tags per request; a registry may give fewer, or all.
const PAGE: usize = 1000;

#[derive(Deserialize)]
struct Page {
    tags: Option<Vec<String>>,
}

impl Registry {
    /// The digest that a tag points at now: of the index, where it is one. None if there is no such
    /// tag or repository.
    pub async fn tag_digest(&self, image: &ImageRef) -> Result<Option<Digest>, ExecutorError> {
        self.digest_of(&reference(image)?).await
    }

    /// Whether a digest exists in the repository of an image.
    pub async fn has(&self, image: &ImageRef, digest: &Digest) -> Result<bool, ExecutorError> {
        Ok(self.digest_of(&at_digest(&reference(image)?, digest)).await?.is_some())
    }

    async fn digest_of(&self, image: &Reference) -> Result<Option<Digest>, ExecutorError> {
        match self.ask(image, self.client.fetch_manifest_digest(image, &self.auth)).await {
            Ok(digest) => Digest::new(digest).map(Some).map_err(|error| {
                ExecutorError::new(
                    FailureCode::Other,
                    words!("{} has a strange digest", Public(&image.whole())),
                )
                .saying(error.to_string())
            }),
            Err(error) if error.cause.code == FailureCode::ImageNotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All tags of a repository, sorted.
    ///
    /// Registries differ: some ignore the size of a page and give all, unsorted; others give a link
    /// to the next page. A page without anything new ends it, whatever its link says.
    pub async fn tags(&self, image: &ImageRef) -> Result<Vec<String>, ExecutorError> {
        let image = reference(image)?;
        let asked = Asked { registry: self, about: &image };
        let mut found = BTreeSet::new();
        let mut url = self.url(&image, &format!("tags/list?n={PAGE}"));
        loop {
            let request = self.authorized(self.plain.get(&url), &image, RegistryOperation::Pull).await?;
            let answer = self.waiting(request.send()).await.map_err(|error| asked.request(&error))?;
            if !answer.status().is_success() {
                return Err(asked.status(answer.status()).await);
            }
            let next = next_page(answer.headers());
            let page: Page = self.waiting(answer.json()).await.map_err(|error| asked.request(&error))?;
            let before = found.len();
            found.extend(page.tags.unwrap_or_default());
            match next {
                Some(path) if found.len() > before => {
                    url = format!("{}://{}{path}", self.scheme, self.host);
                }
                Some(_) | None => return Ok(found.into_iter().collect()),
            }
        }
    }

    /// Puts the manifest of a digest under another tag: byte for byte, so that the digest stays.
    pub async fn retag(&self, image: &ImageRef, digest: &Digest, tag: &str) -> Result<(), ExecutorError> {
        let image = reference(image)?;
        let (from, to) = (at_digest(&image, digest), at_tag(&image, tag));
        let (raw, _) = self.ask(&from, self.client.pull_manifest_raw(&from, &self.auth, ACCEPTED)).await?;
        let bad = |words: Words| ExecutorError::new(FailureCode::Other, words);
        let media_type =
            media_type(&raw).parse().map_err(|_| bad(words!("{} has a strange type", *digest)))?;
        self.client.store_auth_if_needed(to.resolve_registry(), &self.auth).await;
        self.ask(&to, self.client.push_manifest_raw(&to, raw, media_type)).await?;
        match self.digest_of(&to).await? {
            Some(now) if now == *digest => Ok(()),
            Some(now) => {
                Err(bad(words!("{} was to point at {}, and points at {}", Public(&to.whole()), *digest, now)))
            }
            None => Err(bad(words!("{} was put, and is not there", Public(&to.whole())))),
        }
    }

    /// Deletes the digest of a tag, if no other tag has it: registries delete by digest, with all of its
    /// tags. Fine if it is gone.
    pub async fn delete_tag(&self, image: &ImageRef, tag: &str) -> Result<(), ExecutorError> {
        let repository = reference(image)?;
        let about = at_tag(&repository, tag);
        let Some(digest) = self.digest_of(&about).await? else { return Ok(()) };
        let mut others = Vec::new();
        for other in self.tags(image).await?.into_iter().filter(|other| other != tag) {
            if self.digest_of(&at_tag(&repository, &other)).await?.as_ref() == Some(&digest) {
                others.push(other);
            }
        }
        if !others.is_empty() {
            let words =
                words!("{} shares its image with others, which would go as well", Public(&about.whole()));
            return Err(ExecutorError::new(FailureCode::Other, words).saying(others.join(", ")));
        }
        let url = self.url(&repository, &format!("manifests/{digest}"));
        let request = self.authorized(self.plain.delete(url), &repository, RegistryOperation::Push).await?;
        let asked = Asked { registry: self, about: &about };
        let answer = self.waiting(request.send()).await.map_err(|error| asked.request(&error))?;
        match answer.status().as_u16() {
            200..=299 | 404 => Ok(()),
            405 => {
                let text = words!("registry {} does not allow to delete anything", Public(&self.host));
                Err(ExecutorError::new(FailureCode::Other, text))
            }
            _other => Err(asked.status(answer.status()).await),
        }
    }

    /// A request of our own, with the required token or credentials.
    async fn authorized(
        &self,
        request: reqwest::RequestBuilder,
        image: &Reference,
        operation: RegistryOperation,
    ) -> Result<reqwest::RequestBuilder, ExecutorError> {
        let token = self.ask(image, self.client.auth(image, &self.auth, operation)).await?;
        Ok(match (token, &self.auth) {
            (Some(token), _) => request.bearer_auth(token),
            (None, RegistryAuth::Basic(username, password)) => request.basic_auth(username, Some(password)),
            (None, RegistryAuth::Anonymous | RegistryAuth::Bearer(_)) => request,
        })
    }
}

fn media_type(raw: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Typed {
        #[serde(rename = "mediaType")]
        media_type: Option<String>,
    }
    let typed: Option<Typed> = serde_json::from_slice(raw).ok();
    // Left out, it is an OCI manifest.
    typed
        .and_then(|typed| typed.media_type)
        .unwrap_or_else(|| "application/vnd.oci.image.manifest.v1+json".to_owned())
}

/// The path of the next page, from a `Link: <path>; rel="next"`. Another host is not followed.
fn next_page(headers: &reqwest::header::HeaderMap) -> Option<String> {
    let link = headers.get("link")?.to_str().ok()?;
    let (path, rest) = link.trim().strip_prefix('<')?.split_once('>')?;
    (rest.contains("next") && path.starts_with('/')).then(|| path.to_owned())
}
