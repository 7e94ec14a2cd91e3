//! Keyed fingerprints: two values can be told apart, neither can be guessed without the key.

use super::Keys;
use crate::release::{Fingerprint, ValueSource};

/// Makes fingerprints with the ledger's key.
#[derive(Clone)]
pub struct Fingerprinter {
    key: [u8; 32],
}

impl Fingerprinter {
    /// With these keys.
    pub fn new(keys: &Keys) -> Self {
        Self { key: keys.fingerprint }
    }

    /// Of a value and its source.
    pub fn value(&self, source: &ValueSource, value: &str) -> Fingerprint {
        let (kind, place) = match source {
            ValueSource::Literal => ("literal", ""),
            ValueSource::Env(name) => ("env", name.as_str()),
            ValueSource::File(path) => ("file", path.as_str()),
            ValueSource::Secret(reference) => ("secret", reference.as_str()),
        };
        Fingerprint(self.hash(&[kind, place, value]))
    }

    /// Of the name of an actor.
    pub fn actor(&self, name: &str) -> String {
        self.hash(&["actor", name])
    }

    /// Lengths go in front, so that no two lists of parts hash alike.
    fn hash(&self, parts: &[&str]) -> String {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        for part in parts {
            hasher.update(&(part.len() as u64).to_be_bytes()).update(part.as_bytes());
        }
        // 128 bits: short enough to read in a diff, long enough never to collide.
        hasher.finalize().to_hex()[..32].to_owned()
    }
}
