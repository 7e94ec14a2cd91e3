//! One process of this machine at a time, for every user and every ledger.
//!
//! The lock is on the folder of the engine's socket: it is visible to every user of the engine, it is the
//! same for all of them, and no file has to be created that could belong to one of them.

use crate::limits::ADDRESSES_HELD;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Between two attempts; a holder sends the engine a few requests.
const PAUSE: Duration = Duration::from_millis(20);
/// Where an engine on another machine is locked: for processes of this machine, at least.
const OTHERWISE: &str = "/run";

/// Held until it is dropped; the system releases it with the process.
pub(super) struct HostLock(#[expect(dead_code, reason = "held, not read")] File);

/// The folder that stands for an engine.
pub(super) fn folder(host: &str) -> PathBuf {
    let socket = host.strip_prefix("unix://").map(Path::new);
    let folder = socket.and_then(Path::parent).filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new(OTHERWISE)).to_owned()
}

/// Takes it. None where it cannot be had in time.
pub(super) async fn take(folder: &Path) -> Option<HostLock> {
    let file = File::open(folder).ok()?;
    let until = Instant::now() + ADDRESSES_HELD;
    loop {
        match file.try_lock() {
            Ok(()) => return Some(HostLock(file)),
            Err(TryLockError::WouldBlock) if Instant::now() < until => tokio::time::sleep(PAUSE).await,
            Err(TryLockError::WouldBlock | TryLockError::Error(_)) => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_at_a_time() {
        let folder = tempfile::tempdir().expect("a folder");
        let held = take(folder.path()).await.expect("free");
        let waiting = tokio::time::timeout(PAUSE * 5, take(folder.path())).await;
        assert!(waiting.is_err(), "it is held");
        drop(held);
        assert!(take(folder.path()).await.is_some());
        assert!(take(&folder.path().join("missing")).await.is_none());
    }

    #[test]
    fn a_folder_stands_for_an_engine() {
        assert_eq!(folder("unix:///var/run/docker.sock"), Path::new("/var/run"));
        assert_eq!(folder("tcp://10.0.0.1:2375"), Path::new(OTHERWISE));
        assert_eq!(folder("unix://docker.sock"), Path::new(OTHERWISE));
    }
}
