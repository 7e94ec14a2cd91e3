//! The pair that everything is kept by: an app and one of its targets.

use super::names::{AppName, TargetName};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A target of a ledger.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TargetKey {
    /// The app.
    pub app: AppName,
    /// The target of that app.
    pub target: TargetName,
}

impl fmt::Display for TargetKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.app, self.target)
    }
}
