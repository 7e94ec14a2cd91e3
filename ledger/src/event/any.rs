//! An event of whichever stream, as the log holds it.
//!
//! A new stream is a file of kinds and a line here.

use super::catalogue::{Kind, KindInfo};
use super::edge::EdgeEvent;
use super::ledger::LedgerEvent;
use super::target::TargetEvent;
use crate::private::{FieldNumber, Private};

macro_rules! streams {
    ($( $(#[doc = $about:literal])+ $stream:ident($of:ty), )+) => {
        /// One event, by the stream that its kind belongs to.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum AnyEvent {
            $( $(#[doc = $about])+ $stream($of), )+
        }

        impl AnyEvent {
            /// Every kind that this program knows, in order of number.
            pub fn kinds() -> impl Iterator<Item = &'static KindInfo> {
                [$( <$of>::KINDS ),+].into_iter().flatten()
            }

            /// The version of a kind that this program writes; `None` for a kind that it does not know.
            pub fn version_of(kind: u16) -> Option<u16> {
                None $( .or_else(|| <$of>::version_of(kind)) )+
            }

            /// The stored number of its kind.
            pub fn kind(&self) -> u16 {
                match self { $( Self::$stream(event) => event.kind(), )+ }
            }

            /// The version of its kind that this program writes.
            pub fn version(&self) -> u16 {
                match self { $( Self::$stream(event) => event.version(), )+ }
            }

            /// The name of its kind.
            pub fn name(&self) -> &'static str {
                match self { $( Self::$stream(event) => event.name(), )+ }
            }

            /// Every private value of the event, with its field number.
            pub fn private_fields(&mut self) -> Vec<(FieldNumber, &mut Private)> {
                match self { $( Self::$stream(event) => event.private_fields(), )+ }
            }

            /// The payload as a MessagePack map with named fields.
            pub fn encode_payload(&self, out: &mut Vec<u8>) -> Result<(), rmp_serde::encode::Error> {
                match self { $( Self::$stream(event) => event.encode_payload(out), )+ }
            }

            /// Reads a payload of this program's version of a kind; `None` if the kind is unknown.
            pub fn deserialize_payload<'de, D: serde::Deserializer<'de>>(
                kind: u16,
                payload: D,
            ) -> Option<Result<Self, D::Error>> {
                $( if <$of>::version_of(kind).is_some() {
                    return Some(<$of>::deserialize_payload(kind, payload)?.map(Self::$stream));
                } )+
                None
            }

            /// The payload as JSON-able data, for people and exports.
            pub fn serialize_payload<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self { $( Self::$stream(event) => event.serialize_payload(serializer), )+ }
            }
        }

        $( impl From<$of> for AnyEvent {
            fn from(event: $of) -> Self { Self::$stream(event) }
        } )+
    };
}

streams! {
    /// Event of the ledger as a whole.
    Ledger(LedgerEvent),
    /// Event of a target.
    Target(TargetEvent),
    /// Event of the edge.
    Edge(EdgeEvent),
}

impl<K: Kind> From<K> for AnyEvent
where
    AnyEvent: From<K::Of>,
{
    fn from(payload: K) -> Self {
        Self::from(K::Of::from(payload))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_grow_from_stream_to_stream_and_none_is_used_twice() {
        let numbers: Vec<u16> = AnyEvent::kinds().map(|kind| kind.number).collect();
        assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "{numbers:?}");
        for kind in AnyEvent::kinds() {
            assert_eq!(AnyEvent::version_of(kind.number), Some(kind.version), "{}", kind.name);
        }
    }
}
