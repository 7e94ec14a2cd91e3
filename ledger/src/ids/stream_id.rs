//! Streams: what events belong to.

use super::names::{AppName, InvalidId, TargetName};
use super::target_key::TargetKey;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A stream of the log.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum StreamId {
    /// The ledger about itself: created, keys, clock.
    Ledger,
    /// An app at a target.
    Target(TargetKey),
    /// Domains and certificates, across all targets.
    Edge,
    /// Tokens and grants.
    Access,
    /// Servers that are deployed to together.
    Fleet,
    /// Witnesses, peers and sinks.
    Witness,
    /// Policies, persons and freezes.
    Governance,
    /// A stream that a newer version of haloy writes. Read, never written.
    Newer(String),
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ledger => f.write_str("ledger"),
            Self::Target(key) => write!(f, "target:{key}"),
            Self::Edge => f.write_str("edge"),
            Self::Access => f.write_str("access"),
            Self::Fleet => f.write_str("fleet"),
            Self::Witness => f.write_str("witness"),
            Self::Governance => f.write_str("governance"),
            Self::Newer(name) => f.write_str(name),
        }
    }
}

/// Longest name of a stream that a newer version may write, in bytes.
const MAX_STREAM_NAME: usize = 400;

/// Whether a newer version may have named a stream so: `word` or `word:anything printable`. What is not
/// even that is damage.
fn may_name_a_stream(text: &str) -> bool {
    let word = text.split(':').next().unwrap_or_default();
    let starts = word.starts_with(|c: char| c.is_ascii_lowercase());
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    let printable = text.chars().all(|c| c.is_ascii_graphic());
    starts && word.chars().all(inner) && printable && text.len() <= MAX_STREAM_NAME
}

impl FromStr for StreamId {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let invalid = || InvalidId {
            what: "a stream",
            text: text.to_owned(),
            rule: "a stream is `target:APP/TARGET`, `ledger`, `edge`, `access`, `fleet`, `witness` or `governance`",
        };
        match text {
            "ledger" => Ok(Self::Ledger),
            "edge" => Ok(Self::Edge),
            "access" => Ok(Self::Access),
            "fleet" => Ok(Self::Fleet),
            "witness" => Ok(Self::Witness),
            "governance" => Ok(Self::Governance),
            other => {
                let (app, target) = other
                    .strip_prefix("target:")
                    .and_then(|rest| rest.split_once('/'))
                    .ok_or_else(invalid)?;
                Ok(Self::Target(TargetKey { app: AppName::new(app)?, target: TargetName::new(target)? }))
            }
        }
    }
}

impl TryFrom<String> for StreamId {
    type Error = InvalidId;
    /// As stored: a name that this version does not know is a newer version's, not an error.
    fn try_from(text: String) -> Result<Self, InvalidId> {
        match text.parse() {
            Err(_) if !text.starts_with("target:") && may_name_a_stream(&text) => Ok(Self::Newer(text)),
            parsed => parsed,
        }
    }
}

impl From<StreamId> for String {
    fn from(stream: StreamId) -> String {
        stream.to_string()
    }
}

impl TargetKey {
    /// The stream of this target.
    pub fn stream(&self) -> StreamId {
        StreamId::Target(self.clone())
    }
}
