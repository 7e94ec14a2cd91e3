//! The rules: which events follow from a command, or why none may.
//!
//! Pure: facts come with the command. One file per subject: `request` for requests, `keeping` for what is
//! kept, `outcome` for reports, `commands` for the ends of the user's commands, `restart` for restarts,
//! `conclude` for the end of a rollout, `world` for observations; `deciding` is below all of them.

mod commands;
mod conclude;
mod deciding;
mod keeping;
mod outcome;
mod rejection;
mod request;
mod restart;
mod world;

#[cfg(test)]
mod tests;

pub use super::restorable::NotRestorable;
pub use outcome::max_attempts;
pub use rejection::Rejection;

use deciding::Deciding;

use super::command::Command;
use super::state::TargetState;
use crate::event::TargetEvent;
use crate::outcome::{Failure, FailureCode};

/// Decides. Events come in order, and folding them is part of deciding what follows.
pub fn decide(state: &TargetState, command: Command) -> Result<Vec<TargetEvent>, Rejection> {
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
