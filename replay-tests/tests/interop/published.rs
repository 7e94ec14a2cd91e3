//! A log as it is published.

use haloy_ledger::integrity::checkpoint::TreeHead;
use haloy_ledger::integrity::frontier::Frontier;
use haloy_ledger::integrity::hash::{Hash, leaf};
use haloy_ledger::integrity::note::Signer;
use haloy_ledger::integrity::proof::{self, Hashes};
use haloy_ledger::integrity::proof_text::Proof;
use haloy_ledger::integrity::tiles::{MAX_LEVELS, Tile, WIDTH, push_entry, width_of};
use std::convert::Infallible;
use std::path::Path;

/// Name of the log, and of its key.
pub const NAME: &str = "log.example/interop";

/// A log with entries that are made up.
pub struct Log {
    entry: fn(u64) -> Vec<u8>,
    signer: Signer,
    frontier: Frontier,
    /// Hashes of each level of tiles.
    levels: Vec<Vec<Hash>>,
}

/// Entries of all lengths: none, a few bytes, and the longest that the log takes.
fn entry(index: u64) -> Vec<u8> {
    match index {
        3 => Vec::new(),
        5 => vec![5; haloy_ledger::log::MAX_ENTRY_BYTES],
        _more => {
            format!("entry {index}, ").repeat(1 + usize::try_from(index % 7).expect("small")).into_bytes()
        }
    }
}

fn other_entry(index: u64) -> Vec<u8> {
    if index == 0 { b"this one is another".to_vec() } else { entry(index) }
}

impl Hashes for Log {
    type Error = Infallible;
    fn hash(&self, level: u32, index: u64) -> Result<Hash, Infallible> {
        Ok(self.level(level)[usize::try_from(index).expect("small")])
    }
}

impl Log {
    pub fn new(size: u64) -> Self {
        Self::with(size, entry)
    }

    /// A log of the same name and key, in which the first entry is another.
    pub fn other(size: u64) -> Self {
        Self::with(size, other_entry)
    }

    fn with(size: u64, entry: fn(u64) -> Vec<u8>) -> Self {
        let signer = Signer::new(NAME, &[7; 32]);
        let (mut frontier, mut levels) = (Frontier::default(), vec![Vec::new()]);
        for index in 0..size {
            let leaf = leaf(&entry(index));
            frontier.push(leaf);
            levels[0].push(leaf);
        }
        for level in 1..MAX_LEVELS {
            let below = &levels[level as usize - 1];
            let subtree = |hashes: &[Hash]| {
                let mut subtree = Frontier::default();
                hashes.iter().for_each(|hash| subtree.push(*hash));
                subtree.root()
            };
            let hashes = below.chunks_exact(WIDTH as usize).map(subtree).collect();
            levels.push(hashes);
        }
        Self { entry, signer, frontier, levels }
    }

    fn level(&self, level: u32) -> &[Hash] {
        &self.levels[level as usize]
    }

    pub fn root(&self) -> Hash {
        self.frontier.root()
    }

    /// The public key, as verifiers take it.
    pub fn key(&self) -> String {
        self.signer.verifier().to_string()
    }

    /// The signed head.
    pub fn checkpoint(&self) -> String {
        self.head_of(self.frontier.size(), self.root())
    }

    /// A signed head, true or not.
    pub fn head_of(&self, size: u64, root: Hash) -> String {
        TreeHead { origin: NAME.to_owned(), size, root }.sign(std::slice::from_ref(&self.signer))
    }

    pub fn proof(&self, index: u64) -> Proof {
        let Ok(path) = proof::inclusion(self, index, self.frontier.size());
        Proof { entry: Some((self.entry)(index)), index, path, checkpoint: self.checkpoint() }
    }

    /// Writes everything that is published: bundles, tiles, and the checkpoint last.
    pub fn publish(&self, folder: &Path) {
        let write = |path: &str, bytes: &[u8]| {
            let path = folder.join(path);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            std::fs::write(path, bytes).expect("written");
        };
        for level in 0..MAX_LEVELS {
            for (index, hashes) in (0..).zip(self.level(level).chunks(WIDTH as usize)) {
                let width = width_of(level, index, self.frontier.size());
                assert_eq!(width, hashes.len() as u64, "tile {index} of level {level}");
                write(&Tile::Hashes { level, index }.path(width), hashes.as_flattened());
                if level == 0 {
                    let mut bundle = Vec::new();
                    let first = index * WIDTH;
                    (first..first + width)
                        .try_for_each(|index| push_entry(&mut bundle, &(self.entry)(index)))
                        .expect("short");
                    write(&Tile::Entries { index }.path(width), &bundle);
                }
            }
        }
        write("checkpoint", self.checkpoint().as_bytes());
    }
}
