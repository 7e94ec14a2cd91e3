//! Files that are there whole or not at all, whenever the machine dies.

use crate::defect::{Step, step};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// Its owner.
    Owner,
    /// Everybody who may enter the folder.
    All,
}

impl Readers {
    fn modes(self) -> (u32, u32) {
        match self {
            Self::Owner => (0o600, 0o700),
            Self::All => (0o644, 0o755),
        }
    }
}

/// Writes a file beside its place, makes it durable, and moves it there. The move itself is durable once
/// the folder is synced: for callers that put many files and sync each folder once (see [`sync_folder`]), or
/// that can do with the old file after a power loss.
pub fn put(path: &Path, bytes: &[u8], readers: Readers) -> io::Result<()> {
    let (_mode, folder_mode) = readers.modes();
    let folder = folder_of(path);
    if !folder.is_dir() {
        DirBuilder::new().recursive(true).mode(folder_mode).create(folder)?;
    }
    put_in_folder(path, bytes, readers)
}

/// The same where the folder is there. One that is not is an error, and is not made.
pub fn put_in_folder(path: &Path, bytes: &[u8], readers: Readers) -> io::Result<()> {
    let (mode, _folder_mode) = readers.modes();
    let folder = folder_of(path);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let new = folder.join(format!(".{name}.new"));
    step(Step::FileWritten, || {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&new)?;
        file.write_all(bytes)?;
        file.sync_data()
    })?;
    step(Step::FileMoved, || std::fs::rename(&new, path))
}

/// Writes a file whole: after a crash, at any moment, there is the old one or the new one, and when this
/// returns it is the new one. Folders that are made for it are durable, too.
pub fn write_whole(path: &Path, bytes: &[u8], readers: Readers) -> io::Result<()> {
    let folder = folder_of(path);
    let parent_of_made = made_in(folder)?;
    put(path, bytes, readers)?;
    let mut changed = Some(folder);
    while let Some(folder) = changed {
        sync_folder(folder)?;
        changed = folder.parent().map(named).filter(|_| parent_of_made.as_deref() != Some(folder));
    }
    Ok(())
}

/// Moves a file or a folder to its place, over a file that is there. When this returns, the move is durable.
/// Both places lie in the same folder.
pub fn move_to(from: &Path, path: &Path) -> io::Result<()> {
    std::fs::rename(from, path)?;
    sync_folder(folder_of(path))
}

/// The nearest folder, upwards from this one, that exists: what is made, is made in it.
fn made_in(folder: &Path) -> io::Result<Option<PathBuf>> {
    for folder in folder.ancestors().map(named) {
        if folder.try_exists()? {
            return Ok(Some(folder.to_owned()));
        }
    }
    Ok(None)
}

fn folder_of(path: &Path) -> &Path {
    path.parent().map_or(Path::new("."), named)
}

/// A relative path ends in an empty one, which stands for the current folder.
fn named(folder: &Path) -> &Path {
    if folder.as_os_str().is_empty() { Path::new(".") } else { folder }
}

/// A folder for its owner alone.
pub fn private_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Makes what was put into a folder, or removed from it, durable.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    step(Step::FolderSynced, || File::open(folder)?.sync_all())
}

/// Reads a file that need not be there. Only its absence is `None`: a file that is there, and cannot be
/// read, is an error.
pub fn read_if_there(path: &Path) -> io::Result<Option<Vec<u8>>> {
    if_there(std::fs::read(path))
}

/// The entries of a folder that need not be there.
pub fn list_if_there(folder: &Path) -> io::Result<Vec<std::fs::DirEntry>> {
    let entries = if_there(std::fs::read_dir(folder))?;
    entries.into_iter().flatten().collect()
}

/// Removes a file that need not be there.
pub fn remove_if_there(path: &Path) -> io::Result<()> {
    if_there(std::fs::remove_file(path)).map(drop)
}

fn if_there<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_file_is_written_whole_into_folders_that_are_made_for_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a/b/c");
        write_whole(&path, b"one", Readers::Owner).expect("written");
        write_whole(&path, b"two", Readers::Owner).expect("written over");
        assert_eq!(std::fs::read(&path).expect("read"), b"two");
        let mode = |path: &Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(&folder.path().join("a"))), (0o600, 0o700));
        assert_eq!(list_if_there(&folder.path().join("a/b")).expect("listed").len(), 1, "nothing is left");
    }

    #[test]
    fn a_folder_that_is_not_asked_for_is_not_made() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a/b");
        assert!(put_in_folder(&path, b"one", Readers::All).is_err());
        assert!(!folder.path().join("a").exists());
        put(&path, b"one", Readers::All).expect("put");
        put_in_folder(&path, b"two", Readers::All).expect("put over");
        assert_eq!(std::fs::read(&path).expect("read"), b"two");
    }

    #[test]
    fn a_file_is_moved_over_another_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        write_whole(&from, b"new", Readers::Owner).expect("written");
        write_whole(&to, b"old", Readers::Owner).expect("written");
        move_to(&from, &to).expect("moved");
        assert_eq!(std::fs::read(&to).expect("read"), b"new");
        assert!(!from.exists());
        assert!(move_to(&from, &to).is_err(), "there is nothing to move");
    }

    #[test]
    fn only_absence_is_absence() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("file");
        assert_eq!(read_if_there(&file).expect("absent"), None);
        assert!(list_if_there(&file).expect("absent").is_empty());
        remove_if_there(&file).expect("absent");
        std::fs::write(&file, b"x").expect("written");
        // A file in the place of a folder stands for every error that is not absence.
        assert!(read_if_there(&file.join("below")).is_err());
        assert!(list_if_there(&file).is_err());
        assert!(remove_if_there(folder.path()).is_err());
    }
}
