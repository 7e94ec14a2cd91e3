//! The vault (D2): secret values of live and restorable releases, encrypted, one file each.
//!
//! Named by fingerprint, so that the same value is kept once and can be found by what the log says.
//! XChaCha20-Poly1305 with a random nonce; the fingerprint is authenticated with it, so that files
//! cannot be swapped.

use super::Keys;
use super::keys::make_folder;
use crate::ports::Entropy;
use crate::release::Fingerprint;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};

const NONCE: usize = 24;

/// Why a value cannot be kept or had.
#[derive(Debug, Clone, thiserror::Error)]
pub enum VaultError {
    /// The folder or a file cannot be used.
    #[error("the vault {}: {cause}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        cause: String,
    },
    /// The file is damaged, or was encrypted with another key.
    #[error("the vault cannot open {fingerprint}: the vault key is another one, or the file is damaged")]
    Locked {
        /// Which value.
        fingerprint: String,
    },
}

/// Encrypted values by fingerprint.
pub struct Vault {
    folder: PathBuf,
    cipher: XChaCha20Poly1305,
}

impl Vault {
    /// The vault in this folder; made when the first value is put.
    pub fn new(folder: PathBuf, keys: &Keys) -> Self {
        Self { folder, cipher: XChaCha20Poly1305::new((&keys.vault).into()) }
    }

    fn path(&self, fingerprint: &Fingerprint) -> PathBuf {
        self.folder.join(&fingerprint.0)
    }

    /// Keeps a value, durably, before this returns.
    pub fn put(
        &self,
        fingerprint: &Fingerprint,
        value: &str,
        entropy: &dyn Entropy,
    ) -> Result<(), VaultError> {
        let path = self.path(fingerprint);
        if self.get(fingerprint).is_ok_and(|kept| kept.is_some()) {
            return Ok(());
        }
        let mut nonce = [0; NONCE];
        entropy.fill(&mut nonce);
        let payload = Payload { msg: value.as_bytes(), aad: fingerprint.0.as_bytes() };
        let sealed = self
            .cipher
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| VaultError::Locked { fingerprint: fingerprint.0.clone() })?;
        let write = || -> std::io::Result<()> {
            make_folder(&self.folder)?;
            write_whole(&path, &[&nonce[..], &sealed].concat())
        };
        write().map_err(|error| io(&path, &error))
    }

    /// The value, where it is kept.
    pub fn get(&self, fingerprint: &Fingerprint) -> Result<Option<String>, VaultError> {
        let path = self.path(fingerprint);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io(&path, &error)),
        };
        let locked = || VaultError::Locked { fingerprint: fingerprint.0.clone() };
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE>().ok_or_else(locked)?;
        let payload = Payload { msg: sealed, aad: fingerprint.0.as_bytes() };
        let value = self.cipher.decrypt(&XNonce::from(*nonce), payload).map_err(|_| locked())?;
        String::from_utf8(value).map(Some).map_err(|_| locked())
    }

    /// Opens every value: how many could be, and why the first that could not be is none.
    pub fn check(&self) -> (u64, Option<String>) {
        let files = std::fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let names = files.map(|file| file.file_name().to_string_lossy().into_owned());
        let (mut good, mut bad) = (0, None);
        for name in names.filter(|name| !name.ends_with(".new")) {
            match self.get(&Fingerprint(name)) {
                Ok(_) => good += 1,
                Err(error) => bad = bad.or(Some(error.to_string())),
            }
        }
        (good, bad)
    }

    /// Removes every value that is not in use any more; returns how many.
    pub fn retain(&self, in_use: &BTreeSet<Fingerprint>) -> Result<usize, VaultError> {
        let files = match std::fs::read_dir(&self.folder) {
            Ok(files) => files,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
            Err(error) => return Err(io(&self.folder, &error)),
        };
        let mut removed = 0;
        for file in files.flatten() {
            let name = file.file_name().to_string_lossy().into_owned();
            if !in_use.contains(&Fingerprint(name)) {
                std::fs::remove_file(file.path()).map_err(|error| io(&file.path(), &error))?;
                removed += 1;
            }
        }
        Ok(removed)
    }
}

fn io(path: &Path, error: &std::io::Error) -> VaultError {
    VaultError::Io { path: path.to_owned(), cause: error.to_string() }
}

/// A file is there whole or not at all, whenever the machine dies.
fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let new = path.with_extension("new");
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&new, path)?;
    match path.parent() {
        Some(folder) => std::fs::File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::SystemEntropy;
    use crate::secrets::Make;

    #[test]
    fn values_come_back_and_are_not_in_any_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let keys = Keys::open(&folder.path().join("keys"), &SystemEntropy, Make::All).expect("keys");
        let vault = Vault::new(folder.path().join("vault"), &keys);
        let fingerprint = Fingerprint("f1".to_owned());
        vault.put(&fingerprint, "canary-value", &SystemEntropy).expect("kept");
        assert_eq!(vault.get(&fingerprint).expect("opens").as_deref(), Some("canary-value"));
        let raw = std::fs::read(folder.path().join("vault/f1")).expect("a file");
        assert!(!raw.windows(6).any(|window| window == b"canary"));

        let other = Vault::new(folder.path().join("vault"), &Keys::ephemeral(&SystemEntropy));
        assert!(other.get(&fingerprint).is_err(), "another key opens nothing");

        assert_eq!(vault.retain(&BTreeSet::from([fingerprint.clone()])).expect("kept"), 0);
        assert_eq!(vault.retain(&BTreeSet::new()).expect("removed"), 1);
        assert_eq!(vault.get(&fingerprint).expect("gone"), None);
    }

    #[test]
    fn keys_stay_the_same_and_must_not_be_readable_by_others() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let first = Keys::open(folder.path(), &SystemEntropy, Make::All).expect("made");
        let again = Keys::open(folder.path(), &SystemEntropy, Make::None).expect("read");
        assert_eq!(first.ids(), again.ids());
        let file = folder.path().join(VAULT_FILE);
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).expect("chmod");
        assert!(Keys::open(folder.path(), &SystemEntropy, Make::None).is_err());
    }

    const VAULT_FILE: &str = "vault.key";
}
