//! The one answer to "may this release be restored?": for the rules, for retention and for those who read.

use super::state::{RetainedRelease, Standing};
use crate::release::HistoryStrategy;
use serde::Serialize;
use std::fmt;

/// Why a release is not restorable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "why")]
pub enum NotRestorable {
    /// Nothing of the release is kept any more.
    Pruned,
    /// Removal of the release's tag is planned.
    BeingPruned,
    /// The release was never good.
    NeverGood,
    /// The release was deployed with strategy `none`.
    StrategyNone,
    /// Newer releases took its place in the registry's history.
    BeyondCount,
    /// The image is not where it should be.
    ImageLost,
    /// The image is on another Docker engine.
    OnOtherEngine {
        /// Id of that engine.
        engine: String,
    },
}

impl fmt::Display for NotRestorable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pruned => f.write_str("its image was pruned"),
            Self::BeingPruned => f.write_str("its image is being pruned"),
            Self::NeverGood => f.write_str("its deployment did not succeed"),
            Self::StrategyNone => f.write_str("it was deployed with history strategy `none`"),
            Self::BeyondCount => f.write_str("it is beyond the count that is kept"),
            Self::ImageLost => f.write_str("its image is gone from where it was kept"),
            Self::OnOtherEngine { engine } => write!(f, "its image is on engine {engine}"),
        }
    }
}

/// Whether a release can be restored now, as far as the log knows. On which engine its image is, only the caller
/// can compare.
pub fn restorable(kept: &RetainedRelease) -> Result<(), NotRestorable> {
    match kept.standing {
        Standing::Candidate => return Err(NotRestorable::NeverGood),
        Standing::Expired => return Err(NotRestorable::BeyondCount),
        Standing::Good => {}
    }
    let there = match kept.strategy {
        HistoryStrategy::None => return Err(NotRestorable::StrategyNone),
        HistoryStrategy::Local => kept.tagged.is_some(),
        // The tag on the host is a convenience: what counts is the digest in the registry.
        HistoryStrategy::Registry => kept.origin.is_some(),
    };
    if !there {
        return Err(NotRestorable::Pruned);
    }
    if kept.is_lost() {
        return Err(NotRestorable::ImageLost);
    }
    // A tag that is being removed would be taken from what runs.
    if kept.pruning.is_some() { Err(NotRestorable::BeingPruned) } else { Ok(()) }
}

/// Whether a release can be restored now.
pub fn is_restorable(kept: &RetainedRelease) -> bool {
    restorable(kept).is_ok()
}

/// Whether a release can be restored once nothing is being removed any more: what a registry has outlives the tag
/// on the host.
pub fn stays_restorable(kept: &RetainedRelease) -> bool {
    match restorable(kept) {
        Ok(()) => true,
        Err(NotRestorable::BeingPruned) => kept.strategy == HistoryStrategy::Registry,
        Err(_) => false,
    }
}
