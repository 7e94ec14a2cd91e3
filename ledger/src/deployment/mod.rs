//! The decider of one (app, target) stream: pure functions over facts.
//!
//! Reading order: [`command`] for commands, [`state`] and [`evolve`] for what follows from the events
//! ([`crate::event`]), [`effect`] for what is owed to the world, [`decide`] for the rules.

pub mod command;
pub mod decide;
pub mod effect;
pub mod evolve;
mod kept;
mod moves;
pub mod plan;
pub mod restorable;
pub mod retention;
pub mod route;
mod standing;
pub mod state;

pub use command::Command;
pub use decide::{Rejection, decide};
pub use effect::{Effect, owed};
pub use evolve::evolve;
pub(crate) use evolve::failures::gives_up_stop;
pub use state::TargetState;
