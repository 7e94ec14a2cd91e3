//! Opening a store to read it: never the store itself, always a copy.

use super::closed::StoreCondition;
use super::database::database;
use super::lock;
use super::open::{Closing, Spaces, looked_at};
use super::peek::Copy;
use super::scratch_folder::ScratchFolder;
use super::swap::standing;
use crate::log::LogError;
use std::path::{Path, PathBuf};

/// Opens a copy of the store of a ledger, in a folder of its own below `scratch`: nothing in the store is
/// changed, and others read it meanwhile. `new` is used where a swap was cut off; returns the folder that was
/// read.
pub(super) fn open_to_read(
    store: &Path,
    new: &Path,
    scratch: (Option<&Path>, &Path),
) -> Result<(Spaces, StoreCondition, PathBuf), LogError> {
    let lock = lock::to_read(store)?;
    // No swap can happen any more: the present store stays as long as it is read.
    let folder = standing(store, new);
    let found = looked_at(&folder)?;
    let unreadable = |cause: String| LogError::Unreadable { path: folder.clone(), cause };
    let copy = Copy::to_read(&folder, found, scratch)?;
    let opened = database(copy.folder(), 0).map_err(|error| match error {
        // The original is a better name than the place of the copy.
        LogError::Unreadable { cause, .. } => unreadable(cause),
        other => other,
    })?;
    // Rows from the journals are in memory now, and no other process should find the private values among
    // them.
    copy.forget_journals().map_err(|error| unreadable(error.to_string()))?;
    Ok((Spaces::new(opened, Closing::of(&folder, Some(copy), lock))?, found, folder))
}

/// Opens the store that `make` makes in a folder below `scratch`, which goes when it is closed.
pub(super) fn made_to_read(scratch: &Path, make: impl FnOnce(&Path)) -> Result<(Spaces, PathBuf), LogError> {
    let made = Copy::Scratch(ScratchFolder::new(scratch)?);
    let folder = made.folder().join("made").join("log");
    make(&folder);
    let opened = database(&folder, 0)?;
    Ok((Spaces::new(opened, Closing::of(&folder, Some(made), None))?, folder))
}
