//! The record of haloy: pure rules and an append-only log. No async, no Docker, no terminal.
//!
//! Reading order, which is also the order of imports:
//! [`locks`], [`ids`], [`private`], [`release`], [`ports`], [`defect`], [`files`], [`secrets`], [`outcome`],
//! [`event`], [`deployment`], [`edge`], [`log`], [`projection`], [`integrity`], [`read`], [`ledger`].

pub mod defect;
pub mod deployment;
pub mod edge;
pub mod event;
pub mod files;
pub mod ids;
pub mod integrity;
pub mod ledger;
pub mod locks;
pub mod log;
pub mod outcome;
pub mod ports;
pub mod private;
pub mod projection;
pub mod read;
pub mod release;
pub mod secrets;

pub use ledger::{CommandContext, ExecuteError, Executed, Ledger, LedgerOptions, OpenError};
