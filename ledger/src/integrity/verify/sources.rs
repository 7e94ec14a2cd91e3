//! The copies of a log that are checked.

use super::signed::SignedHead;
use crate::integrity::code::Fault;
use crate::integrity::note::Verifier;
use crate::integrity::places::Places;
use crate::log::Stored;
use std::path::PathBuf;
use std::sync::Arc;

/// What there is to check.
pub struct Sources {
    /// The store, where there is one that can be read.
    pub stored: Option<Arc<dyn Stored>>,
    /// Where the parts of the ledger lie; none for a published tree alone.
    pub places: Option<Places>,
    /// The published tree.
    pub published: PathBuf,
    /// Keys to believe in place of those that the log names.
    pub keys: Vec<Verifier>,
    /// The signed heads as they were at the instant of the store, and what is wrong with them; none where they are to be
    /// read when the check begins.
    pub heads: Option<(Vec<SignedHead>, Vec<Fault>)>,
    /// What was found before the check began.
    pub faults: Vec<Fault>,
}
