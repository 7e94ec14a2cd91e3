//! What the edge keeps on disk: the table in force, and reports that no command has taken yet.
//!
//! A file that cannot be read is never written over: it is kept aside, under a name that says so, and
//! `haloy doctor` names it.

use super::limits::REPORTS;
use super::wire::Reported;
use haloy_ledger::edge::{Report, RouteSnapshot};
use haloy_ledger::files::{self, Readers};
use haloy_ledger::ids::Timestamp;
use haloy_ledger::locks::locked;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

const SNAPSHOT: &str = "routes.json";
const CONTACTS: &str = "contacts.json";
const REPORTED: &str = "reports.json";
/// In the name of a file that was kept aside, before a number.
const ASIDE: &str = ".damaged-";

/// The folder of an edge.
pub struct Store {
    folder: PathBuf,
    /// Reports of one file, at most; then the next one begins.
    most: usize,
    /// Commands and certificates write at the same time.
    writing: Mutex<()>,
}

/// Files of an edge that could not be read and were kept aside, by name.
pub fn kept_aside(folder: &Path) -> io::Result<Vec<String>> {
    let names = files::list_if_there(folder)?.into_iter();
    let names = names.map(|file| file.file_name().to_string_lossy().into_owned());
    let mut aside: Vec<String> = names.filter(|name| name.contains(ASIDE)).collect();
    aside.sort();
    Ok(aside)
}

impl Store {
    /// Opens a folder, making it where it is not.
    pub fn open(folder: &Path) -> io::Result<Self> {
        Self::with_files_of(folder, REPORTS)
    }

    fn with_files_of(folder: &Path, most: usize) -> io::Result<Self> {
        files::private_folder(folder)?;
        Ok(Self { folder: folder.to_owned(), most, writing: Mutex::new(()) })
    }

    fn lock(&self) -> MutexGuard<'_, ()> {
        locked(&self.writing)
    }

    /// Replaces a file in one step: after a crash it is the old one or the new one.
    fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let _one_at_a_time = self.lock();
        self.write(name, bytes)
    }

    /// The same, while `writing` is held.
    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        files::write_whole(&self.folder.join(name), bytes, Readers::Owner)
    }

    /// Reads a file that may be absent. One that is there, and cannot be read or understood, is moved
    /// aside, since the next write would take its place.
    fn read<T>(&self, name: &str, decode: impl FnOnce(&[u8]) -> Result<T, String>) -> io::Result<Option<T>> {
        let path = self.folder.join(name);
        let cause = match files::read_if_there(&path) {
            Ok(None) => return Ok(None),
            Ok(Some(bytes)) => match decode(&bytes) {
                Ok(read) => return Ok(Some(read)),
                Err(cause) => cause,
            },
            Err(error) => error.to_string(),
        };
        let aside = (1_u32..).map(|number| format!("{name}{ASIDE}{number}"));
        let mut free = aside.filter(|aside| !self.folder.join(aside).exists());
        let aside = free.next().unwrap_or_default();
        files::move_to(&path, &self.folder.join(&aside))?;
        eprintln!("haloy edge: {name} cannot be read ({cause}); it is kept as {aside}");
        Ok(None)
    }

    fn json<T: serde::de::DeserializeOwned>(&self, name: &str) -> io::Result<Option<T>> {
        self.read(name, |bytes| serde_json::from_slice(bytes).map_err(|error| error.to_string()))
    }

    /// What is read, or nothing where that cannot be had; why is said.
    fn or_nothing<T: Default>(name: &str, read: io::Result<Option<T>>) -> T {
        let read = read.unwrap_or_else(|error| {
            eprintln!("haloy edge: {name} cannot be read, nor kept aside: {error}");
            None
        });
        read.unwrap_or_default()
    }

    /// The table that was in force, where it is there and whole.
    pub fn snapshot(&self) -> Option<RouteSnapshot> {
        let decode = |bytes: &[u8]| super::table::decode(bytes).map_err(|error| error.to_string());
        let _one_at_a_time = self.lock();
        Self::or_nothing(SNAPSHOT, self.read(SNAPSHOT, decode).map(Some))
    }

    /// Keeps the table that is to be in force.
    pub fn keep_snapshot(&self, snapshot: &RouteSnapshot) -> io::Result<()> {
        self.replace(SNAPSHOT, &serde_json::to_vec_pretty(snapshot)?)
    }

    /// Reports that wait, oldest first: as many as one file has. Those after them come once these are
    /// taken.
    pub fn reports(&self) -> Vec<Reported> {
        let _one_at_a_time = self.lock();
        let oldest = self.report_files().map(|files| {
            let mut waiting = files.iter().map(|name| Self::or_nothing(name, self.json(name)));
            waiting.find(|waiting: &Vec<Reported>| !waiting.is_empty()).unwrap_or_default()
        });
        Self::or_nothing(REPORTED, oldest.map(Some))
    }

    /// Files of reports, oldest first; the one that grows is the last.
    fn report_files(&self) -> io::Result<Vec<String>> {
        let mut full = self.full_files()?;
        full.push(REPORTED.to_owned());
        Ok(full)
    }

    /// Those that grow no more, `reports-00000001.json` and on.
    fn full_files(&self) -> io::Result<Vec<String>> {
        let names = files::list_if_there(&self.folder)?.into_iter();
        let names = names.map(|file| file.file_name().to_string_lossy().into_owned());
        let full = names.filter(|name| full_number(name).is_some());
        let mut full: Vec<String> = full.collect();
        full.sort();
        Ok(full)
    }

    /// Whom an authority may write to, by domain.
    pub fn contacts(&self) -> BTreeMap<String, String> {
        let _one_at_a_time = self.lock();
        Self::or_nothing(CONTACTS, self.json(CONTACTS))
    }

    /// Keeps them.
    pub fn keep_contacts(&self, contacts: &BTreeMap<String, String>) -> io::Result<()> {
        self.replace(CONTACTS, &serde_json::to_vec(contacts)?)
    }

    fn account_file(directory: &str) -> String {
        format!("account-{}.json", &blake3::hash(directory.as_bytes()).to_hex()[..16])
    }

    /// Credentials at an authority.
    pub fn account(&self, directory: &str) -> Option<String> {
        let name = Self::account_file(directory);
        let decode = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).map_err(|error| error.to_string());
        let _one_at_a_time = self.lock();
        Self::or_nothing(&name, self.read(&name, decode).map(Some))
    }

    /// Keeps them, readable by this user only.
    pub fn keep_account(&self, directory: &str, credentials: &str) -> io::Result<()> {
        self.replace(&Self::account_file(directory), credentials.as_bytes())
    }

    /// The authority no longer knows it.
    pub fn forget_account(&self, directory: &str) {
        // Gone already is as good.
        drop(std::fs::remove_file(self.folder.join(Self::account_file(directory))));
    }

    /// Adds a report. None is ever let go: a file that is full is kept, and the next one begins.
    pub fn report(&self, at: Timestamp, key: String, what: Report) -> io::Result<()> {
        let _one_at_a_time = self.lock();
        let mut waiting: Vec<Reported> = self.json(REPORTED)?.unwrap_or_default();
        if waiting.len() >= self.most {
            let newest = self.full_files()?.last().and_then(|name| full_number(name)).unwrap_or(0);
            let full = format!("reports-{:08}.json", newest.saturating_add(1));
            // Durable with the file that is written in its place, below.
            std::fs::rename(self.folder.join(REPORTED), self.folder.join(full))?;
            waiting.clear();
        }
        waiting.push(Reported { key, at, what });
        self.write(REPORTED, &serde_json::to_vec(&waiting)?)
    }

    /// These were recorded.
    pub fn taken(&self, keys: &[String]) -> io::Result<()> {
        let _one_at_a_time = self.lock();
        for name in self.report_files()? {
            let Some(mut waiting) = self.json::<Vec<Reported>>(&name)? else { continue };
            let before = waiting.len();
            waiting.retain(|waiting| !keys.contains(&waiting.key));
            if waiting.is_empty() && name != REPORTED {
                files::remove_if_there(&self.folder.join(&name))?;
            } else if waiting.len() < before {
                self.write(&name, &serde_json::to_vec(&waiting)?)?;
            }
        }
        Ok(())
    }
}

