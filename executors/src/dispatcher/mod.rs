//! Brings owed effects to executors, and outcomes to the ledger.
//!
//! Nothing that matters is remembered here: owed effects are derived from the state after every report.

mod beside;
mod drive;
mod limits;
mod plan;
mod revive;

pub use drive::{DispatchError, Dispatcher, Driving, Observer, Quiet};
pub use limits::{Limits, deadline};
pub use plan::{Plan, plan};
pub use revive::Missing;
