//! Backups: copies of what is published, and of what lies beside it. They stop nobody: published files only
//! grow, and the checkpoint comes last.

use super::evidence::{newer_in_place, newer_published};
use super::recover::Recovery;
use super::renew::{best_head, forget_published, write_heads};
use super::{CommandContext, Evidence, Ledger, LedgerOptions, OpenError};
use crate::files::{self, Readers};
use crate::ids::Position;
use crate::integrity::checkpoint::TreeHead;
use crate::integrity::code::{Code, Fault};
use crate::integrity::heads;
use crate::integrity::mirror::Mirror;
use crate::integrity::note::Note;
use crate::integrity::places::Places;
use crate::integrity::publish::CHECKPOINT;
use crate::integrity::rebuild::{Copies, rebuild};
use crate::integrity::tiles::{self, MAX_LEVELS, Tile, WIDTH};
use crate::integrity::verify::published::Published;
use crate::integrity::verify::{Asked, Report, known_from};
use crate::log::{LogError, OldStore, swap};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// How often a backup starts again because a file that it copies was replaced by a larger one.
const ATTEMPTS: usize = 8;

/// What a backup has.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Backup {
    /// Entries.
    pub entries: u64,
    /// Root over them, in hex.
    pub root: String,
    /// Files that were copied; the others were already there.
    pub copied: u64,
}

/// Copies a ledger into a folder while it is in use. A folder that has an older backup of the same
/// ledger is brought up to date.
///
/// # Errors
/// If nothing is published yet, the folder has another ledger, or what was copied does not verify.
pub fn backup(options: &LedgerOptions, into: &Path) -> Result<Backup, OpenError> {
    let places = options.places();
    if let Some(newer) = newer_published(&places) {
        return Err(newer.into());
    }
    let failed = |cause: String| OpenError::Log(LogError::Publish { path: into.to_owned(), cause });
    let mut last = None;
    for _ in 0..ATTEMPTS {
        match copy(&places, into) {
            Ok((head, copied)) => {
                let report = check(into);
                if let Some(fault) = report.faults.first() {
                    return Err(OpenError::Refused(fault.clone()));
                }
                let root = hex::encode(head.root);
                return Ok(Backup { entries: head.size, root, copied });
            }
            // A partial file was replaced by a larger one meanwhile: begin with the newer checkpoint.
            Err(error) if error.kind() == io::ErrorKind::NotFound => last = Some(error.to_string()),
            Err(error) => return Err(failed(error.to_string())),
        }
    }
    Err(failed(last.unwrap_or_default()))
}

fn read_head(folder: &Path) -> io::Result<(TreeHead, Vec<u8>)> {
    let bytes = fs::read(folder.join(CHECKPOINT))?;
    let text = Note::parse(&bytes).map_err(io::Error::other)?.text.to_owned();
    Ok((TreeHead::parse(&text).map_err(io::Error::other)?, bytes))
}

fn copy(places: &Places, into: &Path) -> io::Result<(TreeHead, u64)> {
    let (head, checkpoint) = read_head(places.published())?;
    let published = into.join("published");
    match read_head(&published) {
        Ok((before, _)) if before.origin != head.origin => {
            return Err(io::Error::other(format!("it has a backup of {}", before.origin)));
        }
        Ok((before, _)) if before.size > head.size => {
            let cause =
                format!("it has a newer backup, of {} entries; this ledger has {}", before.size, head.size);
            return Err(io::Error::other(cause));
        }
        Ok(_) | Err(_) => {}
    }
    let mut copies = Copied::default();
    for path in tree_files(head.size) {
        copies.file(&places.published().join(&path), &published.join(&path))?;
    }
    for bundle in 0..head.size.div_ceil(WIDTH) {
        let from = places.mirror().path(bundle);
        let to = Mirror::new(into.join("private")).path(bundle);
        match copies.file(&from, &to) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => files::remove_if_there(&to)?,
            done => done?,
        }
    }
    copy_vault(&places.vault(), &into.join("vault"), &mut copies)?;
    copies.folders.iter().try_for_each(|folder| files::sync_folder(folder))?;
    // The checkpoint comes last: everything under it is durable by now.
    files::write_whole(&published.join(CHECKPOINT), &checkpoint, Readers::Owner)?;
    Ok((head, copies.files))
}

/// What was written so far.
#[derive(Default)]
struct Copied {
    files: u64,
    /// Folders that are not synced yet.
    folders: BTreeSet<PathBuf>,
}

impl Copied {
    /// Copies a file, unless the same bytes are already there.
    fn file(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let bytes = fs::read(from)?;
        if fs::read(to).is_ok_and(|there| there == bytes) {
            return Ok(());
        }
        files::put(to, &bytes, Readers::Owner)?;
        self.files += 1;
        self.folders.extend(to.parent().map(Path::to_owned));
        Ok(())
    }
}

/// Copies the present values; then removes those that were dropped since the last backup. Only files with the
/// name of a value are removed: the folder may have another use.
fn copy_vault(from: &Path, to: &Path, copies: &mut Copied) -> io::Result<()> {
    let mut kept = BTreeSet::new();
    // A vault that cannot be listed is an error: taken for an empty one, it would empty the backup's.
    for file in files::list_if_there(from)? {
        copies.file(&file.path(), &to.join(file.file_name()))?;
        kept.insert(file.file_name());
    }
    for file in files::list_if_there(to)? {
        if !kept.contains(&file.file_name()) && is_value(&file.file_name().to_string_lossy()) {
            fs::remove_file(file.path())?;
        }
    }
    Ok(())
}

/// Values are named by their fingerprint: 128 bits of a BLAKE3 digest, in hex.
fn is_value(name: &str) -> bool {
    name.len() == 32 && name.chars().all(|c| c.is_ascii_hexdigit())
}

