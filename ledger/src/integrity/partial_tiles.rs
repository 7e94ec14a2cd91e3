//! The tiles that are not full yet: they are enough to extend the published tree, also after a restart,
//! without hashing the log again.

use super::frontier::Frontier;
use super::hash::Hash;
use super::tiles::{self, Tile, WIDTH};
use std::path::Path;

/// The last, unfinished tile of every level.
#[derive(Debug, Clone, Default)]
pub struct PartialTiles {
    size: u64,
    levels: Vec<Vec<Hash>>,
}

impl PartialTiles {
    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf; `full` receives every tile that becomes full.
    pub fn push(&mut self, leaf: Hash, full: &mut dyn FnMut(Tile, &[Hash])) {
        self.size += 1;
        let mut hash = leaf;
        let mut level = 0;
        loop {
            if self.levels.len() == level {
                self.levels.push(Vec::new());
            }
            let hashes = &mut self.levels[level];
            hashes.push(hash);
            if (hashes.len() as u64) < WIDTH {
                return;
            }
            let number = u32::try_from(level).unwrap_or(tiles::MAX_LEVELS);
            let index = tiles::hashes_at(number, self.size) / WIDTH - 1;
            full(Tile::Hashes { level: number, index }, hashes);
            let mut above = Frontier::default();
            hashes.drain(..).for_each(|hash| above.push(hash));
            hash = above.root();
            level += 1;
        }
    }

    /// Every tile that is not full: which, and its hashes.
    pub fn partial(&self) -> impl Iterator<Item = (Tile, &[Hash])> {
        self.levels.iter().enumerate().filter(|(_, hashes)| !hashes.is_empty()).map(|(level, hashes)| {
            let level = u32::try_from(level).unwrap_or(tiles::MAX_LEVELS);
            let index = tiles::hashes_at(level, self.size) / WIDTH;
            (Tile::Hashes { level, index }, hashes.as_slice())
        })
    }

    /// The whole tree, as far as appending and its root go.
    pub fn frontier(&self) -> Frontier {
        let mut frontier = Frontier::default();
        for (level, hashes) in self.levels.iter().enumerate().rev() {
            let height = u32::try_from(8 * level).unwrap_or(u32::MAX);
            hashes.iter().for_each(|hash| frontier.push_subtree(*hash, height));
        }
        frontier
    }

    /// Hashes of the leaves since the last full tile.
    pub fn last_leaves(&self) -> &[Hash] {
        self.levels.first().map_or(&[], Vec::as_slice)
    }

    /// Reads the unfinished tiles of a published tree of this size; `None` if one cannot be read. Nothing is
    /// trusted yet: the caller compares the root.
    pub fn load(folder: &Path, size: u64) -> Option<Self> {
        let mut levels = Vec::new();
        for level in 0..tiles::MAX_LEVELS {
            let count = tiles::hashes_at(level, size);
            if count == 0 {
                break;
            }
            levels.push(load_tile(folder, level, count / WIDTH, count % WIDTH)?);
        }
        Some(Self { size, levels })
    }
}

/// The first `width` hashes of a tile: of the one that was published so, or of the full one.
fn load_tile(folder: &Path, level: u32, index: u64, width: u64) -> Option<Vec<Hash>> {
    if width == 0 {
        return Some(Vec::new());
    }
    let tile = Tile::Hashes { level, index };
    let whole = |width| {
        let bytes = std::fs::read(folder.join(tile.path(width))).ok()?;
        tiles::decode_hashes(&bytes, width).ok()
    };
    let mut hashes = whole(width).or_else(|| whole(WIDTH))?;
    hashes.truncate(usize::try_from(width).ok()?);
    Some(hashes)
}

#[cfg(test)]
mod tests {
    use super::super::hash::leaf;
    use super::*;

    #[test]
    fn partial_tiles_are_the_same_tree_as_their_leaves() {
        let mut tiles = PartialTiles::default();
        let mut frontier = Frontier::default();
        let mut full = Vec::new();
        for number in 0..70_000u64 {
            let leaf = leaf(&number.to_be_bytes());
            tiles.push(leaf, &mut |tile, hashes| full.push((tile, hashes.len())));
            frontier.push(leaf);
            if number % 4_999 == 0 || number > 69_990 {
                assert_eq!(tiles.frontier(), frontier, "{number}");
            }
        }
        assert_eq!(full.len(), 273 + 1);
        assert!(full.contains(&(Tile::Hashes { level: 1, index: 0 }, 256)));
        let partial: Vec<_> = tiles.partial().map(|(tile, hashes)| (tile, hashes.len())).collect();
        let tile = |level, index| Tile::Hashes { level, index };
        assert_eq!(partial, [(tile(0, 273), 112), (tile(1, 1), 17), (tile(2, 0), 1)]);
    }
}
