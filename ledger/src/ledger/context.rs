//! Actor, origin and reason of a command: the facts that become an envelope.

use crate::ids::{Position, StreamId, Timestamp};
use crate::log::{Actor, ActorKind, Auth, Envelope, Origin};
use crate::ports::Entropy;
use crate::secrets::Fingerprinter;

/// The actor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActorFacts {
    /// Name, where it is known.
    pub name: Option<String>,
    /// Person, CI or haloy.
    pub kind: ActorKind,
    /// How it is known.
    pub auth: Auth,
    /// Name of the person behind an automation.
    pub on_behalf: Option<String>,
    /// Number of the user that the process has, where the name is not the system's own.
    pub uid: Option<u32>,
}

/// Everything about a command but its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandContext {
    /// The actor.
    pub actor: ActorFacts,
    /// Name of the machine.
    pub host: Option<String>,
    /// Address of the client.
    pub address: Option<String>,
    /// Program and version.
    pub tool: String,
    /// Why.
    pub reason: Option<String>,
    /// Ticket.
    pub ticket: Option<String>,
    /// One id for everything that one command causes.
    pub correlation: String,
    /// The event that caused it.
    pub causation: Option<Position>,
    /// Makes the command happen at most once per target.
    pub idempotency_key: Option<String>,
}

impl CommandContext {
    /// haloy itself, on behalf of nobody else.
    pub fn system(tool: impl Into<String>, correlation: impl Into<String>) -> Self {
        Self {
            actor: ActorFacts {
                name: None,
                kind: ActorKind::System,
                auth: Auth::None,
                on_behalf: None,
                uid: None,
            },
            host: None,
            address: None,
            tool: tool.into(),
            reason: None,
            ticket: None,
            correlation: correlation.into(),
            causation: None,
            idempotency_key: None,
        }
    }

    /// The same actor and command, for what it causes later: reason, ticket, key and number of the user belong
    /// to the first events alone and are never carried on.
    pub fn consequence(&self) -> Self {
        let actor = ActorFacts { uid: None, ..self.actor.clone() };
        Self { actor, reason: None, ticket: None, idempotency_key: None, ..self.clone() }
    }

    pub(super) fn envelope(
        &self,
        stream: &StreamId,
        now: Timestamp,
        entropy: &dyn Entropy,
        fingerprints: &Fingerprinter,
    ) -> Envelope {
        let fingerprint = |name: &Option<String>| name.as_deref().map(|name| fingerprints.actor(name));
        let private = |value: &Option<String>| value.clone().map(Into::into);
        Envelope {
            event_id: crate::ids::DeploymentId::from_parts(now.unix_ms(), entropy.ulid_bits()).to_string(),
            stream: stream.clone(),
            occurred: None,
            actor: Actor {
                id: fingerprint(&self.actor.name).unwrap_or_default(),
                kind: self.actor.kind.clone(),
                auth: self.actor.auth.clone(),
                on_behalf: fingerprint(&self.actor.on_behalf),
                name: private(&self.actor.name),
                on_behalf_name: private(&self.actor.on_behalf),
                uid: private(&self.actor.uid.map(|uid| uid.to_string())),
            },
            origin: Origin {
                host: private(&self.host),
                address: private(&self.address),
                tool: self.tool.clone(),
            },
            session: None,
            causation: self.causation,
            correlation: self.correlation.clone(),
            idem: self.idempotency_key.clone(),
            reason: private(&self.reason),
            ticket: private(&self.ticket),
        }
    }
}
