//! References to images, as the library reads them.

use crate::contract::ExecutorError;
use haloy_ledger::ids::{Digest, ImageRef};
use haloy_ledger::outcome::FailureCode;
use haloy_ledger::words;
use oci_client::Reference;

/// The registry that an image comes from: `host[:port]`.
pub fn host(image: &ImageRef) -> Result<String, ExecutorError> {
    Ok(reference(image)?.resolve_registry().to_owned())
}

/// The reference as the library reads it: short names are Docker Hub's.
pub(super) fn reference(image: &ImageRef) -> Result<Reference, ExecutorError> {
    image.as_str().parse().map_err(|error: oci_client::ParseError| {
        let said = match error {
            oci_client::ParseError::NameContainsUppercase => "names of repositories have no capital letters",
            oci_client::ParseError::NameTooLong => "its name is too long",
            oci_client::ParseError::DigestInvalidLength | oci_client::ParseError::DigestUnsupported => {
                "its digest is not one of SHA-256, SHA-384 or SHA-512"
            }
            _other => "it is not a valid image reference",
        };
        ExecutorError::new(
            FailureCode::ImageNotFound,
            words!("`{}` is not a valid registry image reference", image),
        )
        .saying(said)
    })
}

/// Another digest of the same repository.
pub(super) fn at_digest(image: &Reference, digest: &Digest) -> Reference {
    let (registry, repository) = (image.registry().to_owned(), image.repository().to_owned());
    Reference::with_digest(registry, repository, digest.to_string())
}

/// Another tag of the same repository.
pub(super) fn at_tag(image: &Reference, tag: &str) -> Reference {
    Reference::with_tag(image.registry().to_owned(), image.repository().to_owned(), tag.to_owned())
}
