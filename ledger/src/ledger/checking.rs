//! Checking a ledger that is open.

use super::{Evidence, Ledger};
use crate::integrity::verify::{Sources, signed};
use crate::log::LogError;
use std::sync::Arc;

impl Ledger {
    /// What is to be checked of this ledger, as of now: others append meanwhile, and what they append is left out.
    ///
    /// # Errors
    /// [`LogError::Store`] for a log in memory: nothing of it is signed.
    pub fn evidence(&self) -> Result<Evidence, LogError> {
        let none = || LogError::Store("a log in memory has no evidence".to_owned());
        let places = self.places.clone().ok_or_else(none)?;
        let (mut stored, mut seen) = (None, None);
        self.log.at_rest(&mut |now| {
            stored = now;
            seen = Some(signed::all(Some(places.folder()), places.published()));
        });
        let sources = Sources {
            stored: Some(stored.ok_or_else(none)?),
            published: places.published().to_owned(),
            places: Some(places),
            keys: Vec::new(),
            heads: seen,
            faults: Vec::new(),
        };
        let vault = Some(Arc::clone(&self.vault)).filter(|_| self.frozen.is_none());
        Ok(Evidence::of(sources, Arc::clone(&self.log), vault))
    }
}
