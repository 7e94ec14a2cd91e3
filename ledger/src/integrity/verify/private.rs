//! Whether private values are those that the entries commit to, or were erased by an event.

use crate::event::{AnyEvent, LedgerEvent};
use crate::ids::Position;
use crate::integrity::code::{Code, Fault};
use crate::integrity::tiles::WIDTH;
use crate::log::keys::Keyspace;
use crate::log::{LogError, PrivateRows, Recorded, Stored};
use crate::private::{FieldNumber, Private, PrivateRow};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Private values as they are read by the group: asking for those of each event takes much longer.
#[derive(Default)]
pub struct Values {
    group: Option<(u64, Option<PrivateRows>)>,
}

impl Values {
    /// Values of one event.
    pub fn of(&mut self, stored: &dyn Stored, at: Position) -> Result<Cow<'_, [PrivateRow]>, LogError> {
        let bundle = at.0 / WIDTH;
        if self.group.as_ref().is_none_or(|(read, _)| *read != bundle) {
            let events = Position(bundle * WIDTH)..Position((bundle + 1) * WIDTH);
            self.group = Some((bundle, stored.privates(events).ok()));
        }
        match &self.group {
            Some((_, Some(rows))) => Ok(Cow::Borrowed(rows.get(&at).map_or(&[], Vec::as_slice))),
            // Values that cannot be read are reported one by one.
            Some((_, None)) | None => stored.private(at).map(Cow::Owned),
        }
    }

    /// The whole group that was read last, if it could be.
    pub fn take(&mut self) -> Option<PrivateRows> {
        self.group.take()?.1
    }
}

/// Looks at the private values of one event after the other.
#[derive(Default)]
pub struct PrivateCheck {
    /// Committed values that are missing: they must have been erased.
    missing: BTreeSet<(Position, FieldNumber)>,
    erased: BTreeSet<(Position, FieldNumber)>,
    values: u64,
    fault: Option<Fault>,
}

/// What an event commits to.
pub(crate) fn commitments(recorded: &mut Recorded) -> Vec<(FieldNumber, [u8; 32])> {
    let mut found = recorded.envelope.private_fields();
    found.extend(recorded.event.private_fields());
    let committed = found.into_iter().filter_map(|(field, value)| match value {
        Private::Committed(commitment) => Some((field, *commitment)),
        Private::Plain(_) => None,
    });
    committed.collect()
}

impl PrivateCheck {
    /// The values of the next event.
    pub fn event(&mut self, recorded: &mut Recorded, rows: &[PrivateRow]) {
        let at = recorded.head.position;
        let committed = commitments(recorded);
        for (field, commitment) in &committed {
            match rows.iter().find(|row| row.field == *field) {
                Some(row) if row.commitment() == *commitment => self.values += 1,
                Some(_) => self.bad(at, format!("field {field} of {at} is not the value that was recorded")),
                None => drop(self.missing.insert((at, *field))),
            }
        }
        if let Some(row) = rows.iter().find(|row| !committed.iter().any(|(field, _)| *field == row.field)) {
            self.bad(at, format!("field {} of {at} is a value that was never recorded", row.field));
        }
        if let AnyEvent::Ledger(LedgerEvent::PayloadRedacted(redacted)) = &recorded.event {
            self.erased.extend(redacted.fields.iter().map(|field| (redacted.position, *field)));
        }
    }

    /// The second copy against the first.
    pub fn mirror(&mut self, first: &PrivateRows, second: &PrivateRows) -> Option<Fault> {
        let rows = |rows: &PrivateRows| -> BTreeSet<(Position, FieldNumber, [u8; 32], String)> {
            let all = rows.iter().flat_map(|(at, rows)| rows.iter().map(move |row| (*at, row)));
            all.map(|(at, row)| (at, row.field, row.salt, row.value.clone())).collect()
        };
        let (first, second) = (rows(first), rows(second));
        let (at, field, ..) = first.symmetric_difference(&second).next()?;
        Some(Fault::new(Code::MirrorDiffers, format!("field {field} of {at} differs")).at(*at))
    }

    fn bad(&mut self, at: Position, cause: String) {
        let fault = Fault::new(Code::PrivateDiffers, cause).at(at);
        self.fault = self.fault.take().or(Some(fault));
    }

    /// Checks that present values are the recorded ones, and that missing ones were erased.
    pub fn there(&mut self, stored: &dyn Stored, size: u64) -> Result<(), Fault> {
        let scanned = stored.scan(Keyspace::Private, &mut |key, _| {
            let at = key.first_chunk().map(|at| u64::from_be_bytes(*at));
            if at.is_none_or(|at| at >= size) {
                self.bad(Position(size), "a private value belongs to no entry".to_owned());
            }
            Ok(())
        });
        scanned.map_err(|error| Fault::new(Code::StoreUnreadable, error.to_string()))?;
        if let Some((at, field)) = self.missing.difference(&self.erased).next() {
            let (at, cause) = (*at, format!("field {field} of {at} is missing, and no event erased it"));
            self.bad(at, cause);
        }
        self.fault.clone().map_or(Ok(()), Err)
    }

    /// How many values are present, and how many were erased.
    pub fn finish(mut self, stored: &dyn Stored, size: u64) -> Result<(u64, u64), Fault> {
        self.there(stored, size)?;
        for (at, field) in self.erased.clone() {
            let rows = stored.private(at).unwrap_or_default();
            if rows.iter().any(|row| row.field == field) {
                self.bad(at, format!("field {field} of {at} was erased, and is still there"));
            }
        }
        let erased = self.missing.len() as u64;
        self.fault.map_or(Ok((self.values, erased)), Err)
    }
}
