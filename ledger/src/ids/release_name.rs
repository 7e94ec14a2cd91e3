//! Names that people give to releases: `stable`, `v2.6`.

use super::InvalidId;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A name for a release, which is also a tag on the engine and in a registry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ReleaseName(String);

/// Longest tag that registries accept.
const MAX: usize = 128;
const RULE: &str =
    "use letters, digits, `_`, `.` and `-`, starting with a letter, a digit or `_`, 128 at most, and no id";

impl ReleaseName {
    /// Checks the rule and takes the name. A name that reads as a deployment id is refused, so that one word
    /// never means two releases.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidId> {
        let text = text.into();
        let mut bytes = text.bytes();
        let fine = text.len() <= MAX
            && bytes.next().is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_')
            && bytes.all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
            && text.parse::<super::DeploymentId>().is_err();
        if fine { Ok(Self(text)) } else { Err(InvalidId { what: "a name for a release", text, rule: RULE }) }
    }

    /// The name as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ReleaseName {
    type Error = InvalidId;
    fn try_from(text: String) -> Result<Self, InvalidId> {
        Self::new(text)
    }
}

impl From<ReleaseName> for String {
    fn from(name: ReleaseName) -> String {
        name.0
    }
}

impl fmt::Display for ReleaseName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_tag_and_never_an_id() {
        for name in ["stable", "v2.6", "_x", "2026-11-24"] {
            assert!(ReleaseName::new(name).is_ok(), "{name}");
        }
        for name in ["", "a b", "-x", ".x", "a/b", "a:b", "01k99q0xv74s3h8r0z8z44vf3y", &"x".repeat(129)] {
            assert!(ReleaseName::new(name).is_err(), "{name}");
        }
    }
}
