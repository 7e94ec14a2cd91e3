//! Faults, and what became of the ledger: see `haloy_replay_tests::faults`. `HALOY_TORTURE` asks for
//! the long form, and how many bits it flips.

mod bits;
mod copies;
mod edits;
mod harness;
mod system;
mod torn;
