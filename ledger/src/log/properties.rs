//! What holds of every key and of every entry.

use super::keys::{Key, Keyspace, number, pair, unpair};
use super::samples::{NoRows, envelope};
use super::*;
use crate::event::{AnyEvent, FormatRaised, KeyRetired, PayloadRedacted, Recovered};
use crate::ids::Timestamp;
use crate::ids::properties::{HOSTILE, config, stream, text};
use crate::ports::{Entropy, SystemClock, SystemEntropy};
use proptest::prelude::*;
use std::sync::Arc;

fn key() -> impl Strategy<Value = Key> {
    prop_oneof![
        any::<u64>().prop_map(|at| Key::Entry(Position(at))),
        any::<u64>().prop_map(Key::Bundle),
        (any::<u64>(), any::<u64>()).prop_map(|(number, at)| Key::StreamEntry(number, Revision(at))),
        (any::<u64>(), any::<u64>()).prop_map(|(number, at)| Key::OldStreamEntry(number, Revision(at))),
        stream().prop_map(Key::Stream),
        text().prop_map(Key::Idempotency),
        Just(Key::Format),
        Just(Key::Upgrade),
        (any::<u64>(), any::<u32>()).prop_map(|(at, field)| Key::Private(Position(at), field)),
    ]
}

fn event() -> impl Strategy<Value = AnyEvent> {
    prop_oneof![
        (any::<u64>(), proptest::collection::vec(any::<u32>(), 0..5), text())
            .prop_map(|(at, fields, basis)| PayloadRedacted { position: Position(at), fields, basis }.into()),
        (any::<u32>(), any::<u32>(), text())
            .prop_map(|(from, to, tool)| FormatRaised { from, to, tool }.into()),
        (text(), text(), proptest::option::of(text())).prop_map(|(key_id, cause, last_head)| KeyRetired {
            key_id,
            cause,
            last_head
        }
        .into()),
        (text(), any::<u64>(), any::<u64>(), proptest::collection::vec(text(), 0..3)).prop_map(
            |(source, from, to, codes)| {
                let (from, to) = (Position(from), Position(to));
                Recovered { source, from, to, codes, repaired: Vec::new(), lost_head: None }.into()
            }
        ),
    ]
}

/// An envelope with text in every field that takes it; what is private is committed.
fn filled() -> impl Strategy<Value = Envelope> {
    let private = || proptest::option::of(any::<[u8; 32]>().prop_map(crate::private::Private::Committed));
    let texts = (text(), text(), proptest::option::of(text()), text());
    let privates = (private(), private(), private(), private(), private());
    (stream(), texts, privates, proptest::option::of(any::<i64>()), proptest::option::of(any::<u64>()))
        .prop_map(
            |(
                stream,
                (event_id, actor, idem, correlation),
                (name, host, address, reason, ticket),
                at,
                cause,
            )| {
                let mut filled = envelope(stream);
                (filled.event_id, filled.idem, filled.correlation) = (event_id, idem, correlation);
                (filled.actor.id, filled.actor.name) = (actor, name);
                (filled.origin.host, filled.origin.address) = (host, address);
                (filled.reason, filled.ticket) = (reason, ticket);
                (filled.occurred, filled.causation) = (at.map(Timestamp), cause.map(Position));
                filled
            },
        )
}

fn head() -> impl Strategy<Value = Head> {
    (any::<[u64; 3]>(), any::<[i64; 2]>(), any::<u32>()).prop_map(
        |([at, revision, stream_number], times, flags)| Head {
            position: Position(at),
            revision: Revision(revision),
            recorded: Timestamp(times[0]),
            wall: Timestamp(times[1]),
            kind: 0,
            version: 0,
            flags,
            stream_number,
        },
    )
}

