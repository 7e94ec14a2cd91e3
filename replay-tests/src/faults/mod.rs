//! Faults of disks, of machines and of people, against a small ledger on disk, judged by an oracle that
//! is outside of haloy: hashes of the entries, and every row and value, kept before the fault.
//!
//! Reading order: [`world`] makes a ledger, [`image`] keeps its files, [`oracle`] judges the result,
//! [`tally`] counts.

pub mod image;
pub mod oracle;
pub mod tally;
pub mod world;

pub use image::{Image, folder};
pub use oracle::{Before, Outcome};
pub use tally::Tally;
pub use world::World;
