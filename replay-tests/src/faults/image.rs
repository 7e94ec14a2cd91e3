//! The files of a folder, in memory: to put them back after every fault.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// A file: what is written to it; the rest of its length is zeros.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Up to the last byte that is not zero.
    pub written: Vec<u8>,
    /// Length in bytes.
    pub length: u64,
    mode: u32,
}

/// Files by path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Image {
    /// The files.
    pub files: BTreeMap<PathBuf, Kept>,
}

impl Image {
    /// Reads a folder, also one that is in use.
    ///
    /// # Errors
    /// Error of the system.
    pub fn take(folder: &Path) -> io::Result<Self> {
        let mut image = Self::default();
        for path in list(folder)? {
            let read = || Ok((fs::metadata(folder.join(&path))?, fs::read(folder.join(&path))?));
            let (file, mut written) = match read() {
                // Removed meanwhile.
                Err(error) if io::Error::kind(&error) == io::ErrorKind::NotFound => continue,
                other => other?,
            };
            let length = written.len() as u64;
            // A journal is made long, and filled bit by bit: only what is filled is worth keeping.
            if length > 1 << 20 {
                written.truncate(written.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1));
            }
            let mode = file.permissions().mode();
            image.files.insert(path, Kept { written, length, mode });
        }
        Ok(image)
    }

    /// Restores the folder: files that are not in the image are removed, and folders without any.
    ///
    /// # Errors
    /// Error of the system.
    pub fn restore(&self, folder: &Path) -> io::Result<()> {
        for path in list(folder).unwrap_or_default() {
            if self.files.contains_key(&path) {
                continue;
            }
            fs::remove_file(folder.join(&path))?;
            for above in path.ancestors().skip(1).filter(|above| !above.as_os_str().is_empty()) {
                if !self.files.keys().any(|kept| kept.starts_with(above)) {
                    drop(fs::remove_dir(folder.join(above)));
                }
            }
        }
        self.files.iter().try_for_each(|(path, kept)| put(&folder.join(path), kept))
    }

    /// Without the files of a part.
    #[must_use]
    pub fn without(&self, part: &str) -> Self {
        let mut rest = self.clone();
        rest.files.retain(|path, _| !path.starts_with(part));
        rest
    }

    /// With the files that another one has in a part, in place of its own.
    #[must_use]
    pub fn with(&self, part: &str, other: &Self) -> Self {
        let mut mixed = self.without(part);
        let theirs = other.files.iter().filter(|(path, _)| path.starts_with(part));
        mixed.files.extend(theirs.map(|(path, kept)| (path.clone(), kept.clone())));
        mixed
    }
}

/// A folder for trials, in memory where there is such a one: they are about bytes, not about disks.
///
/// # Panics
/// If none can be made.
pub fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.or_else(|_| tempfile::tempdir()).expect("a folder")
}

fn put(path: &Path, kept: &Kept) -> io::Result<()> {
    let open = || fs::OpenOptions::new().write(true).create(true).truncate(true).mode(kept.mode).open(path);
    let file = match open() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let folder = path.parent().unwrap_or(Path::new("."));
            fs::create_dir_all(folder)?;
            open()?
        }
        other => other?,
    };
    io::Write::write_all(&mut &file, &kept.written)?;
    if kept.length != kept.written.len() as u64 {
        file.set_len(kept.length)?;
    }
    Ok(())
}

/// Every file below a folder, by its path in it.
fn list(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let (mut files, mut folders) = (Vec::new(), vec![PathBuf::new()]);
    while let Some(inside) = folders.pop() {
        for entry in fs::read_dir(folder.join(&inside))? {
            let entry = entry?;
            let path = inside.join(entry.file_name());
            let of = if entry.file_type()?.is_dir() { &mut folders } else { &mut files };
            of.push(path);
        }
    }
    files.sort();
    Ok(files)
}
