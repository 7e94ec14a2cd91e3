//! The signed head outside of the store, in two files that are written in turn.
//!
//! Each is created at its full length, so that writing one is a write in place and one fdatasync. A file that
//! was torn by a crash is not valid, and then the other one is used.

use super::note::MAX_NOTE_BYTES;
use crate::defect::{Step, step};
use crate::files;
use crate::log::LogError;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

/// Names of the two files.
pub const NAMES: [&str; 2] = ["head.a", "head.b"];
/// A head with two signatures has 400 bytes; what is left is zeros.
const LENGTH: usize = 2048;

/// Where heads are written to.
pub struct Heads {
    files: [File; 2],
    next: usize,
}

/// What lies in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Slot {
    /// There is none.
    Missing,
    /// Nothing was written to it yet.
    Empty,
    /// The file was written to, and is not as it was written.
    Damaged,
    /// A note; nothing in it is trusted yet.
    Note(Vec<u8>),
}

/// Reads both files.
///
/// # Errors
/// [`LogError::Io`] if a file exists and cannot be read: its content is not known, and treating it as missing
/// would make an older head valid.
pub fn read(folder: &Path) -> Result<[Slot; 2], LogError> {
    let [a, b] = NAMES.map(|name| slot(&folder.join(name)));
    Ok([a?, b?])
}

fn slot(path: &Path) -> Result<Slot, LogError> {
    let read = files::read_if_there(path);
    let Some(bytes) = read.map_err(|error| unread(path, &error))? else { return Ok(Slot::Missing) };
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    Ok(if bytes.len() > MAX_NOTE_BYTES || bytes[end..].iter().any(|byte| *byte != 0) {
        Slot::Damaged
    } else if end == 0 {
        Slot::Empty
    } else {
        Slot::Note(bytes[..end].to_vec())
    })
}

fn unread(path: &Path, error: &io::Error) -> LogError {
    LogError::Io { path: path.to_owned(), cause: error.to_string() }
}

/// Whether there ever was a head.
///
/// # Errors
/// [`LogError::Io`] if that cannot be known.
pub fn exist(folder: &Path) -> Result<bool, LogError> {
    let there = |name: &str| {
        let path = folder.join(name);
        path.try_exists().map_err(|error| unread(&path, &error))
    };
    Ok(there(NAMES[0])? || there(NAMES[1])?)
}

impl Heads {
    /// Opens both files, making those that are missing. The next head goes over the one that is not
    /// `newest`.
    pub fn open(folder: &Path, newest: Option<usize>) -> io::Result<Self> {
        let open = |name: &str| -> io::Result<File> {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(false).mode(0o600);
            let file = options.open(folder.join(name))?;
            if file.metadata()?.len() != LENGTH as u64 {
                file.set_len(0)?;
                file.write_all_at(&[0; LENGTH], 0)?;
                file.sync_all()?;
            }
            Ok(file)
        };
        let files = [open(NAMES[0])?, open(NAMES[1])?];
        // Not a step of sealing, as calls of `files::sync_folder` are: nothing is sealed yet.
        File::open(folder)?.sync_all()?;
        Ok(Self { files, next: newest.map_or(0, |newest| 1 - newest) })
    }

    /// Writes a head, durably, before this returns.
    pub fn write(&mut self, note: &str) -> io::Result<()> {
        let mut bytes = [0; LENGTH];
        let room = bytes.get_mut(..note.len());
        room.ok_or_else(|| io::Error::other("the head is too long"))?.copy_from_slice(note.as_bytes());
        let file = &self.files[self.next];
        step(Step::HeadWritten, || file.write_all_at(&bytes, 0))?;
        step(Step::HeadSynced, || file.sync_data())?;
        self.next = 1 - self.next;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_heads_are_kept_in_turn_and_a_torn_one_is_none() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(!exist(folder.path()).expect("known"));
        let mut heads = Heads::open(folder.path(), None).expect("made");
        heads.write("one\n").expect("written");
        heads.write("two\n").expect("written");
        heads.write("three\n").expect("written");
        let note = |text: &str| Slot::Note(text.as_bytes().to_vec());
        let read = |folder: &Path| super::read(folder).expect("readable");
        assert_eq!(read(folder.path()), [note("three\n"), note("two\n")]);
        let mut heads = Heads::open(folder.path(), Some(0)).expect("opened");
        heads.write("four\n").expect("written");
        assert_eq!(read(folder.path())[1], note("four\n"));
        let mut torn = std::fs::read(folder.path().join("head.b")).expect("read");
        torn[1000] = 7;
        std::fs::write(folder.path().join("head.b"), torn).expect("written");
        assert_eq!(read(folder.path())[1], Slot::Damaged);
    }

    #[test]
    fn a_head_that_cannot_be_read_is_not_a_missing_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut heads = Heads::open(folder.path(), None).expect("made");
        heads.write("one\n").expect("written");
        // Permissions do not stop a privileged test; what cannot be read as a file stands for them.
        std::fs::remove_file(folder.path().join("head.b")).expect("removed");
        std::fs::create_dir(folder.path().join("head.b")).expect("made");
        let error = read(folder.path()).expect_err("it is there, and cannot be read");
        assert!(error.to_string().contains("head.b"), "{error}");
        let file = folder.path().join("head.a");
        assert!(exist(&file).is_err(), "below a file nothing can be looked for");
    }
}
