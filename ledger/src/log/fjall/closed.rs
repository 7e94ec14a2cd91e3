//! Whether the store is as it was left: a note of every file, written at a clean close, compared before
//! the next open.
//!
//! fjall treats an unreadable end of a journal as the end of the journal, and cuts it off. So a store that
//! changed since its close is not opened before its journals are copied aside, and is checked thoroughly
//! afterwards.

use crate::files;
use crate::log::FORMAT;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Condition of the store before it is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreCondition {
    /// There was no store.
    Absent,
    /// Exactly as it was closed.
    CleanShutdown,
    /// The store was not closed, or a file has changed since.
    Modified,
}

/// How much of a file that never changes is compared: all of it up to a length, then that length and both ends.
/// Blocks of tables have checksums, and are checked as they are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Compared {
    whole: u64,
    end: usize,
}

/// Of each table, which is what opening a large store to read it would take longest for.
const TODAY: Compared = Compared { whole: 64 << 10, end: 16 << 10 };
/// What notes without a word about it say.
const BEFORE: Compared = Compared { whole: 1 << 20, end: 64 << 10 };
/// So many zeros are no part of any entry.
const ZEROS: usize = 128 << 10;
/// Copies of journals that are kept.
const KEPT: usize = 3;

pub(super) fn note_of(folder: &Path) -> PathBuf {
    folder.with_extension("closed")
}

/// Start of the first line of a note: the format that the closing program writes.
const FORMAT_LINE: &str = "format ";

/// The line of a note that compares files as [`TODAY`]; older programs take such a store for one that was changed,
/// which is always safe.
const TODAY_LINE: &str = "ends 16384\n";

/// Format of whoever closed the store, how files were compared, and the files then; notes of format 2 and before say
/// files only.
fn noted(folder: &Path) -> Option<(Option<u32>, Compared, String)> {
    let note = fs::read_to_string(note_of(folder)).ok()?;
    let Some((format, files)) = note.strip_prefix(FORMAT_LINE).and_then(|rest| rest.split_once('\n')) else {
        return Some((None, BEFORE, note));
    };
    let (compared, files) = match files.strip_prefix(TODAY_LINE) {
        Some(files) => (TODAY, files),
        None => (BEFORE, files),
    };
    Some((format.parse().ok(), compared, files.to_owned()))
}

/// Whether a newer haloy closed the store, according to its note.
pub(super) fn closed_by_newer(folder: &Path) -> bool {
    noted(folder).and_then(|(format, ..)| format).is_some_and(|format| format > FORMAT)
}

/// Whether the store in a folder is exactly as it was closed.
pub(super) fn was_closed(folder: &Path) -> bool {
    noted(folder).is_some_and(|(_, compared, noted)| describe(folder, compared).is_ok_and(|now| now == noted))
}

/// Looks at the store before anything opens it.
pub(super) fn condition(folder: &Path) -> io::Result<StoreCondition> {
    if !folder.try_exists()? {
        return Ok(StoreCondition::Absent);
    }
    Ok(if was_closed(folder) { StoreCondition::CleanShutdown } else { StoreCondition::Modified })
}

/// From now on the store is in use: only a clean close makes the note again.
pub(super) fn in_use(folder: &Path) -> io::Result<()> {
    files::remove_if_there(&note_of(folder))
}

/// Notes every file of a store that is closed.
pub(super) fn note(folder: &Path) -> io::Result<()> {
    // Not whole at once: half a note says that the store is not as it was left, which is always safe.
    fs::write(note_of(folder), format!("{FORMAT_LINE}{FORMAT}\n{TODAY_LINE}{}", describe(folder, TODAY)?))
}

/// A line for each file: BLAKE3, length, path.
fn describe(folder: &Path, compared: Compared) -> io::Result<String> {
    let mut files = Vec::new();
    walk(folder, folder, &mut files)?;
    files.sort();
    let mut text = String::new();
    for path in files {
        let (length, hash) = digest(&folder.join(&path), compared)?;
        text.push_str(&format!("{hash} {length} {}\n", path.display()));
    }
    Ok(text)
}

fn walk(root: &Path, folder: &Path, into: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            walk(root, &entry.path(), into)?;
        } else if entry.file_name() != "lock" {
            into.extend(entry.path().strip_prefix(root).map(Path::to_owned));
        }
    }
    Ok(())
}

