//! What has become of a release, and who wants it kept.

use crate::event::PruneRule;
use crate::ids::{DeploymentId, Digest, ImageRef};
use crate::release::{HistoryStrategy, TaggedImage};
use serde::{Deserialize, Serialize};

/// Where a release's image is in a registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// What was asked for: repository and tag.
    pub reference: ImageRef,
    /// What the tag pointed at: an index or a manifest.
    pub tag_digest: Digest,
    /// The manifest that runs here.
    pub digest: Digest,
}

/// What the tag that a release was deployed from points at now, as far as anybody looked.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TagNow {
    /// What it pointed at then.
    #[default]
    AsRecorded,
    /// Something else.
    At(Digest),
    /// It is gone.
    Gone,
}

/// What a release has become. Only a good one can be restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Its deploy did not succeed, or has not yet.
    Candidate,
    /// It was live and well.
    Good,
    /// It was, and newer ones took its place in the history of its registry: what is left of it on the engine goes.
    Expired,
}

/// Where the image of a release is, as far as anybody looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ImageSeen {
    /// Where it should be.
    There,
    /// Not there.
    Lost,
}

/// Who wants a release kept, whatever the count says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Holds {
    /// Its owners: pinned.
    pub pinned: bool,
    /// Somebody who must have it: held.
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
    /// What it has become.
    pub standing: Standing,
    /// Value of `TargetState::lives` when it was first live; 0 if never.
    pub first_live: u64,
    /// Value of `TargetState::lives` when it was last made live; 0 if never.
    pub last_live: u64,
    /// Value of `TargetState::lives` when a rollback left it, where one did.
    pub left_at: Option<u64>,
    /// Its own tag on the engine, while it has one.
    pub tagged: Option<TaggedImage>,
    /// Where its image is in a registry; only with strategy `registry`.
    pub origin: Option<Origin>,
    /// What its tag in the registry was last seen to point at.
    pub tag_now: TagNow,
    /// Where its image is.
    pub image: ImageSeen,
    /// Who wants it kept.
    pub holds: Holds,
    /// Removal of its tag is planned.
    pub pruning: Option<PruneRule>,
    /// Attempts at that removal.
    pub prune_attempts: u32,
}

impl RetainedRelease {
    /// It was live and well, whatever became of it.
    pub fn was_good(&self) -> bool {
        self.standing != Standing::Candidate
    }

    /// Its image is not where it should be.
    pub fn is_lost(&self) -> bool {
        self.image == ImageSeen::Lost
    }
}
