//! Brings executors what a target owes, and the ledger what came of it.
//!
//! Nothing that matters is remembered here: what is owed is asked of the state after every report.

mod beside;
mod drive;
mod limits;
mod plan;
mod revive;

pub use drive::{DispatchError, Dispatcher, Driving, Observer, Quiet};
pub use limits::{Limits, deadline};
pub use plan::{Plan, plan};
pub use revive::Missing;
