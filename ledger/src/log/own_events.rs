//! Events that the log itself puts ahead of an append, in the ledger's own stream.

use super::clock::Verdict;
use super::*;
use crate::event::{AnyEvent, ClockAccepted, ClockStepped, FormatRaised, LedgerEvent};
use crate::ids::Timestamp;

/// The first append of this program to an older store says so, ahead of its events: kinds and words that
/// the older program does not know may follow.
pub(super) fn format(from: u32, writes: &[StreamWrite]) -> Option<StreamWrite> {
    let said = |new: &NewEvent| matches!(new.event, AnyEvent::Ledger(LedgerEvent::FormatRaised(_)));
    if from >= FORMAT || writes.iter().flat_map(|write| &write.events).any(said) {
        return None;
    }
    let like = &writes.first()?.events.first()?.envelope;
    let raised = FormatRaised { from, to: FORMAT, tool: like.origin.tool.clone() };
    Some(of_the_log(like, "format", raised.into()))
}

/// What the clock did, as an event of the ledger's own stream, ahead of the events that met it.
pub(super) fn clock(
    verdict: Verdict,
    before: Option<Timestamp>,
    now: Timestamp,
    writes: &[StreamWrite],
) -> Option<StreamWrite> {
    let before = before?;
    let event: LedgerEvent = match verdict {
        Verdict::Fine => return None,
        Verdict::Stepped => ClockStepped { before, after: now }.into(),
        Verdict::Accepted => ClockAccepted { before, after: now }.into(),
    };
    let like = &writes.first()?.events.first()?.envelope;
    Some(of_the_log(like, "clock", event))
}

/// An event that the log itself adds to an append, in the ledger's own stream. Its id is derived from the
/// event that it precedes: the log has no randomness.
fn of_the_log(like: &Envelope, what: &str, event: LedgerEvent) -> StreamWrite {
    let envelope = Envelope {
        event_id: format!("{}-{what}", like.event_id),
        stream: StreamId::Ledger,
        occurred: None,
        actor: Actor::system(""),
        origin: Origin { host: None, address: None, tool: like.origin.tool.clone() },
        session: None,
        causation: None,
        correlation: like.correlation.clone(),
        idem: None,
        reason: None,
        ticket: None,
    };
    let events = vec![NewEvent { envelope, event: event.into(), private: Vec::new() }];
    StreamWrite { stream: StreamId::Ledger, expected: Expected::Any, events }
}
