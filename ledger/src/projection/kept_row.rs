//! How what is kept of a release is stored.

use crate::deployment::state::{Holds, ImageSeen, Origin, RetainedRelease, Standing, TagNow};
use crate::event::PruneRule;
use crate::ids::DeploymentId;
use crate::release::{HistoryStrategy, TaggedImage};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// The row: names and order of its fields are those of the first rows ever written.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredRelease<'a> {
    release: DeploymentId,
    strategy: HistoryStrategy,
    good: bool,
    first_live: u64,
    last_live: u64,
    left_at: Option<u64>,
    tagged: Option<Cow<'a, TaggedImage>>,
    origin: Option<Cow<'a, Origin>>,
    tag_now: Cow<'a, TagNow>,
    lost: bool,
    pinned: bool,
    held: bool,
    expired: bool,
    pruning: Option<PruneRule>,
    prune_attempts: u32,
}

impl<'a> From<&'a RetainedRelease> for StoredRelease<'a> {
    fn from(kept: &'a RetainedRelease) -> Self {
        Self {
            release: kept.release,
            strategy: kept.strategy,
            good: kept.was_good(),
            first_live: kept.first_live,
            last_live: kept.last_live,
            left_at: kept.left_at,
            tagged: kept.tagged.as_ref().map(Cow::Borrowed),
            origin: kept.origin.as_ref().map(Cow::Borrowed),
            tag_now: Cow::Borrowed(&kept.tag_now),
            lost: kept.is_lost(),
            pinned: kept.holds.pinned,
            held: kept.holds.held,
            expired: kept.standing == Standing::Expired,
            pruning: kept.pruning,
            prune_attempts: kept.prune_attempts,
        }
    }
}

impl From<StoredRelease<'_>> for RetainedRelease {
    fn from(stored: StoredRelease<'_>) -> Self {
        Self {
            release: stored.release,
            strategy: stored.strategy,
            standing: match (stored.good, stored.expired) {
                (_, true) => Standing::Expired,
                (true, false) => Standing::Good,
                (false, false) => Standing::Candidate,
            },
            first_live: stored.first_live,
            last_live: stored.last_live,
            left_at: stored.left_at,
            tagged: stored.tagged.map(Cow::into_owned),
            origin: stored.origin.map(Cow::into_owned),
            tag_now: stored.tag_now.into_owned(),
            image: if stored.lost { ImageSeen::Lost } else { ImageSeen::There },
            holds: Holds { pinned: stored.pinned, held: stored.held },
            pruning: stored.pruning,
            prune_attempts: stored.prune_attempts,
        }
    }
}
