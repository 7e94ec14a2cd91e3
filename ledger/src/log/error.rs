//! What can go wrong with the log.

use crate::ids::{Position, Revision, StreamId};
use std::path::PathBuf;

/// Why an append was not made. Nothing of it is stored.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AppendError {
    /// Another append came first.
    #[error("stream {stream} is at revision {actual:?}, not {expected:?}")]
    Conflict {
        /// The stream.
        stream: StreamId,
        /// What the caller believed.
        expected: Option<Revision>,
        /// The actual revision.
        actual: Option<Revision>,
    },
    /// The idempotency key was used for another command.
    #[error("idempotency key `{key}` was used for another command at {first}")]
    KeyReused {
        /// The key.
        key: String,
        /// Where it was used first.
        first: Position,
    },
    /// The idempotency key is none.
    #[error("an idempotency key has 1 to 255 bytes and no control characters")]
    NotAKey,
    /// An event is larger than an entry may be.
    #[error("the event {kind} takes {bytes} bytes, more than the {max} that an entry may have")]
    TooLarge {
        /// Kind of event.
        kind: &'static str,
        /// Bytes that it takes.
        bytes: usize,
        /// Bytes that it may take.
        max: usize,
    },
    /// No events, or more than one append may hold.
    #[error("an append holds 1 to {max} events, not {events}")]
    TooMany {
        /// Events in the append.
        events: usize,
        /// Events that it may hold.
        max: usize,
    },
    /// One of several writes has no events.
    #[error("an append has no events for stream {stream}")]
    NoEvents {
        /// The stream.
        stream: StreamId,
    },
    /// The clock is far ahead of the last event, or before this program was built.
    #[error("the clock reads {now_ns} ns, the last event was recorded at {last_ns} ns: {why}")]
    Clock {
        /// The clock, in nanoseconds since 1970.
        now_ns: i64,
        /// The last event.
        last_ns: i64,
        /// The rule that it breaks.
        why: &'static str,
    },
    /// The ledger must not be written as it is: a key is lost, for example.
    #[error("the ledger is read-only ({code}): {cause}")]
    Frozen {
        /// Name of the fault.
        code: &'static str,
        /// What is wrong.
        cause: String,
    },
    /// The store failed to persist, now or earlier. The process must end.
    #[error("the log could not be written: {0}")]
    Broken(String),
    /// A projection or the encoding failed.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The writer has stopped.
    #[error("the log is closed")]
    Closed,
}

/// Why the log could not be opened or read.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LogError {
    /// Another process has it open.
    #[error("the ledger {} is in use by another process", path.display())]
    Locked {
        /// Folder of the ledger.
        path: PathBuf,
    },
    /// The folder cannot be read or written.
    #[error("the ledger {}: {cause}", path.display())]
    Io {
        /// Folder of the ledger.
        path: PathBuf,
        /// Error of the system.
        cause: String,
    },
    /// There is no room outside of the ledger for temporary files of a reader.
    #[error("no folder for what is needed while the ledger is read can be made in {}: {cause}", path.display())]
    Scratch {
        /// Intended place.
        path: PathBuf,
        /// Error of the system.
        cause: String,
    },
    /// The store is damaged so much that it cannot be opened.
    #[error("the store {} cannot be opened: {cause}", path.display())]
    Unreadable {
        /// Folder of the store.
        path: PathBuf,
        /// What was found.
        cause: String,
    },
    /// A published file cannot be written.
    #[error("{} cannot be published: {cause}", path.display())]
    Publish {
        /// The file or folder.
        path: PathBuf,
        /// Error of the system.
        cause: String,
    },
    /// An entry cannot be read.
    #[error("the entry at {position} cannot be read: {cause}")]
    BadEntry {
        /// Position of the entry.
        position: Position,
        /// Why.
        cause: String,
    },
    /// The store has a newer format: its entries are shown as they are, and nothing is changed.
    #[error("written by a newer haloy (format {found}; this one reads {supported})")]
    NewerFormat {
        /// Format of the store.
        found: u32,
        /// Format of this program.
        supported: u32,
    },
    /// An entry is of a kind or version that this program does not know.
    #[error("the entry at {position} is of kind {kind} version {version}, written by a newer haloy")]
    NewerEntry {
        /// Position of the entry.
        position: Position,
        /// Kind of the entry.
        kind: u16,
        /// Version of the kind.
        version: u16,
    },
    /// A value cannot be encoded.
    #[error("{what} cannot be encoded: {cause}")]
    Encode {
        /// What.
        what: &'static str,
        /// Why.
        cause: String,
    },
    /// A projection refused an event: broken logic or broken rows.
    #[error("projection {projection} failed at {position}: {cause}")]
    Projection {
        /// Name of the projection.
        projection: &'static str,
        /// At which event.
        position: Position,
        /// Why.
        cause: String,
    },
    /// The store itself failed.
    #[error("the store failed: {0}")]
    Store(String),
}

/// The store could not read a row.
#[derive(Debug, Clone, thiserror::Error)]
#[error("a row of the read models could not be read: {0}")]
pub struct RowsError(pub String);

impl From<RowsError> for LogError {
    fn from(error: RowsError) -> Self {
        Self::Store(error.to_string())
    }
}
