//! The three copies of the tree: entries of the store, entries that were published, and published
//! hashes. Hashed side by side, so that the one that has the signed root says which of the others is
//! wrong, and where.

use super::published::Published;
use super::tree::{Tree, tile_root};
use crate::ids::Position;
use crate::integrity::code::{Code, Fault};
use crate::integrity::hash::{Hash, leaf};
use crate::integrity::tiles::{self, MAX_LEVELS, WIDTH};

/// Entries of one bundle, from wherever they could be had.
pub struct Group {
    /// Index of the bundle.
    pub index: u64,
    /// Entries of the store, with their lengths, as a bundle has them; none where the store is not checked.
    pub stored: Option<Vec<u8>>,
    /// Only the published hashes are checked: they stand for the entries.
    pub hashes_only: bool,
}

/// Where two copies first differ.
#[derive(Debug, Default, Clone, Copy)]
struct First(Option<u64>);

impl First {
    fn at(&mut self, position: u64) {
        self.0 = self.0.or(Some(position));
    }
}

/// What hashing found.
pub struct Hashed {
    /// Over the entries of the store.
    pub stored: Tree,
    /// Over the published entries.
    pub published: Tree,
    /// Over the published hashes.
    pub tiles: Tree,
    /// Files that cannot be read or do not fit together.
    pub faults: Vec<Fault>,
    differs: [First; 3],
    /// Bytes of entries that were hashed.
    pub bytes: u64,
}

/// A group whose copies were hashed.
pub struct HashedGroup {
    index: u64,
    hashes_only: bool,
    /// Hashes of each copy, where there is one that can be read: store, published entries, published hashes.
    leaves: [Option<Vec<Hash>>; 3],
    /// Roots over those that are full.
    roots: [Option<Hash>; 3],
    bytes: u64,
    faults: Vec<Fault>,
}

impl Group {
    /// Hashes every copy: what takes most time, and needs nothing of the groups before.
    pub fn hash(self, published: Option<&Published>) -> HashedGroup {
        let first = self.index * WIDTH;
        let published = published.filter(|published| first < published.size());
        let mut hashed = HashedGroup {
            index: self.index,
            hashes_only: self.hashes_only,
            leaves: [None, None, None],
            roots: [None; 3],
            bytes: 0,
            faults: Vec::new(),
        };
        hashed.leaves[2] = published.and_then(|published| hashed.or_fault(published.tile(0, self.index)));
        if self.hashes_only {
            let hashes = hashed.leaves[2].clone();
            hashed.leaves = [hashes.clone(), hashes.clone(), hashes];
        } else {
            let bundle = published.and_then(|published| hashed.or_fault(published.bundle(self.index)));
            let same = matches!((&self.stored, &bundle), (Some(stored), Some((bytes, _))) if stored == bytes);
            hashed.leaves[0] = self.stored.map(|bytes| hashed.hash(&bytes));
            hashed.leaves[1] = bundle.and_then(|(bytes, width)| match tiles::decode_bundle(&bytes, width) {
                // The same bytes have the same hashes.
                Ok(_) if same => hashed.leaves[0].clone(),
                Ok(_) => Some(hashed.hash(&bytes)),
                Err(error) => {
                    let cause = format!("bundle {}: {error}", self.index);
                    hashed.faults.push(Fault::new(Code::BundleDiffers, cause).at(Position(first)));
                    None
                }
            });
        }
        hashed.roots();
        hashed
    }
}

impl HashedGroup {
    fn or_fault<T>(&mut self, read: Result<T, Fault>) -> Option<T> {
        read.map_err(|fault| self.faults.push(fault)).ok()
    }

    fn hash(&mut self, bytes: &[u8]) -> Vec<Hash> {
        let mut rest = bytes;
        let mut leaves = Vec::with_capacity(WIDTH as usize);
        while let Some((length, tail)) = rest.split_first_chunk::<2>() {
            let (entry, tail) = tail.split_at(usize::from(u16::from_be_bytes(*length)).min(tail.len()));
            leaves.push(leaf(entry));
            self.bytes += entry.len() as u64;
            rest = tail;
        }
        leaves
    }

    fn roots(&mut self) {
        for copy in 0..self.leaves.len() {
            let Some(leaves) = self.leaves[copy].as_ref().filter(|leaves| leaves.len() as u64 == WIDTH)
            else {
                continue;
            };
            let same = (0..copy).find(|other| self.leaves[*other].as_ref() == Some(leaves));
            self.roots[copy] = same.map_or_else(|| Some(tile_root(leaves)), |other| self.roots[other]);
        }
    }
}

/// Puts hashed groups together, in order.
pub struct Copies<'a> {
    hashed: Hashed,
    published: Option<&'a Published>,
    /// Roots of full tiles that wait for the tile above them, by level.
    above: Vec<Vec<Hash>>,
}

