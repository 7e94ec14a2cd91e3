//! Sealing: after every group commit the tree grows, its head is signed and made durable outside of the
//! store, and only then is the append acknowledged.

use super::background::Background;
use super::checkpoint::TreeHead;
use super::frontier::Frontier;
use super::hash::leaf;
use super::heads::Heads;
use super::note::Signer;
use crate::ids::Position;
use crate::locks::{locked_to_read, locked_to_write};
use crate::log::{LogError, Published, Seal};
use std::sync::{Arc, RwLock};

/// The keys that sign: one, or during a rotation both. Whoever rotates changes them while heads are signed.
#[derive(Default)]
pub struct Signers(RwLock<Vec<Signer>>);

impl Signers {
    /// These keys, from the first head on.
    pub fn new(signers: Vec<Signer>) -> Self {
        Self(RwLock::new(signers))
    }

    /// Other keys, from the next head on.
    pub fn change(&self, signers: Vec<Signer>) {
        *locked_to_write(&self.0) = signers;
    }
}

/// Signs heads.
pub struct Sealer {
    origin: String,
    signers: Arc<Signers>,
    frontier: Frontier,
    heads: Heads,
    publisher: Arc<Background>,
}

impl Sealer {
    /// Goes on with a tree.
    pub fn new(
        origin: String,
        signers: Arc<Signers>,
        frontier: Frontier,
        heads: Heads,
        publisher: Arc<Background>,
    ) -> Self {
        Self { origin, signers, frontier, heads, publisher }
    }

    /// Signs the head of the tree as it is, and has it published.
    pub fn sign(&mut self) -> Result<(), LogError> {
        let head =
            TreeHead { origin: self.origin.clone(), size: self.frontier.size(), root: self.frontier.root() };
        let note = head.sign(&locked_to_read(&self.signers.0));
        self.heads
            .write(&note)
            .map_err(|error| LogError::Store(format!("the signed head could not be written: {error}")))?;
        self.publisher.head(head, note);
        Ok(())
    }
}

impl Seal for Sealer {
    fn seal(&mut self, first: Position, leaves: &[Vec<u8>]) -> Result<(), LogError> {
        if first.0 != self.frontier.size() {
            // A log that signs two histories is worth nothing: never sign what does not follow.
            let size = self.frontier.size();
            return Err(LogError::Store(format!("{first} does not follow the head of {size} entries")));
        }
        leaves.iter().for_each(|entry| self.frontier.push(leaf(entry)));
        self.sign()
    }

    fn when_published(&mut self, next: Position, done: Published) {
        self.publisher.wait(next.0, done);
    }
}
