//! Copies of a store that are opened in its place, since opening one writes to it: fjall cuts journals and
//! removes tables that are not listed. A reader opens a copy; and of a store that changed since its close,
//! whether a newer haloy wrote it must be known before anything else.

use super::super::keys::Keyspace;
use super::closed::{self, StoreCondition};
use super::database::{database, newer_in};
use super::journals;
use super::scratch_folder::ScratchFolder;
use crate::files;
use crate::log::LogError;
use ::fjall::Database;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A copy of a store; it goes when this is dropped.
pub(super) enum Copy {
    Beside(PathBuf),
    Scratch(ScratchFolder),
}

impl Drop for Copy {
    fn drop(&mut self) {
        if let Self::Beside(folder) = self {
            // What stays is removed by the next look.
            drop(fs::remove_dir_all(folder));
        }
    }
}

impl Copy {
    fn beside(store: &Path) -> io::Result<Self> {
        let store = store.canonicalize()?;
        let folder = store.with_extension("copy");
        if folder.try_exists()? {
            fs::remove_dir_all(&folder)?;
        }
        files::private_folder(&folder)?;
        let copy = Self::Beside(folder);
        copy_into(&store, copy.folder())?;
        Ok(copy)
    }

    /// In a new folder in memory, if there is room for such and the store was closed: then little of it is copied. On
    /// disk otherwise.
    pub(super) fn to_read(
        store: &Path,
        found: StoreCondition,
        (memory, disk): (Option<&Path>, &Path),
    ) -> Result<Self, LogError> {
        let memory = memory.filter(|_| found == StoreCondition::CleanShutdown);
        match memory.map(|memory| Self::below(store, memory)) {
            Some(Ok(copy)) => Ok(copy),
            Some(Err(_)) | None => Self::below(store, disk),
        }
    }

    fn below(store: &Path, scratch: &Path) -> Result<Self, LogError> {
        let copy = Self::Scratch(ScratchFolder::new(scratch)?);
        let copied = store.canonicalize().and_then(|store| copy_into(&store, copy.folder()));
        copied.map_err(|error| LogError::Io { path: store.to_owned(), cause: error.to_string() })?;
        Ok(copy)
    }

    pub(super) fn folder(&self) -> &Path {
        match self {
            Self::Beside(folder) => folder,
            Self::Scratch(folder) => folder.path(),
        }
    }

    /// Removes the copies of journals, which are not read again once the copy is open.
    pub(super) fn forget_journals(&self) -> io::Result<()> {
        journals::journals(self.folder())?.iter().try_for_each(fs::remove_file)
    }
}

/// Tables never change: a link stands for each.
fn copy_into(folder: &Path, copy: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (from, to) = (entry.path(), copy.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            files::private_folder(&to)?;
            copy_into(&from, &to)?;
        } else if folder.ends_with("tables") {
            std::os::unix::fs::symlink(from, to)?;
        } else if closed::is_journal(&from) {
            fs::write(to, closed::written(&from)?)?;
        } else {
            fs::write(to, fs::read(from)?)?;
        }
    }
    Ok(())
}

type Opened = (Database, [::fjall::Keyspace; 5]);

/// The opened copy of a store that a newer haloy wrote. None for a store that this program may open itself,
/// and for one that cannot be read in this way: then opening it gives the reason.
pub(super) fn newer(folder: &Path) -> Option<(Copy, Opened)> {
    let copy = Copy::beside(folder).ok()?;
    let opened = database(copy.folder(), 0).ok()?;
    let index = Keyspace::ALL.iter().position(|space| *space == Keyspace::Index)?;
    newer_in(&opened.1[index]).ok()??;
    Some((copy, opened))
}