impl<'a> Copies<'a> {
    /// With the roots at these sizes kept.
    pub fn new(published: Option<&'a Published>, wanted: &[u64]) -> Self {
        let tree = || Tree::new(wanted.to_vec());
        let hashed = Hashed {
            stored: tree(),
            published: tree(),
            tiles: tree(),
            faults: Vec::new(),
            differs: Default::default(),
            bytes: 0,
        };
        Self { hashed, published, above: Vec::new() }
    }

    /// The next group.
    pub fn group(&mut self, group: HashedGroup) {
        let HashedGroup { index, hashes_only, leaves, roots, bytes, faults } = group;
        let first = index * WIDTH;
        faults.into_iter().for_each(|fault| self.fault(fault));
        self.hashed.bytes += bytes;
        if !hashes_only {
            self.compare(first, [leaves[0].as_deref(), leaves[1].as_deref(), leaves[2].as_deref()]);
        }
        let trees = [&mut self.hashed.stored, &mut self.hashed.published, &mut self.hashed.tiles];
        for ((tree, leaves), root) in trees.into_iter().zip(&leaves).zip(roots) {
            // A copy with a gap is not a tree any more: it stays short, and has no root at the size of a
            // head.
            if tree.size() == first
                && let Some(leaves) = leaves
            {
                tree.push_group(leaves, root);
            }
        }
        if let Some(root) = roots[2] {
            self.upper(0, index, root);
        }
    }

    fn fault(&mut self, fault: Fault) {
        // One fault of a kind is enough to know that the copy is bad; the first one is named.
        if !self.hashed.faults.iter().any(|known| known.code == fault.code) {
            self.hashed.faults.push(fault);
        }
    }

    fn compare(&mut self, first: u64, [stored, published, tiles]: [Option<&[Hash]>; 3]) {
        let pairs = [(stored, published), (stored, tiles), (published, tiles)];
        for (differs, pair) in self.hashed.differs.iter_mut().zip(pairs) {
            let (Some(one), Some(other)) = pair else { continue };
            let at = one.iter().zip(other).position(|(one, other)| one != other);
            if let Some(at) = at {
                differs.at(first + at as u64);
            }
        }
    }

    /// Checks that the tiles above are made from those below: this one is full, and has this root.
    fn upper(&mut self, level: u32, index: u64, root: Hash) {
        if level + 1 >= MAX_LEVELS {
            return;
        }
        let depth = level as usize;
        if self.above.len() <= depth {
            self.above.push(Vec::new());
        }
        self.above[depth].push(root);
        let Some(published) = self.published else { return };
        let parent = index / WIDTH;
        let complete = tiles::width_of(level + 1, parent, published.size());
        if (self.above[depth].len() as u64) < complete {
            return;
        }
        let expected = std::mem::take(&mut self.above[depth]);
        match published.tile(level + 1, parent) {
            Ok(found) if found == expected => {}
            Ok(_) => {
                let cause = format!("tile {} of level {} is not made of those below", parent, level + 1);
                let at = Position((parent * WIDTH) << (8 * (level + 1)));
                self.fault(Fault::new(Code::TileDiffers, cause).at(at));
            }
            Err(fault) => self.fault(fault),
        }
        if expected.len() as u64 == WIDTH {
            self.upper(level + 1, parent, tile_root(&expected));
        }
    }

    /// What was found.
    pub fn finish(self) -> Hashed {
        self.hashed
    }
}

impl Hashed {
    /// The copy that has this root at this size.
    pub fn right(&self, size: u64, root: &Hash) -> Option<Copy3> {
        let trees =
            [(Copy3::Stored, &self.stored), (Copy3::Tiles, &self.tiles), (Copy3::Published, &self.published)];
        trees.into_iter().find(|(_, tree)| tree.root_at(size) == Some(root)).map(|(copy, _)| copy)
    }

    /// The tree of a copy.
    pub fn tree(&self, copy: Copy3) -> &Tree {
        match copy {
            Copy3::Stored => &self.stored,
            Copy3::Published => &self.published,
            Copy3::Tiles => &self.tiles,
        }
    }

    /// Where two copies first differ.
    pub fn first_difference(&self, one: Copy3, other: Copy3) -> Option<u64> {
        match (one, other) {
            (Copy3::Stored, Copy3::Published) | (Copy3::Published, Copy3::Stored) => self.differs[0].0,
            (Copy3::Stored, Copy3::Tiles) | (Copy3::Tiles, Copy3::Stored) => self.differs[1].0,
            (Copy3::Published, Copy3::Tiles) | (Copy3::Tiles, Copy3::Published) => self.differs[2].0,
            (Copy3::Stored, Copy3::Stored)
            | (Copy3::Published, Copy3::Published)
            | (Copy3::Tiles, Copy3::Tiles) => None,
        }
    }
}

/// A copy of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Copy3 {
    /// Entries of the store.
    Stored,
    /// Published entries.
    Published,
    /// Published hashes.
    Tiles,
}
