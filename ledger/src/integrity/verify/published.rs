//! The published tree as a reader finds it: files, of which nothing is believed.

use crate::ids::Position;
use crate::integrity::code::{Code, Fault};
use crate::integrity::hash::Hash;
use crate::integrity::tiles::{self, Tile, WIDTH};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// A published folder, as far as its checkpoint says.
pub struct Published {
    folder: PathBuf,
    size: u64,
}

impl Published {
    /// A tree of this size.
    pub fn new(folder: &Path, size: u64) -> Self {
        Self { folder: folder.to_owned(), size }
    }

    /// Number of entries.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Whether there is any file of a group: its entries or their hashes.
    pub fn has(&self, index: u64) -> bool {
        let width = tiles::width_of(0, index, self.size);
        let there = |tile: Tile| {
            self.folder.join(tile.path(width)).exists() || self.folder.join(tile.path(WIDTH)).exists()
        };
        there(Tile::Entries { index }) || there(Tile::Hashes { level: 0, index })
    }

    /// Entries of one bundle, as bytes with their lengths.
    pub fn bundle(&self, index: u64) -> Result<(Vec<u8>, u64), Fault> {
        let width = (self.size - index * WIDTH).min(WIDTH);
        let bytes = self
            .file(Tile::Entries { index }, width)
            .map_err(|cause| Fault::new(Code::BundleDiffers, cause).at(Position(index * WIDTH)))?;
        Ok((bytes, width))
    }

    /// Hashes of one tile.
    pub fn tile(&self, level: u32, index: u64) -> Result<Vec<Hash>, Fault> {
        let width = tiles::width_of(level, index, self.size);
        let tile = Tile::Hashes { level, index };
        let first = Position((index * WIDTH).checked_shl(8 * level).unwrap_or(u64::MAX));
        let bad = |cause: String| Fault::new(Code::TileDiffers, cause).at(first);
        let bytes = self.file(tile, width).map_err(bad)?;
        tiles::decode_hashes(&bytes, width).map_err(|error| bad(format!("{}: {error}", tile.path(width))))
    }

    fn file(&self, tile: Tile, width: u64) -> Result<Vec<u8>, String> {
        let path = tile.path(width);
        match std::fs::read(self.folder.join(&path)) {
            Err(error) if error.kind() == ErrorKind::NotFound && width < WIDTH => {
                self.larger(tile, width).ok_or_else(|| format!("{path}: {error}"))
            }
            read => read.map_err(|error| format!("{path}: {error}")),
        }
    }

    /// The beginning of the file that took the place of a partial one, which went while the log grew. Nothing is
    /// believed of it either: it is hashed as what it stands for.
    fn larger(&self, tile: Tile, width: u64) -> Option<Vec<u8>> {
        let widths = (width + 1..=WIDTH).rev();
        let mut bytes =
            widths.into_iter().find_map(|width| std::fs::read(self.folder.join(tile.path(width))).ok())?;
        let length = match tile {
            Tile::Hashes { .. } => usize::try_from(width).ok()? * size_of::<Hash>(),
            Tile::Entries { .. } => tiles::beginning(&bytes, width)?,
        };
        (length <= bytes.len()).then(|| bytes.truncate(length))?;
        Some(bytes)
    }
}
