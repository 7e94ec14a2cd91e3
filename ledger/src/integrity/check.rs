//! Checking proofs (RFC 9162, 2.1.3.2 and 2.1.4.2). Written for those who believe nothing: it shares
//! no code with what makes proofs, and every length is checked.

use super::hash::{Hash, node};

/// Most hashes of a proof: a tree of 2^63 leaves is 63 levels high. Consistency of more than 2^62 leaves
/// could take one more; C2SP's witnesses take 63 there, too.
pub const MAX_HASHES: usize = 63;
/// Most leaves of a tree: sizes are signed numbers in many programs.
pub const MAX_SIZE: u64 = i64::MAX as u64;

/// Whether `leaf` is the one at `index` of the tree with this root. Size and root must come from a signed
/// head: alone, a path may fit trees of two sizes.
pub fn inclusion(leaf: &Hash, index: u64, size: u64, root: &Hash, path: &[Hash]) -> bool {
    if index >= size || size > MAX_SIZE || path.len() > MAX_HASHES {
        return false;
    }
    let (mut number, mut last) = (index, size - 1);
    let mut hash = *leaf;
    for sibling in path {
        if last == 0 {
            return false;
        }
        if number & 1 == 1 || number == last {
            hash = node(sibling, &hash);
            while number & 1 == 0 && number != 0 {
                number >>= 1;
                last >>= 1;
            }
        } else {
            hash = node(&hash, sibling);
        }
        number >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

/// Whether the tree of `new` leaves begins with that of `old` leaves.
pub fn consistency(old: u64, old_root: &Hash, new: u64, new_root: &Hash, path: &[Hash]) -> bool {
    if old > new || new > MAX_SIZE || path.len() > MAX_HASHES {
        return false;
    }
    if old == new {
        return path.is_empty() && old_root == new_root;
    }
    if old == 0 {
        return path.is_empty() && *old_root == super::hash::empty();
    }
    // A whole subtree is its own start: its root is not repeated in the proof.
    let mut steps = path.iter();
    let first = if old.is_power_of_two() {
        old_root
    } else {
        match steps.next() {
            Some(first) => first,
            None => return false,
        }
    };
    let (mut number, mut last) = (old - 1, new - 1);
    while number & 1 == 1 {
        number >>= 1;
        last >>= 1;
    }
    let (mut of_old, mut of_new) = (*first, *first);
    for hash in steps {
        if last == 0 {
            return false;
        }
        if number & 1 == 1 || number == last {
            of_old = node(hash, &of_old);
            of_new = node(hash, &of_new);
            while number & 1 == 0 && number != 0 {
                number >>= 1;
                last >>= 1;
            }
        } else {
            of_new = node(&of_new, hash);
        }
        number >>= 1;
        last >>= 1;
    }
    last == 0 && of_old == *old_root && of_new == *new_root
}

#[cfg(test)]
mod tests {
    use super::super::hash::{self, leaf};
    use super::super::proof::{self, Hashes};
    use super::*;

    struct Leaves(u64);

    impl Hashes for Leaves {
        type Error = std::convert::Infallible;
        fn hash(&self, level: u32, index: u64) -> Result<Hash, Self::Error> {
            if level == 0 {
                assert!(index < self.0, "a leaf that is there");
                return Ok(leaf(&index.to_be_bytes()));
            }
            let from = index << (8 * level);
            let middle = from + (1 << (8 * level - 1));
            let to = from + (1 << (8 * level));
            Ok(hash::node(&proof::root(self, from, middle)?, &proof::root(self, middle, to)?))
        }
    }

    #[test]
    fn every_proof_of_small_trees_holds_and_no_other_does() {
        for size in 1..40 {
            let leaves = Leaves(size);
            let Ok(root) = proof::root(&leaves, 0, size);
            for index in 0..size {
                let Ok(path) = proof::inclusion(&leaves, index, size);
                let leaf = leaf(&index.to_be_bytes());
                assert!(inclusion(&leaf, index, size, &root, &path), "{index} of {size}");
                assert!(!inclusion(&leaf, index + 1, size, &root, &path), "another index");
                let longer = [&path[..], &[[0; 32]]].concat();
                assert!(!inclusion(&leaf, index, size, &root, &longer), "one hash more");
                for at in 0..path.len() {
                    let mut other = path.clone();
                    other[at][0] ^= 1;
                    assert!(!inclusion(&leaf, index, size, &root, &other), "a hash changed");
                    other.remove(at);
                    assert!(!inclusion(&leaf, index, size, &root, &other), "a hash less");
                }
            }
            for old in 0..=size {
                let Ok(path) = proof::consistency(&leaves, old, size);
                let Ok(old_root) = proof::root(&leaves, 0, old);
                assert!(consistency(old, &old_root, size, &root, &path), "{old} of {size}");
                assert!(!consistency(old, &[1; 32], size, &root, &path), "another old root");
                // Every log begins with the empty one.
                assert!(old == 0 || !consistency(old, &old_root, size, &[1; 32], &path), "another new root");
                assert!(
                    !consistency(old, &old_root, size, &root, &[&path[..], &[[0; 32]]].concat()),
                    "longer"
                );
            }
        }
    }

    #[test]
    fn trees_over_more_than_one_tile() {
        let leaves = Leaves(70_000);
        let Ok(root) = proof::root(&leaves, 0, 70_000);
        for index in [0, 255, 256, 65_535, 65_536, 69_999] {
            let Ok(path) = proof::inclusion(&leaves, index, 70_000);
            assert!(inclusion(&leaf(&index.to_be_bytes()), index, 70_000, &root, &path), "{index}");
        }
        for old in [1, 256, 300, 65_536, 69_999] {
            let Ok(path) = proof::consistency(&leaves, old, 70_000);
            let Ok(old_root) = proof::root(&leaves, 0, old);
            assert!(consistency(old, &old_root, 70_000, &root, &path), "{old}");
        }
    }

    #[test]
    fn sizes_that_no_log_has_are_refused() {
        for size in [0, 1 << 63, u64::MAX] {
            assert!(!inclusion(&[0; 32], 0, size, &[1; 32], &[]), "{size}");
            assert!(!inclusion(&[0; 32], u64::MAX, size, &[1; 32], &[[0; 32]; 64]), "{size}");
            assert!(!consistency(size, &[0; 32], u64::MAX, &[1; 32], &[[0; 32]; 64]), "{size}");
        }
        assert!(!consistency(3, &[0; 32], 2, &[0; 32], &[]));
    }
}
