//! Where the parts of a ledger lie.

use super::mirror::Mirror;
use std::path::{Path, PathBuf};

/// The folders of a ledger.
#[derive(Debug, Clone)]
pub struct Places {
    folder: PathBuf,
    published: PathBuf,
    scratch: PathBuf,
    memory: Option<PathBuf>,
}

impl Places {
    /// Places of the ledger in this folder; its published tree may lie elsewhere. Temporary files of readers
    /// lie in `scratch`.
    pub fn new(folder: PathBuf, published: Option<PathBuf>, scratch: PathBuf) -> Self {
        let published = published.unwrap_or_else(|| folder.join("published"));
        Self { folder, published, scratch, memory: None }
    }

    /// With a folder in memory for what is needed while somebody reads, and is small.
    #[must_use]
    pub fn with_memory(self, memory: Option<PathBuf>) -> Self {
        Self { memory, ..self }
    }

    /// The ledger itself; the signed heads lie in it.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The store.
    pub fn store(&self) -> PathBuf {
        self.folder.join("log")
    }

    /// Where a store is rebuilt before it replaces the old one.
    pub fn new_store(&self) -> PathBuf {
        self.folder.join("new").join("log")
    }

    /// Where folders are made for temporary files of readers: outside of the ledger, which a reader does not
    /// change.
    pub fn scratch(&self) -> &Path {
        &self.scratch
    }

    /// The same, for what is small: in memory, where there is such a folder.
    pub fn memory(&self) -> Option<&Path> {
        self.memory.as_deref()
    }

    /// Copies of what was found before something was changed after a fault.
    pub fn aside(&self) -> PathBuf {
        self.folder.join("aside")
    }

    /// The published tree.
    pub fn published(&self) -> &Path {
        &self.published
    }

    /// The second copy of private values.
    pub fn mirror(&self) -> Mirror {
        Mirror::new(self.folder.join("private"))
    }

    /// Encrypted secret values.
    pub fn vault(&self) -> PathBuf {
        self.folder.join("vault")
    }
}
