//! The tree again, written for checking: it shares nothing with the writer's but the hash.

use crate::integrity::hash::{self, Hash};
use crate::integrity::tiles::WIDTH;
use std::collections::BTreeMap;

/// Of a full tile: 256 leaves.
const TILE_HEIGHT: u32 = WIDTH.trailing_zeros();

/// Hashes leaves into a tree, and remembers its roots at some sizes.
pub struct Tree {
    size: u64,
    /// Complete subtrees from left to right: height and root.
    stack: Vec<(u32, Hash)>,
    wanted: Vec<u64>,
    roots: BTreeMap<u64, Hash>,
}

impl Tree {
    /// A tree whose roots at these sizes are wanted.
    pub fn new(wanted: Vec<u64>) -> Self {
        let mut tree = Self { size: 0, stack: Vec::new(), wanted, roots: BTreeMap::new() };
        tree.note();
        tree
    }

    /// Appends a leaf.
    pub fn push(&mut self, leaf: Hash) {
        self.push_subtree(0, leaf);
    }

    /// Appends a group of leaves; `root` is over all of them, where they are a full tile.
    pub fn push_group(&mut self, leaves: &[Hash], root: Option<Hash>) {
        let end = self.size + leaves.len() as u64;
        let within = self.wanted.iter().any(|size| (self.size + 1..end).contains(size));
        match root {
            Some(root) if !within && self.size.is_multiple_of(WIDTH) => self.push_subtree(TILE_HEIGHT, root),
            Some(_) | None => leaves.iter().for_each(|leaf| self.push(*leaf)),
        }
    }

    /// Appends the root of a complete subtree, where one of its height begins.
    fn push_subtree(&mut self, height: u32, root: Hash) {
        self.stack.push((height, root));
        while let [.., (left, a), (right, b)] = self.stack.as_slice()
            && left == right
        {
            let parent = (left + 1, hash::node(a, b));
            self.stack.truncate(self.stack.len() - 2);
            self.stack.push(parent);
        }
        self.size += 1 << height;
        self.note();
    }

    fn note(&mut self) {
        if self.wanted.contains(&self.size) {
            self.roots.insert(self.size, self.root());
        }
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Root of the tree so far.
    pub fn root(&self) -> Hash {
        let mut from_right = self.stack.iter().rev().map(|(_, hash)| *hash);
        let Some(last) = from_right.next() else { return hash::empty() };
        from_right.fold(last, |right, left| hash::node(&left, &right))
    }

    /// The root that it had at one of the wanted sizes.
    pub fn root_at(&self, size: u64) -> Option<&Hash> {
        self.roots.get(&size)
    }
}

/// Root over the hashes of a full tile.
pub fn tile_root(hashes: &[Hash]) -> Hash {
    match hashes {
        [] => hash::empty(),
        [one] => *one,
        more => {
            let (left, right) = more.split_at(more.len().next_power_of_two() / 2);
            hash::node(&tile_root(left), &tile_root(right))
        }
    }
}
