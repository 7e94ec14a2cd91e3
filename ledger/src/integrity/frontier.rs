//! The right edge of the tree: all that is needed to append leaves and to know the root.

use super::hash::{self, Hash};

/// Roots of the perfect subtrees that a tree consists of, the largest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

impl Frontier {
    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf.
    pub fn push(&mut self, leaf: Hash) {
        self.push_subtree(leaf, 0);
    }

    /// Appends a perfect subtree of `2^height` leaves.
    ///
    /// # Panics
    /// If the tree so far does not end where such a subtree begins: broken logic.
    pub fn push_subtree(&mut self, root: Hash, height: u32) {
        assert_eq!(self.size & ((1 << height) - 1), 0, "a subtree begins at a multiple of its size");
        let mut hash = root;
        let mut carried = self.size >> height;
        // As in binary addition: two subtrees of one size are one of twice the size.
        while carried & 1 == 1 {
            let left = self.peaks.pop().unwrap_or_else(hash::empty);
            hash = hash::node(&left, &hash);
            carried >>= 1;
        }
        self.peaks.push(hash);
        self.size += 1 << height;
    }

    /// Root of the tree.
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        let Some(last) = peaks.next() else { return hash::empty() };
        peaks.fold(*last, |right, left| hash::node(left, &right))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The eight classic leaves, and the roots over the first so many of them (RFC 6962 test data).
    const ROOTS: [(usize, &str); 5] = [
        (0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        (2, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
        (3, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
        (4, "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"),
        (8, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"),
    ];

    pub(crate) fn classic_leaves() -> Vec<Vec<u8>> {
        vec![
            vec![],
            vec![0x00],
            vec![0x10],
            vec![0x20, 0x21],
            vec![0x30, 0x31],
            vec![0x40, 0x41, 0x42, 0x43],
            (0x50..=0x57).collect(),
            (0x60..=0x6f).collect(),
        ]
    }

    #[test]
    fn roots_are_those_of_the_rfc() {
        let leaves = classic_leaves();
        for (size, root) in ROOTS {
            let mut frontier = Frontier::default();
            leaves[..size].iter().for_each(|entry| frontier.push(hash::leaf(entry)));
            assert_eq!(hex::encode(frontier.root()), root, "size {size}");
        }
    }

    #[test]
    fn subtrees_give_the_same_tree_as_their_leaves() {
        let leaf = |number: u64| hash::leaf(&number.to_be_bytes());
        let mut by_leaves = Frontier::default();
        (0..11).for_each(|number| by_leaves.push(leaf(number)));
        let mut four = Frontier::default();
        (0..4).for_each(|number| four.push(leaf(number)));
        let mut by_subtrees = Frontier::default();
        by_subtrees.push_subtree(four.root(), 2);
        (4..11).for_each(|number| by_subtrees.push(leaf(number)));
        assert_eq!(by_subtrees, by_leaves);
    }
}
