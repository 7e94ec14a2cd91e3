//! One file per command: its arguments, whose docs are the help, and one function.

pub mod backup;
pub mod checkpoint;
pub mod config;
mod context;
pub mod demo;
pub mod deploy;
pub mod doctor;
pub mod edge;
pub mod events;
pub mod generate;
pub mod history;
pub mod hold;
pub mod key;
pub mod logs;
pub mod prove;
pub mod prune;
pub mod recover;
pub mod redact;
pub mod replay;
pub mod restart;
pub mod retention;
pub mod rollback;
pub mod rollback_targets;
pub mod routes;
mod selecting;
pub mod settle;
pub mod show;
pub mod status;
pub mod stop;
pub mod tag;
pub mod targets;
pub mod validate_config;
pub mod verify;

pub(crate) use context::service;
pub use context::{Context, answered, bound, confirm, pass, service_options};
use selecting::{file_if_there, key, keys, keys_known, keys_meant, keys_to_read, selected, selected_with};
