//! What the edge keeps on disk: the table in force, and reports that no command has taken yet.

use super::limits::REPORTS;
use haloy_ledger::edge::{Report, RouteSnapshot};
use haloy_ledger::ids::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

const SNAPSHOT: &str = "routes.json";
const CONTACTS: &str = "contacts.json";
const REPORTED: &str = "reports.json";

/// Something that happened, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reported {
    /// Unique: makes it recorded once.
    pub key: String,
    /// When it happened.
    pub at: Timestamp,
    /// What.
    pub what: Report,
}

/// The folder of an edge.
pub struct Store {
    folder: PathBuf,
    /// Commands and certificates write at the same time.
    writing: Mutex<()>,
}

impl Store {
    /// Opens a folder, making it where it is not.
    pub fn open(folder: &Path) -> std::io::Result<Self> {
        use std::os::unix::fs::DirBuilderExt;
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        Ok(Self { folder: folder.to_owned(), writing: Mutex::new(()) })
    }

    /// Replaces a file in one step: after a crash it is the old one or the new one.
    fn replace(&self, name: &str, bytes: &[u8]) -> std::io::Result<()> {
        let _one_at_a_time = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        self.write(name, bytes)
    }

    /// The same, while `writing` is held.
    fn write(&self, name: &str, bytes: &[u8]) -> std::io::Result<()> {
        let (path, new) = (self.folder.join(name), self.folder.join(format!("{name}.new")));
        use std::os::unix::fs::OpenOptionsExt;
        let mut file =
            std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&new, &path)?;
        std::fs::File::open(&self.folder)?.sync_all()
    }

    /// The table that was in force, where it is there and whole.
    pub fn snapshot(&self) -> Option<RouteSnapshot> {
        let bytes = std::fs::read(self.folder.join(SNAPSHOT)).ok()?;
        super::table::decode(&bytes).ok()
    }

    /// Keeps the table that is to be in force.
    pub fn keep_snapshot(&self, snapshot: &RouteSnapshot) -> std::io::Result<()> {
        self.replace(SNAPSHOT, &serde_json::to_vec_pretty(snapshot)?)
    }

    /// Reports that wait, oldest first.
    pub fn reports(&self) -> Vec<Reported> {
        let bytes = std::fs::read(self.folder.join(REPORTED)).unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or_default()
    }

    /// Whom an authority may write to, by domain.
    pub fn contacts(&self) -> BTreeMap<String, String> {
        let bytes = std::fs::read(self.folder.join(CONTACTS)).unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or_default()
    }

    /// Keeps them.
    pub fn keep_contacts(&self, contacts: &BTreeMap<String, String>) -> std::io::Result<()> {
        self.replace(CONTACTS, &serde_json::to_vec(contacts)?)
    }

    fn account_file(directory: &str) -> String {
        format!("account-{}.json", &blake3::hash(directory.as_bytes()).to_hex()[..16])
    }

    /// Credentials at an authority.
    pub fn account(&self, directory: &str) -> Option<String> {
        std::fs::read_to_string(self.folder.join(Self::account_file(directory))).ok()
    }

    /// Keeps them, readable by this user only.
    pub fn keep_account(&self, directory: &str, credentials: &str) -> std::io::Result<()> {
        self.replace(&Self::account_file(directory), credentials.as_bytes())
    }

    /// The authority no longer knows it.
    pub fn forget_account(&self, directory: &str) {
        // Gone already is as good.
        drop(std::fs::remove_file(self.folder.join(Self::account_file(directory))));
    }

    /// Adds a report.
    pub fn report(&self, at: Timestamp, key: String, what: Report) -> std::io::Result<()> {
        let _one_at_a_time = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut waiting = self.reports();
        waiting.push(Reported { key, at, what });
        let over = waiting.len().saturating_sub(REPORTS);
        waiting.drain(..over);
        self.write(REPORTED, &serde_json::to_vec(&waiting)?)
    }

    /// These were recorded.
    pub fn taken(&self, keys: &[String]) -> std::io::Result<()> {
        let _one_at_a_time = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut waiting = self.reports();
        waiting.retain(|waiting| !keys.contains(&waiting.key));
        self.write(REPORTED, &serde_json::to_vec(&waiting)?)
    }
}
