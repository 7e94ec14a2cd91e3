//! Names and bytes of published files (C2SP tlog-tiles): tiles of 256 hashes, bundles of 256 entries.

use super::hash::Hash;
// A bundle is stored in the same bytes as it is published.
pub use crate::log::bundle::{BundleError, WIDTH, beginning, decode_bundle, push_entry};

/// Levels of tiles that a log of 2^63 entries could have.
pub const MAX_LEVELS: u32 = 8;

/// A published file that never changes once it is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tile {
    /// Hashes of perfect subtrees of 256^level leaves.
    Hashes {
        /// 0 for hashes of leaves.
        level: u32,
        /// Index of the tile in its level.
        index: u64,
    },
    /// Entries themselves.
    Entries {
        /// Index of the bundle.
        index: u64,
    },
}

impl Tile {
    /// Path below the published folder; `width` is 256 for a full one.
    pub fn path(self, width: u64) -> String {
        let (kind, index) = match self {
            Self::Hashes { level, index } => (level.to_string(), index),
            Self::Entries { index } => ("entries".to_owned(), index),
        };
        let partial = if width == WIDTH { String::new() } else { format!(".p/{width}") };
        format!("tile/{kind}/{}{partial}", number(index))
    }
}

/// Groups of three digits, all but the last with an `x` in front.
pub(super) fn number(index: u64) -> String {
    let mut rest = index / 1000;
    let mut path = format!("{:03}", index % 1000);
    while rest > 0 {
        path = format!("x{:03}/{path}", rest % 1000);
        rest /= 1000;
    }
    path
}

/// How many hashes of a level a tree of this size has.
pub fn hashes_at(level: u32, size: u64) -> u64 {
    size.checked_shr(8 * level).unwrap_or(0)
}

/// How many hashes the tile of a level has in a tree of this size; 0 where there is none.
pub fn width_of(level: u32, index: u64, size: u64) -> u64 {
    hashes_at(level, size).saturating_sub(index.saturating_mul(WIDTH)).min(WIDTH)
}

/// Why a published file cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TileError {
    /// A tile is not so many hashes.
    #[error("it is not {0} hashes of 32 bytes")]
    Width(u64),
}

/// Hashes of a tile of this width.
pub fn decode_hashes(bytes: &[u8], width: u64) -> Result<Vec<Hash>, TileError> {
    let (hashes, rest) = bytes.as_chunks::<32>();
    if !rest.is_empty() || hashes.len() as u64 != width {
        return Err(TileError::Width(width));
    }
    Ok(hashes.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_standard() {
        assert_eq!(Tile::Entries { index: 1_234_067 }.path(256), "tile/entries/x001/x234/067");
        assert_eq!(Tile::Hashes { level: 1, index: 0 }.path(17), "tile/1/000.p/17");
        assert_eq!(Tile::Hashes { level: 0, index: 273 }.path(112), "tile/0/273.p/112");
        let widths = |size| (0..4).map(|level| width_of(level, 0, size)).collect::<Vec<_>>();
        assert_eq!(widths(70_000), [256, 256, 1, 0]);
        assert_eq!(width_of(0, 273, 70_000), 112);
        assert_eq!(width_of(1, 1, 70_000), 17);
        assert_eq!(hashes_at(8, u64::MAX), 0);
    }

    #[test]
    fn a_tile_is_whole_hashes() {
        assert_eq!(decode_hashes(&[0; 33], 1), Err(TileError::Width(1)));
        assert_eq!(decode_hashes(&[0; 32], 2), Err(TileError::Width(2)));
        assert_eq!(decode_hashes(&[0; 32], 1), Ok(vec![[0; 32]]));
    }
}
