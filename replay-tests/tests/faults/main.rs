//! Faults, and their effect on the ledger: see `haloy_replay_tests::faults`. `HALOY_TORTURE` enables the long
//! form, and says how many bits it flips.

mod bits;
mod copies;
mod edits;
mod harness;
mod system;
mod torn;
