//! What a ledger is opened with, and why it cannot be.

use super::signing::KeyMode;
use crate::integrity::code::Fault;
use crate::integrity::places::Places;
use crate::log::{AppendError, BUNDLE_AFTER, ClockPolicy, LogError, Progress, no_progress};
use crate::ports::{Clock, Entropy, SystemClock, SystemEntropy};
use crate::secrets::KeysError;
use std::path::PathBuf;
use std::sync::Arc;

/// What a ledger is opened with.
#[derive(Clone)]
pub struct LedgerOptions {
    /// Folder of the ledger: `log/` and `vault/` lie in it.
    pub folder: PathBuf,
    /// Folder of the keys, outside of the ledger.
    pub keys: PathBuf,
    /// Where time comes from.
    pub clock: Arc<dyn Clock>,
    /// Where randomness comes from.
    pub entropy: Arc<dyn Entropy>,
    /// What is known and wanted about the clock.
    pub clock_policy: ClockPolicy,
    /// Program and version, as recorded.
    pub tool: String,
    /// Folder of the published tree; by default `published` in the ledger.
    pub publish: Option<PathBuf>,
    /// Folder for temporary files of readers.
    pub scratch: PathBuf,
    /// A folder in memory where such folders are made for stores that were closed, and are small then; on disk, in
    /// `scratch`, where none is given, or it cannot be used.
    pub memory: Option<PathBuf>,
    /// What it is opened for, as far as its keys go.
    pub key_mode: KeyMode,
    /// Receives progress while a ledger of an older haloy is brought up to date.
    pub progress: Progress,
    /// Events that wait, at least, before they are stored 256 as one value.
    pub bundle_after: u64,
}

impl LedgerOptions {
    /// With the clock and the randomness of this machine.
    pub fn new(folder: PathBuf, keys: PathBuf, tool: impl Into<String>) -> Self {
        Self {
            folder,
            keys,
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            clock_policy: ClockPolicy::default(),
            tool: tool.into(),
            publish: None,
            scratch: std::env::temp_dir(),
            memory: None,
            key_mode: KeyMode::Named,
            progress: no_progress(),
            bundle_after: BUNDLE_AFTER,
        }
    }

    /// Where the parts of the ledger lie.
    pub fn places(&self) -> Places {
        Places::new(self.folder.clone(), self.publish.clone(), self.scratch.clone())
            .with_memory(self.memory.clone())
    }
}

/// Why a ledger cannot be opened.
#[derive(Debug, Clone, thiserror::Error)]
pub enum OpenError {
    /// The keys.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The first event could not be written.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The ledger is not what was signed, or that cannot be determined.
    #[error("the ledger is refused: {0}")]
    Refused(Fault),
    /// Event 0 is not what every ledger starts with.
    #[error("the log does not start with LedgerCreated: this is not a ledger of haloy")]
    NotALedger,
}
