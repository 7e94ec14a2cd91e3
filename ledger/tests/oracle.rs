//! Roots and proofs against an implementation of RFC 6962 that shares no line with this project: both
//! make the same ones, and both believe and refuse the same ones.

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use ct_merkle::{
    ConsistencyProof, InclusionProof, RootHash, indices_for_consistency_proof, indices_for_inclusion_proof,
};
use haloy_ledger::integrity::check;
use haloy_ledger::integrity::frontier::Frontier;
use haloy_ledger::integrity::hash::{self, Hash, leaf, node};
use haloy_ledger::integrity::proof::{self, Hashes};
use sha2::Sha256;
use std::convert::Infallible;

type Theirs = MemoryBackedTree<Sha256, Vec<u8>>;

/// Entries of different lengths; the first is empty.
fn entry(index: u64) -> Vec<u8> {
    index.to_be_bytes().repeat(4)[..usize::try_from(index % 25).expect("small")].to_vec()
}

/// The same log twice: the reference implementation's, and this project's.
#[derive(Default)]
struct Both {
    theirs: Theirs,
    frontier: Frontier,
    /// Roots over 256^level leaves each, as tiles hold them.
    levels: [Vec<Hash>; 3],
}

impl Hashes for Both {
    type Error = Infallible;
    fn hash(&self, level: u32, index: u64) -> Result<Hash, Infallible> {
        let at = |number: u64| usize::try_from(number).expect("small");
        Ok(self.levels[at(level.into())][at(index)])
    }
}

impl Both {
    fn grow_to(&mut self, size: u64) {
        for index in self.frontier.size()..size {
            self.theirs.push(entry(index));
            self.levels[0].push(leaf(&entry(index)));
            self.frontier.push(leaf(&entry(index)));
            for level in 1..self.levels.len() {
                let below = &self.levels[level - 1];
                if below.len() == (self.levels[level].len() + 1) * 256 {
                    let mut subtree = Frontier::default();
                    below[below.len() - 256..].iter().for_each(|hash| subtree.push(*hash));
                    self.levels[level].push(subtree.root());
                }
            }
        }
    }

    fn root(&self) -> Hash {
        self.frontier.root()
    }
}

fn chunks(bytes: &[u8]) -> Vec<Hash> {
    let (hashes, rest) = bytes.as_chunks::<32>();
    assert!(rest.is_empty(), "whole hashes");
    hashes.to_vec()
}

fn their_root(root: &Hash, size: u64) -> RootHash<Sha256> {
    RootHash::new((*root).into(), size)
}

/// Whether both accept that the entry is in the tree.
fn included(entry: &Vec<u8>, index: u64, size: u64, root: &Hash, path: &[Hash]) -> bool {
    let ours = check::inclusion(&leaf(entry), index, size, root, path);
    let theirs = InclusionProof::try_from_bytes(path.concat()).expect("whole hashes");
    let theirs = their_root(root, size).verify_inclusion(entry, index, &theirs).is_ok();
    assert_eq!(ours, theirs, "index {index} of {size}, {} hashes", path.len());
    ours
}

/// Whether both believe that the one tree begins with the other.
fn consistent(old: (u64, &Hash), new: (u64, &Hash), path: &[Hash]) -> bool {
    let ours = check::consistency(old.0, old.1, new.0, new.1, path);
    let theirs = ConsistencyProof::try_from_bytes(path.concat()).expect("whole hashes");
    let theirs = their_root(new.1, new.0).verify_consistency(&their_root(old.1, old.0), &theirs).is_ok();
    assert_eq!(ours, theirs, "{} to {}, {} hashes", old.0, new.0, path.len());
    ours
}

/// A path with one thing wrong, each in turn.
fn changed(path: &[Hash]) -> impl Iterator<Item = Vec<Hash>> + '_ {
    let one_bit = (0..path.len()).map(|at| {
        let mut other = path.to_vec();
        other[at][at % 32] ^= 1 << (at % 8);
        other
    });
    let one_less = (0..path.len()).map(|at| [&path[..at], &path[at + 1..]].concat());
    let swapped = (1..path.len()).map(|at| {
        let mut other = path.to_vec();
        other.swap(at - 1, at);
        other
    });
    let twice = path.iter().map(move |hash| [path, &[*hash]].concat());
    let longer = [[path, &[[0; 32]]].concat(), [&[[0; 32]], path].concat()];
    one_bit.chain(one_less).chain(swapped).chain(twice).chain(longer)
}