/// The number of a file of reports that is full.
fn full_number(name: &str) -> Option<u32> {
    name.strip_prefix("reports-")?.strip_suffix(".json")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(store: &Store, key: usize) {
        let what = Report::Started { version: "1".to_owned(), generation: None };
        store.report(Timestamp(1), key.to_string(), what).expect("kept");
    }

    fn waiting(store: &Store) -> Vec<String> {
        store.reports().into_iter().map(|reported| reported.key).collect()
    }

    #[test]
    fn a_damaged_file_is_kept_aside_and_the_edge_goes_on() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(folder.path()).expect("opened");
        for (round, damaged) in [(1, "{not json"), (2, "[{\"key\": 7}]")] {
            std::fs::write(folder.path().join(REPORTED), damaged).expect("written");
            report(&store, round);
            assert_eq!(waiting(&store), [round.to_string()]);
            let aside = folder.path().join(format!("reports.json.damaged-{round}"));
            assert_eq!(std::fs::read_to_string(aside).expect("kept"), damaged);
        }
        for name in [CONTACTS, SNAPSHOT, &Store::account_file("ca")] {
            std::fs::write(folder.path().join(name), [0xff, 0xfe]).expect("written");
        }
        assert_eq!((store.contacts(), store.snapshot(), store.account("ca")), (BTreeMap::new(), None, None));
        store.keep_account("ca", "new").expect("kept");
        let account = format!("{}.damaged-1", Store::account_file("ca"));
        let expected =
            [&account, "contacts.json.damaged-1", "reports.json.damaged-1", "reports.json.damaged-2"];
        let aside = kept_aside(folder.path()).expect("listed");
        assert_eq!(aside[..4], expected);
        assert_eq!(aside[4..], ["routes.json.damaged-1"]);
        assert_eq!(std::fs::read(folder.path().join(account)).expect("kept"), [0xff, 0xfe]);
    }

    /// A folder in the place of a file stands for every file that is there and cannot be read.
    #[test]
    fn a_file_that_cannot_be_read_is_not_an_absent_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(folder.path()).expect("opened");
        std::fs::create_dir(folder.path().join(REPORTED)).expect("made");
        report(&store, 1);
        assert_eq!(waiting(&store), ["1"]);
        assert_eq!(kept_aside(folder.path()).expect("listed"), ["reports.json.damaged-1"]);
    }

    #[test]
    fn no_report_is_let_go_however_many_wait() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::with_files_of(folder.path(), 3).expect("opened");
        (0..11).for_each(|key| report(&store, key));
        let mut seen = Vec::new();
        loop {
            let some = waiting(&store);
            if some.is_empty() {
                break;
            }
            store.taken(&some).expect("taken");
            seen.extend(some);
            if seen.len() == 3 {
                // What comes meanwhile waits behind.
                report(&store, 11);
            }
        }
        assert_eq!(seen, (0..12).map(|key| key.to_string()).collect::<Vec<_>>());
        assert_eq!(store.full_files().expect("listed"), Vec::<String>::new());
    }
}
