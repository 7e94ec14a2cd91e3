//! Files that are there whole or not at all.

use crate::defect::{Step, step};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

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

/// Writes a file beside its place, makes it durable, and moves it there.
pub fn put(path: &Path, bytes: &[u8], readers: Readers) -> io::Result<()> {
    let (mode, folder_mode) = readers.modes();
    let folder = path.parent().unwrap_or(Path::new("."));
    if !folder.is_dir() {
        std::fs::DirBuilder::new().recursive(true).mode(folder_mode).create(folder)?;
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let new = folder.join(format!(".{name}.new"));
    step(Step::FileWritten, || {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&new)?;
        file.write_all(bytes)?;
        file.sync_data()
    })?;
    step(Step::FileMoved, || std::fs::rename(&new, path))
}

/// A folder for its owner alone.
pub fn private_folder(folder: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Makes what was put into a folder durable.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    step(Step::FolderSynced, || File::open(folder)?.sync_all())
}
