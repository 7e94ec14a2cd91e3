//! The keys of a ledger (D14): 32 random bytes each, mode 0600, in a folder outside of the ledger.

use crate::files::{self, Readers};
use crate::ports::Entropy;
use std::path::{Path, PathBuf};

const FINGERPRINT: &str = "fingerprint.key";
const VAULT: &str = "vault.key";
const SIGNING: &str = "signing.key";
/// The key that a rotation brings, until the log names it.
const NEXT: &str = "signing.next";

/// Which keys are made where they are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Make {
    /// All: the ledger is new, or new keys are wanted.
    All,
    /// The one that signs: the ledger is older than signed heads.
    Signing,
    /// None: the ledger names its keys, and another key would not match.
    None,
}

/// Why the keys cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
pub enum KeysError {
    /// The folder or a file cannot be read or made.
    #[error("the key {}: {cause}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Error of the system.
        cause: String,
    },
    /// A file is not a key.
    #[error("the key {} is not 32 bytes long", path.display())]
    BadKey {
        /// The file.
        path: PathBuf,
    },
    /// Others can read it.
    #[error("the key {} can be read by others (mode {mode:o}); run: chmod 600 {}", path.display(), path.display())]
    TooOpen {
        /// The file.
        path: PathBuf,
        /// Mode of the file.
        mode: u32,
    },
}

/// The keys in use. Never shown.
#[derive(Clone)]
pub struct Keys {
    /// Keys fingerprints of secrets and of actors.
    pub(crate) fingerprint: [u8; 32],
    /// Encrypts the vault.
    pub(crate) vault: [u8; 32],
    /// Signs heads.
    pub(crate) signing: Option<[u8; 32]>,
    /// Signs heads once a rotation is done.
    pub(crate) next: Option<[u8; 32]>,
    /// Files that are missing, by purpose.
    lost: Vec<(&'static str, PathBuf)>,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys")
    }
}

impl Keys {
    /// Reads the keys of a folder.
    pub fn open(folder: &Path, entropy: &dyn Entropy, make: Make) -> Result<Self, KeysError> {
        if make != Make::None {
            files::private_folder(folder).map_err(|error| io(folder, &error))?;
        }
        let mut lost = Vec::new();
        let mut key =
            |purpose: &'static str, name: &str, make: bool| -> Result<Option<[u8; 32]>, KeysError> {
                let path = folder.join(name);
                let found = if make { Some(read_or_make(&path, entropy)?) } else { read(&path)? };
                if found.is_none() {
                    lost.push((purpose, path));
                }
                Ok(found)
            };
        let all = make == Make::All;
        let fingerprint = key("fingerprint", FINGERPRINT, all)?;
        let vault = key("vault", VAULT, all)?;
        let signing = key("signing", SIGNING, make != Make::None)?;
        Ok(Self {
            // In place of a lost key: it opens nothing and matches nothing, and nothing is written with it.
            fingerprint: fingerprint.unwrap_or_else(|| entropy.salt()),
            vault: vault.unwrap_or_else(|| entropy.salt()),
            signing,
            next: read(&folder.join(NEXT))?,
            lost,
        })
    }

    /// Files that are missing, by purpose.
    pub fn lost(&self) -> &[(&'static str, PathBuf)] {
        &self.lost
    }

    /// Makes the key that a rotation brings; one that is there already is taken.
    pub fn prepare_rotation(&mut self, folder: &Path, entropy: &dyn Entropy) -> Result<[u8; 32], KeysError> {
        let next = read_or_make(&folder.join(NEXT), entropy)?;
        self.next = Some(next);
        Ok(next)
    }

    /// The log names the new key: it takes the place of the old one.
    pub fn finish_rotation(&mut self, folder: &Path) -> Result<(), KeysError> {
        let path = folder.join(SIGNING);
        files::move_to(&folder.join(NEXT), &path).map_err(|error| io(&path, &error))?;
        self.signing = self.next.take();
        Ok(())
    }

    /// Fresh keys that are kept nowhere: for simulation.
    pub fn ephemeral(entropy: &dyn Entropy) -> Self {
        let (fingerprint, vault) = (entropy.salt(), entropy.salt());
        Self { fingerprint, vault, signing: Some(entropy.salt()), next: None, lost: Vec::new() }
    }

    /// Purpose and id of each key; an id tells keys apart and nothing more.
    pub fn ids(&self) -> Vec<String> {
        let id = |purpose: &str, key: &[u8; 32]| {
            let hash = blake3::derive_key("haloy 2026 key id", key);
            format!("{purpose}:{}", hex::encode(&hash[..8]))
        };
        vec![id("fingerprint", &self.fingerprint), id("vault", &self.vault)]
    }
}

fn io(path: &Path, error: &std::io::Error) -> KeysError {
    KeysError::Io { path: path.to_owned(), cause: error.to_string() }
}

fn read(path: &Path) -> Result<Option<[u8; 32]>, KeysError> {
    let Some(bytes) = files::read_if_there(path).map_err(|error| io(path, &error))? else { return Ok(None) };
    check_mode(path)?;
    let key = bytes.try_into().map_err(|_| KeysError::BadKey { path: path.to_owned() })?;
    Ok(Some(key))
}

fn read_or_make(path: &Path, entropy: &dyn Entropy) -> Result<[u8; 32], KeysError> {
    if let Some(key) = read(path)? {
        return Ok(key);
    }
    let key = entropy.salt();
    // Half a key would block every open.
    files::write_whole(path, &key, Readers::Owner).map_err(|error| io(path, &error))?;
    Ok(key)
}

#[cfg(unix)]
fn check_mode(path: &Path) -> Result<(), KeysError> {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(path).map_err(|error| io(path, &error))?.permissions().mode() & 0o777;
    if mode & 0o077 == 0 { Ok(()) } else { Err(KeysError::TooOpen { path: path.to_owned(), mode }) }
}

#[cfg(not(unix))]
fn check_mode(_path: &Path) -> Result<(), KeysError> {
    Ok(())
}
