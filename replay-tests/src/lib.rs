//! The proof of haloy: support for its tests.

pub mod faults;
pub mod simulation;
