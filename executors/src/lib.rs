//! The hands of haloy: executors that act on Docker and on this machine, and the dispatcher that
//! brings them what the ledger owes.
//!
//! Reading order: [`executor`] (the contract), then its implementations, then the dispatcher.

pub mod executor;

pub use executor::{
    EffectContext, Executor, ExecutorError, NoProgress, Progress, ProgressSink, RegistryLogin, Role, Scope,
    Values,
};
