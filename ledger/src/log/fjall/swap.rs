//! A rebuilt store replaces the old one.

use super::lock;
use super::*;
use crate::files;
use std::fs;
use std::io;
use std::path::Path;

/// What becomes of the old store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OldStore {
    /// Kept aside, for an investigation; an older one that was kept is removed.
    Aside,
    /// Removed: it contains what was erased.
    Removed,
}

/// Puts the store in `new` in the place of the one in `folder`.
///
/// If this is cut off, there is no store in `folder`, and [`finish_swap`] completes it.
pub fn swap(folder: &Path, new: &Path, old: OldStore) -> Result<(), LogError> {
    let _lock = lock::to_write(folder)?;
    let aside = folder.with_file_name("aside").join("store");
    let swapped = || -> io::Result<()> {
        closed::in_use(folder)?;
        if folder.exists() {
            gone(fs::remove_dir_all(&aside))?;
            files::private_folder(aside.parent().unwrap_or(folder))?;
            fs::rename(folder, &aside)?;
        }
        take_place(folder, new)?;
        match old {
            OldStore::Aside => Ok(()),
            OldStore::Removed => gone(fs::remove_dir_all(&aside)),
        }
    };
    swapped().map_err(|error| LogError::Io { path: folder.to_owned(), cause: error.to_string() })
}

/// Where the store of a ledger lies: the new one is used once a swap was cut off after the old one was moved
/// away.
pub fn standing(folder: &Path, new: &Path) -> PathBuf {
    let cut_off = !folder.exists() && new.exists() && closed::was_closed(new);
    if cut_off { new.to_owned() } else { folder.to_owned() }
}

/// Ends a swap that was cut off after the old store was moved away: the new one is whole, since it was
/// closed before anything was moved.
pub fn finish_swap(folder: &Path, new: &Path) -> Result<bool, LogError> {
    if standing(folder, new) == folder {
        return Ok(false);
    }
    let _lock = lock::to_write(folder)?;
    let moved = take_place(folder, new);
    moved.map_err(|error| LogError::Io { path: folder.to_owned(), cause: error.to_string() })?;
    Ok(true)
}

fn take_place(folder: &Path, new: &Path) -> io::Result<()> {
    fs::rename(new, folder)?;
    gone(fs::rename(closed::note_of(new), closed::note_of(folder)))?;
    // Both moves at once, since the second one is without meaning before the first.
    for place in [new.parent(), folder.parent()].into_iter().flatten() {
        files::sync_folder(place)?;
    }
    gone(new.parent().map_or(Ok(()), fs::remove_dir_all))
}

fn gone(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}