/// Every file of a published tree of this size, but for its checkpoint.
fn tree_files(size: u64) -> Vec<String> {
    let mut files = Vec::new();
    for index in 0..size.div_ceil(WIDTH) {
        files.push(Tile::Entries { index }.path((size - index * WIDTH).min(WIDTH)));
    }
    for level in 0..MAX_LEVELS {
        for index in 0..tiles::hashes_at(level, size).div_ceil(WIDTH) {
            files.push(Tile::Hashes { level, index }.path(tiles::width_of(level, index, size)));
        }
    }
    files
}

/// Whether a backup is whole, by its own checkpoint and the keys that it names.
fn check(folder: &Path) -> Report {
    Evidence::published(&folder.join("published"), Vec::new()).verify(&Asked::default(), &mut |_, _| {})
}

impl Ledger {
    /// Copies everything up to now into a folder, as [`backup`] does, while others append.
    ///
    /// # Errors
    /// As [`backup`]; [`OpenError::NotALedger`] for a log in memory.
    pub fn backup(&self, into: &Path) -> Result<Backup, OpenError> {
        let options = self.options.as_ref().ok_or(OpenError::NotALedger)?;
        if let Some(publisher) = self.publisher.upgrade() {
            publisher.published(self.head().next.0)?;
        }
        backup(options, into)
    }

    /// Puts a backup in the place of the ledger, or where there is none. One that is older than what was
    /// signed here is refused, unless `older`: then what is lost is recorded.
    pub fn restore(
        options: LedgerOptions,
        from: &Path,
        older: bool,
        context: &CommandContext,
    ) -> Result<Recovery, OpenError> {
        let places = options.places();
        let unread = |cause: String| OpenError::Log(LogError::Io { path: from.to_owned(), cause });
        let (head, checkpoint) =
            read_head(&from.join("published")).map_err(|error| unread(error.to_string()))?;
        if let Some(fault) = check(from).faults.first() {
            return Err(OpenError::Refused(fault.clone()));
        }
        let published = Published::new(&from.join("published"), head.size);
        let newer = known_from(&published).and_then(|known| known.newer());
        if let Some(newer) = newer.map_or_else(|| newer_in_place(&places), |newer| Ok(Some(newer)))? {
            return Err(newer.into());
        }
        let lost = replaced(&places, &head, older)?;
        let note = String::from_utf8(checkpoint).map_err(|error| unread(error.to_string()))?;
        let mirror = Mirror::new(from.join("private"));
        let copies =
            Copies { stored: None, published: Some(&published), mirror: &mirror, without: &BTreeSet::new() };
        let rebuilt = rebuild(&places.new_store(), &copies, &head).map_err(OpenError::Refused)?;
        // The order from here on is such that a crash leaves a ledger that is refused, and can be restored
        // again: heads go first.
        let (before, lost_head) =
            lost.map_or((0, None), |(size, note)| (size, (size > head.size).then_some(note)));
        write_heads(&places, &note)?;
        forget_published(&places)?;
        swap(&places.store(), &places.new_store(), OldStore::Aside)?;
        restore_vault(&from.join("vault"), &places.vault()).map_err(|error| unread(error.to_string()))?;
        let ledger = Self::open(options)?;
        let repaired = ["store", "heads", "published", "private"].map(str::to_owned).to_vec();
        let mut recovery =
            Recovery { faults: Vec::new(), repaired, before, after: 0, lost_values: rebuilt.lost_values };
        ledger.record_recovery("backup", &recovery, lost_head, context)?;
        recovery.after = ledger.head().next.0;
        Ok(recovery)
    }
}

/// Size and note of the head that is replaced; refused if more was signed than the backup has.
fn replaced(places: &Places, head: &TreeHead, older: bool) -> Result<Option<(u64, String)>, OpenError> {
    if !heads::exist(places.folder())? && !places.store().exists() {
        return Ok(None);
    }
    let Ok((here, note)) = best_head(places) else {
        // Nothing here says what the ledger was: there is nothing that a backup could be older than.
        return Ok(None);
    };
    if here.origin != head.origin {
        let cause = format!("the backup is of {}, and this ledger is {}", head.origin, here.origin);
        return Err(OpenError::Refused(Fault::new(Code::HeadForeign, cause)));
    }
    if here.size > head.size && !older {
        let cause = format!("the backup has {} entries, and {} were signed here", head.size, here.size);
        return Err(OpenError::Refused(Fault::new(Code::LogShorter, cause).at(Position(head.size))));
    }
    if here.size == head.size && here.root != head.root {
        return Err(OpenError::Refused(Fault::new(Code::Fork, format!("here: {here}; the backup: {head}"))));
    }
    Ok(Some((here.size, note)))
}

fn restore_vault(from: &Path, to: &Path) -> io::Result<()> {
    let mut copies = Copied::default();
    for file in files::list_if_there(from)? {
        copies.file(&file.path(), &to.join(file.file_name()))?;
    }
    copies.folders.iter().try_for_each(|folder| files::sync_folder(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_another_use_loses_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        let (kept, gone) = ("ab".repeat(16), "cd".repeat(16));
        fs::create_dir_all(&from).expect("made");
        fs::create_dir_all(&to).expect("made");
        fs::write(from.join(&kept), "1").expect("written");
        for name in [gone.as_str(), "notes.txt", "raft.db"] {
            fs::write(to.join(name), "2").expect("written");
        }
        copy_vault(&from, &to, &mut Copied::default()).expect("copied");
        let there = |name: &str| to.join(name).exists();
        assert!(there(&kept) && there("notes.txt") && there("raft.db") && !there(&gone));
    }
}
