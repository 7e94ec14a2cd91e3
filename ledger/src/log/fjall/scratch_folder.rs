//! Folders for temporary files of readers. They lie outside of the ledger, which a reader never writes to.

use crate::log::LogError;
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// How such a folder is called.
const NAME: &str = "haloy-read-";
/// How it is called until it is locked.
const MAKING: &str = "haloy-making-";
/// Locked for as long as the owner lives, and since before the folder has its name.
const ALIVE: &str = "alive";
/// A folder that was not renamed in this time was left by a process that was killed.
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
    pub(super) fn new(parent: &Path) -> Result<Self, LogError> {
        sweep(parent);
        made(parent).map_err(|error| LogError::Scratch { path: parent.to_owned(), cause: error.to_string() })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

fn made(parent: &Path) -> io::Result<ScratchFolder> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos();
    let (making, name) = (0_u32..)
        .find_map(|number| {
            let name = format!("{}-{now}-{number}", std::process::id());
            let making = parent.join(format!("{MAKING}{name}"));
            match fs::DirBuilder::new().mode(0o700).create(&making) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => None,
                made => Some(made.map(|()| (making, name))),
            }
        })
        .ok_or(io::ErrorKind::AlreadyExists)??;
    let alive = fs::File::create(making.join(ALIVE))?;
    alive.try_lock()?;
    let path = parent.join(format!("{NAME}{name}"));
    // Not durable: it goes with this process, or is swept once that is gone.
    fs::rename(making, &path)?;
    Ok(ScratchFolder { path, _alive: alive })
}

/// Removes folders that killed processes left below a folder. What cannot be removed does no harm.
pub fn sweep(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let is_left = match name.to_str() {
            Some(name) if name.starts_with(NAME) => is_abandoned(&entry.path()),
            Some(name) if name.starts_with(MAKING) => is_old(&entry.path()),
            Some(_) | None => false,
        };
        if is_left {
            drop(fs::remove_dir_all(entry.path()));
        }
    }
}

fn is_abandoned(folder: &Path) -> bool {
    match fs::File::open(folder.join(ALIVE)) {
        Ok(alive) => alive.try_lock().is_ok(),
        // Removing it was cut off.
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

fn is_old(folder: &Path) -> bool {
    let age = fs::metadata(folder).and_then(|found| found.modified()).map(|then| then.elapsed());
    matches!(age, Ok(Ok(age)) if age > LEFT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_goes_with_its_user_or_with_whoever_comes_next() {
        use std::os::unix::fs::PermissionsExt;
        let parent = tempfile::tempdir().expect("a folder");
        let used = ScratchFolder::new(parent.path()).expect("made");
        let mode = fs::metadata(used.path()).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        let folder = |name: &str| {
            let folder = parent.path().join(name);
            fs::create_dir(&folder).expect("made");
            fs::write(folder.join(ALIVE), "").expect("written");
            folder
        };
        let (left, begun, old) = (folder("haloy-read-1"), folder("haloy-making-1"), folder("haloy-making-2"));
        let another = folder("another");
        let then = SystemTime::now() - 2 * LEFT;
        fs::File::open(&old).and_then(|file| file.set_modified(then)).expect("aged");
        let next = ScratchFolder::new(parent.path()).expect("made");
        assert!(!left.exists() && !old.exists(), "nobody is there");
        assert!(begun.exists() && used.path().exists() && next.path().exists() && another.exists());
        let path = used.path().to_owned();
        drop(used);
        assert!(!path.exists());
    }

    #[test]
    fn a_place_where_none_can_be_made_is_named() {
        let parent = tempfile::tempdir().expect("a folder");
        let refused = ScratchFolder::new(&parent.path().join("none")).map(drop).expect_err("there is none");
        assert!(matches!(&refused, LogError::Scratch { path, .. } if path.ends_with("none")), "{refused}");
    }
}
