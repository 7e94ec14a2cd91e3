//! What happened, in the past tense: one enum of kinds for each stream, and [`AnyEvent`] for who reads all.
//!
//! Kind numbers are for ever: never reused, never renumbered. Ranges of planned streams, never to be used for
//! anything else: 130-149 (governance), 150-169 (fleet), 170-189 (witness), 190-199 (access).
//!
//! A new field is a new version of its kind and a step in `log/upcast.rs`.

mod any;
mod catalogue;
mod edge;
pub mod field;
mod groups;
mod ledger;
mod parts;
mod target;
mod target_kept;

pub use any::AnyEvent;
pub use catalogue::{FieldInfo, Kind, KindInfo};
pub use edge::*;
pub(crate) use groups::{hold_events, registry_events, running_events, step_events};
pub use ledger::*;
pub use parts::*;
pub use target::*;
