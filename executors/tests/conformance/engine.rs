//! One engine and a target of its own on it: Docker's, or a simulated one.

use crate::{cases, digest, endless_simulation};
use async_trait::async_trait;
use haloy_executors::contract::tests::{Case, Step, World, default_deployment, default_scope};
use haloy_executors::*;
use haloy_ledger::deployment::Effect;
use haloy_ledger::deployment::effect::ReplicaSpec;
use haloy_ledger::ids::*;
use haloy_ledger::outcome::*;
use haloy_ledger::ports::{Clock, Entropy, SystemClock, SystemEntropy};
use haloy_ledger::release::*;
use std::sync::Arc;

/// An image without any base; the suite needs none that runs.
const DOCKERFILE: &str = "FROM scratch\nCOPY Dockerfile /x\nENTRYPOINT [\"/x\"]\n";

/// What is done on every engine, in this order.
const EVERYWHERE: [EffectNumber; 7] = [
    EffectNumber::BuildImage,
    EffectNumber::TagImage,
    EffectNumber::EnsureNetwork,
    EffectNumber::StopReplica,
    EffectNumber::RemoveReplica,
    EffectNumber::RemoveVolume,
    EffectNumber::RemoveLocalTag,
];

/// What is done where containers of the suite's own image run.
const SIMULATED: [EffectNumber; 13] = [
    EffectNumber::ResolveImage,
    EffectNumber::BuildImage,
    EffectNumber::PushImage,
    EffectNumber::PullImage,
    EffectNumber::TagImage,
    EffectNumber::EnsureNetwork,
    EffectNumber::RunReleaseCommand,
    EffectNumber::StartReplica,
    EffectNumber::AwaitHealthy,
    EffectNumber::StopReplica,
    EffectNumber::RemoveReplica,
    EffectNumber::RemoveVolume,
    EffectNumber::RemoveLocalTag,
];

/// A unique time and randomness.
pub fn fresh_ulid() -> (u64, u128) {
    let entropy: &dyn Entropy = &SystemEntropy;
    (SystemClock.now().unix_ms(), entropy.ulid_bits())
}

/// A target of its own on an engine.
pub struct Engine {
    docker: Option<Arc<DockerExecutor>>,
    simulated: Option<Arc<SimulatedExecutor>>,
    pub scope: Scope,
    deployment: DeploymentId,
    context: tempfile::TempDir,
    kinds: &'static [EffectNumber],
}

impl Engine {
    pub fn of_docker() -> Self {
        // Unique, so that two worlds on one engine do not meet.
        let (time, random) = fresh_ulid();
        let deployment = DeploymentId::from_parts(time, random);
        let app = AppName::new(format!("conformance-{}", deployment.tail())).expect("a name");
        let key = TargetKey { app, target: TargetName::new("t").expect("a name") };
        let scope = Scope { ledger: LedgerId::from_parts(time, random), key };
        let docker = Some(Arc::new(DockerExecutor::new(DockerOptions::default())));
        Self { docker, simulated: None, scope, deployment, context: context(), kinds: &EVERYWHERE }
    }

    pub fn simulated(faults: Faults) -> Self {
        let simulated = Some(Arc::new(SimulatedExecutor::new(1, faults)));
        let (scope, deployment) = (default_scope(), default_deployment());
        Self { docker: None, simulated, scope, deployment, context: context(), kinds: &SIMULATED }
    }

    pub fn tag(&self) -> String {
        format!("{}:{}", self.scope.key.app.slug(), self.deployment)
    }

    pub fn replica(&self) -> ReplicaId {
        ReplicaId { deployment: self.deployment, index: 0 }
    }

    fn spec(&self, image_id: Digest) -> ReplicaSpec {
        ReplicaSpec {
            replica: self.replica(),
            name: format!("{}-0", self.scope.key.app.slug()),
            alias: None,
            release: self.deployment,
            image_id,
            network: "haloy".to_owned(),
            env: vec!["A".to_owned()],
            volumes: Vec::new(),
            takes_over: Vec::new(),
            port: 8080,
            resources: Resources { memory_bytes: None, milli_cpus: None },
            init: None,
            grace_seconds: 20,
        }
    }

    fn build(&self) -> Effect {
        let build = BuildSpec {
            context: self.context.path().display().to_string(),
            dockerfile: "Dockerfile".to_owned(),
            platform: None,
            args: Vec::new(),
            push: false,
        };
        Effect::BuildImage { build, local_tag: self.tag() }
    }

