//! Keys, fingerprints and the vault: what makes a secret comparable and recoverable, never visible.

mod fingerprint;
mod keys;
mod vault;

pub use fingerprint::Fingerprinter;
pub use keys::{Keys, KeysError, Make};
pub use vault::{Lease, Vault, VaultError};
