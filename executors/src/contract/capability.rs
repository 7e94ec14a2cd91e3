//! What an executor can do, as a fact that it reports of itself.

use super::messages::Role;
use haloy_ledger::deployment::Effect;
use serde::{Deserialize, Serialize};

/// A capability of an executor. An effect needs exactly one of these, and an executor performs the effects
/// whose capability it reports: it refuses every other one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Capability {
    /// Says which image a reference means on the engine, pulls, tags and untags it there.
    EngineImages,
    /// Builds images.
    Builds,
    /// Pushes images that were built.
    Pushes,
    /// Makes networks; starts, watches, stops and removes replicas.
    Replicas,
    /// Removes volumes.
    Volumes,
    /// Runs release commands.
    ReleaseCommands,
    /// Says which image a reference means in a registry, and gives and takes tags there.
    RegistryTags,
    /// Applies routes, and drains replicas.
    Routes,
    /// Runs hooks.
    Hooks,
}

impl Capability {
    /// Every one, in their order.
    pub const ALL: [Self; 9] = [
        Self::EngineImages,
        Self::Builds,
        Self::Pushes,
        Self::Replicas,
        Self::Volumes,
        Self::ReleaseCommands,
        Self::RegistryTags,
        Self::Routes,
        Self::Hooks,
    ];

    /// The one that an effect needs.
    pub fn of(effect: &Effect) -> Self {
        match effect {
            Effect::ResolveImage { registry: true, .. }
            | Effect::PushTag { .. }
            | Effect::DeleteRegistryTag { .. } => Self::RegistryTags,
            Effect::ResolveImage { registry: false, .. }
            | Effect::PullImage { .. }
            | Effect::TagImage { .. }
            | Effect::RemoveLocalTag { .. } => Self::EngineImages,
            Effect::BuildImage { .. } => Self::Builds,
            Effect::PushImage { .. } => Self::Pushes,
            Effect::EnsureNetwork { .. }
            | Effect::StartReplica(_)
            | Effect::AwaitHealthy { .. }
            | Effect::StopReplica { .. }
            | Effect::RemoveReplica { .. } => Self::Replicas,
            Effect::RemoveVolume { .. } => Self::Volumes,
            Effect::RunReleaseCommand { .. } => Self::ReleaseCommands,
            Effect::ApplyRoutes { .. } | Effect::Drain { .. } => Self::Routes,
            Effect::RunHook { .. } => Self::Hooks,
        }
    }

    /// The role that it belongs to.
    pub fn role(self) -> Role {
        match self {
            Self::EngineImages
            | Self::Builds
            | Self::Pushes
            | Self::Replicas
            | Self::Volumes
            | Self::ReleaseCommands => Role::Engine,
            Self::RegistryTags => Role::Registry,
            Self::Routes => Role::Router,
            Self::Hooks => Role::Hooks,
        }
    }
}

impl Role {
    /// The role that performs an effect.
    pub fn of(effect: &Effect) -> Self {
        Capability::of(effect).role()
    }
}
