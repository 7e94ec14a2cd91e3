//! The vault (D2): secret values of live and restorable releases, encrypted, one file each.
//!
//! Named by fingerprint, so that the same value is kept once and can be found by what the log says.
//! XChaCha20-Poly1305 with a random nonce; the fingerprint is authenticated with it, so that files
//! cannot be swapped.
//!
//! A value is put before the event that needs it is in the log. Until then a [`Lease`] keeps it: cleaning up
//! removes no value that is leased, and none that was put or released while it determined what is in use.

use super::Keys;
use crate::files::{self, Readers};
use crate::locks::locked;
use crate::ports::Entropy;
use crate::release::Fingerprint;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

const NONCE: usize = 24;
/// How the name of a file ends that is being written.
const UNFINISHED: &str = ".new";

/// Why a value cannot be kept or had.
#[derive(Debug, Clone, thiserror::Error)]
pub enum VaultError {
    /// The folder or a file cannot be used.
    #[error("the vault {}: {cause}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Error of the system.
        cause: String,
    },
    /// The file is damaged, or was encrypted with another key.
    #[error("the vault cannot open {fingerprint}: the vault key is another one, or the file is damaged")]
    Locked {
        /// The value.
        fingerprint: String,
    },
}

/// Encrypted values by fingerprint.
pub struct Vault {
    folder: PathBuf,
    cipher: XChaCha20Poly1305,
    leases: Arc<Mutex<Leases>>,
}

#[derive(Default)]
struct Leases {
    /// How many hold a value.
    held: BTreeMap<Fingerprint, usize>,
    /// Values that were put or released since a clean-up began.
    touched: BTreeSet<Fingerprint>,
}

impl Leases {
    fn spared(&self, fingerprint: &Fingerprint) -> bool {
        self.held.contains_key(fingerprint) || self.touched.contains(fingerprint)
    }
}

/// Keeps a value in the vault until the log records that it is needed.
#[must_use = "without it the value may be removed at once"]
pub struct Lease {
    leases: Arc<Mutex<Leases>>,
    fingerprint: Fingerprint,
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut leases = lock(&self.leases);
        if let Some(held) = leases.held.get_mut(&self.fingerprint) {
            *held -= 1;
            if *held == 0 {
                leases.held.remove(&self.fingerprint);
            }
        }
        leases.touched.insert(self.fingerprint.clone());
    }
}

fn lock(leases: &Mutex<Leases>) -> MutexGuard<'_, Leases> {
    locked(leases)
}

impl Vault {
    /// The vault in this folder; made when the first value is put.
    pub fn new(folder: PathBuf, keys: &Keys) -> Self {
        Self { folder, cipher: XChaCha20Poly1305::new((&keys.vault).into()), leases: Arc::default() }
    }

    fn path(&self, fingerprint: &Fingerprint) -> PathBuf {
        self.folder.join(&fingerprint.0)
    }

    /// Keeps a value, durably, before this returns, and at least as long as the lease lives.
    pub fn put(
        &self,
        fingerprint: &Fingerprint,
        value: &str,
        entropy: &dyn Entropy,
    ) -> Result<Lease, VaultError> {
        // Leased before it is looked for: nothing removes it in between.
        let lease = self.lease(fingerprint);
        if self.get(fingerprint).is_ok_and(|kept| kept.is_some()) {
            return Ok(lease);
        }
        self.write(fingerprint, value, entropy)?;
        Ok(lease)
    }

    fn lease(&self, fingerprint: &Fingerprint) -> Lease {
        *lock(&self.leases).held.entry(fingerprint.clone()).or_default() += 1;
        Lease { leases: Arc::clone(&self.leases), fingerprint: fingerprint.clone() }
    }