/// All sizes that are tried one by one; the larger ones are around the first hash of level 2.
const SMALL: u64 = 300;
const LARGE: [u64; 6] = [65_535, 65_536, 65_537, 65_792, 65_793, 66_000];

#[test]
fn roots_are_theirs() {
    let mut both = Both::default();
    for size in (0..=SMALL).chain([511, 512, 513, 1023, 1025]).chain(LARGE) {
        both.grow_to(size);
        assert_eq!(both.root()[..], both.theirs.root().as_bytes()[..], "size {size}");
        let Ok(from_tiles) = proof::root(&both, 0, size);
        assert_eq!(from_tiles, both.root(), "from tiles, size {size}");
    }
    assert_eq!(both.theirs.len(), 66_000);
    assert_eq!(hash::empty()[..], Theirs::new().root().as_bytes()[..]);
}

fn check_inclusion(both: &Both, index: u64, thorough: bool) {
    let (size, root) = (both.frontier.size(), both.root());
    let Ok(ours) = proof::inclusion(both, index, size);
    let theirs = chunks(both.theirs.prove_inclusion(usize::try_from(index).expect("small")).as_bytes());
    assert_eq!(ours, theirs, "index {index} of {size}");
    assert!(included(&entry(index), index, size, &root, &ours), "index {index} of {size}");
    if !thorough {
        return;
    }
    for other in changed(&ours) {
        assert!(!included(&entry(index), index, size, &root, &other), "a change of {index} of {size}");
    }
    assert!(!included(&b"another".to_vec(), index, size, &root, &ours), "another entry at {index} of {size}");
    let mut other = root;
    other[31] ^= 0x80;
    assert!(!included(&entry(index), index, size, &other, &ours), "another root, {index} of {size}");
    assert!(!included(&entry(index), index ^ 1, size, &root, &ours), "another index, {index} of {size}");
    // A path may fit a tree of another size, too; then it must for both.
    for other in [size - 1, size + 1, 2 * size, 0] {
        included(&entry(index), index, other, &root, &ours);
    }
}

#[test]
fn proofs_of_inclusion_are_theirs_and_both_refuse_the_same() {
    let mut both = Both::default();
    for size in 1..=SMALL {
        both.grow_to(size);
        for index in 0..size {
            check_inclusion(&both, index, size <= 40 || (index + size) % 17 == 0);
        }
    }
    for size in LARGE {
        both.grow_to(size);
        for index in [0, 1, 255, 256, 32_767, 32_768, 65_279, 65_534, size - 2, size - 1] {
            check_inclusion(&both, index, true);
        }
    }
}

fn check_consistency(both: &Both, (old, old_root): (u64, &Hash), thorough: bool) {
    let (new, new_root) = (both.frontier.size(), both.root());
    let Ok(ours) = proof::consistency(both, old, new);
    let added = usize::try_from(new - old).expect("small");
    let theirs = chunks(both.theirs.prove_consistency(added).as_bytes());
    assert_eq!(ours, theirs, "{old} to {new}");
    assert!(consistent((old, old_root), (new, &new_root), &ours), "{old} to {new}");
    if !thorough {
        return;
    }
    for other in changed(&ours) {
        assert!(!consistent((old, old_root), (new, &new_root), &other), "a change of {old} to {new}");
    }
    let other = [9; 32];
    assert!(!consistent((old, &other), (new, &new_root), &ours), "another old root, {old} to {new}");
    assert!(!consistent((old, old_root), (new, &other), &ours), "another new root, {old} to {new}");
    assert!(old == new || !consistent((old, &new_root), (new, old_root), &ours), "roots swapped");
    assert!(old == new || !consistent((new, &new_root), (old, old_root), &ours), "trees swapped");
    // Sizes are part of what is signed; where a proof fits others, too, it must for both.
    for (old, new) in [(old + 1, new), (old, new + 1), (old - 1, new), (old, new - 1), (old, 2 * new)] {
        // Theirs has no proofs from the empty tree; ours has: the empty one.
        if old > 0 {
            consistent((old, old_root), (new, &new_root), &ours);
        }
    }
}

