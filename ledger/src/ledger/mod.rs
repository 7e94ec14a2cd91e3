//! The shell: load, decide, append, project. Nothing else ties rules and log together.

mod backup;
mod checking;
mod context;
mod edge;
mod erasing;
mod evidence;
mod execute;
mod forget;
mod keys;
mod newer;
mod open;
mod open_to_read;
mod options;
mod queries;
mod recover;
mod redact;
mod renew;
mod signing;
mod upgrade;

pub use backup::{Backup, backup};
pub use context::{ActorFacts, CommandContext};
pub use evidence::{Evidence, named, prove, sizes};
pub use execute::{ExecuteError, Executed};
pub use forget::ForgetError;
pub use keys::KeyChange;
pub use open::{Ledger, Parts};
pub use options::{LedgerOptions, OpenError};
pub use recover::Recovery;
pub use redact::{RedactError, Redacted};
pub use signing::KeyMode;
