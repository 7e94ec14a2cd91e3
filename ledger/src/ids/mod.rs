//! Names and numbers: every identifier of the record, validated where it is made.
//!
//! Nothing here knows what an identifier is used for; everything else is built on it.

mod deployment_id;
mod effect_id;
mod image;
mod names;
mod numbers;
#[cfg(test)]
pub(crate) mod properties;
mod release_name;
mod stream_id;
mod target_key;

pub use deployment_id::{DeploymentId, LedgerId};
pub use effect_id::{EffectId, EffectNumber};
pub use image::{Digest, ImageRef};
pub use names::{AppName, InvalidId, TargetName, slug};
pub use numbers::{Position, ReplicaId, Revision, Timestamp};
pub use release_name::ReleaseName;
pub use stream_id::StreamId;
pub use target_key::TargetKey;
