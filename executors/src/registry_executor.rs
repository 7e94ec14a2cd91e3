//! The executor of role Registry: which image a tag means, other tags for it, and whether it is
//! still there. Layers move through the engine; here only manifests are read and named.

use crate::contract::*;
use crate::docker::DockerExecutor;
use crate::mask::Mask;
use crate::registry::{Registry, RegistryOptions};
use async_trait::async_trait;
use haloy_ledger::deployment::Effect;
use haloy_ledger::deployment::state::Origin;
use haloy_ledger::ids::ImageRef;
use haloy_ledger::locks::locked;
use haloy_ledger::outcome::*;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::OnceCell;

/// Registries, as the engine that runs the images would reach them.
pub struct RegistryExecutor {
    options: RegistryOptions,
    docker: Arc<DockerExecutor>,
    /// One connection for each registry and credential: it keeps its tokens and its sockets. Only callers of
    /// the same one wait while it is made.
    open: Mutex<BTreeMap<Opened, Connection>>,
}

/// Registry and credential.
type Opened = (String, Option<(String, String)>);

/// A connection that is made once, and since when.
#[derive(Clone)]
struct Connection {
    since: Instant,
    made: Arc<OnceCell<Arc<Registry>>>,
}

/// How long a login that is not in the configuration is used: those of credential helpers expire.
const LOGIN_KEPT: Duration = Duration::from_secs(300);

impl RegistryExecutor {
    /// Queries the engine for its platform, and for registries without TLS.
    pub fn new(options: RegistryOptions, docker: Arc<DockerExecutor>) -> Self {
        Self { options, docker, open: Mutex::default() }
    }

    async fn connect(
        &self,
        image: &ImageRef,
        login: Option<&RegistryLogin>,
        mask: &Mask,
    ) -> Result<Arc<Registry>, ExecutorError> {
        let credential = login.map(|login| (login.username.clone(), login.password.clone()));
        let key = (crate::registry::host(image)?, credential);
        let made = self.made(key);
        let registry = made.get_or_try_init(|| self.make(image, login)).await?;
        registry.hide_in(mask);
        Ok(Arc::clone(registry))
    }

    /// The place of a connection; a new one where the login of the old one may have ended.
    fn made(&self, key: Opened) -> Arc<OnceCell<Arc<Registry>>> {
        let fresh = || Connection { since: Instant::now(), made: Arc::default() };
        let mut open = locked(&self.open);
        let ends = key.1.is_none();
        let connection = open.entry(key).or_insert_with(fresh);
        if ends && connection.since.elapsed() > LOGIN_KEPT {
            *connection = fresh();
        }
        Arc::clone(&connection.made)
    }

    async fn make(
        &self,
        image: &ImageRef,
        login: Option<&RegistryLogin>,
    ) -> Result<Arc<Registry>, ExecutorError> {
        let mut options = self.options.clone();
        // Without Docker nothing is known about it; what needs Docker says so itself.
        if let Ok(facts) = self.docker.facts().await {
            options.plain_http.extend(facts.insecure_registries);
        }
        Ok(Arc::new(Registry::for_image(&options, image, login).await?))
    }

    /// What the registry says of an image now: one question for the digest, one for the tag.
    pub async fn look_up(&self, origin: &Origin, login: Option<&RegistryLogin>) -> RegistryAnswer {
        let mask = Mask::new(login.map(|login| &login.password));
        match self.ask(origin, login, &mask).await {
            Ok(answer) => answer,
            Err(error) => {
                let ExecutorError { cause, detail, retry: _ } = mask.error(error);
                RegistryAnswer::Unknown { cause, detail }
            }
        }
    }

    async fn ask(
        &self,
        origin: &Origin,
        login: Option<&RegistryLogin>,
        mask: &Mask,
    ) -> Result<RegistryAnswer, ExecutorError> {
        let registry = self.connect(&origin.reference, login, mask).await?;
        let tag = registry.tag_digest(&origin.reference).await?;
        // The tag still points at it: nothing more to ask.
        let there =
            tag.as_ref() == Some(&origin.digest) || registry.has(&origin.reference, &origin.digest).await?;
        Ok(if there { RegistryAnswer::There { tag } } else { RegistryAnswer::Gone { tag } })
    }

    async fn perform(&self, cx: &EffectContext, effect: &Effect) -> Result<Outcome, ExecutorError> {
        let (login, mask) = (cx.values.registry.as_ref(), &*cx.values.mask);
        match effect {
            Effect::ResolveImage { image, .. } => {
                let facts =
                    self.docker.facts().await.map_err(crate::docker::ConnectError::into_executor_error)?;
                let registry = self.connect(&image.reference, login, mask).await?;
                match registry.resolve(&image.reference, &facts.platform).await {
                    Ok(resolved) => Ok(Outcome::ImageResolved(resolved)),
                    Err(error) => Err(with_tags(&registry, &image.reference, error).await),
                }
            }
            Effect::PushTag { reference, digest } => {
                let registry = self.connect(reference, login, mask).await?;
                registry.retag(reference, digest, reference.tag().unwrap_or("latest")).await?;
                Ok(Outcome::ImagePushed { reference: reference.clone(), digest: digest.clone() })
            }
            Effect::DeleteRegistryTag { reference } => {
                let registry = self.connect(reference, login, mask).await?;
                registry.delete_tag(reference, reference.tag().unwrap_or("latest")).await?;
                Ok(Outcome::RegistryTagRemoved)
            }
            Effect::BuildImage { .. }
            | Effect::PushImage { .. }
            | Effect::PullImage { .. }
            | Effect::TagImage { .. }
            | Effect::EnsureNetwork { .. }
            | Effect::StartReplica(_)
            | Effect::AwaitHealthy { .. }
            | Effect::ApplyRoutes { .. }
            | Effect::Drain { .. }
            | Effect::StopReplica { .. }
            | Effect::RemoveReplica { .. }
            | Effect::RemoveLocalTag { .. }
            | Effect::RemoveVolume { .. }
            | Effect::RunHook { .. }
            | Effect::RunReleaseCommand { .. } => {
                Err(ExecutorError::not_supported("this is not for a registry"))
            }
        }
    }
}

/// A missing tag is often a misspelt one: what there is helps. Best effort, and never a new error.
async fn with_tags(registry: &Registry, image: &ImageRef, mut error: ExecutorError) -> ExecutorError {
    const SHOWN: usize = 5;
    if error.cause.code == FailureCode::ImageNotFound
        && let Ok(tags) = registry.tags(image).await
        && !tags.is_empty()
    {
        let last = tags[tags.len().saturating_sub(SHOWN)..].join(", ");
        let more =
            if tags.len() > SHOWN { format!(" and {} more", tags.len() - SHOWN) } else { String::new() };
        error.detail = format!("there is {last}{more}");
    }
    error
}

#[async_trait]
impl Executor for RegistryExecutor {
    fn role(&self) -> Role {
        Role::Registry
    }

    fn capabilities(&self) -> &'static [Capability] {
        &[Capability::RegistryTags]
    }

    async fn execute(&self, cx: &EffectContext, effect: &Effect) -> Result<Outcome, ExecutorError> {
        cx.within(self.perform(cx, effect)).await
    }

    /// Nothing in a registry carries our labels: images are looked up by digest.
    async fn observe(&self, _scope: &Scope) -> Result<Observed, ExecutorError> {
        Ok(Observed::default())
    }
}
