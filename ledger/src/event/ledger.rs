//! Kinds of the stream `ledger`: the record about itself, in order of number.
//!
//! Reserved, never to be used for anything else: 9 to 11.

use crate::ids::{LedgerId, Position, Timestamp};
use crate::private::{FieldNumber, Private};

super::catalogue::events! {
    /// What happened to the ledger as a whole.
    LedgerEvent;

    /// The ledger was made. Always the event at position 0.
    1 = LedgerCreated v 1 since "0.1.0" {
        /// Id of this ledger; labels on containers carry it.
        ledger_id: LedgerId,
        /// Name of this log to the outside, as in a signed head.
        origin: String,
        /// Format of the store; a newer one is read where possible and never written.
        format: u32,
        /// Ids of the keys in use: purpose and id.
        key_ids: Vec<String>,
    }
    /// The store has another format from here on.
    2 = FormatRaised v 1 since "0.1.0" {
        /// The format before.
        from: u32,
        /// The format from here on.
        to: u32,
        /// Program that raised it.
        tool: String,
    }
    /// A key is valid from here on.
    3 = KeyAdded v 1 since "0.1.0" {
        /// Id of the key.
        key_id: String,
        /// What signatures are checked with; none for a key that signs nothing.
        verifier_key: Option<String>,
        /// Purpose: `signing`, `fingerprint` or `vault`.
        purpose: String,
    }
    /// A key is no longer valid.
    4 = KeyRetired v 1 since "0.1.0" {
        /// Id of the key.
        key_id: String,
        /// `rotated` (it signed this, too) or `lost` (it could not).
        cause: String,
        /// The last head under the key, for one that signs: the text of a checkpoint.
        last_head: Option<String>,
    }
    /// The wall clock went back by more than a second.
    5 = ClockStepped v 1 since "0.1.0" {
        /// As read for the previous event.
        before: Timestamp,
        /// As read now.
        after: Timestamp,
    }
    /// The user vouched for a clock that is far ahead of the previous event.
    6 = ClockAccepted v 1 since "0.1.0" {
        /// As read for the previous event.
        before: Timestamp,
        /// As read now.
        after: Timestamp,
    }
    /// A part of the ledger was rebuilt after a fault, or restored from a backup.
    7 = Recovered v 1 since "0.1.0" {
        /// Where it came from: `published`, `store` or `backup`.
        source: String,
        /// Entries that were there before; those that could be read.
        from: Position,
        /// Entries after the recovery.
        to: Position,
        /// Names of the faults that were found, in the order in which they were.
        codes: Vec<String>,
        /// Rebuilt parts: `store`, `published`, `private`, `heads`.
        repaired: Vec<String>,
        /// The last head that was signed before, where it is not of this log any more.
        lost_head: Option<String>,
    }
    /// Private values of an event were erased, irrecoverably.
    8 = PayloadRedacted v 1 since "0.1.0" {
        /// The event.
        position: Position,
        /// Numbers of its private fields.
        fields: Vec<u32>,
        /// Why: a law, a request, a contract. Not private: it must not repeat what is erased.
        basis: String,
    }
}

impl LedgerEvent {
    /// Every private value of the event, with its field number: there is none.
    pub(super) fn private_fields(&mut self) -> Vec<(FieldNumber, &mut Private)> {
        match self {
            Self::LedgerCreated(_)
            | Self::FormatRaised(_)
            | Self::KeyAdded(_)
            | Self::KeyRetired(_)
            | Self::ClockStepped(_)
            | Self::ClockAccepted(_)
            | Self::Recovered(_)
            | Self::PayloadRedacted(_) => Vec::new(),
        }
    }
}
