//! The envelope: who, when, from where, why, and caused by what. Typed, without string maps.

use super::identity::{ActorKind, Auth};
use crate::event::AnyEvent;
use crate::ids::{Position, Revision, StreamId, Timestamp};
use crate::private::{FieldNumber, Private, PrivateRow};
use serde::{Deserialize, Serialize};

/// The fixed head of an entry: 48 bytes, big-endian, set by the writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Place in the log.
    pub position: Position,
    /// Place in the stream.
    pub revision: Revision,
    /// When it was recorded: never earlier than the preceding event.
    pub recorded: Timestamp,
    /// What the wall clock read.
    pub wall: Timestamp,
    /// Kind of the event.
    pub kind: u16,
    /// Version of that kind.
    pub version: u16,
    /// Reserved; 0.
    pub flags: u32,
    /// Position of the stream's first event.
    pub stream_number: u64,
}

/// The actor. The name is private; its keyed fingerprint is not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// Keyed fingerprint of the name.
    pub id: String,
    /// Person, CI, service, peer or haloy.
    pub kind: ActorKind,
    /// How it is known.
    pub auth: Auth,
    /// Fingerprint of the person behind an automation, where known.
    pub on_behalf: Option<String>,
    /// The name itself.
    pub name: Option<Private>,
    /// Name of the person behind an automation. Since format 3; before, only its fingerprint was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_name: Option<Private>,
    /// Number of the user that the process had, where the name is not the system's own. Since format 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<Private>,
}

impl Actor {
    /// haloy itself: nobody asked, and nothing of it is private.
    pub fn system(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            kind: ActorKind::System,
            auth: Auth::None,
            on_behalf: None,
            name: None,
            on_behalf_name: None,
            uid: None,
        }
    }
}

/// From where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Name of the machine.
    pub host: Option<Private>,
    /// Address of the client, where there is one.
    pub address: Option<Private>,
    /// Program and version: `haloy 0.1.0`.
    pub tool: String,
}

/// Everything about an event but what happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// ULID of the event, lower case.
    pub event_id: String,
    /// The stream, by name.
    pub stream: StreamId,
    /// When it happened, where that is not when it was recorded.
    pub occurred: Option<Timestamp>,
    /// The actor.
    pub actor: Actor,
    /// From where.
    pub origin: Origin,
    /// The event that opened the session of the command. Since format 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<Position>,
    /// The event that caused it.
    pub causation: Option<Position>,
    /// One id for everything that one command caused.
    pub correlation: String,
    /// Idempotency key, as the user gave it.
    pub idem: Option<String>,
    /// Why, in the user's words.
    pub reason: Option<Private>,
    /// Ticket, in the user's words.
    pub ticket: Option<Private>,
}

/// Numbers of the envelope's private fields.
pub mod field {
    /// Why.
    pub const REASON: u32 = 1;
    /// Ticket.
    pub const TICKET: u32 = 2;
    /// Name of the actor.
    pub const ACTOR_NAME: u32 = 3;
    /// Name of the machine.
    pub const HOST: u32 = 4;
    /// Address of the client.
    pub const ADDRESS: u32 = 5;
    /// Name of the person behind an automation.
    pub const ON_BEHALF_NAME: u32 = 7;
    /// Number of the user that the process had.
    pub const UID: u32 = 8;
}

impl Envelope {
    /// Whether it uses a word that only a newer version of haloy knows.
    pub fn is_newer(&self) -> bool {
        matches!(self.stream, StreamId::Newer(_))
            || matches!(self.actor.kind, ActorKind::Newer(_))
            || matches!(self.actor.auth, Auth::Newer(_))
    }

    /// Every private value, with its field number.
    pub fn private_fields(&mut self) -> Vec<(FieldNumber, &mut Private)> {
        [
            (field::REASON, self.reason.as_mut()),
            (field::TICKET, self.ticket.as_mut()),
            (field::ACTOR_NAME, self.actor.name.as_mut()),
            (field::HOST, self.origin.host.as_mut()),
            (field::ADDRESS, self.origin.address.as_mut()),
            (field::ON_BEHALF_NAME, self.actor.on_behalf_name.as_mut()),
            (field::UID, self.actor.uid.as_mut()),
        ]
        .into_iter()
        .filter_map(|(number, value)| Some((number, value?)))
        .collect()
    }
}

/// An event to append: committed, its private values beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// Actor, reason, origin.
    pub envelope: Envelope,
    /// What happened; private values committed.
    pub event: AnyEvent,
    /// The private values.
    pub private: Vec<PrivateRow>,
}

impl NewEvent {
    /// Commits every private value with a salt of its own; `salt` is injected randomness.
    pub fn seal(mut envelope: Envelope, mut event: AnyEvent, mut salt: impl FnMut() -> [u8; 32]) -> Self {
        let mut private = Vec::new();
        for (number, value) in envelope.private_fields() {
            private.extend(value.seal(number, salt()));
        }
        for (number, value) in event.private_fields() {
            private.extend(value.seal(number, salt()));
        }
        Self { envelope, event, private }
    }
}

/// An event as the log holds it.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// Position, revision, times, kind.
    pub head: Head,
    /// Actor, reason, origin.
    pub envelope: Envelope,
    /// What happened.
    pub event: AnyEvent,
}
