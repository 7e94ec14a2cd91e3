//! The append log: its envelope, its contract and its ports.
//!
//! The log knows neither projections nor sealing. It defines the ports [`InBatch`] and [`Seal`];
//! `projection` and `integrity` implement them, `ledger` hands them to the writer.

mod batch;
pub mod bundle;
mod clock;
pub mod codec;
mod envelope;
mod error;
mod fjall;
mod identity;
pub mod keys;
mod memory;
mod overlay;
mod own_events;
mod ports;
#[cfg(test)]
mod properties;
#[cfg(test)]
pub(crate) mod samples;
mod sum;
pub mod upcast;
pub mod upgrade;

pub use clock::{BUILT, ClockPolicy};

pub use envelope::{Actor, Envelope, Head, NewEvent, Origin, Recorded, field as envelope_field};
pub use error::{AppendError, LogError, RowsError};
pub use fjall::{
    BUNDLE_AFTER, FjallLog, FjallOptions, FjallReader, FjallStore, OldStore, Rebuild, Scratch, ScratchRow,
    StoreCondition, finish_swap, panic_is_caught, standing, swap, sweep_scratch,
};
pub use identity::{ActorKind, Auth};
pub use memory::{MemoryLog, MemoryStore};
pub use overlay::{MapRows, Overlay};
pub use ports::{InBatch, PrivateRows, Published, Rows, RowsMut, Seal, Stored, Unsealed};
pub use sum::RowSum;

use crate::ids::{Position, Revision, StreamId};
use std::sync::Arc;

/// Largest encoded entry, in bytes; an entry bundle of tlog-tiles holds at most 65,535.
pub const MAX_ENTRY_BYTES: usize = 60 * 1024;
/// Format of the store that this program writes. A newer one is read, never written.
pub const FORMAT: u32 = 5;
/// Most events of one append.
pub const MAX_APPEND_EVENTS: usize = 1024;

/// What the caller expects of a stream before it appends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// The stream has no event yet.
    NoStream,
    /// The stream's last event has this revision.
    Revision(Revision),
    /// Any state.
    Any,
}

/// The events for one stream within one append.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamWrite {
    /// The stream.
    pub stream: StreamId,
    /// Expected state.
    pub expected: Expected,
    /// At least one event.
    pub events: Vec<NewEvent>,
}

/// Makes an append happen at most once. Kept for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// Unique within the ledger: scope, then the user's key.
    pub key: String,
    /// BLAKE3 of the command: the same key with another command is an error.
    pub command_digest: [u8; 32],
}

/// How far an append must have come before it is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// On disk: written and fsynced.
    Durable,
    /// Read back, hashed, and under a signed head. With [`Unsealed`], the same as durable.
    Sealed,
    /// In the static files. With [`Unsealed`], the same as durable.
    Published,
}

/// What an append did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// Position of its first event.
    pub first: Position,
    /// Position after its last event.
    pub next: Position,
    /// The idempotency key was known: nothing was appended now, `first` is that of the first time.
    pub repeated: bool,
}

/// Called once with the result of an append, on the writer's thread: do little, never block.
pub type Done = Box<dyn FnOnce(Result<Appended, AppendError>) + Send>;

/// Where the log stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogHead {
    /// Position of the next event = number of events.
    pub next: Position,
    /// Recorded time and wall clock of the last event.
    pub last: Option<(crate::ids::Timestamp, crate::ids::Timestamp)>,
}

/// Called with how many of how many events were looked at, while a ledger of an older haloy is brought up to date.
pub type Progress = Arc<dyn Fn(u64, u64) + Send + Sync>;

/// Progress that nobody receives.
pub fn no_progress() -> Progress {
    Arc::new(|_, _| {})
}

/// The append log.
///
/// # Contract
/// - An append is atomic over all its writes, durable when acknowledged, and never torn.
/// - Positions are dense from 0, revisions dense from 0 per stream.
/// - A conflict of expected revision or idempotency key fails that append alone.
/// - Recorded time is `max(previous + 1 ns, now)`, whatever the clock does.
/// - Reads see whole appends only, and every acknowledged one.
/// - After a failed persist nothing more is acknowledged: every later append fails.
pub trait EventLog: Send + Sync {
    /// Hands the writes to the writer; `done` is called once when `stage` is reached, or it failed.
    fn submit(&self, writes: Vec<StreamWrite>, once: Option<IdempotencyKey>, stage: Stage, done: Done);

    /// [`submit`](Self::submit), and waits. Never call it on the writer's thread.
    fn append(
        &self,
        writes: Vec<StreamWrite>,
        once: Option<IdempotencyKey>,
        stage: Stage,
    ) -> Result<Appended, AppendError> {
        let (tx, rx) = std::sync::mpsc::sync_channel(1);
        self.submit(writes, once, stage, Box::new(move |result| drop(tx.send(result))));
        rx.recv().unwrap_or(Err(AppendError::Closed))
    }

    /// At most `limit` events of a stream from a revision on, in order.
    fn read_stream(&self, stream: &StreamId, from: Revision, limit: usize)
    -> Result<Vec<Recorded>, LogError>;

    /// At most `limit` events of the whole log from a position on, in order.
    fn read_all(&self, from: Position, limit: usize) -> Result<Vec<Recorded>, LogError>;

    /// The exact stored bytes of at most `limit` entries from a position on: what is hashed.
    fn read_entries(&self, from: Position, limit: usize) -> Result<Vec<Vec<u8>>, LogError>;

    /// The private values of one event that are still there.
    fn read_private(&self, position: Position) -> Result<Vec<crate::private::PrivateRow>, LogError>;

    /// The append that was made under a key, where one was.
    fn find_key(&self, once: &IdempotencyKey) -> Result<Option<Appended>, AppendError>;

    /// Where the log stands.
    fn head(&self) -> LogHead;

    /// Writes rows without an event, durably: for a projection that catches up. `None` removes.
    fn put_rows(&self, rows: Vec<(Vec<u8>, Option<Vec<u8>>)>) -> Result<(), LogError>;

    /// Calls `look` at a moment at which nothing is being appended and everything that was is under a signed head,
    /// with what is stored: it stays what it was at that moment. None for a log that is not on disk. The writer waits
    /// meanwhile, so that what lies beside the store can be looked at, too.
    fn at_rest(&self, look: &mut dyn FnMut(Option<Arc<dyn Stored>>)) {
        look(None);
    }

    /// What is stored is not what it should be: whoever opens it next is to look closely.
    fn distrust(&self) {}

    /// A read-only view of the projection rows, consistent with whole appends.
    fn read_rows(&self, read: &mut dyn FnMut(&dyn Rows)) -> Result<(), LogError>;
}
