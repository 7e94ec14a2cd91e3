//! The row of the edge.

use super::target_row::none;
use crate::edge::EdgeState;
use crate::ids::Revision;
use serde::{Deserialize, Serialize};

/// The state of the edge and the revision of its stream that it is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EdgeRow {
    /// Revision of the last event folded.
    pub revision: Revision,
    /// Revision of the event that the last mark was put for; 0 where there is none.
    #[serde(default, skip_serializing_if = "none")]
    pub marked: Revision,
    /// The state.
    pub state: EdgeState,
}
