//! `erased` (11): which private values of which events were redacted, and by which event.

use super::Projection;
use super::rows::{ProjectionError, ProjectionId, get_plain, put_plain};
use super::versions::ERASED as ID;
use crate::event::{AnyEvent, LedgerEvent};
use crate::ids::Position;
use crate::log::{Recorded, Rows, RowsMut};
use crate::private::FieldNumber;
use std::collections::BTreeSet;

const FIELD: u8 = 1;

#[derive(Default)]
pub(super) struct Erased;

fn key(position: Position, field: FieldNumber) -> Vec<u8> {
    ID.key(FIELD, &[&position.0.to_be_bytes(), &field.to_be_bytes()])
}

impl Projection for Erased {
    fn id(&self) -> ProjectionId {
        ID
    }

    fn begin(&mut self, _at: Position) {}

    fn apply(&mut self, event: &Recorded, rows: &mut dyn RowsMut) -> Result<(), ProjectionError> {
        if let AnyEvent::Ledger(LedgerEvent::PayloadRedacted(redacted)) = &event.event {
            for field in &redacted.fields {
                put_plain(rows, key(redacted.position, *field), &event.head.position)?;
            }
        }
        Ok(())
    }
}

/// The event that erased a private value; `None` if it was not.
pub fn erasure(
    rows: &dyn Rows,
    position: Position,
    field: FieldNumber,
) -> Result<Option<Position>, ProjectionError> {
    get_plain(rows, &key(position, field))
}

/// Every private value that was erased, of every event.
pub fn all_erased(rows: &dyn Rows) -> Result<BTreeSet<(Position, FieldNumber)>, ProjectionError> {
    let prefix = ID.key(FIELD, &[]);
    let mut found = BTreeSet::new();
    rows.scan(&prefix, false, None, &mut |key, _| {
        let parts = key.get(prefix.len()..).and_then(|rest| rest.split_first_chunk());
        let parts = parts.and_then(|(at, field)| Some((u64::from_be_bytes(*at), field.try_into().ok()?)));
        found.extend(parts.map(|(at, field)| (Position(at), FieldNumber::from_be_bytes(field))));
        true
    })?;
    Ok(found)
}

/// Fields of an event that were erased.
pub fn erased(rows: &dyn Rows, position: Position) -> Result<Vec<FieldNumber>, ProjectionError> {
    let prefix = ID.key(FIELD, &[&position.0.to_be_bytes()]);
    let mut fields = Vec::new();
    rows.scan(&prefix, false, None, &mut |key, _| {
        let field = key.get(prefix.len()..).and_then(|field| field.try_into().ok()).map(u32::from_be_bytes);
        fields.extend(field);
        true
    })?;
    Ok(fields)
}