    fn health(&self, container_id: &str) -> Effect {
        Effect::AwaitHealthy {
            replica: self.replica(),
            container_id: container_id.to_owned(),
            address: None,
            port: 8080,
            health: HealthSpec { timeout_seconds: Some(1), ..HealthSpec::new("/", 0) },
            domain: None,
        }
    }

    /// An effect of a kind, on the image that was built.
    pub fn step(&self, kind: EffectNumber, image_id: Digest) -> Step {
        use EffectNumber as N;
        let (tag, replica) = (self.tag(), self.replica());
        let named = || ImageRef::new("registry.example/app:v1").expect("a reference");
        let (subject, effect) = match kind {
            N::ResolveImage => {
                let image = ImageSpec {
                    reference: named(),
                    pull_policy: PullPolicy::Always,
                    build: None,
                    registry: None,
                };
                ("image", Effect::ResolveImage { image: Box::new(image), registry: false })
            }
            N::BuildImage => ("image", self.build()),
            N::PushImage => ("image", Effect::PushImage { image_id, reference: named() }),
            N::PullImage => {
                let (digest, policy) = (Some(image_id), PullPolicy::Always);
                ("image", Effect::PullImage { reference: named(), digest, policy })
            }
            N::TagImage => {
                (tag.as_str(), Effect::TagImage { image_id, local_tag: tag.clone(), covering: None })
            }
            N::EnsureNetwork => ("haloy", Effect::EnsureNetwork { network: "haloy".to_owned() }),
            N::RunReleaseCommand => {
                let container = Box::new(self.spec(image_id));
                ("", Effect::RunReleaseCommand { form: CommandForm::Shell, container })
            }
            N::StartReplica => ("0", Effect::StartReplica(Box::new(self.spec(image_id)))),
            N::AwaitHealthy => ("0", self.health("none")),
            N::StopReplica => ("0", Effect::StopReplica { replica, grace_seconds: 20, expected: false }),
            N::RemoveReplica => ("0", Effect::RemoveReplica { replica }),
            N::RemoveVolume => ("none", Effect::RemoveVolume { volume: format!("{}-none", replica) }),
            N::RemoveLocalTag => (tag.as_str(), Effect::RemoveLocalTag { local_tag: tag.clone() }),
            N::ApplyRoutes | N::Drain | N::PushTag | N::DeleteRegistryTag | N::RunHook => {
                panic!("{kind:?} is not for an engine")
            }
        };
        let env = vec![("A".to_owned(), "1".to_owned())];
        Step::new(kind, subject, effect).with(Values { env, ..Values::default() })
    }

    pub async fn perform(&self, step: &Step) -> Result<Outcome, ExecutorError> {
        let id = EffectId { deployment: self.deployment, number: step.number, subject: step.subject.clone() };
        let (scope, deployment) = (self.scope.clone(), self.deployment);
        let context = EffectContext {
            request: EffectRequest { id, scope, deployment, attempt: 1, facts: Default::default() },
            deadline: std::time::Instant::now() + std::time::Duration::from_secs(60),
            cancel: Default::default(),
            progress: Arc::new(NoProgress),
            values: Arc::new(step.values.clone()),
            routes: None,
        };
        self.executor().execute(&context, &step.effect).await
    }

    pub async fn image(&self) -> Digest {
        match self.perform(&self.step(EffectNumber::BuildImage, digest(0))).await {
            Ok(Outcome::ImageBuilt { image_id, .. }) => image_id,
            other => panic!("{other:?}"),
        }
    }

    pub async fn observed(&self) -> Observed {
        self.executor().observe(&self.scope).await.expect("observed")
    }
}

fn context() -> tempfile::TempDir {
    let context = tempfile::tempdir().expect("a folder");
    std::fs::write(context.path().join("Dockerfile"), DOCKERFILE).expect("written");
    context
}

#[async_trait]
impl World for Engine {
    fn scope(&self) -> Scope {
        self.scope.clone()
    }

    fn deployment(&self) -> DeploymentId {
        self.deployment
    }

    fn executor(&self) -> Arc<dyn Executor> {
        match &self.simulated {
            // The executor is its own world: its memory is the state.
            Some(simulated) => Arc::<SimulatedExecutor>::clone(simulated),
            None => Arc::new(DockerExecutor::new(DockerOptions::default())),
        }
    }

