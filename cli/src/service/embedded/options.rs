//! Where the ledger and its keys lie, and how long the service waits for them.

use crate::settings;
use haloy_edge::Waits;
use haloy_executors::Limits;
use std::path::PathBuf;
use std::time::Duration;

/// How the service finds its ledger and how long it waits.
#[derive(Debug, Clone)]
pub struct EmbeddedOptions {
    /// Folder of the ledger.
    pub ledger: PathBuf,
    /// Folder of the keys.
    pub keys: PathBuf,
    /// Where the published tree lies, if not in the ledger.
    pub publish: Option<PathBuf>,
    /// How long to wait for another process.
    pub wait: Duration,
    /// Somebody vouches for the clock.
    pub accept_clock: bool,
    /// Limits of the dispatcher.
    pub limits: Limits,
    /// Who is waited for.
    pub waits: Waits,
}

impl EmbeddedOptions {
    /// Folder of the edge: one for each ledger, since generations are positions of its log.
    pub fn edge_folder(&self) -> PathBuf {
        self.ledger.join("edge")
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn home(variable: &str, below: &str) -> PathBuf {
    match std::env::var_os(variable).filter(|value| !value.is_empty()) {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(below),
    }
}

/// Where the ledger lies if nobody says.
pub fn ledger_folder() -> PathBuf {
    if is_root() {
        return PathBuf::from("/var/lib/haloy/ledger");
    }
    home("XDG_STATE_HOME", ".local/state").join("haloy/ledger")
}

/// Where the keys lie: outside of the ledger.
pub fn keys_folder() -> PathBuf {
    if let Some(folder) = settings::path(settings::KEYS) {
        return folder;
    }
    if is_root() {
        return PathBuf::from("/etc/haloy/keys");
    }
    home("XDG_CONFIG_HOME", ".config").join("haloy/keys")
}
