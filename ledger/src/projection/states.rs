//! States of targets as decoded values, for those who read and decide: what was changed last, as it is under the
//! newest signed head.

use super::row_cache::KEPT;
use super::target_row::TargetRow;
use crate::ids::Position;
use crate::locks::{locked_to_read, locked_to_write};
use std::collections::HashMap;
use std::sync::{Arc, RwLock};

/// Most states that are kept, as many as the writer keeps for itself; beyond it all are dropped, and read from their
/// rows again.
pub const STATES_KEPT: usize = KEPT;

/// A state, and the event that its row was last put for.
pub(super) struct Fresh {
    pub key: Vec<u8>,
    pub put: Position,
    pub row: Arc<TargetRow>,
}

/// By the key of the row: the event that the row was last put for, and the state.
type ByKey = HashMap<Vec<u8>, (Position, Arc<TargetRow>)>;

/// Decoded states. Only the writer of the log adds to it, and only what is sealed: what is here is never older
/// than the row that readers find in the store.
#[derive(Default)]
pub struct States(RwLock<ByKey>);

impl States {
    /// The state under a key for a reader as of `at`; none where it is not kept, or changed since.
    pub(super) fn get(&self, key: &[u8], at: Position) -> Option<Arc<TargetRow>> {
        let states = locked_to_read(&self.0);
        states.get(key).filter(|(put, _)| *put < at).map(|(_, row)| Arc::clone(row))
    }

    /// Takes over what was sealed.
    pub(super) fn publish(&self, fresh: impl IntoIterator<Item = Fresh>) {
        let mut states = locked_to_write(&self.0);
        states.extend(fresh.into_iter().map(|Fresh { key, put, row }| (key, (put, row))));
        if states.len() > STATES_KEPT {
            states.clear();
        }
    }
}
