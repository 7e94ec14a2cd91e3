//! The folder of a store: made for its owner only, and taken by one process at a time.

use crate::log::LogError;
use std::path::Path;

/// How long a lock may be held by nobody in particular.
const LOCK_PATIENCE: std::time::Duration = std::time::Duration::from_millis(200);
/// Takes the store for this process, before anything of it is looked at.
pub(super) fn lock(folder: &Path) -> Result<std::fs::File, LogError> {
    let io = |error: std::io::Error| LogError::Io { path: folder.to_owned(), cause: error.to_string() };
    if let Some(parent) = folder.parent() {
        make_folder(parent).map_err(io)?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(folder.with_extension("lock")).map_err(io)?;
    let since = std::time::Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            // A process that is being started has the files of its parent for a moment, and their locks.
            Err(std::fs::TryLockError::WouldBlock) if since.elapsed() < LOCK_PATIENCE => {
                std::thread::sleep(LOCK_PATIENCE / 20);
            }
            Err(std::fs::TryLockError::WouldBlock) => {
                return Err(LogError::Locked { path: folder.to_owned() });
            }
            Err(std::fs::TryLockError::Error(error)) => return Err(io(error)),
        }
    }
}

pub(super) fn make_folder(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}
