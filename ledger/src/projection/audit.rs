//! `audit` (7): every event by actor and by stream; needs no more than head and envelope.

use super::rows::{ProjectionError, ProjectionId, stream_part};
use super::{Page, Projection};
use crate::ids::{Position, StreamId};
use crate::log::{Recorded, Rows, RowsMut};

const ID: ProjectionId = ProjectionId { name: "audit", number: 7, version: 1 };
const ACTOR: u8 = 1;
const STREAM: u8 = 2;

#[derive(Default)]
pub(super) struct Audit;

impl Projection for Audit {
    fn id(&self) -> ProjectionId {
        ID
    }

    fn puts_once(&self) -> bool {
        true
    }

    fn apply(&mut self, event: &Recorded, rows: &mut dyn RowsMut) -> Result<(), ProjectionError> {
        let at = event.head.position.0.to_be_bytes();
        let kind = event.head.kind.to_be_bytes().to_vec();
        let actor = event.envelope.actor.id.as_bytes();
        rows.put(ID.key(ACTOR, &[actor, &[0], &at]), kind.clone());
        rows.put(ID.key(STREAM, &[&stream_part(&event.envelope.stream), &at]), kind);
        Ok(())
    }
}

/// Whose events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuditBy {
    /// Those of an actor, by fingerprint.
    Actor(String),
    /// Those of a stream.
    Stream(StreamId),
}

/// Positions of events, newest first.
pub fn audit(rows: &dyn Rows, by: &AuditBy, page: &Page) -> Result<Vec<Position>, ProjectionError> {
    let prefix = match by {
        AuditBy::Actor(actor) => ID.key(ACTOR, &[actor.as_bytes(), &[0]]),
        AuditBy::Stream(stream) => ID.key(STREAM, &[&stream_part(stream)]),
    };
    let before = page.before.map(|before| [&prefix[..], &before.0.to_be_bytes()].concat());
    let mut positions = Vec::new();
    rows.scan(&prefix, true, before.as_deref(), &mut |key, _| {
        let at = key.get(prefix.len()..).and_then(|at| at.try_into().ok()).map(u64::from_be_bytes);
        positions.extend(at.map(Position));
        positions.len() < page.limit
    })?;
    Ok(positions)
}
