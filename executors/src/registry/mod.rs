//! Registries: what a tag means, whether a digest is there, other tags for it. Types of oci-client
//! stop at this folder's door; layers move through Docker, never through here.
//!
//! Reading order: `reference` and `connection` (how one is reached), `login` (with whose credentials), `errors` (what its answers mean), `resolve` and `tags` (what is asked).

mod connection;
mod errors;
mod login;
mod reference;
mod resolve;
mod tags;

pub use connection::{Registry, RegistryOptions};
pub use login::stored_login;
pub use reference::host;
