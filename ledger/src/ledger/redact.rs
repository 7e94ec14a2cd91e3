//! Erasing private values: first the event, then every copy of the text, wherever it lies in the ledger.

use super::erasing::marker;
use super::{CommandContext, Ledger, OpenError};
use crate::event::{AnyEvent, LedgerEvent, PayloadRedacted, TargetEvent};
use crate::files::{self, Readers};
use crate::ids::{DeploymentId, Position, Revision, StreamId};
use crate::integrity::verify::private::commitments;
use crate::log::{Expected, LogError, Recorded, Stage};
use crate::projection::read;

/// Why nothing was erased.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RedactError {
    /// The ledger.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// There is no event at this position.
    #[error("there is no event at {0}")]
    NoEvent(Position),
    /// There is no such private value, or it was already erased.
    #[error("at {at} there is no such private value, or it was already erased")]
    Nothing {
        /// The event; the first one if there are several.
        at: Position,
    },
    /// The release that it belongs to is held.
    #[error("release {release} is held, and nothing of it may be erased")]
    Held {
        /// The release.
        release: DeploymentId,
    },
    /// The release is live or being deployed, and needs its values.
    #[error("release {release} is live or being deployed, and needs its env values")]
    Live {
        /// The release.
        release: DeploymentId,
    },
}

impl From<LogError> for RedactError {
    fn from(error: LogError) -> Self {
        Self::Open(error.into())
    }
}

/// What was erased.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Redacted {
    /// The events and the numbers of their fields.
    pub fields: Vec<(Position, Vec<u32>)>,
    /// The event that records it, for the last of them.
    pub recorded: Position,
}

/// Fields from here on are values of a configuration: without them the release cannot be restored.
const FIRST_VALUE: u32 = crate::release::field::CREDENTIAL;

impl Ledger {
    /// Records that private values of events are erased: all of each event, or those whose numbers lie in these
    /// ranges. Others append meanwhile. The values themselves go when the store is replaced, which needs the ledger
    /// alone: with [`Ledger::erase`], or at the next open.
    ///
    /// # Errors
    /// As [`RedactError`] says; nothing was recorded then.
    pub fn redact(
        &self,
        events: &[Position],
        only: &[(u32, u32)],
        basis: &str,
        context: &CommandContext,
    ) -> Result<Redacted, RedactError> {
        let places = self.places.as_ref().ok_or(OpenError::NotALedger)?;
        self.readable()?;
        self.writable().map_err(OpenError::from)?;
        let mut chosen = Vec::new();
        for at in events {
            let fields = self.erasable(*at, only)?;
            if !fields.is_empty() {
                chosen.push((*at, fields));
            }
        }
        if chosen.is_empty() {
            let at = events.first().copied().unwrap_or(Position(0));
            return Err(RedactError::Nothing { at });
        }
        let redactions: Vec<LedgerEvent> = chosen
            .iter()
            .map(|(position, fields)| {
                let (position, fields) = (*position, fields.clone());
                PayloadRedacted { position, fields, basis: basis.to_owned() }.into()
            })
            .collect();
        let io = |error: std::io::Error| LogError::Io { path: marker(places), cause: error.to_string() };
        // Durable before the event is: else a power loss could leave the event, and the values for good.
        files::write_whole(&marker(places), b"", Readers::Owner).map_err(io)?;
        let write = self.write(StreamId::Ledger, Expected::Any, &redactions, context);
        let appended = self.log.append(vec![write], None, Stage::Published).map_err(OpenError::from)?;
        Ok(Redacted { fields: chosen, recorded: Position(appended.next.0 - 1) })
    }

    /// Takes the ledger for itself, removes the text of every value that was redacted, wherever it lies in it, and
    /// gives the ledger back.
    ///
    /// # Errors
    /// As [`Ledger::open`]; the next open goes on with it.
    pub fn erase(self) -> Result<Self, OpenError> {
        let options = self.options.clone().ok_or(OpenError::NotALedger)?;
        drop(self);
        Self::open(options)
    }

    /// Fields of an event that are there and may be erased.
    fn erasable(&self, at: Position, only: &[(u32, u32)]) -> Result<Vec<u32>, RedactError> {
        let mut found = self.log.read_all(at, 1)?;
        let mut recorded = match found.pop() {
            Some(recorded) if recorded.head.position == at => recorded,
            Some(_) | None => return Err(RedactError::NoEvent(at)),
        };
        let erased = self.rows(|rows| read::erased(rows, at))?;
        let asked =
            |field: u32| only.is_empty() || only.iter().any(|(from, to)| (*from..=*to).contains(&field));
        let fields = commitments(&mut recorded).into_iter().map(|(field, _)| field);
        let mut fields: Vec<u32> = fields.filter(|field| asked(*field) && !erased.contains(field)).collect();
        if !fields.is_empty() {
            self.may_erase(&recorded, &mut fields, !only.is_empty())?;
        }
        Ok(fields)
    }

    /// A hold keeps everything of its release; a live release keeps its values, which are passed over unless
    /// they were named explicitly.
    fn may_erase(&self, recorded: &Recorded, fields: &mut Vec<u32>, named: bool) -> Result<(), RedactError> {
        let StreamId::Target(key) = &recorded.envelope.stream else { return Ok(()) };
        let state = self.state(key)?;
        let release = self.release_of(recorded)?;
        let Some(release) = release else { return Ok(()) };
        if state.kept(release).is_some_and(|kept| kept.holds.held) {
            return Err(RedactError::Held { release });
        }
        let rolling = state.rollout.as_ref().map(|rollout| rollout.release);
        let live = state.current_release() == Some(release) || rolling == Some(release);
        if live && fields.iter().any(|field| *field >= FIRST_VALUE) {
            if named {
                return Err(RedactError::Live { release });
            }
            fields.retain(|field| *field < FIRST_VALUE);
        }
        Ok(())
    }

    /// The release that an event of a target belongs to.
    fn release_of(&self, recorded: &Recorded) -> Result<Option<DeploymentId>, RedactError> {
        if let AnyEvent::Target(TargetEvent::HoldPlaced(held)) = &recorded.event {
            return Ok(Some(held.rel));
        }
        let stream = &recorded.envelope.stream;
        // The request that this event follows: all of a deployment lie in one stream, one after the other.
        let mut revision = recorded.head.revision.0;
        loop {
            let found = self.log.read_stream(stream, Revision(revision), 1)?;
            if let Some(AnyEvent::Target(TargetEvent::DeploymentRequested(asked))) =
                found.first().map(|found| &found.event)
            {
                let id = asked.id;
                return Ok(self.deployment(id)?.map(|row| row.release));
            }
            match revision.checked_sub(1) {
                Some(before) => revision = before,
                None => return Ok(None),
            }
        }
    }
}
