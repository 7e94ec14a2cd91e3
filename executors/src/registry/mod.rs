//! Registries: tags, digests, and further tags for them. Types of oci-client stay within this folder; layers
//! move through Docker, never through here.
//!
//! Reading order: `reference` and `connection` (the address), `login` (the credentials), `errors` (the
//! meaning of answers), `resolve` and `tags` (the requests).

mod connection;
mod errors;
mod login;
mod reference;
mod resolve;
mod tags;

pub use connection::{Registry, RegistryOptions};
pub use login::stored_login;
pub use reference::host;
