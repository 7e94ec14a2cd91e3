//! Docker: the executor of role Engine. Types of bollard stop at this folder's door.
//!
//! Reading order: `client` and `engine` (how to connect), `errors` (what its answers mean), `labels` (what
//! is ours), then one file per subject: `images`, `build`, `network`, `replica`, `health`, `observe`.

mod addresses;
mod body;
mod build;
mod buildkit;
mod client;
mod context;
mod ends;
mod engine;
mod errors;
mod forget;
mod given;
mod glance;
mod health;
mod host_lock;
mod images;
mod inspector;
mod labels;
mod log_lines;
mod logs;
mod neighbours;
mod network;
mod observe;
mod offer;
mod place;
mod probe;
mod push;
mod release_command;
mod replica;
mod sizes;
mod transport;
mod volumes;

pub use client::{ConnectError, DockerOptions, EngineFacts};
pub use engine::DockerExecutor;
pub use forget::Before;
pub use inspector::inspect_for_edge;
pub use logs::{LogLine, LogQuery, LogStream};
pub use neighbours::Neighbour;
pub use offer::EngineOffer;
pub use place::with_port;
pub use sizes::Reclaim;

use crate::contract::*;
use async_trait::async_trait;
use engine::Engine;
use haloy_ledger::deployment::Effect;
use haloy_ledger::outcome::{Observed, ObservedReplica, Outcome};

impl DockerExecutor {
    /// Bytes that removing these tags would give back.
    pub async fn reclaimable(&self, tags: &[String]) -> Result<Reclaim, ExecutorError> {
        self.engine().await?.reclaimable(tags).await
    }

    /// Bytes in these volumes, where that can be known.
    pub async fn volume_sizes(
        &self,
        names: &[String],
    ) -> Result<std::collections::BTreeMap<String, u64>, ExecutorError> {
        self.engine().await?.volume_sizes(names).await
    }
}

impl Engine<'_> {
    async fn perform(&self, cx: &EffectContext, effect: &Effect) -> Result<Outcome, ExecutorError> {
        match effect {
            Effect::ResolveImage { image, .. } => self.resolve(cx, image).await,
            Effect::BuildImage { build, local_tag } => self.build(cx, build, local_tag).await,
            Effect::PullImage { reference, digest, policy } => {
                self.pull(cx, reference, digest.as_ref(), *policy).await
            }
            Effect::PushImage { image_id, reference } => self.push(cx, image_id, reference).await,
            Effect::TagImage { image_id, local_tag, covering } => {
                if let Some(entries) = covering {
                    self.refuse_uncovered(cx, image_id, entries).await?;
                }
                self.tag(image_id, local_tag).await
            }
            Effect::EnsureNetwork { network } => self.ensure_network(cx, network).await,
            Effect::StartReplica(spec) => self.start(cx, spec).await,
            Effect::AwaitHealthy { container_id, port, health, domain, .. } => {
                let awaited =
                    health::Awaited { container_id, port: *port, health, domain: domain.as_deref() };
                self.await_healthy(cx, awaited).await
            }
            Effect::StopReplica { replica, grace_seconds, expected } => {
                self.stop(cx, *replica, *grace_seconds, *expected).await
            }
            Effect::RunReleaseCommand { form, container } => self.release(cx, *form, container).await,
            Effect::RemoveReplica { replica } => self.remove(cx, *replica).await,
            Effect::RemoveLocalTag { local_tag } => self.remove_tag(local_tag).await,
            Effect::RemoveVolume { volume } => self.remove_volume(&cx.request.scope, volume).await,
            Effect::RunHook { .. }
            | Effect::ApplyRoutes { .. }
            | Effect::Drain { .. }
            | Effect::PushTag { .. }
            | Effect::DeleteRegistryTag { .. } => {
                Err(ExecutorError::not_supported("this is not for the engine"))
            }
        }
    }
}

#[async_trait]
impl Executor for DockerExecutor {
    fn role(&self) -> Role {
        Role::Engine
    }

    fn capabilities(&self) -> &'static [Capability] {
        use Capability as C;
        &[C::EngineImages, C::Builds, C::Pushes, C::Replicas, C::Volumes, C::ReleaseCommands]
    }

    async fn execute(&self, cx: &EffectContext, effect: &Effect) -> Result<Outcome, ExecutorError> {
        let engine = cx.within(self.engine()).await?;
        if let Effect::RunReleaseCommand { .. } = effect {
            // It ends what it began itself.
            return engine.perform(cx, effect).await;
        }
        cx.within(engine.perform(cx, effect)).await
    }

    async fn observe(&self, scope: &Scope) -> Result<Observed, ExecutorError> {
        self.engine().await?.observe(scope).await
    }

    async fn observe_replicas(&self, scopes: &[Scope]) -> Result<Vec<Vec<ObservedReplica>>, ExecutorError> {
        self.engine().await?.replicas_of(scopes).await
    }
}
