//! Events for the tests of the log.

use super::*;
use crate::event::{AnyEvent, ClockStepped};
use crate::ids::Timestamp;
use crate::ports::{Entropy, SystemEntropy};
use std::sync::mpsc::{Receiver, Sender, channel};

/// Tells how large each group commit is, and waits until it may go on.
pub(crate) struct Slow {
    groups: Sender<usize>,
    go_on: Receiver<()>,
}

impl Slow {
    /// Returns the channel of the sizes, and the one that releases a step. Dropping that lets everything
    /// through.
    pub(crate) fn new() -> (Self, Receiver<usize>, Sender<()>) {
        let ((groups, told), (go, go_on)) = (channel(), channel());
        (Self { groups, go_on }, told, go)
    }
}

impl Seal for Slow {
    fn seal(&mut self, _first: Position, leaves: &[Vec<u8>]) -> Result<(), LogError> {
        // The receiver is gone once the test has seen enough.
        let (_told, _gone) = (self.groups.send(leaves.len()), self.go_on.recv());
        Ok(())
    }
}

/// Read models that hold nothing.
pub(crate) struct NoRows;

impl InBatch for NoRows {
    fn apply(&mut self, _event: &Recorded, _rows: &mut dyn RowsMut) -> Result<(), LogError> {
        Ok(())
    }

    fn finish(&mut self, _rows: &mut dyn RowsMut) -> Result<(), LogError> {
        Ok(())
    }

    fn abandon(&mut self) {}
}

/// An envelope of a stream, with nothing in it that is private.
pub(crate) fn envelope(stream: StreamId) -> Envelope {
    Envelope {
        event_id: "id".to_owned(),
        stream,
        occurred: None,
        actor: Actor::system("a"),
        origin: Origin { host: None, address: None, tool: "test".to_owned() },
        session: None,
        causation: None,
        correlation: "c".to_owned(),
        idem: None,
        reason: None,
        ticket: None,
    }
}

/// So many events of the ledger itself.
pub(crate) fn write(count: usize) -> StreamWrite {
    let event = AnyEvent::from(ClockStepped { before: Timestamp(2), after: Timestamp(1) });
    let entropy: &dyn Entropy = &SystemEntropy;
    let events = vec![NewEvent::seal(envelope(StreamId::Ledger), event, || entropy.salt()); count];
    StreamWrite { stream: StreamId::Ledger, expected: Expected::Any, events }
}
