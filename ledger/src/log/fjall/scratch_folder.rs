//! Folders for what is needed while somebody reads. They lie outside of the ledger, which a reader never
//! writes to.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// How such a folder is called.
const NAME: &str = "haloy-read-";
/// Whoever gets the lock of this file knows that nobody is there any more.
const ALIVE: &str = "alive";
/// A folder that nobody uses and that is older than this was left by somebody who was killed.
const LEFT: Duration = Duration::from_secs(60);

/// An empty folder for this user alone, which goes when this is dropped.
pub(super) struct ScratchFolder {
    path: PathBuf,
    _alive: fs::File,
}

impl Drop for ScratchFolder {
    fn drop(&mut self) {
        // What stays is removed by the next one.
        drop(fs::remove_dir_all(&self.path));
    }
}

impl ScratchFolder {
    /// A new one below `parent`. What others left there when they were killed is removed.
    pub(super) fn new(parent: &Path) -> io::Result<Self> {
        sweep(parent);
        let path = made(parent)?;
        let alive = fs::File::create(path.join(ALIVE))?;
        alive.try_lock()?;
        Ok(Self { path, _alive: alive })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

fn made(parent: &Path) -> io::Result<PathBuf> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos();
    let mut number = 0_u32;
    loop {
        let path = parent.join(format!("{NAME}{}-{now}-{number}", std::process::id()));
        match fs::DirBuilder::new().mode(0o700).create(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            Err(error) => return Err(io::Error::new(error.kind(), format!("{}: {error}", path.display()))),
            Ok(()) => return Ok(path),
        }
    }
}

/// What cannot be removed is not in the way.
fn sweep(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        if entry.file_name().to_str().is_some_and(|name| name.starts_with(NAME)) && is_left(&entry.path()) {
            drop(fs::remove_dir_all(entry.path()));
        }
    }
}

fn is_left(folder: &Path) -> bool {
    let age = fs::metadata(folder).and_then(|found| found.modified()).map(|then| then.elapsed());
    let old = matches!(age, Ok(Ok(age)) if age > LEFT);
    old && fs::File::open(folder.join(ALIVE)).is_ok_and(|alive| alive.try_lock().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_goes_with_its_user_or_with_the_next_one_after_a_minute() {
        use std::os::unix::fs::PermissionsExt;
        let parent = tempfile::tempdir().expect("a folder");
        let used = ScratchFolder::new(parent.path()).expect("made");
        let mode = fs::metadata(used.path()).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        let old = SystemTime::now() - 2 * LEFT;
        let age = |path: &Path| fs::File::open(path).and_then(|file| file.set_modified(old)).expect("aged");
        let left = parent.path().join("haloy-read-1-2-3");
        fs::create_dir(&left).expect("made");
        fs::write(left.join(ALIVE), "").expect("written");
        fs::create_dir(parent.path().join("another")).expect("made");
        drop(ScratchFolder::new(parent.path()).expect("made"));
        assert!(left.exists(), "somebody may be about to use it");
        age(&left);
        age(used.path());
        age(&parent.path().join("another"));
        drop(ScratchFolder::new(parent.path()).expect("made"));
        assert!(!left.exists() && used.path().exists() && parent.path().join("another").exists());
        let path = used.path().to_owned();
        drop(used);
        assert!(!path.exists());
    }
}
