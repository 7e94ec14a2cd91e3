//! What readers of an open log see: whole appends under a signed head, and nothing of one that is only stored.

use super::open::Spaces;
use crate::locks::{locked_to_read, locked_to_write};
use crate::log::batch::Tail;
use ::fjall::Snapshot;
use std::sync::RwLock;

/// Where the log ends for its readers, and the rows of that instant.
pub(super) struct Visible(RwLock<(Tail, Snapshot)>);

impl Visible {
    /// Everything that is stored, up to `tail`.
    pub(super) fn all(store: &Spaces, tail: Tail) -> Self {
        Self(RwLock::new((tail, store.db.snapshot())))
    }

    /// Where the log ends.
    pub(super) fn tail(&self) -> Tail {
        locked_to_read(&self.0).0
    }

    /// The rows of that end.
    pub(super) fn rows(&self) -> Snapshot {
        locked_to_read(&self.0).1.clone()
    }

    /// Both.
    pub(super) fn instant(&self) -> (Tail, Snapshot) {
        locked_to_read(&self.0).clone()
    }

    /// Shows everything that is stored now; the log ends at `tail`.
    pub(super) fn show(&self, store: &Spaces, tail: Tail) {
        let rows = store.db.snapshot();
        *locked_to_write(&self.0) = (tail, rows);
    }
}
