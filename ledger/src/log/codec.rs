//! Entries as bytes: written once, hashed as stored, never encoded again.
//!
//! An entry is a MessagePack array of 3: a `bin8` head of exactly 48 bytes, the envelope as a map,
//! the payload as a map with named fields, readable in ten years without this program.

use super::envelope::{Envelope, Head, Recorded};
use super::{LogError, upcast};
use crate::event::AnyEvent;
use crate::ids::{Position, Revision, Timestamp};
use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, SeqAccess, Visitor};
use std::fmt;

/// Bytes of the fixed head.
pub const HEAD_BYTES: usize = 48;
/// Array of 3, `bin8`, length 48: how every entry starts.
const START: [u8; 3] = [0x93, 0xc4, HEAD_BYTES as u8];

/// Encodes an entry.
pub fn encode(head: &Head, envelope: &Envelope, event: &AnyEvent) -> Result<Vec<u8>, LogError> {
    let mut out = Vec::with_capacity(512);
    out.extend_from_slice(&START);
    out.extend_from_slice(&head_bytes(head));
    let refused =
        |what| move |error: rmp_serde::encode::Error| LogError::Encode { what, cause: error.to_string() };
    rmp_serde::encode::write_named(&mut out, envelope).map_err(refused("an envelope"))?;
    event.encode_payload(&mut out).map_err(refused("an event"))?;
    Ok(out)
}

fn head_bytes(head: &Head) -> [u8; HEAD_BYTES] {
    let mut out = [0; HEAD_BYTES];
    out[0..8].copy_from_slice(&head.position.0.to_be_bytes());
    out[8..16].copy_from_slice(&head.revision.0.to_be_bytes());
    out[16..24].copy_from_slice(&head.recorded.0.to_be_bytes());
    out[24..32].copy_from_slice(&head.wall.0.to_be_bytes());
    out[32..34].copy_from_slice(&head.kind.to_be_bytes());
    out[34..36].copy_from_slice(&head.version.to_be_bytes());
    out[36..40].copy_from_slice(&head.flags.to_be_bytes());
    out[40..48].copy_from_slice(&head.stream_number.to_be_bytes());
    out
}

fn take<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[at..at + N]);
    out
}

fn head_from(bytes: &[u8]) -> Option<Head> {
    if bytes.len() != HEAD_BYTES {
        return None;
    }
    Some(Head {
        position: Position(u64::from_be_bytes(take(bytes, 0))),
        revision: Revision(u64::from_be_bytes(take(bytes, 8))),
        recorded: Timestamp(i64::from_be_bytes(take(bytes, 16))),
        wall: Timestamp(i64::from_be_bytes(take(bytes, 24))),
        kind: u16::from_be_bytes(take(bytes, 32)),
        version: u16::from_be_bytes(take(bytes, 34)),
        flags: u32::from_be_bytes(take(bytes, 36)),
        stream_number: u64::from_be_bytes(take(bytes, 40)),
    })
}

/// Reads the fixed head of an entry, and no more.
pub fn decode_head(entry: &[u8]) -> Result<Head, LogError> {
    let bad = || LogError::BadEntry {
        position: Position(0),
        cause: "it does not start as an entry does".to_owned(),
    };
    let head = entry.strip_prefix(&START).and_then(|rest| rest.get(..HEAD_BYTES)).ok_or_else(bad)?;
    head_from(head).ok_or_else(bad)
}

/// What an entry is refused for if a newer haloy wrote it.
pub fn newer(entry: &[u8]) -> Option<LogError> {
    decode(entry).err().filter(|error| matches!(error, LogError::NewerEntry { .. }))
}

/// Decodes an entry. A kind, version or word that this program does not know is [`LogError::NewerEntry`].
pub fn decode(entry: &[u8]) -> Result<Recorded, LogError> {
    let head = decode_head(entry)?;
    if !upcast::readable(head.kind, head.version) {
        return Err(LogError::NewerEntry { position: head.position, kind: head.kind, version: head.version });
    }
    let newer = LogError::NewerEntry { position: head.position, kind: head.kind, version: head.version };
    let seed = EventSeed { kind: head.kind, version: head.version };
    let (envelope, event) = match read(entry, head.position, seed) {
        Err(LogError::BadEntry { cause, .. }) if is_a_newer_word(&cause) => return Err(newer),
        read => read?,
    };
    if envelope.is_newer() { Err(newer) } else { Ok(Recorded { head, envelope, event }) }
}

