//! Places in the log, replicas and instants.

use super::{AppName, DeploymentId, InvalidId, TargetName};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Place in the whole log: dense, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Position(pub u64);

impl Position {
    /// The place after this one.
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// Place in one stream: dense, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Revision(pub u64);

/// An instant: nanoseconds since the Unix epoch, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Milliseconds since the Unix epoch; what ULIDs are made of.
    pub fn unix_ms(self) -> u64 {
        u64::try_from(self.0 / 1_000_000).unwrap_or(0)
    }

    /// Milliseconds from `earlier` to this instant; 0 if the clock went back.
    pub fn ms_since(self, earlier: Self) -> u64 {
        u64::try_from(self.0.saturating_sub(earlier.0) / 1_000_000).unwrap_or(0)
    }
}

/// One stream of the log.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum StreamId {
    /// The ledger about itself: created, keys, clock.
    Ledger,
    /// One app at one target.
    Target {
        /// What is deployed.
        app: AppName,
        /// Where it is deployed to.
        target: TargetName,
    },
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
            Self::Target { app, target } => write!(f, "target:{app}/{target}"),
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
                Ok(Self::Target { app: AppName::new(app)?, target: TargetName::new(target)? })
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

/// One running container of an app: which deployment started it, and its number there, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ReplicaId {
    /// The deployment that started it.
    pub deployment: DeploymentId,
    /// Its number among the replicas of that deployment, from 0.
    pub index: u16,
}

impl fmt::Display for ReplicaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.deployment, self.index)
    }
}