/// Two numbers, often those of another pair.
fn near() -> impl Strategy<Value = [u64; 2]> {
    let number = || prop_oneof![1 => any::<u64>(), 2 => 0_u64..3, 1 => 255_u64..258];
    (number(), number()).prop_map(|(one, other)| [one, other])
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn no_two_keys_are_the_same_bytes(one in key(), other in key()) {
        if one != other && one.keyspace() == other.keyspace() {
            prop_assert_ne!(one.encode(), other.encode());
        }
    }

    #[test]
    fn order_of_bytes_is_order_of_meaning(
        one in near(),
        other in near(),
        fields in any::<[u32; 2]>(),
    ) {
        let entry = |at: u64| Key::Entry(Position(at)).encode();
        prop_assert_eq!(entry(one[0]).cmp(&entry(other[0])), one[0].cmp(&other[0]));
        let stream = |[number, at]: [u64; 2]| Key::StreamEntry(number, Revision(at)).encode();
        prop_assert_eq!(stream(one).cmp(&stream(other)), one.cmp(&other));
        let private = |at: u64, field: u32| Key::Private(Position(at), field).encode();
        let meant = (one[0], fields[0]).cmp(&(other[0], fields[1]));
        prop_assert_eq!(private(one[0], fields[0]).cmp(&private(other[0], fields[1])), meant);
        // A prefix has what it names, and nothing else.
        prop_assert!(stream(one).starts_with(&Key::stream_prefix(one[0])));
        prop_assert_eq!(stream(one).starts_with(&Key::stream_prefix(other[0])), one[0] == other[0]);
        let of = private(one[0], fields[0]).starts_with(&Key::private_prefix(Position(other[0])));
        prop_assert_eq!(of, one[0] == other[0]);
    }

    #[test]
    fn numbers_read_back(one in any::<u64>(), other in any::<u64>(), more in any::<Vec<u8>>()) {
        prop_assert_eq!(number(&Key::Entry(Position(one)).encode()), Some(one));
        let with_more = [pair(one, other), more.clone()].concat();
        prop_assert_eq!(unpair(&with_more), Some((one, other)));
        prop_assert_eq!(number(&more).is_some(), more.len() == 8);
        prop_assert_eq!(unpair(&more).is_some(), more.len() >= 16);
    }

    #[test]
    fn entries_read_back(head in head(), envelope in filled(), event in event()) {
        let head = Head { kind: event.kind(), version: event.version(), ..head };
        let bytes = codec::encode(&head, &envelope, &event).expect("encoded");
        let raw = codec::decode_raw(&bytes).expect("read");
        prop_assert_eq!((raw.head, &raw.envelope), (head, &envelope));
        match codec::decode(&bytes) {
            Ok(recorded) => prop_assert_eq!(recorded, Recorded { head, envelope, event }),
            // A word that is not known is a newer haloy's, and never damage.
            Err(error) => {
                prop_assert!(matches!(error, LogError::NewerEntry { .. }), "{}", error);
                prop_assert!(matches!(envelope.stream, StreamId::Newer(_)));
            }
        }
    }

    #[test]
    fn any_bytes_are_an_entry_or_an_error(
        (head, envelope, event) in (head(), filled(), event()),
        cut in any::<proptest::sample::Index>(),
        (at, flip) in (any::<proptest::sample::Index>(), 1_u8..),
        more in proptest::collection::vec(any::<u8>(), 1..9),
    ) {
        let head = Head { kind: event.kind(), version: event.version(), ..head };
        let bytes = codec::encode(&head, &envelope, &event).expect("encoded");
        prop_assert!(codec::decode(&bytes[..cut.index(bytes.len())]).is_err(), "cut short");
        prop_assert!(codec::decode(&[bytes.as_slice(), &more].concat()).is_err(), "longer");
        let mut flipped = bytes;
        let at = at.index(flipped.len());
        flipped[at] ^= flip;
        // Whatever it is now, reading it ends.
        drop((codec::decode(&flipped), codec::decode_raw(&flipped), codec::decode(&more)));
    }
}

/// Reasons, tickets and names of people and machines come back byte for byte, and lie in no entry.
#[test]
fn private_values_are_kept_as_they_are_and_never_in_an_entry() {
    let log = MemoryLog::open(
        MemoryStore::default(),
        Arc::new(SystemClock),
        ClockPolicy::default(),
        Box::new(NoRows),
        Box::new(Unsealed),
    );
    let log = log.expect("a log");
    let entropy: &dyn Entropy = &SystemEntropy;
    let long = "\u{1f680} canary ".repeat(8_000);
    for value in HOSTILE.iter().map(|text| format!("canary{text}canary")).chain([String::new(), long]) {
        let mut envelope = envelope(StreamId::Ledger);
        envelope.reason = Some(value.as_str().into());
        envelope.ticket = Some(value.as_str().into());
        envelope.actor.name = Some(value.as_str().into());
        envelope.origin.host = Some(value.as_str().into());
        envelope.origin.address = Some(value.as_str().into());
        let event = FormatRaised { from: 1, to: 2, tool: "test".to_owned() }.into();
        let events = vec![NewEvent::seal(envelope, event, || entropy.salt())];
        let write = StreamWrite { stream: StreamId::Ledger, expected: Expected::Any, events };
        let appended = log.append(vec![write], None, Stage::Durable).expect("appended");
        let kept = log.read_private(appended.first).expect("read");
        assert_eq!(kept.iter().map(|row| row.field).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
        assert!(kept.iter().all(|row| row.value == value), "{value:?}");
        let entry = log.read_entries(appended.first, 1).expect("read").remove(0);
        assert!(entry.len() < 1024 && !entry.windows(6).any(|window| window == b"canary"), "{value:?}");
    }
    assert_eq!(Keyspace::ALL.map(Keyspace::name).iter().collect::<std::collections::BTreeSet<_>>().len(), 5);
}
