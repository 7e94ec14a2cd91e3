//! The copies of a log that are checked.

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
    /// What was found before the check began.
    pub faults: Vec<Fault>,
}
