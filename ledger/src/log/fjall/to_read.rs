//! Opening a store to read it: never the store itself, always a copy.

use super::closed::Found;
use super::database::database;
use super::lock;
use super::open::{Closing, Spaces, looked_at};
use super::peek::Copy;
use super::scratch_folder::ScratchFolder;
use crate::log::LogError;
use std::path::{Path, PathBuf};

/// Opens a copy of a store, in a folder of its own below `scratch`: nothing of the store is changed, and others
/// read it meanwhile.
pub(super) fn open_to_read(folder: &Path, scratch: &Path) -> Result<(Spaces, Found), LogError> {
    let lock = lock::to_read(folder)?;
    let found = looked_at(folder)?;
    let io = |error: std::io::Error| LogError::Io { path: folder.to_owned(), cause: error.to_string() };
    let copy = Copy::to_read(folder, scratch).map_err(io)?;
    let opened = database(copy.folder(), 0).map_err(|error| match error {
        // Whose copy it is says more than where it lies.
        LogError::Unreadable { cause, .. } => LogError::Unreadable { path: folder.to_owned(), cause },
        other => other,
    })?;
    // Rows that were in them are in memory now, and private values among them are nobody else's to find.
    copy.forget_journals().map_err(io)?;
    Ok((Spaces::new(opened, Closing::of(folder, Some(copy), lock))?, found))
}

/// Opens the store that `make` makes in a folder below `scratch`, which goes when it is closed.
pub(super) fn made_to_read(scratch: &Path, make: impl FnOnce(&Path)) -> Result<(Spaces, PathBuf), LogError> {
    let io = |error: std::io::Error| LogError::Io { path: scratch.to_owned(), cause: error.to_string() };
    let made = Copy::Scratch(ScratchFolder::new(scratch).map_err(io)?);
    let folder = made.folder().join("made").join("log");
    make(&folder);
    let opened = database(&folder, 0)?;
    Ok((Spaces::new(opened, Closing::of(&folder, Some(made), None))?, folder))
}
