//! A look at a store that is not as it was left, before anything opens it: to open it is to write to it,
//! since fjall cuts journals and removes tables that do not count. Whether a newer haloy wrote it must be
//! known before.

use super::super::keys::Keyspace;
use super::closed;
use super::database::{database, newer_in};
use super::folder::make_folder;
use ::fjall::Database;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A copy of a store, in a folder beside it that goes when this is dropped.
pub(super) struct Copy(PathBuf);

impl Drop for Copy {
    fn drop(&mut self) {
        // What stays is removed by the next look.
        drop(fs::remove_dir_all(&self.0));
    }
}

/// A copy that can be opened without touching the store. Tables never change: a link stands for each.
fn copy(folder: &Path) -> io::Result<Copy> {
    let folder = folder.canonicalize()?;
    let copy = Copy(folder.with_extension("copy"));
    if copy.0.try_exists()? {
        fs::remove_dir_all(&copy.0)?;
    }
    make_folder(&copy.0)?;
    copy_into(&folder, &copy.0)?;
    Ok(copy)
}

fn copy_into(folder: &Path, copy: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (from, to) = (entry.path(), copy.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            make_folder(&to)?;
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

/// The copy, opened, of a store that a newer haloy wrote. None of one that this program may open itself,
/// and of one that cannot be read in this way: then opening it says why.
pub(super) fn newer(folder: &Path) -> Option<(Copy, Opened)> {
    let copy = copy(folder).ok()?;
    let opened = database(&copy.0, 0).ok()?;
    let index = Keyspace::ALL.iter().position(|space| *space == Keyspace::Index)?;
    newer_in(&opened.1[index]).ok()??;
    Some((copy, opened))
}
