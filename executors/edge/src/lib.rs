//! The edge: a reverse proxy of its own process in front of every replica that has a domain.
//!
//! It knows nothing of deployments. It serves the newest table of routes that it received, keeps it on disk,
//! and reports its work. So a crash or an upgrade of haloy never touches traffic.
//!
//! It opens no ledger: it knows only the routes that it receives and the words of its reports. The executor
//! that brings it the routes is in haloy-executors.
//!
//! Reading order: [`limits`], [`table`] (names and their replicas), [`identity`] (identity of replicas),
//! `verify` (connections that end at a container), `upstream` (connections to replicas), `standing` and
//! `checks` (which of them answer), `options`, then what requests share: `routing`, `tls`, `lifecycle`,
//! `observed`, together in `shared`; `headers`, `passing` and `proxy` (one request), `clients` and
//! `connections` (of clients), `wire` (messages on the command socket), `control` and [`Client`] (its two
//! sides), `server` (the process).

mod access_log;
mod acme;
mod body;
mod certs;
mod challenges;
mod changes;
mod checks;
mod client;
mod client_origin;
mod clients;
mod connections;
mod control;
mod handoff;
mod headers;
pub mod identity;
pub mod inspector;
mod lifecycle;
pub mod limits;
mod link;
mod listen;
mod methods;
mod metrics;
pub mod netns;
mod news;
mod notify;
mod observed;
mod open;
mod options;
mod pages;
mod passing;
mod patient;
mod proxy;
mod renewal;
mod requests;
mod routing;
pub mod said;
mod scrape;
mod server;
mod shared;
mod standing;
mod store;
pub mod table;
mod terms;
mod tls;
mod tunnel;
mod upstream;
mod verify;
mod waits;
mod wire;
mod workers;

pub use client::{Client, ControlError};
pub use inspector::ChildInspector;
pub use options::{AccessLog, AcmeOptions, CheckTimes, EdgeError, EdgeOptions};
pub use server::run;
pub use store::kept_aside;
pub use waits::{Silent, Wait, Waits};
pub use wire::{AuthorityStatus, EdgeStatus, ReplicaStatus, Reported};
