//! Questions to a ledger. One [`View`] is one instant: whatever an answer joins, it joins as of one position of the
//! log, while others append.

mod candidates;
mod events;
mod routes;
mod targets;
mod what_if;

pub use candidates::{Candidate, SameAs, Verdict, Why};
pub use events::{EventFilter, EventView, PrivateView};
pub use routes::Routes;
pub use what_if::PastRollback;

use crate::defect::{Defect, planted};
use crate::ids::Position;
use crate::log::{EventLog, LogError, Rows};
use crate::projection::{States, read};

/// A ledger as of one position of its log.
pub struct View<'a> {
    rows: &'a dyn Rows,
    log: &'a dyn EventLog,
    /// States that are decoded already.
    states: &'a States,
    at: Position,
    /// The rows are those of this program; a newer one's are not read.
    rows_count: bool,
}

impl<'a> View<'a> {
    /// Of rows, and of the log that they were folded from.
    ///
    /// # Errors
    /// If the rows do not say how far they were folded.
    pub fn of(rows: &'a dyn Rows, log: &'a dyn EventLog, states: &'a States) -> Result<Self, LogError> {
        Ok(Self { rows, log, states, at: read::folded(rows)?, rows_count: true })
    }

    /// Of a log alone, whose rows are a newer program's.
    pub(crate) fn of_entries(rows: &'a dyn Rows, log: &'a dyn EventLog, states: &'a States) -> Self {
        Self { rows, log, states, at: log.head().next, rows_count: false }
    }

    /// Position after the last event that it knows of.
    pub fn at(&self) -> Position {
        self.at
    }

    /// How many entries from a position on it may read, at most `limit`.
    fn below(&self, from: Position, limit: usize) -> usize {
        let left = self.at.0.saturating_sub(from.0);
        limit.min(usize::try_from(left).unwrap_or(usize::MAX))
    }

    /// Reads rows of this instant; with a defect planted, those of a later one.
    fn read<T>(&self, mut read: impl FnMut(&dyn Rows) -> T) -> Result<T, LogError> {
        if !planted(Defect::SecondSnapshot) {
            return Ok(read(self.rows));
        }
        let mut answer = None;
        self.log.read_rows(&mut |rows| answer = Some(read(rows)))?;
        Ok(answer.unwrap_or_else(|| read(self.rows)))
    }
}
