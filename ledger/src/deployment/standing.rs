//! What became of a release, and why it is kept.

use crate::event::PruneRule;
use crate::ids::{DeploymentId, Digest, ImageRef};
use crate::release::{HistoryStrategy, TaggedImage};
use serde::{Deserialize, Serialize};

/// Where a release's image is in a registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Repository and tag as requested.
    pub reference: ImageRef,
    /// What the tag pointed at: an index or a manifest.
    pub tag_digest: Digest,
    /// The manifest that runs here.
    pub digest: Digest,
}

/// What the tag that a release was deployed from points at now, as far as that was checked.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TagNow {
    /// The digest recorded at the deploy.
    #[default]
    AsRecorded,
    /// Something else.
    At(Digest),
    /// The tag is gone.
    Gone,
}

/// What a release has become. Only a good one can be restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// The deploy did not succeed, or has not ended yet.
    Candidate,
    /// The release was live and well.
    Good,
    /// The release was good, and newer ones took its place in the history of its registry: its tag on the
    /// engine is removed.
    Expired,
}

/// Where the image of a release is, as far as that was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ImageSeen {
    /// Where it should be.
    There,
    /// Not there.
    Lost,
}

/// Reasons to keep a release, whatever the count is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Holds {
    /// Pinned by its owners.
    pub pinned: bool,
    /// Held: needed as evidence or by order.
    pub held: bool,
}

impl Holds {
    /// Whether anybody does.
    pub fn any(self) -> bool {
        self.pinned || self.held
    }
}

/// A release that is kept, or still holds an artefact. Small: history is elsewhere. How it is stored is for the
/// read model to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetainedRelease {
    /// The deploy that made it.
    pub release: DeploymentId,
    /// How it is kept.
    pub strategy: HistoryStrategy,
    /// Current standing of the release.
    pub standing: Standing,
    /// Value of `TargetState::lives` when it was first live; 0 if never.
    pub first_live: u64,
    /// Value of `TargetState::lives` when it was last made live; 0 if never.
    pub last_live: u64,
    /// Value of `TargetState::lives` when a rollback left it, where one did.
    pub left_at: Option<u64>,
    /// Tag on the engine, while there is one.
    pub tagged: Option<TaggedImage>,
    /// Where its image is in a registry; only with strategy `registry`.
    pub origin: Option<Origin>,
    /// What its tag in the registry was last seen to point at.
    pub tag_now: TagNow,
    /// Where its image is.
    pub image: ImageSeen,
    /// Pins and holds.
    pub holds: Holds,
    /// Removal of its tag is planned.
    pub pruning: Option<PruneRule>,
    /// Attempts at that removal.
    pub prune_attempts: u32,
}

impl RetainedRelease {
    /// Whether the release was live and well, whatever became of it.
    pub fn was_good(&self) -> bool {
        self.standing != Standing::Candidate
    }

    /// Whether the image is missing from where it should be.
    pub fn is_lost(&self) -> bool {
        self.image == ImageSeen::Lost
    }
}
