//! The production decider, dispatcher, projections and log contract, under a seeded clock, engine
//! and disk: commands, faults, crashes between any two steps, and invariants after each.
//!
//! One seed is one run, on one thread, and gives one log, byte for byte.

mod config;
mod coverage;
mod hooks;
mod invariants;
mod judge;
mod keeping;
mod parts;
mod retention;
mod routes;
mod run;
#[cfg(test)]
mod slugs;
mod steps;
mod watch;

pub use config::config;
pub use coverage::{Coverage, Report};
pub use parts::{Random, Sabotage, SimClock, SimEntropy};
pub use run::run;
