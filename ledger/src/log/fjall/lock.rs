//! The lock of a store: one process writes, or any number read.

use crate::files;
use crate::log::LogError;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long an unidentified process may hold a lock.
const PATIENCE: Duration = Duration::from_millis(200);

fn path_of(folder: &Path) -> PathBuf {
    folder.with_extension("lock")
}

fn unusable(folder: &Path) -> impl Fn(io::Error) -> LogError {
    let path = folder.to_owned();
    move |error| LogError::Io { path: path.clone(), cause: error.to_string() }
}

/// Locks the store for this process alone, before anything in it is read.
pub(super) fn to_write(folder: &Path) -> Result<File, LogError> {
    if let Some(parent) = folder.parent() {
        files::private_folder(parent).map_err(unusable(folder))?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    let file = options.open(path_of(folder)).map_err(unusable(folder))?;
    patiently(folder, || file.try_lock())?;
    Ok(file)
}

/// Keeps others from writing to the store while it is read; others may read it, too. None where there is no
/// lock, on a read-only file system.
pub(super) fn to_read(folder: &Path) -> Result<Option<File>, LogError> {
    let path = path_of(folder);
    let file = match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let made = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
            match made {
                Err(error) if error.kind() == io::ErrorKind::ReadOnlyFilesystem => return Ok(None),
                made => made,
            }
        }
        there => there,
    };
    let file = file.map_err(unusable(folder))?;
    patiently(folder, || file.try_lock_shared())?;
    Ok(Some(file))
}

/// A process that is being started has the files of its parent for a moment, and their locks.
fn patiently(folder: &Path, take: impl Fn() -> Result<(), TryLockError>) -> Result<(), LogError> {
    let since = Instant::now();
    loop {
        match take() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if since.elapsed() < PATIENCE => {
                std::thread::sleep(PATIENCE / 20);
            }
            Err(TryLockError::WouldBlock) => return Err(LogError::Locked { path: folder.to_owned() }),
            Err(TryLockError::Error(error)) => return Err(unusable(folder)(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_read_or_one_writes() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = folder.path().join("log");
        let (one, other) = (to_read(&store).expect("read"), to_read(&store).expect("read as well"));
        assert!(one.is_some() && other.is_some());
        assert!(matches!(to_write(&store), Err(LogError::Locked { .. })));
        drop((one, other));
        let writing = to_write(&store).expect("nobody reads");
        assert!(matches!(to_read(&store), Err(LogError::Locked { .. })));
        drop(writing);
        assert!(to_read(&store).is_ok());
    }
}
