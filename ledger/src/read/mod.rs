//! Questions to a ledger. One [`View`] is one instant: whatever an answer joins, it joins as of one position of the
//! log, while others append.

mod candidates;
mod events;
mod routes;
mod targets;
mod what_if;

pub use candidates::{Candidate, NotRestorableReason, SameAs, Verdict};
pub use events::{EventFilter, EventView, PrivateView};
pub use routes::Routes;
pub use what_if::PastRollback;

use crate::defect::{Defect, planted};
use crate::ids::{LedgerId, Position};
use crate::log::{EventLog, LogError, Rows};
use crate::projection::{States, read};

/// A ledger as of one position of its log.
pub struct View<'a> {
    ledger: LedgerId,
    rows: &'a dyn Rows,
    log: &'a dyn EventLog,
    /// States that are already decoded.
    states: &'a States,
    at: Position,
    /// A newer haloy has it: its entries are shown, and its rows are not read.
    newer: Option<&'a LogError>,
}

impl<'a> View<'a> {
    /// Of rows of a ledger, and of the log that they were folded from.
    ///
    /// # Errors
    /// If the rows do not say how far they were folded.
    pub fn of(
        ledger: LedgerId,
        rows: &'a dyn Rows,
        log: &'a dyn EventLog,
        states: &'a States,
    ) -> Result<Self, LogError> {
        Ok(Self { ledger, rows, log, states, at: read::folded(rows)?, newer: None })
    }

    /// Of a log alone, whose rows were written by a newer program.
    pub(crate) fn of_entries(
        ledger: LedgerId,
        (rows, log): (&'a dyn Rows, &'a dyn EventLog),
        states: &'a States,
        newer: &'a LogError,
    ) -> Self {
        Self { ledger, rows, log, states, at: log.head().next, newer: Some(newer) }
    }

    /// The ledger.
    pub fn ledger(&self) -> LedgerId {
        self.ledger
    }

    /// Why nothing but entries is read: a newer haloy has the ledger.
    pub fn newer(&self) -> Option<&LogError> {
        self.newer
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