#[test]
fn proofs_of_consistency_are_theirs_and_both_refuse_the_same() {
    let mut both = Both::default();
    let mut roots = vec![both.root()];
    for size in 1..=SMALL {
        both.grow_to(size);
        roots.push(both.root());
        for (old, root) in (0..).zip(&roots).skip(1) {
            check_consistency(&both, (old, root), size <= 40 || (old + size) % 17 == 0);
        }
        assert!(check::consistency(0, &roots[0], size, &both.root(), &[]), "0 to {size}");
    }
    for size in LARGE {
        both.grow_to(size);
        for old in [1, 2, 255, 256, 257, 32_768, 65_279, 65_535, size - 1, size] {
            let Ok(root) = proof::root(&both, 0, old);
            check_consistency(&both, (old, &root), true);
        }
    }
}

/// Largest power of two below `count`.
fn split(count: u64) -> u64 {
    count.next_power_of_two() / 2
}

/// Root that a path leads to, word for word as RFC 6962 defines paths: from the root down.
fn led_to(leaf: Hash, index: u64, size: u64, path: &[Hash]) -> Hash {
    let Some((top, below)) = path.split_last() else { return leaf };
    let left = split(size);
    if index < left {
        node(&led_to(leaf, index, left, below), top)
    } else {
        node(top, &led_to(leaf, index - left, size - left, below))
    }
}

/// Both roots that a proof of consistency leads to, likewise; `start` is the old root where it is one of
/// the new tree's nodes.
fn led_to_both(start: Hash, old: u64, new: u64, path: &[Hash], whole: bool) -> (Hash, Hash) {
    if old == new {
        let hash = if whole { start } else { path[0] };
        return (hash, hash);
    }
    let (top, below) = path.split_last().expect("a hash for each level");
    let left = split(new);
    if old <= left {
        let (of_old, of_new) = led_to_both(start, old, left, below, whole);
        (of_old, node(&of_new, top))
    } else {
        let (of_old, of_new) = led_to_both(start, old - left, new - left, below, false);
        (node(top, &of_old), node(top, &of_new))
    }
}

/// No real log has such a size, but proofs of it can be made up from the root down.
#[test]
fn proofs_of_trees_up_to_the_largest_are_believed_by_both() {
    let made_up =
        |count: usize| (0..count).map(|at| [u8::try_from(at).expect("few"); 32]).collect::<Vec<_>>();
    let largest = i64::MAX as u64;
    let sizes =
        (17..63).flat_map(|bits| [(1 << bits) - 1, 1 << bits, (1 << bits) + 1, (1 << bits) + (1 << 16)]);
    for size in sizes.chain([largest - 1, largest]) {
        for place in [0, 1, size / 3, size / 2, size - size / 5, size - 2, size - 1] {
            let path = made_up(indices_for_inclusion_proof(size, place).len());
            let root = led_to(leaf(&entry(place)), place, size, &path);
            assert!(included(&entry(place), place, size, &root, &path), "{place} of {size}");
            for other in changed(&path) {
                assert!(
                    !included(&entry(place), place, size, &root, &other),
                    "a change of {place} of {size}"
                );
            }

            let old = place + 1;
            let path = made_up(indices_for_consistency_proof(old, size - old).len());
            let (old_root, new_root) = led_to_both([0xee; 32], old, size, &path, true);
            if path.len() > check::MAX_HASHES {
                // Only of more than 2^62 leaves, and witnesses (C2SP tlog-witness) take no such proof, either.
                assert!(size > 1 << 62, "{old} to {size}");
                assert!(!check::consistency(old, &old_root, size, &new_root, &path), "{old} to {size}");
                continue;
            }
            assert!(consistent((old, &old_root), (size, &new_root), &path), "{old} to {size}");
            for other in changed(&path).filter(|other| other.len() <= check::MAX_HASHES) {
                assert!(
                    !consistent((old, &old_root), (size, &new_root), &other),
                    "a change of {old} to {size}"
                );
            }
        }
    }
}
