//! Image references and digests, as registries and Docker spell them.

use super::InvalidId;
use serde::{Deserialize, Serialize};
use std::fmt;

/// `sha256:` and 64 hex digits: the content of an image manifest or an image id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(String);

impl Digest {
    /// Checks the form and takes the digest.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidId> {
        let text = text.into();
        let hex = text.strip_prefix("sha256:").unwrap_or_default();
        if hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
            Ok(Self(text))
        } else {
            Err(InvalidId { what: "a digest", text, rule: "a digest is `sha256:` and 64 hex digits" })
        }
    }

    /// With its `sha256:` in front.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first 12 hex digits, as Docker shows them.
    pub fn short(&self) -> &str {
        &self.0[7..19]
    }
}

impl TryFrom<String> for Digest {
    type Error = InvalidId;
    fn try_from(text: String) -> Result<Self, InvalidId> {
        Self::new(text)
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> String {
        digest.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Longest reference: a repository of 255 bytes, a tag of 128, a digest.
const MAX_REFERENCE: usize = 255 + 1 + 128 + 1 + 71;

/// An image as a user names it: `repository[:tag][@sha256:digest]`.
///
/// A registry's port is not a tag: only what follows the last `/` may carry one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ImageRef(String);

impl ImageRef {
    /// Checks the form and takes the reference as written. Registries and engines take no other.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidId> {
        let text = text.into();
        match text.len() <= MAX_REFERENCE && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            true => Self::recorded(text),
            false => Err(Self::invalid(text)),
        }
    }

    /// As it was once recorded, when less was checked: what is in the log stays readable.
    fn recorded(text: String) -> Result<Self, InvalidId> {
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (text.as_str(), None),
        };
        let fine = !name.is_empty()
            && !name.chars().any(|c| c.is_whitespace() || c.is_control())
            && !name.starts_with(['/', ':'])
            && !name.ends_with(['/', ':'])
            && digest.is_none_or(|d| Digest::new(d).is_ok());
        if fine { Ok(Self(text)) } else { Err(Self::invalid(text)) }
    }

    fn invalid(text: String) -> InvalidId {
        InvalidId {
            what: "an image reference",
            text,
            rule: "write `repository`, `repository:tag` or `repository@sha256:...`, without spaces",
        }
    }

    /// The whole reference as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Without tag and digest: `ghcr.io/acme/web`.
    pub fn repository(&self) -> &str {
        let name = self.0.split('@').next().unwrap_or_default();
        match self.tag_at() {
            Some(at) => &name[..at],
            None => name,
        }
    }

    /// The tag, where one is written.
    pub fn tag(&self) -> Option<&str> {
        let name = self.0.split('@').next().unwrap_or_default();
        self.tag_at().map(|at| &name[at + 1..])
    }

    /// The digest, where one is written.
    pub fn digest(&self) -> Option<Digest> {
        self.0.split_once('@').and_then(|(_, digest)| Digest::new(digest).ok())
    }

    fn tag_at(&self) -> Option<usize> {
        let name = self.0.split('@').next().unwrap_or_default();
        let last_part = name.rfind('/').map_or(0, |at| at + 1);
        name[last_part..].rfind(':').map(|at| last_part + at)
    }
}

impl TryFrom<String> for ImageRef {
    type Error = InvalidId;
    fn try_from(text: String) -> Result<Self, InvalidId> {
        Self::recorded(text)
    }
}

impl From<ImageRef> for String {
    fn from(image: ImageRef) -> String {
        image.0
    }
}

impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_port_is_not_a_tag() {
        let image = ImageRef::new("localhost:5000/app").expect("valid");
        assert_eq!((image.repository(), image.tag()), ("localhost:5000/app", None));
        let image = ImageRef::new("localhost:5000/app:v1").expect("valid");
        assert_eq!((image.repository(), image.tag()), ("localhost:5000/app", Some("v1")));
    }

    #[test]
    fn digests_are_told_from_tags() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let image = ImageRef::new(format!("app:v1@{digest}")).expect("valid");
        assert_eq!(image.digest().map(String::from), Some(digest));
        assert_eq!((image.repository(), image.tag()), ("app", Some("v1")));
        assert!(ImageRef::new("app@sha256:12").is_err());
        assert!(ImageRef::new("a b").is_err());
    }
}
