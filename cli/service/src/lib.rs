//! Requests to haloy and its answers as data, and the service behind them.
//!
//! Commands talk to these traits, never to a ledger, so that the one behind them can be another process or another
//! machine. The answers are the JSON output.
//!
//! Nothing here reads the process that it runs in: a [`Caller`] is bound to its own [`As`]; clock, randomness
//! and places come in [`EmbeddedOptions`].
//!
//! Reading order: `traits` (the questions and commands), `requests`, `answers` and what lies beside them,
//! [`Error`], `caller` and `interrupt` (the caller, and how it interrupts), `embedded` (the service in one
//! process), `words`, `event`, `doing` and `time` (sentences in answers).

mod answers;
mod answers_kept;
mod caller;
pub mod doing;
mod embedded;
mod error;
pub mod event;
mod evidence;
mod follow;
mod health;
mod interrupt;
mod requests;
mod status;
pub mod time;
mod traits;
mod values;
pub mod words;

pub use answers::*;
pub use answers_kept::*;
pub use caller::{Caller, CommandMetadata};
pub use embedded::{As, Embedded, EmbeddedOptions, Entropies, Machine, verifier};
pub use error::{Error, Kind};
pub use evidence::*;
pub use follow::{Counter, Follow};
pub use health::*;
pub use interrupt::{Interrupt, Work, Writing};
pub use requests::*;
pub use status::*;
pub use traits::{Deploys, Edge, Keeping, Maintenance, Reads, Service};
pub use values::{ConfigValue, NamedSource, PrivateTexts, ReleaseSources, ReleaseValues, Values};
