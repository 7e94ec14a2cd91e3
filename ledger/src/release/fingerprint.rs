//! What tells two values apart without showing them.

use serde::{Deserialize, Serialize};

/// A keyed BLAKE3 digest of a value and its source, in hex: shows that a value changed, not what it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(pub String);
