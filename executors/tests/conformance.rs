//! One suite for every engine, through `dyn Executor`: idempotent by effect id, honest about what is
//! not there, safe to repeat, and blind to what belongs to another ledger.

use haloy_executors::*;
use haloy_ledger::deployment::Effect;
use haloy_ledger::deployment::effect::ReplicaSpec;
use haloy_ledger::event::{HookId, HookStage};
use haloy_ledger::ids::*;
use haloy_ledger::outcome::*;
use haloy_ledger::ports::{Clock, Entropy, SystemClock, SystemEntropy};
use haloy_ledger::release::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// An engine and a target of its own on it.
struct Subject {
    name: &'static str,
    engine: Arc<dyn Executor>,
    docker: Option<Arc<DockerExecutor>>,
    scope: Scope,
    deployment: DeploymentId,
    context: tempfile::TempDir,
}

/// An image without any base; the suite needs none that runs.
const DOCKERFILE: &str = "FROM scratch\nCOPY Dockerfile /x\nENTRYPOINT [\"/x\"]\n";

fn id() -> DeploymentId {
    let entropy: &dyn Entropy = &SystemEntropy;
    DeploymentId::from_parts(SystemClock.now().unix_ms(), entropy.ulid_bits())
}

fn ledger() -> LedgerId {
    let entropy: &dyn Entropy = &SystemEntropy;
    LedgerId::from_parts(SystemClock.now().unix_ms(), entropy.ulid_bits())
}

async fn subjects() -> Vec<Subject> {
    let simulated = Arc::new(SimulatedExecutor::new(1, Faults::default()));
    let mut subjects = vec![subject("simulated", simulated, None)];
    let docker = Arc::new(DockerExecutor::new(DockerOptions::default()));
    match docker.facts().await {
        Ok(_) => subjects.push(subject("docker", Arc::<DockerExecutor>::clone(&docker), Some(docker))),
        Err(error) => {
            assert!(std::env::var_os("HALOY_REQUIRE_E2E").is_none(), "{error}");
            eprintln!("SKIPPED: {error}");
        }
    }
    subjects
}

fn subject(name: &'static str, engine: Arc<dyn Executor>, docker: Option<Arc<DockerExecutor>>) -> Subject {
    let deployment = id();
    let app = AppName::new(format!("conformance-{}", deployment.tail())).expect("a name");
    let scope =
        Scope { ledger: ledger(), key: TargetKey { app, target: TargetName::new("t").expect("a name") } };
    let context = tempfile::tempdir().expect("a folder");
    std::fs::write(context.path().join("Dockerfile"), DOCKERFILE).expect("written");
    Subject { name, engine, docker, scope, deployment, context }
}

impl Subject {
    async fn perform(
        &self,
        number: EffectNumber,
        subject: &str,
        effect: &Effect,
    ) -> Result<Outcome, ExecutorError> {
        let context = EffectContext {
            id: EffectId { deployment: self.deployment, number, subject: subject.to_owned() },
            scope: self.scope.clone(),
            deployment: self.deployment,
            attempt: 1,
            deadline: Instant::now() + Duration::from_secs(60),
            cancel: CancellationToken::new(),
            progress: Arc::new(NoProgress),
            routes: None,
            values: Arc::new(Values { env: vec![("A".to_owned(), "1".to_owned())], ..Values::default() }),
            facts: Arc::new(BTreeMap::new()),
        };
        self.engine.execute(&context, effect).await
    }

    fn tag(&self) -> String {
        format!("{}:{}", self.scope.key.app.slug(), self.deployment)
    }

    async fn image(&self) -> Digest {
        let build = BuildSpec {
            context: self.context.path().display().to_string(),
            dockerfile: "Dockerfile".to_owned(),
            platform: None,
            args: Vec::new(),
            push: false,
        };
        let effect = Effect::BuildImage { build, local_tag: self.tag() };
        match self.perform(EffectNumber::BuildImage, "image", &effect).await {
            Ok(Outcome::ImageBuilt { image_id, .. }) => image_id,
            other => panic!("{}: {other:?}", self.name),
        }
    }

    fn replica(&self) -> ReplicaId {
        ReplicaId { deployment: self.deployment, index: 0 }
    }

    async fn network(&self) -> Outcome {
        let effect = Effect::EnsureNetwork { network: "haloy".to_owned() };
        self.perform(EffectNumber::EnsureNetwork, "haloy", &effect).await.expect(self.name)
    }

    fn start(&self, image_id: Digest) -> Effect {
        Effect::StartReplica(Box::new(ReplicaSpec {
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
        }))
    }