    fn next(&self, done: &[Outcome]) -> Option<Step> {
        let built = done.iter().find_map(|outcome| match outcome {
            Outcome::ImageBuilt { image_id, .. } => Some(image_id.clone()),
            _other => None,
        });
        Some(self.step(*self.kinds.get(done.len())?, built.unwrap_or_else(|| digest(0))))
    }

    async fn state(&self) -> String {
        let Observed { replicas, tags, .. } = self.observed().await;
        let replicas: Vec<_> = replicas.iter().map(|seen| (seen.replica.index, seen.running)).collect();
        let tags: Vec<_> = tags.iter().map(|tag| tag.local_tag == self.tag()).collect();
        let Some(simulated) = &self.simulated else { return format!("{replicas:?}, {tags:?} of its tags") };
        let world = simulated.world();
        let images = (&world.tags, &world.pushed);
        format!("{:?} {images:?} {:?} {:?}", world.replicas, world.networks, world.volumes)
    }

    async fn refused(&self) -> Vec<Case> {
        use EffectNumber as N;
        // An image that does not exist, a container that does not exist, and an empty build.
        let mut steps: Vec<Step> = Vec::new();
        let empty = Effect::BuildImage {
            build: BuildSpec {
                context: "/nowhere/at/all".to_owned(),
                dockerfile: "Dockerfile".to_owned(),
                platform: None,
                args: Vec::new(),
                push: false,
            },
            local_tag: self.tag(),
        };
        steps.push(self.step(N::AwaitHealthy, digest(1)));
        if self.docker.is_some() {
            steps.push(Step::new(N::BuildImage, "nothing", empty));
            steps.extend([N::TagImage, N::StartReplica].map(|kind| self.step(kind, digest(1))));
            return cases(&self.executor(), steps);
        }
        let mut release = self.step(N::RunReleaseCommand, digest(1));
        release.values.release_command = Some("exit 3".to_owned());
        let network = Effect::EnsureNetwork { network: "of-somebody-else".to_owned() };
        steps.extend([release, Step::new(N::EnsureNetwork, "of-somebody-else", network)]);
        let mut found = cases(&self.executor(), steps);
        let missing = SimulatedExecutor::new(1, Faults::default());
        missing.world().missing.insert("registry.example/app:v1".to_owned());
        let broken: Arc<dyn Executor> =
            Arc::new(SimulatedExecutor::new(1, Faults { fatal: 1000, ..Faults::default() }));
        found.extend(cases(
            &(Arc::new(missing) as Arc<dyn Executor>),
            [self.step(N::ResolveImage, digest(1))],
        ));
        found.extend(cases(&broken, SIMULATED[..9].iter().map(|kind| self.step(*kind, digest(1)))));
        found
    }

    async fn endless(&self) -> Vec<Case> {
        let executor: Arc<dyn Executor> = match &self.simulated {
            Some(_simulated) => endless_simulation(),
            None => {
                let host = Some(format!("tcp://{}", silence()));
                Arc::new(DockerExecutor::new(DockerOptions { host, ..DockerOptions::default() }))
            }
        };
        cases(&executor, EVERYWHERE.map(|kind| self.step(kind, digest(1))))
    }

    async fn telling(&self, secret: &str) -> Vec<Case> {
        if self.docker.is_none() {
            return Vec::new();
        }
        let lines = format!("FROM scratch\nCOPY {secret} /x\n");
        std::fs::write(self.context.path().join("Dockerfile"), lines).expect("written");
        cases(&self.executor(), [Step::new(EffectNumber::BuildImage, "image", self.build())])
    }

    async fn clear(&self) {
        if let Some(docker) = &self.docker
            && docker.facts().await.is_ok()
        {
            let (ledger, slug) = (self.scope.ledger.to_string(), self.scope.key.app.slug());
            let before = docker::Before::default();
            docker.forget(&ledger, &slug, "no-network-of-its-own", &before).await.expect("removed");
        }
    }
}

/// Where connections are accepted and never answered.
pub fn silence() -> std::net::SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let at = listener.local_addr().expect("known");
    std::thread::spawn(move || {
        let mut taken = Vec::new();
        for client in listener.incoming() {
            taken.push(client);
        }
    });
    at
}
