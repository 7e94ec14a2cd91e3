//! `execute`: load, decide, append, project. The one way in.

use super::{CommandContext, Ledger};
use crate::deployment::{Command, Rejection, TargetState, decide};
use crate::edge;
use crate::event::{AnyEvent, TargetEvent};
use crate::ids::{AppName, Position, StreamId, TargetKey, slug};
use crate::locks::{locked, locked_to_read, locked_to_write};
use crate::log::*;
use crate::projection::read;
use std::time::Duration;

/// A conflict means that another append was first; the facts are in the command, so decide again.
const MAX_CONFLICTS: usize = 16;
/// Conflicts after which a command gets its turn alone.
const ALONE_AFTER: usize = 4;

/// What a command did, to a target unless `E` is of another stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Executed<E = TargetEvent> {
    /// Positions of its first event and of the one after its last; none if it changed nothing.
    pub positions: Option<(Position, Position)>,
    /// What happened, as decided; empty if nothing did, or if it was done before.
    pub events: Vec<E>,
    /// The command was done before, under the same idempotency key.
    pub repeated: bool,
}

/// Why a command did nothing.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ExecuteError {
    /// A rule rejected the command.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// A rule of the edge rejected the command.
    #[error(transparent)]
    RejectedAtEdge(#[from] edge::Rejection),
    /// The events could not be appended.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The ledger could not be read.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// How long to wait before an attempt: not at all at first, then longer each time, and not as long as
/// everybody else who met the same conflict.
fn pause(attempt: usize, key: &TargetKey) -> Duration {
    let Some(exponent) = attempt.checked_sub(2) else { return Duration::ZERO };
    let own = blake3::hash(key.to_string().as_bytes()).as_bytes()[0];
    let most = Duration::from_millis(1) * (1 << exponent.min(5));
    most.mul_f64((1.0 + f64::from(own) / 255.0) / 2.0)
}

impl Ledger {
    /// Decides a command for a target and appends what follows; durable when it returns.
    pub fn execute(
        &self,
        key: &TargetKey,
        command: &Command,
        context: &CommandContext,
    ) -> Result<Executed, ExecuteError> {
        self.readable()?;
        let mut conflict = None;
        for attempt in 0..MAX_CONFLICTS {
            std::thread::sleep(pause(attempt, key));
            match self.in_turn(attempt, || self.try_execute(key, command, context)) {
                Err(ExecuteError::Append(error @ AppendError::Conflict { .. })) => conflict = Some(error),
                done => return done,
            }
        }
        Err(conflict.unwrap_or(AppendError::Closed).into())
    }

    /// Many writers of one stream can keep a slow one out for ever: after a few conflicts it decides and
    /// appends alone.
    fn in_turn<T>(&self, attempt: usize, act: impl FnOnce() -> T) -> T {
        // The lock guards no data, so a panic elsewhere leaves nothing half done.
        if attempt < ALONE_AFTER {
            let _shared = locked_to_read(&self.turns);
            act()
        } else {
            let _alone = locked_to_write(&self.turns);
            act()
        }
    }

    fn try_execute(
        &self,
        key: &TargetKey,
        command: &Command,
        context: &CommandContext,
    ) -> Result<Executed, ExecuteError> {
        let once = idempotency(key, command, context)?;
        let first_of_target = matches!(command, Command::Deploy(_)) && self.target_row(key)?.is_none();
        // Two new apps have no stream in common in which one of them would find a conflict.
        let _alone = first_of_target.then(|| locked(&self.slugs));
        let row = self.target_row(key)?;
        let unused;
        let (state, expected) = match &row {
            Some(row) => (&row.state, Expected::Revision(row.revision)),
            None => {
                unused = TargetState::new(key.clone());
                (&unused, Expected::NoStream)
            }
        };
        if let Command::Deploy(_) = command {
            self.slug_is_free(&key.app)?;
        }
        let events = match decide(state, command.clone()) {
            Ok(events) => events,
            // Done before under the same key: the rule that rejects it now accepted it then.
            Err(rejection) => return self.done_before(once, rejection.into()),
        };
        if events.is_empty() {
            return Ok(Executed { positions: None, events, repeated: false });
        }
        let at_edge = match self.at_edge(state, command, &events) {
            Ok(at_edge) => at_edge,
            Err(rejected @ ExecuteError::RejectedAtEdge(_)) => return self.done_before(once, rejected),
            Err(error) => return Err(error),
        };
        let mut writes = vec![self.write(key.stream(), expected, &events, context)];
        if let Some((expected, events)) = at_edge {
            writes.push(self.write(StreamId::Edge, expected, &events, &context.consequence()));
        }
        let appended = self.log.append(writes, once, Stage::Sealed)?;
        Ok(Executed {
            positions: Some((appended.first, appended.next)),
            events: if appended.repeated { Vec::new() } else { events },
            repeated: appended.repeated,
        })
    }

    /// Events with their envelopes, for one stream.
    pub(super) fn write<E: Clone + Into<AnyEvent>>(
        &self,
        stream: StreamId,
        expected: Expected,
        events: &[E],
        context: &CommandContext,
    ) -> StreamWrite {
        let mut context = context.clone();
        let sealed = events
            .iter()
            .map(|event| {
                let envelope =
                    context.envelope(&stream, self.clock.now(), self.entropy.as_ref(), &self.fingerprints);
                // A reason belongs to one event.
                context = context.consequence();
                NewEvent::seal(envelope, event.clone().into(), || self.entropy.salt())
            })
            .collect();
        StreamWrite { stream, expected, events: sealed }
    }

    fn done_before(
        &self,
        once: Option<IdempotencyKey>,
        rejected: ExecuteError,
    ) -> Result<Executed, ExecuteError> {
        let Some(once) = once else { return Err(rejected) };
        match self.log.find_key(&once)? {
            Some(known) => Ok(Executed {
                positions: Some((known.first, known.next)),
                events: Vec::new(),
                repeated: true,
            }),
            None => Err(rejected),
        }
    }

    /// Two apps with one slug would be indistinguishable on Docker.
    fn slug_is_free(&self, app: &AppName) -> Result<(), ExecuteError> {
        let slug = slug(app.as_str());
        let owner = self.rows(|rows| read::slug_owner(rows, &slug))?;
        match owner {
            Some(other) if other != *app => {
                let (app, other) = (app.to_string(), other.to_string());
                Err(Rejection::SlugTaken { app, other, slug }.into())
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// Keys are unique per target; the digest shows whether it was the same command.
fn idempotency(
    target: &TargetKey,
    command: &Command,
    context: &CommandContext,
) -> Result<Option<IdempotencyKey>, ExecuteError> {
    /// Longest key that is taken, in bytes.
    const LONGEST: usize = 255;
    let Some(key) = &context.idempotency_key else { return Ok(None) };
    if key.is_empty() || key.len() > LONGEST || key.chars().any(char::is_control) {
        return Err(AppendError::NotAKey.into());
    }
    let asked = match command {
        Command::Deploy(deploy) => format!("deploy {}", deploy.release.config_digest),
        Command::Rollback(rollback) => format!("rollback {}", rollback.to.release),
        Command::Cancel { id } => format!("cancel {id}"),
        Command::Restart { .. } => "restart".to_owned(),
        Command::Stop { remove, volumes, .. } => format!("stop {remove}{}", listed(volumes)),
        Command::Prune { volumes } => format!("prune{}", listed(volumes)),
        Command::Tag { name, release, push } => format!("tag {name} {release} {}", push.is_some()),
        Command::Untag { name, .. } => format!("untag {name}"),
        Command::Pin { release, pinned } => format!("pin {release} {pinned}"),
        Command::Hold { release, .. } => format!("hold {release}"),
        Command::ReleaseHold { release } => format!("release hold {release}"),
        Command::RecordOutcome { .. }
        | Command::RecordAttempt { .. }
        | Command::RecordObserved { .. }
        | Command::RecordChecked { .. }
        | Command::RecordRestarted { .. }
        | Command::CancelRestart
        | Command::Settle { .. } => return Ok(None),
    };
    let command_digest = *blake3::hash(asked.as_bytes()).as_bytes();
    Ok(Some(IdempotencyKey { key: format!("{target}/{key}"), command_digest }))
}

/// Names after a command, each preceded by a space; nothing where there is none.
fn listed(names: &[String]) -> String {
    names.iter().map(|name| format!(" {name}")).collect()
}