    async fn remove(&self) -> Outcome {
        let effect = Effect::RemoveReplica { replica: self.replica() };
        self.perform(EffectNumber::RemoveReplica, "0", &effect).await.expect(self.name)
    }

    async fn clear(&self) {
        if let Some(docker) = &self.docker {
            let (ledger, slug) = (self.scope.ledger.to_string(), self.scope.key.app.slug());
            docker
                .forget(&ledger, &slug, "no-network-of-its-own", &docker::Before::default())
                .await
                .expect("removed");
        }
    }
}

#[tokio::test]
async fn tags_are_made_once_found_by_observe_and_removed_once() {
    for subject in subjects().await {
        let name = subject.name;
        let image_id = subject.image().await;
        let tag = Effect::TagImage { image_id: image_id.clone(), local_tag: subject.tag(), covering: None };
        for _ in 0..2 {
            let tagged = subject.perform(EffectNumber::TagImage, &subject.tag(), &tag).await.expect(name);
            let right = matches!(&tagged, Outcome::ImageTagged { image_id: of, .. } if *of == image_id);
            assert!(right, "{name}: {tagged:?}");
        }
        let seen = subject.engine.observe(&subject.scope).await.expect(name);
        let tags: Vec<String> = seen.tags.into_iter().map(|tag| tag.local_tag).collect();
        assert_eq!(tags, [subject.tag()], "{name}");
        let remove = Effect::RemoveLocalTag { local_tag: subject.tag() };
        for _ in 0..2 {
            let gone =
                subject.perform(EffectNumber::RemoveLocalTag, &subject.tag(), &remove).await.expect(name);
            assert!(matches!(gone, Outcome::LocalTagRemoved { .. }), "{name}: {gone:?}");
        }
        assert_eq!(subject.engine.observe(&subject.scope).await.expect(name).tags, [], "{name}");
        subject.clear().await;
    }
}

#[tokio::test]
async fn what_stops_or_removes_something_that_is_not_there_succeeds() {
    for subject in subjects().await {
        let name = subject.name;
        let stop = Effect::StopReplica { replica: subject.replica(), grace_seconds: 20, expected: false };
        let stopped = subject.perform(EffectNumber::StopReplica, "0", &stop).await.expect(name);
        assert!(matches!(stopped, Outcome::ReplicaStopped { exit_code: None, .. }), "{name}: {stopped:?}");
        let nothing = Outcome::ReplicaRemoved { container_id: None, volumes: Vec::new() };
        assert_eq!(subject.remove().await, nothing, "{name}");
        subject.clear().await;
    }
}

#[tokio::test]
async fn the_network_is_there_once_however_often_it_is_asked_for() {
    for subject in subjects().await {
        assert_eq!(subject.network().await, subject.network().await, "{}", subject.name);
    }
}

/// The image of the suite cannot run, so on Docker a start fails. Also then nothing is left that
/// `observe` would not find by its labels, another ledger sees nothing of it, and removing it twice
/// is fine.
#[tokio::test]
async fn what_a_start_leaves_is_found_by_its_labels_and_removed() {
    for subject in subjects().await {
        let name = subject.name;
        let image_id = subject.image().await;
        subject.network().await;
        let first = subject.perform(EffectNumber::StartReplica, "0", &subject.start(image_id.clone())).await;
        let again = subject.perform(EffectNumber::StartReplica, "0", &subject.start(image_id)).await;
        assert_eq!(first.is_ok(), again.is_ok(), "{name}: {first:?} {again:?}");
        let seen = subject.engine.observe(&subject.scope).await.expect(name).replicas;
        assert!(
            seen.len() <= 1 && seen.iter().all(|seen| seen.replica == subject.replica()),
            "{name}: {seen:?}"
        );
        let other = Scope { ledger: ledger(), ..subject.scope.clone() };
        assert_eq!(subject.engine.observe(&other).await.expect(name).replicas, [], "{name}");
        for _ in 0..2 {
            assert!(matches!(subject.remove().await, Outcome::ReplicaRemoved { .. }), "{name}");
        }
        assert_eq!(subject.engine.observe(&subject.scope).await.expect(name).replicas, [], "{name}");
        subject.clear().await;
    }
}

#[tokio::test]
async fn an_engine_refuses_what_is_not_its_role() {
    for subject in subjects().await {
        let hook =
            Effect::RunHook { hook: HookId { stage: HookStage::PreDeploy, index: 0 }, folder: String::new() };
        let refused = subject.perform(EffectNumber::RunHook, "pre/0", &hook).await;
        let error = refused.expect_err(subject.name);
        assert_eq!(
            (error.cause.code, error.retryable),
            (FailureCode::NotSupported, false),
            "{}",
            subject.name
        );
    }
}
