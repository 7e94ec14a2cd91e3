//! Proofs that an entry is in the tree, and that one tree begins with another: how they are made.
//!
//! Checking them is in [`check`](super::check) and shares nothing with this file but the hash.

use super::hash::{self, Hash};

/// Where hashes of perfect subtrees come from: `hash(level, index)` is the root over the 256^level
/// leaves from `index * 256^level` on.
pub trait Hashes {
    /// Why one cannot be had.
    type Error;
    /// A hash of a tile.
    fn hash(&self, level: u32, index: u64) -> Result<Hash, Self::Error>;
}

/// Root over the leaves `from..to`.
pub fn root<H: Hashes>(hashes: &H, from: u64, to: u64) -> Result<Hash, H::Error> {
    let count = to - from;
    match count {
        0 => return Ok(hash::empty()),
        1 => return hashes.hash(0, from),
        _more => {}
    }
    let height = count.trailing_zeros();
    if count.is_power_of_two() && height.is_multiple_of(8) && from.is_multiple_of(count) {
        return hashes.hash(height / 8, from >> height);
    }
    let middle = from + split(count);
    Ok(hash::node(&root(hashes, from, middle)?, &root(hashes, middle, to)?))
}

/// Largest power of two smaller than `count`, which is at least 2.
fn split(count: u64) -> u64 {
    1 << (63 - (count - 1).leading_zeros())
}

/// The hashes that lead from leaf `index` to the root of the tree of `size` leaves (RFC 6962, 2.1.1).
pub fn inclusion<H: Hashes>(hashes: &H, index: u64, size: u64) -> Result<Vec<Hash>, H::Error> {
    let (mut from, mut to) = (0, size);
    let mut path = Vec::new();
    while to - from > 1 {
        let middle = from + split(to - from);
        if index < middle {
            path.push(root(hashes, middle, to)?);
            to = middle;
        } else {
            path.push(root(hashes, from, middle)?);
            from = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// The hashes that show that the tree of `old` leaves is the start of that of `new` (RFC 6962, 2.1.2).
///
/// # Panics
/// If the older tree is the larger one: no tree begins with that.
pub fn consistency<H: Hashes>(hashes: &H, old: u64, new: u64) -> Result<Vec<Hash>, H::Error> {
    assert!(old <= new, "a tree of {new} leaves does not begin with one of {old}");
    if old == 0 || old == new {
        return Ok(Vec::new());
    }
    let (mut from, mut to, mut whole) = (0, new, true);
    let mut path = Vec::new();
    while to != old {
        let middle = from + split(to - from);
        if old <= middle {
            path.push(root(hashes, middle, to)?);
            to = middle;
        } else {
            path.push(root(hashes, from, middle)?);
            from = middle;
            whole = false;
        }
    }
    if !whole {
        path.push(root(hashes, from, to)?);
    }
    path.reverse();
    Ok(path)
}
