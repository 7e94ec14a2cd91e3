//! The edge: a reverse proxy of its own process in front of every replica that has a domain.
//!
//! It knows nothing of deployments. It serves the newest table of routes that it was given, keeps it on
//! disk, and says what it does. So a crash or an upgrade of haloy never touches traffic.
//!
//! Reading order: [`limits`], [`table`] (who answers for a name), [`identity`] (who a replica is), `verify`
//! (a connection that ends at it), `upstream` (connections to replicas), `standing` and `checks` (which of
//! them answer),
//! `headers` and `proxy` (one request), `connections` (of clients), `server` (the process), [`control`] (the socket of
//! commands), [`router`] (the executor).

mod access_log;
pub mod acme;
mod body;
mod certs;
mod changes;
mod checks;
mod client;
mod connections;
pub mod control;
mod handoff;
mod headers;
pub mod identity;
pub(crate) mod inspector;
pub mod limits;
mod link;
mod listen;
mod methods;
mod metrics;
pub(crate) mod netns;
mod notify;
mod open;
mod pages;
mod patient;
mod proxy;
mod renewal;
mod requests;
pub mod router;
mod scrape;
mod server;
mod standing;
mod store;
pub mod table;
mod terms;
mod tls;
mod tunnel;
mod upstream;
mod verify;
mod wire;
mod workers;

pub use access_log::AccessLog;
pub use checks::CheckTimes;
pub use client::{Client, ControlError};
pub use inspector::ChildInspector;
pub use router::EdgeRouter;
pub use server::{EdgeError, EdgeOptions, run};
pub use store::{Reported, kept_aside};
pub use wire::{AuthorityStatus, EdgeStatus, ReplicaStatus};