    fn write(&self, fingerprint: &Fingerprint, value: &str, entropy: &dyn Entropy) -> Result<(), VaultError> {
        let path = self.path(fingerprint);
        let mut nonce = [0; NONCE];
        entropy.fill(&mut nonce);
        let payload = Payload { msg: value.as_bytes(), aad: fingerprint.0.as_bytes() };
        let sealed = self
            .cipher
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| VaultError::Locked { fingerprint: fingerprint.0.clone() })?;
        let written = files::write_whole(&path, &[&nonce[..], &sealed].concat(), Readers::Owner);
        written.map_err(|error| io(&path, &error))
    }

    /// The value, where it is kept.
    pub fn get(&self, fingerprint: &Fingerprint) -> Result<Option<String>, VaultError> {
        let path = self.path(fingerprint);
        let read = files::read_if_there(&path).map_err(|error| io(&path, &error))?;
        let Some(bytes) = read else { return Ok(None) };
        let sealed_away = || VaultError::Locked { fingerprint: fingerprint.0.clone() };
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE>().ok_or_else(sealed_away)?;
        let payload = Payload { msg: sealed, aad: fingerprint.0.as_bytes() };
        let value = self.cipher.decrypt(&XNonce::from(*nonce), payload).map_err(|_| sealed_away())?;
        String::from_utf8(value).map(Some).map_err(|_| sealed_away())
    }

    /// Opens every value: how many could be, and why the first that could not be is none.
    pub fn check(&self) -> (u64, Option<String>) {
        let files = match files::list_if_there(&self.folder) {
            Ok(files) => files,
            Err(error) => return (0, Some(io(&self.folder, &error).to_string())),
        };
        let names = files.into_iter().map(|file| file.file_name().to_string_lossy().into_owned());
        let (mut good, mut bad) = (0, None);
        for name in names.filter(|name| !name.ends_with(UNFINISHED)) {
            match self.get(&Fingerprint(name)) {
                Ok(Some(_)) => good += 1,
                // It was let go since the folder was listed.
                Ok(None) => {}
                Err(error) => bad = bad.or(Some(error.to_string())),
            }
        }
        (good, bad)
    }

    /// Removes every value that is not in use any more; returns how many. `in_use` determines which are: a
    /// value that is put or released meanwhile is spared in any case.
    pub fn retain<E: From<VaultError>>(
        &self,
        in_use: impl FnOnce() -> Result<BTreeSet<Fingerprint>, E>,
    ) -> Result<usize, E> {
        lock(&self.leases).touched.clear();
        let files = files::list_if_there(&self.folder).map_err(|error| io(&self.folder, &error))?;
        let in_use = in_use()?;
        let mut removed = 0;
        for file in files {
            let name = file.file_name().to_string_lossy().into_owned();
            let path = file.path();
            let fingerprint = Fingerprint(name);
            // Held while the file goes: who puts the same value now writes it again.
            let leases = lock(&self.leases);
            let unfinished = fingerprint.0.ends_with(UNFINISHED) && !leases.held.is_empty();
            if in_use.contains(&fingerprint) || leases.spared(&fingerprint) || unfinished {
                continue;
            }
            files::remove_if_there(&path).map_err(|error| io(&path, &error))?;
            removed += 1;
        }
        Ok(removed)
    }
}

fn io(path: &Path, error: &std::io::Error) -> VaultError {
    VaultError::Io { path: path.to_owned(), cause: error.to_string() }
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
        drop(vault.put(&fingerprint, "canary-value", &SystemEntropy).expect("kept"));
        assert_eq!(vault.get(&fingerprint).expect("opens").as_deref(), Some("canary-value"));
        let raw = std::fs::read(folder.path().join("vault/f1")).expect("a file");
        assert!(!raw.windows(6).any(|window| window == b"canary"));

        let other = Vault::new(folder.path().join("vault"), &Keys::ephemeral(&SystemEntropy));
        assert!(other.get(&fingerprint).is_err(), "another key opens nothing");

        let retain = |used: &[&Fingerprint]| {
            let used: BTreeSet<Fingerprint> = used.iter().copied().cloned().collect();
            vault.retain(|| Ok::<_, VaultError>(used)).expect("listed")
        };
        assert_eq!(retain(&[&fingerprint]), 0);
        assert_eq!(retain(&[]), 1);
        assert_eq!(vault.get(&fingerprint).expect("gone"), None);
    }

    #[test]
    fn a_value_that_is_put_while_somebody_cleans_up_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let vault = Vault::new(folder.path().join("vault"), &Keys::ephemeral(&SystemEntropy));
        let put = |name: &str| vault.put(&Fingerprint(name.to_owned()), name, &SystemEntropy).expect("kept");
        let there = |name: &str| vault.get(&Fingerprint(name.to_owned())).expect("opens").is_some();
        // Nothing is in the log yet when `in_use` runs.
        let early = put("early");
        let let_go = put("let-go");
        drop(put("old"));
        let removed = vault.retain(|| {
            let looked: BTreeSet<Fingerprint> = BTreeSet::new();
            drop(put("during"));
            // The event was recorded after `in_use` ran: the value is in use now, and `in_use` did not report
            // it.
            drop(let_go);
            Ok::<_, VaultError>(looked)
        });
        assert_eq!(removed.expect("cleaned"), 1, "the old one alone");
        assert!(there("early") && there("let-go") && there("during") && !there("old"));
        drop(early);
        let cleaned = vault.retain(|| Ok::<_, VaultError>(BTreeSet::new())).expect("cleaned");
        assert_eq!(cleaned, 3, "and next time all that nobody needs");
    }

    #[test]
    fn a_value_that_is_leased_twice_stays_until_both_let_it_go() {
        let folder = tempfile::tempdir().expect("a folder");
        let vault = Vault::new(folder.path().join("vault"), &Keys::ephemeral(&SystemEntropy));
        let fingerprint = Fingerprint("same".to_owned());
        let put = || vault.put(&fingerprint, "value", &SystemEntropy).expect("kept");
        let clean = || vault.retain(|| Ok::<_, VaultError>(BTreeSet::new())).expect("cleaned");
        let (one, other) = (put(), put());
        drop(one);
        clean();
        assert_eq!(clean(), 0);
        drop(other);
        assert_eq!((clean(), vault.get(&fingerprint).expect("gone")), (1, None));
    }

    #[test]
    fn a_vault_that_cannot_be_listed_is_not_an_empty_one() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("vault"), b"a file").expect("written");
        let vault = Vault::new(folder.path().join("vault"), &Keys::ephemeral(&SystemEntropy));
        assert!(vault.retain(|| Ok::<_, VaultError>(BTreeSet::new())).is_err());
        assert!(matches!(vault.check(), (0, Some(_))));
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
