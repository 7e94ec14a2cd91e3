//! Default places: of the ledger, and of its keys outside of it.

use crate::settings;
use std::path::PathBuf;

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn home(variable: &str, below: &str) -> PathBuf {
    match std::env::var_os(variable).filter(|value| !value.is_empty()) {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(below),
    }
}

/// Default folder of the ledger.
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