fn digest(path: &Path, Compared { whole, end }: Compared) -> io::Result<(u64, blake3::Hash)> {
    let length = fs::metadata(path)?.len();
    if is_journal(path) {
        return Ok((length, blake3::hash(&written(path)?)));
    }
    if length <= whole {
        return Ok((length, blake3::hash(&fs::read(path)?)));
    }
    use std::os::unix::fs::FileExt;
    let file = fs::File::open(path)?;
    let mut ends = vec![0; 2 * end];
    file.read_exact_at(&mut ends[..end], 0)?;
    file.read_exact_at(&mut ends[end..], length - end as u64)?;
    Ok((length, blake3::hash(&ends)))
}

pub(super) fn is_journal(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "jnl")
}

/// The written part of a journal. The file is allocated much longer than that, with zeros, which are not
/// read: no entry has so many of them in a row, and fjall stops at them, too.
pub(super) fn written(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = fs::File::open(path)?;
    let mut bytes = Vec::new();
    loop {
        let from = bytes.len();
        file.by_ref().take(ZEROS as u64).read_to_end(&mut bytes)?;
        if bytes[from..].iter().all(|byte| *byte == 0) {
            let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
            bytes.truncate(end);
            return Ok(bytes);
        }
    }
}

/// Copies journals before fjall may cut them. Old copies go.
pub(super) fn copy_journals(folder: &Path, aside: &Path) -> io::Result<()> {
    let mut files = Vec::new();
    walk(folder, folder, &mut files)?;
    let mut journals = Vec::new();
    for path in files.into_iter().filter(|path| is_journal(path)) {
        let written = written(&folder.join(&path))?;
        // An emptied journal has nothing to lose, and must not push out a copy that has.
        if !written.is_empty() {
            journals.push((path, written));
        }
    }
    if journals.is_empty() {
        return Ok(());
    }
    files::private_folder(aside)?;
    let mut copies: Vec<u64> =
        fs::read_dir(aside)?.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
    copies.sort_unstable();
    let number = copies.last().map_or(0, |last| last.saturating_add(1));
    let into = aside.join(number.to_string());
    files::private_folder(&into)?;
    for (path, written) in journals {
        let name = path.file_name().map_or_else(PathBuf::new, PathBuf::from);
        fs::write(into.join(name), written)?;
    }
    let old = (copies.len() + 1).saturating_sub(KEPT);
    for number in copies.iter().take(old) {
        fs::remove_dir_all(aside.join(number.to_string()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_as_left_until_a_bit_of_it_changes() {
        let folder = tempfile::tempdir().expect("a folder");
        let (store, aside) = (folder.path().join("log"), folder.path().join("aside"));
        let condition = || super::condition(&store).expect("looked");
        assert_eq!(condition(), StoreCondition::Absent);
        fs::create_dir_all(store.join("deep")).expect("made");
        fs::write(store.join("0.jnl"), [1, 2, 3, 0, 0]).expect("written");
        fs::write(store.join("deep/table"), [5; 100]).expect("written");
        assert_eq!(condition(), StoreCondition::Modified, "never closed");
        note(&store).expect("noted");
        assert_eq!(condition(), StoreCondition::CleanShutdown);
        fs::write(store.join("deep/table"), [4; 100]).expect("written");
        for _ in 0..5 {
            assert_eq!(condition(), StoreCondition::Modified);
            copy_journals(&store, &aside).expect("copied");
        }
        let copies: Vec<_> = fs::read_dir(&aside).expect("copies").flatten().map(|e| e.path()).collect();
        assert_eq!(copies.len(), KEPT);
        assert_eq!(fs::read(copies[0].join("0.jnl")).expect("a copy"), [1, 2, 3]);
        in_use(&store).expect("removed");
        assert_eq!(condition(), StoreCondition::Modified, "in use when it ended");
    }

    #[test]
    fn notes_of_earlier_programs_count() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = folder.path().join("log");
        fs::create_dir_all(&store).expect("made");
        fs::write(store.join("table"), vec![7; 300 << 10]).expect("written");
        let files = describe(&store, BEFORE).expect("described");
        assert_ne!(files, describe(&store, TODAY).expect("described"));
        for note in [files.clone(), format!("{FORMAT_LINE}{FORMAT}\n{files}")] {
            fs::write(note_of(&store), note).expect("written");
            assert_eq!(condition(&store).expect("looked"), StoreCondition::CleanShutdown);
        }
        note(&store).expect("noted");
        assert_eq!(condition(&store).expect("looked"), StoreCondition::CleanShutdown);
        let mut table = vec![7; 300 << 10];
        table[5] = 8;
        fs::write(store.join("table"), table).expect("written");
        assert_eq!(condition(&store).expect("looked"), StoreCondition::Modified);
    }
}
