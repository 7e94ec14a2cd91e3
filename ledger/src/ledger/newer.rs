//! A ledger that a newer haloy wrote: its entries are shown, and nothing of it is changed.

use super::evidence::{open_store, published};
use super::{Ledger, OpenError};
use crate::integrity::known::Known;
use crate::integrity::places::Places;
use crate::integrity::verify::known_from;
use crate::log::LogError;

impl Ledger {
    /// Why only its entries may be shown: a newer haloy wrote it. What else is asked of it may be answered
    /// wrongly, and nothing is written.
    pub fn newer(&self) -> Option<&LogError> {
        self.newer.as_ref()
    }

    /// What a newer haloy wrote decides nothing here: its rows may mean something else.
    pub(super) fn readable(&self) -> Result<(), LogError> {
        self.newer.clone().map_or(Ok(()), Err)
    }
}

/// Why nothing of a ledger may be changed, whatever state it is in, if a newer haloy wrote it: its store
/// says so, or what is published where the store cannot be read.
pub(super) fn newer_in_place(places: &Places) -> Result<Option<LogError>, OpenError> {
    if let Some(store) = open_store(places, &mut Vec::new())? {
        let stored = store.stored();
        let says = || Known::scan(stored.as_ref()).ok().flatten()?.newer();
        return Ok(store.newer().cloned().or_else(says));
    }
    Ok(newer_published(places))
}

/// The same, of what is published alone.
pub(super) fn newer_published(places: &Places) -> Option<LogError> {
    known_from(&published(places)?)?.newer()
}
