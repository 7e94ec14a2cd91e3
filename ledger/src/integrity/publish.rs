//! The published tree (C2SP tlog-tiles): static files that anybody can check, and the second copy of
//! every entry. Written behind the seal; a reader sees a checkpoint only once everything below it is
//! there.

use super::checkpoint::TreeHead;
use super::hash::{Hash, leaf};
use super::mirror::Mirror;
use super::partial_tiles::PartialTiles;
use super::tiles::{self, Tile, WIDTH};
use crate::files::{self, Readers};
use crate::ids::Position;
use crate::log::{LogError, Stored};
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Name of the file that has the signed head.
pub const CHECKPOINT: &str = "checkpoint";

/// Writes the published tree.
pub struct Publisher {
    folder: PathBuf,
    mirror: Mirror,
    stored: Arc<dyn Stored>,
    tiles: PartialTiles,
    /// Size of the tree that is published; what was partial in it is removed one checkpoint later.
    published: u64,
    /// Folders of what was partial one checkpoint ago.
    stale: BTreeSet<PathBuf>,
}

impl Publisher {
    /// Extends a published tree whose right edge is known.
    pub fn new(folder: PathBuf, mirror: Mirror, stored: Arc<dyn Stored>, tiles: PartialTiles) -> Self {
        let published = tiles.size();
        Self { folder, mirror, stored, tiles, published, stale: BTreeSet::new() }
    }

    /// How many entries are published.
    pub fn published(&self) -> u64 {
        self.published
    }

    /// Publishes everything up to the size of a head under it.
    pub fn publish(&mut self, head: &TreeHead, checkpoint: &str) -> Result<(), LogError> {
        let size = head.size;
        let mut touched = BTreeSet::new();
        let before = self.partial_paths();
        let mut from = self.published - self.published % WIDTH;
        while from < size {
            self.bundle(from, size, &mut touched)?;
            from += WIDTH;
        }
        let root = self.tiles.frontier().root();
        if root != head.root {
            let cause = format!("what is stored has root {}, and {head} was signed", hex::encode(root));
            return Err(LogError::Publish { path: self.folder.clone(), cause });
        }
        self.put_partial_tiles(&mut touched)?;
        let done = || -> io::Result<()> {
            touched.iter().try_for_each(|folder| files::sync_folder(folder))?;
            files::put(&self.folder.join(CHECKPOINT), checkpoint.as_bytes(), Readers::All)?;
            files::sync_folder(&self.folder)
        };
        done().map_err(|error| failed(&self.folder, &error))?;
        self.published = size;
        self.remove_stale(&before);
        Ok(())
    }

    /// Entries, hashes and private values of one group of 256 events, as far as there are.
    fn bundle(&mut self, from: u64, size: u64, touched: &mut BTreeSet<PathBuf>) -> Result<(), LogError> {
        let width = (size - from).min(WIDTH);
        let mut bundle = Vec::new();
        let mut leaves = Vec::new();
        let mut at = from;
        let (stored, hashed) = (Arc::clone(&self.stored), self.tiles.size());
        stored.entries(Position(from), usize::try_from(width).unwrap_or(usize::MAX), &mut |entry| {
            tiles::push_entry(&mut bundle, entry)
                .map_err(|error| LogError::BadEntry { position: Position(at), cause: error.to_string() })?;
            if at >= hashed {
                leaves.push(leaf(entry));
            }
            at += 1;
            Ok(())
        })?;
        if at != from + width {
            return Err(LogError::BadEntry { position: Position(at), cause: "it is missing".to_owned() });
        }
        let index = from / WIDTH;
        let rows = self.stored.privates(Position(from)..Position(at))?;
        self.mirror.put(index, &rows).map_err(|error| failed(self.mirror.folder(), &error))?;
        touched.extend(self.mirror.path(index).parent().filter(|folder| folder.is_dir()).map(Path::to_owned));
        self.put(Tile::Entries { index }, width, &bundle, touched)?;
        let mut full: Vec<(Tile, Vec<u8>)> = Vec::new();
        for leaf in leaves {
            self.tiles.push(leaf, &mut |tile, hashes: &[Hash]| full.push((tile, hashes.concat())));
        }
        full.into_iter().try_for_each(|(tile, bytes)| self.put(tile, WIDTH, &bytes, touched))
    }

    fn put_partial_tiles(&self, touched: &mut BTreeSet<PathBuf>) -> Result<(), LogError> {
        for (tile, hashes) in self.tiles.partial() {
            self.put(tile, hashes.len() as u64, &hashes.concat(), touched)?;
        }
        Ok(())
    }

    fn put(
        &self,
        tile: Tile,
        width: u64,
        bytes: &[u8],
        touched: &mut BTreeSet<PathBuf>,
    ) -> Result<(), LogError> {
        let path = self.folder.join(tile.path(width));
        files::put(&path, bytes, Readers::All).map_err(|error| failed(&path, &error))?;
        touched.extend(path.parent().map(Path::to_owned));
        Ok(())
    }

    /// Files of the tree as it is published that are not full.
    fn partial_paths(&self) -> Vec<PathBuf> {
        let mut paths = Vec::new();
        let width = self.published % WIDTH;
        if width > 0 {
            paths.push(self.folder.join(Tile::Entries { index: self.published / WIDTH }.path(width)));
        }
        for level in 0..tiles::MAX_LEVELS {
            let count = tiles::hashes_at(level, self.published);
            if !count.is_multiple_of(WIDTH) {
                paths
                    .push(self.folder.join(Tile::Hashes { level, index: count / WIDTH }.path(count % WIDTH)));
            }
        }
        paths
    }

    /// Removes partial files of all but this checkpoint and the previous one, also those that an earlier
    /// process left: a reader may still be in the middle of the last one.
    fn remove_stale(&mut self, before: &[PathBuf]) {
        let now = self.partial_paths();
        let folders = |paths: &[PathBuf]| -> BTreeSet<PathBuf> {
            paths.iter().filter_map(|path| path.parent()).map(Path::to_owned).collect()
        };
        let mut looked_at = std::mem::replace(&mut self.stale, folders(before));
        looked_at.extend(folders(before));
        for folder in looked_at {
            let files = std::fs::read_dir(&folder).into_iter().flatten().flatten().map(|file| file.path());
            for path in files.filter(|path| !now.contains(path) && !before.contains(path)) {
                // A file that stays takes room, and nothing else.
                drop(std::fs::remove_file(&path));
            }
            // Refused as long as there is something in it.
            drop(std::fs::remove_dir(&folder));
        }
    }
}

fn failed(path: &Path, error: &io::Error) -> LogError {
    LogError::Publish { path: path.to_owned(), cause: error.to_string() }
}
