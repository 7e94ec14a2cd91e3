//! A ledger that a newer haloy wrote: its entries are shown, and nothing is changed.

use super::Ledger;
use crate::log::LogError;

impl Ledger {
    /// Why only its entries may be shown: a newer haloy wrote it. Other answers may be wrong, and nothing is
    /// written.
    pub fn newer(&self) -> Option<&LogError> {
        self.newer.as_ref()
    }

    /// What a newer haloy wrote decides nothing here: its rows may mean something else.
    pub(super) fn readable(&self) -> Result<(), LogError> {
        self.newer.clone().map_or(Ok(()), Err)
    }
}
