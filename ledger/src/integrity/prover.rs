//! Makes proofs from the published files alone: without the store, and without a lock.

use super::code::{Code, Fault};
use super::hash::Hash;
use super::proof::{self, Hashes};
use super::tiles::{self, WIDTH};
use super::verify::published::Published;
use crate::ids::Position;
use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;

/// A published tree to prove things about.
pub struct Prover {
    published: Published,
    tiles: RefCell<HashMap<(u32, u64), Vec<Hash>>>,
}

impl Hashes for Prover {
    type Error = Fault;

    fn hash(&self, level: u32, index: u64) -> Result<Hash, Fault> {
        let key = (level, index / WIDTH);
        let mut tiles = self.tiles.borrow_mut();
        let tile = match tiles.entry(key) {
            std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::hash_map::Entry::Vacant(new) => new.insert(self.published.tile(key.0, key.1)?),
        };
        let found = usize::try_from(index % WIDTH).ok().and_then(|at| tile.get(at)).copied();
        found.ok_or_else(|| Fault::new(Code::TileDiffers, format!("level {level} has no hash {index}")))
    }
}

impl Prover {
    /// Of a tree of this size.
    pub fn new(folder: &Path, size: u64) -> Self {
        Self { published: Published::new(folder, size), tiles: RefCell::default() }
    }

    /// An entry, and the hashes that lead from it to the root.
    pub fn prove(&self, position: u64) -> Result<(Vec<u8>, Vec<Hash>), Fault> {
        let size = self.published.size();
        if position >= size {
            let cause = format!("{size} entries are published");
            return Err(Fault::new(Code::LogShorter, cause).at(Position(position)));
        }
        let (bytes, width) = self.published.bundle(position / WIDTH)?;
        let bad = |cause: String| Fault::new(Code::BundleDiffers, cause).at(Position(position));
        let entries = tiles::decode_bundle(&bytes, width).map_err(|error| bad(error.to_string()))?;
        let entry = usize::try_from(position % WIDTH).ok().and_then(|at| entries.get(at).copied());
        let entry = entry.ok_or_else(|| bad("the entry is missing".to_owned()))?.to_vec();
        Ok((entry, proof::inclusion(self, position, size)?))
    }
}
