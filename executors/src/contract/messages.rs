//! Messages between haloy and an executor, as data: nothing here needs to be in this process.
//!
//! An effect goes there with its [`EffectRequest`]; back come [`Progress`], and in the end an
//! [`Outcome`](haloy_ledger::outcome::Outcome) or an [`ExecutorError`](super::ExecutorError). A [`Scope`] is
//! answered with what is [`Observed`](haloy_ledger::outcome::Observed) in it.

use haloy_ledger::ids::{DeploymentId, EffectId, LedgerId, TargetKey};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Version of the contract: of this file, and of the promises of an executor. Raised by a change that an
/// executor has to know of.
pub const PROTOCOL: u16 = 1;

/// What an executor acts on. An effect has exactly one role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Containers, networks and the images on the engine.
    Engine,
    /// Images in a registry.
    Registry,
    /// Domains and routes.
    Router,
    /// Commands of the user on this machine.
    Hooks,
}

/// A target of a ledger: the scope of labels, and the limit of `observe`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Scope {
    /// The ledger.
    pub ledger: LedgerId,
    /// The target.
    pub key: TargetKey,
}

/// Data for an executor beside the effect, apart from values and the sink of its progress.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EffectRequest {
    /// Identity of the effect: the same over attempts and restarts.
    pub id: EffectId,
    /// Ledger and target.
    pub scope: Scope,
    /// The deployment or rollback that owes the effect.
    pub deployment: DeploymentId,
    /// Number of this attempt, from 1.
    pub attempt: u32,
    /// `HALOY_*` facts for hooks.
    pub facts: BTreeMap<String, String>,
}

/// Progress of a running effect. Lost progress does no harm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// A line of a build, a pull or a hook.
    Line(String),
    /// Bytes done of bytes to do.
    Bytes {
        /// Done.
        done: u64,
        /// In all, where known.
        total: Option<u64>,
    },
    /// A probe was made, with its result.
    Probe {
        /// Number of the probe, from 1.
        number: u32,
        /// `200`, `503`, `connection refused`.
        saw: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{ExecutorError, Retry};
    use haloy_ledger::ids::{AppName, EffectNumber, TargetName};
    use haloy_ledger::outcome::FailureCode;
    use std::time::Duration;

    fn read_back<T: Serialize + serde::de::DeserializeOwned>(value: &T) -> (String, T) {
        let text = serde_json::to_string(value).expect("data");
        let read = serde_json::from_str(&text).expect("what was written");
        (text, read)
    }

    #[test]
    fn what_crosses_the_boundary_is_data() {
        let deployment = DeploymentId::from_parts(1, 2);
        let app = AppName::new("web").expect("a name");
        let key = TargetKey { app, target: TargetName::new("t").expect("a name") };
        let request = EffectRequest {
            id: EffectId { deployment, number: EffectNumber::Drain, subject: "0".to_owned() },
            scope: Scope { ledger: LedgerId::from_parts(1, 1), key },
            deployment,
            attempt: 2,
            facts: BTreeMap::from([("HALOY_APP".to_owned(), "web".to_owned())]),
        };
        assert_eq!(read_back(&request).1, request);
        for progress in [
            Progress::Line("a line".to_owned()),
            Progress::Bytes { done: 1, total: None },
            Progress::Probe { number: 1, saw: "503".to_owned() },
        ] {
            assert_eq!(read_back(&progress).1, progress);
        }
        for retry in [Retry::Never, Retry::Now, Retry::After(Duration::from_millis(1500))] {
            let error = ExecutorError::new(FailureCode::Other, "it refused").saying("no").retry(retry);
            let (_text, read) = read_back(&error);
            assert_eq!((read.retry, read.to_string()), (retry, "it refused: no".to_owned()));
        }
        assert_eq!(read_back(&Role::Hooks).0, "\"hooks\"");
    }
}
