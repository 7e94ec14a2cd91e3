//! The values that must not be shown, and what hides them.

use super::Masker;
use haloy_ledger::locks::locked;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

/// Values that must not be shown while an effect is performed: those that it was given, and those that it
/// finds, such as what `docker login` left.
#[derive(Default)]
pub struct Mask {
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    values: BTreeSet<String>,
    /// Made when it is first needed.
    masker: Option<Arc<Masker>>,
}

impl std::fmt::Debug for Mask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mask").finish_non_exhaustive()
    }
}

impl Mask {
    /// Of these values.
    pub fn new<'a>(values: impl IntoIterator<Item = &'a String>) -> Self {
        let mask = Self::default();
        mask.learn(values);
        mask
    }

    /// Hides these from now on, too.
    pub fn learn<'a>(&self, values: impl IntoIterator<Item = &'a String>) {
        let mut known = locked(&self.known);
        let before = known.values.len();
        known.values.extend(values.into_iter().cloned());
        if known.values.len() > before {
            known.masker = None;
        }
    }

    /// Hides what another mask hides.
    pub fn learn_from(&self, other: &Self) {
        let values = locked(&other.known).values.clone();
        self.learn(&values);
    }

    /// Masker of all values known now.
    pub fn masker(&self) -> Arc<Masker> {
        let mut known = locked(&self.known);
        let Known { values, masker } = &mut *known;
        let masker = masker.get_or_insert_with(|| Arc::new(Masker::new(values.iter().map(String::as_str))));
        Arc::clone(masker)
    }
}
