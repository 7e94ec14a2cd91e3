//! Proofs as numbers and hashes, as callers may pass them.

use crate::any_bytes::{ENTRIES, leaves};
use crate::samples;
use haloy_ledger::integrity::check::{self, MAX_HASHES};
use haloy_ledger::integrity::frontier::Frontier;
use haloy_ledger::integrity::hash::{Hash, empty};
use haloy_ledger::integrity::proof::{self, Hashes};
use std::convert::Infallible;

fn root_of(size: u64) -> Hash {
    let mut frontier = Frontier::default();
    leaves()[..usize::try_from(size).expect("small")].iter().for_each(|leaf| frontier.push(*leaf));
    frontier.root()
}

struct Leaves(Vec<Hash>);

impl Hashes for Leaves {
    type Error = Infallible;
    fn hash(&self, _level: u32, index: u64) -> Result<Hash, Infallible> {
        Ok(self.0[usize::try_from(index).expect("small")])
    }
}

fn consistency_of(old: u64, new: u64) -> Vec<Hash> {
    let Ok(path) = proof::consistency(&Leaves(leaves()), old, new);
    path
}

/// A path truncated, longer, in disorder, and with each bit flipped.
fn changed(path: &[Hash]) -> Vec<Vec<Hash>> {
    let mut all: Vec<Vec<Hash>> = (0..path.len()).map(|end| path[..end].to_vec()).collect();
    all.extend((1..path.len()).map(|from| path[from..].to_vec()));
    for more in [1, 2, MAX_HASHES - path.len(), MAX_HASHES + 1 - path.len(), 64, 65, 4096] {
        for hash in [[0; 32], empty(), path.first().copied().unwrap_or_default()] {
            all.push([path, &vec![hash; more]].concat());
            all.push([&vec![hash; more], path].concat());
        }
    }
    for (one, two) in (0..path.len()).flat_map(|one| (0..one).map(move |two| (one, two))) {
        let mut other = path.to_vec();
        other.swap(one, two);
        all.push(other);
    }
    let flipped = samples::flipped(path.as_flattened());
    all.extend(flipped.map(|bytes| bytes.as_chunks::<32>().0.to_vec()));
    all
}

const NO_SIZES: [u64; 5] = [1 << 63, (1 << 63) + 1, (1 << 63) + (1 << 62), u64::MAX - 1, u64::MAX];

#[test]
fn a_changed_path_of_inclusion_is_refused() {
    let (leaves, root) = (leaves(), root_of(ENTRIES));
    for index in 0..ENTRIES {
        let (leaf, path) = (leaves[usize::try_from(index).expect("small")], samples::path(index));
        assert!(check::inclusion(&leaf, index, ENTRIES, &root, &path), "{index}");
        for (number, other) in changed(&path).iter().enumerate() {
            assert!(!check::inclusion(&leaf, index, ENTRIES, &root, other), "{index}, change {number}");
        }
        for other in (0..ENTRIES).filter(|other| *other != index) {
            let other_leaf = leaves[usize::try_from(other).expect("small")];
            assert!(!check::inclusion(&leaf, other, ENTRIES, &root, &path), "{index} at {other}");
            assert!(!check::inclusion(&other_leaf, index, ENTRIES, &root, &path), "{other} at {index}");
        }
        for size in (0..ENTRIES).filter(|size| *size != ENTRIES) {
            assert!(!check::inclusion(&leaf, index, size, &root_of(size), &path), "{index} of {size}");
        }
        assert!(!check::inclusion(&root, index, ENTRIES, &leaf, &path), "leaf and root swapped");
        for size in NO_SIZES {
            assert!(!check::inclusion(&leaf, index, size, &root, &path), "{index} of {size}");
            assert!(!check::inclusion(&leaf, size, size, &root, &path), "behind the end of {size}");
            assert!(!check::inclusion(&leaf, size, ENTRIES, &root, &path), "{size} of {ENTRIES}");
        }
    }
}

/// A tree of one leaf more than a log can have: its last leaf has a path of one hash, which is right.
#[test]
fn a_tree_that_is_too_large_is_refused_even_where_its_path_fits() {
    use haloy_ledger::integrity::hash::node;
    let (left, right) = ([1; 32], [2; 32]);
    let root = node(&left, &right);
    let fits = |bits: u32| {
        let old = 1 << bits;
        let included = check::inclusion(&right, old, old + 1, &root, &[left]);
        let consistent = check::consistency(old, &left, old + 1, &root, &[right]);
        assert_eq!(included, consistent);
        included
    };
    assert!((0..63).all(fits), "the same of trees that a log can have");
    assert!(!fits(63));
    assert!(!check::consistency(u64::MAX, &root, u64::MAX, &root, &[]), "equal, and too large");
}

#[test]
fn a_changed_proof_of_consistency_is_refused() {
    for new in 1..=ENTRIES {
        for old in 1..=new {
            let (path, old_root, new_root) = (consistency_of(old, new), root_of(old), root_of(new));
            let holds = |path: &[Hash]| check::consistency(old, &old_root, new, &new_root, path);
            assert!(holds(&path), "{old} to {new}");
            for (number, other) in changed(&path).iter().enumerate() {
                assert!(!holds(other), "{old} to {new}, change {number}");
            }
            for other in (1..=ENTRIES).filter(|other| *other != old && *other != new) {
                let of_other = root_of(other);
                assert!(!check::consistency(other, &of_other, new, &new_root, &path), "{other} to {new}");
                assert!(!check::consistency(old, &old_root, other, &of_other, &path), "{old} to {other}");
                assert!(!check::consistency(old, &of_other, new, &new_root, &path), "a root of {other}");
                assert!(!check::consistency(old, &old_root, new, &of_other, &path), "to a root of {other}");
            }
            for size in NO_SIZES {
                assert!(!check::consistency(size, &old_root, new, &new_root, &path), "{size} to {new}");
                assert!(!check::consistency(old, &old_root, size, &new_root, &path), "{old} to {size}");
                assert!(!check::consistency(size, &old_root, size, &old_root, &path), "{size} to itself");
            }
        }
        assert!(!check::consistency(0, &root_of(1), new, &root_of(new), &[]), "a root of nothing");
        assert!(!check::consistency(0, &empty(), new, &root_of(new), &[[0; 32]]), "a proof of nothing");
    }
}