/// Whether a payload could not be read for a word of an enum that this program does not know. serde says it
/// in text only; a landing that adds words raises the format, so that such an entry is a newer program's.
fn is_a_newer_word(cause: &str) -> bool {
    cause.starts_with("unknown variant `")
}

/// An entry with its payload untyped: what can be shown of a kind that is not known.
#[derive(Debug, Clone, PartialEq)]
pub struct RawEntry {
    /// The fixed head.
    pub head: Head,
    /// Actor, reason, origin.
    pub envelope: Envelope,
    /// The payload as it is; serializes as the map that it is.
    pub payload: RawPayload,
}

/// A payload without its type.
#[derive(Debug, Clone, PartialEq)]
pub struct RawPayload(pub(crate) rmpv::Value);

impl serde::Serialize for RawPayload {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> serde::Deserialize<'de> for RawPayload {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        rmpv::Value::deserialize(deserializer).map(Self)
    }
}

/// Decodes an entry without knowing its kind.
pub fn decode_raw(entry: &[u8]) -> Result<RawEntry, LogError> {
    let head = decode_head(entry)?;
    let (envelope, payload) = read(entry, head.position, ValueSeed)?;
    Ok(RawEntry { head, envelope, payload: RawPayload(payload) })
}

fn read<'de, S: DeserializeSeed<'de>>(
    entry: &'de [u8],
    position: Position,
    payload: S,
) -> Result<(Envelope, S::Value), LogError> {
    let mut deserializer = rmp_serde::Deserializer::from_read_ref(entry);
    // What outsiders may have written must not exhaust the stack.
    deserializer.set_max_depth(64);
    let bad = |cause: String| LogError::BadEntry { position, cause };
    let entry =
        deserializer.deserialize_tuple(3, EntryVisitor(payload)).map_err(|error| bad(error.to_string()))?;
    // An entry is all of its bytes: bytes after its end would be hashed and never be read.
    match <()>::deserialize(&mut deserializer) {
        Err(rmp_serde::decode::Error::InvalidMarkerRead(_)) => Ok(entry),
        Ok(()) | Err(_) => Err(bad("there are bytes after its end".to_owned())),
    }
}

struct EntryVisitor<S>(S);

impl<'de, S: DeserializeSeed<'de>> Visitor<'de> for EntryVisitor<S> {
    type Value = (Envelope, S::Value);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an entry: head, envelope, payload")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let _head: &serde_bytes::Bytes =
            seq.next_element()?.ok_or_else(|| de::Error::invalid_length(0, &self))?;
        let envelope = seq.next_element()?.ok_or_else(|| de::Error::custom("the envelope is missing"))?;
        let payload =
            seq.next_element_seed(self.0)?.ok_or_else(|| de::Error::custom("the payload is missing"))?;
        Ok((envelope, payload))
    }
}

struct EventSeed {
    kind: u16,
    version: u16,
}

impl<'de> DeserializeSeed<'de> for EventSeed {
    type Value = AnyEvent;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<AnyEvent, D::Error> {
        let Self { kind, version } = self;
        let unknown = || de::Error::custom(format!("kind {kind} is not known"));
        if upcast::current_version(kind) == Some(version) {
            return AnyEvent::deserialize_payload(kind, deserializer).unwrap_or_else(|| Err(unknown()));
        }
        let old: rmpv::Value = Deserialize::deserialize(deserializer)?;
        let value = upcast::upcast(kind, version, old).map_err(de::Error::custom)?;
        // Through bytes again: an untyped value cannot stand for every type that bytes can.
        let mut bytes = Vec::new();
        rmpv::encode::write_value(&mut bytes, &value).map_err(de::Error::custom)?;
        let mut payload = rmp_serde::Deserializer::from_read_ref(&bytes);
        AnyEvent::deserialize_payload(kind, &mut payload).ok_or_else(unknown)?.map_err(de::Error::custom)
    }
}

struct ValueSeed;

impl<'de> DeserializeSeed<'de> for ValueSeed {
    type Value = rmpv::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<rmpv::Value, D::Error> {
        Deserialize::deserialize(deserializer)
    }
}
