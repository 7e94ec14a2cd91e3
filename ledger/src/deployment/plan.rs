//! The steps that a target has to take now, by name.
//!
//! `effect` turns steps into effects, `decide` sees from them whether a rollout is done, `evolve`
//! sees which replicas may exist when a rollout turns.

pub use super::moves::{Step, missing, serves};

use super::state::TargetState;
use super::{moves, route};

/// Everything that can be taken on now; empty if nothing is left to do.
pub fn steps(state: &TargetState) -> Vec<Step> {
    route::gate(state, moves::moves(state))
}
