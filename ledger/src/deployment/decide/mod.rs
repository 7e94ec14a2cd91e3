//! The rules: which events follow from a command, or why none may.
//!
//! Pure: facts come with the command. One file per subject: `request` what is asked,
//! `keeping` what is kept, `outcome` what is reported, `commands` how the user's commands ended,
//! `restart` restarts, `conclude` how a rollout ends, `world` what was seen.

mod commands;
mod conclude;
mod keeping;
mod outcome;
mod rejection;
mod request;
mod restart;
mod world;

#[cfg(test)]
mod tests;

pub use outcome::max_attempts;
pub use rejection::{NotRestorable, Rejection};

use super::command::Command;
use super::event::{Event, PrunePlanned, RetentionBefore, RetentionChanged};
use super::state::TargetState;
use super::{evolve, retention};
use crate::outcome::{Failure, FailureCode};

/// Decides. Events come in order, and folding them is part of deciding what follows.
pub fn decide(state: &TargetState, command: Command) -> Result<Vec<Event>, Rejection> {
    match command {
        Command::Deploy(deploy) => request::deploy(state, *deploy),
        Command::Rollback(rollback) => request::rollback(state, *rollback),
        Command::Cancel { id } => request::cancel(state, id),
        Command::Stop { remove, volumes, at } => request::stop(state, remove, volumes, at),
        Command::Restart { at } => restart::request(state, at),
        Command::CancelRestart => {
            let mut deciding = Deciding::new(state);
            restart::cut_short(&mut deciding, Failure::new(FailureCode::Cancelled, "cancelled"));
            Ok(deciding.events)
        }
        Command::Prune { volumes } => Ok(keeping::prune(state, &volumes)),
        Command::RecordChecked { releases, seen, at } => Ok(world::checked(state, releases, &seen, at)),
        Command::Tag { name, release, push } => keeping::tag(state, name, release, push),
        Command::Untag { name, pushed } => keeping::untag(state, name, pushed),
        Command::Pin { release, pinned } => keeping::pin(state, release, pinned),
        Command::Hold { release, basis } => keeping::hold(state, release, basis),
        Command::ReleaseHold { release } => keeping::release_hold(state, release),
        Command::RecordOutcome { effect, outcome, at } => Ok(outcome::record(state, effect, *outcome, at)),
        Command::RecordAttempt { effect, cause, detail, retryable, at } => {
            let why = crate::outcome::FailureReport::new(cause, detail);
            let attempt = outcome::Attempt { effect, why, retryable };
            Ok(outcome::record_attempt(state, attempt, at))
        }
        Command::RecordObserved { observed } => Ok(world::observed(state, &observed)),
        Command::RecordRestarted { restarted } => Ok(world::restarted(state, restarted)),
        Command::Settle { observed, at } => Ok(world::settle(state, observed, at)),
    }
}

/// Events and the state that they lead to, while one command is being decided.
struct Deciding {
    state: TargetState,
    events: Vec<Event>,
}

impl Deciding {
    fn new(state: &TargetState) -> Self {
        Self { state: state.clone(), events: Vec::new() }
    }

    fn push(&mut self, event: impl Into<Event>) {
        let event = event.into();
        let empty = TargetState::new(self.state.app.clone(), self.state.target.clone());
        let state = std::mem::replace(&mut self.state, empty);
        self.state = evolve(state, &event);
        self.events.push(event);
    }
}

/// A removal for every artefact that no rule keeps.
fn plan_prunes(state: &TargetState) -> Vec<Event> {
    let count = state.retention.as_ref().map_or(0, |r| r.count);
    retention::prunable(state)
        .into_iter()
        .filter_map(|(rel, rule)| {
            let tagged = state.kept(rel)?.tagged.as_ref()?;
            let artefact = super::event::Artefact::LocalTag(tagged.local_tag.clone());
            Some(PrunePlanned { rel, artefact, rule, count }.into())
        })
        .collect()
}

/// What lost its place in the registry's history, as an event.
fn expire(deciding: &mut Deciding, also: Vec<crate::ids::DeploymentId>, before: Option<RetentionBefore>) {
    let dropped = [also, retention::expiring(&deciding.state)].concat();
    let Some(now) = deciding.state.retention.clone() else { return };
    let same = before.as_ref().is_some_and(|b| (b.strategy, b.count) == (now.strategy, now.count));
    if !same || !dropped.is_empty() {
        deciding.push(RetentionChanged { strategy: now.strategy, count: now.count, before, dropped });
    }
}

/// The retention in force, as it stands before a change.
fn retention_before(state: &TargetState) -> Option<RetentionBefore> {
    state.retention.as_ref().map(|r| RetentionBefore { strategy: r.strategy, count: r.count })
}
