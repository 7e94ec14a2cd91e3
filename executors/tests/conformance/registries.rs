//! Registries: Debian's, started for the test, and the simulated one.

use crate::engine::silence;
use crate::engines::has_engine;
use crate::server::{Server, head, image, sha256};
use crate::{cases, digest, endless_simulation, keeps_the_contract};
use async_trait::async_trait;
use haloy_executors::contract::tests::{Case, Step, Subject, World};
use haloy_executors::registry::{Registry, RegistryOptions};
use haloy_executors::*;
use haloy_ledger::deployment::Effect;
use haloy_ledger::ids::*;
use haloy_ledger::outcome::Outcome;
use haloy_ledger::release::*;
use std::io::Write;
use std::sync::Arc;

struct Registries {
    /// Architecture of the engine that images are resolved for; without one none are.
    architecture: Option<String>,
}

struct Simulated;

/// A registry with one image that has two tags, and one that has one.
struct RealWorld {
    server: Server,
    resolves: bool,
    image: Digest,
}

struct SimulatedWorld(Arc<SimulatedExecutor>);

fn executor() -> Arc<dyn Executor> {
    let docker = Arc::new(DockerExecutor::new(DockerOptions::default()));
    Arc::new(RegistryExecutor::new(RegistryOptions::default(), docker))
}

#[async_trait]
impl Subject for Registries {
    fn name(&self) -> String {
        "registry".to_owned()
    }

    async fn world(&self) -> Box<dyn World> {
        let server = Server::start().await.expect("it started before");
        let image = server.image("v1", self.architecture.as_deref().unwrap_or("amd64")).await;
        server.image("alone", "arm64").await;
        Box::new(RealWorld { server, resolves: self.architecture.is_some(), image })
    }
}

#[async_trait]
impl Subject for Simulated {
    fn name(&self) -> String {
        "simulated registry".to_owned()
    }

    async fn world(&self) -> Box<dyn World> {
        Box::new(SimulatedWorld(Arc::new(SimulatedExecutor::new(1, Faults::default()))))
    }
}

fn resolve(reference: ImageRef) -> Step {
    let image = ImageSpec { reference, pull_policy: PullPolicy::Always, build: None, registry: None };
    let effect = Effect::ResolveImage { image: Box::new(image), registry: true };
    Step::new(EffectNumber::ResolveImage, "image", effect)
}

fn push(reference: ImageRef, digest: Digest) -> Step {
    let subject = reference.to_string();
    Step::new(EffectNumber::PushTag, subject, Effect::PushTag { reference, digest })
}

fn delete(reference: ImageRef) -> Step {
    let subject = reference.to_string();
    Step::new(EffectNumber::DeleteRegistryTag, subject, Effect::DeleteRegistryTag { reference })
}

/// A registry that answers every request with an error in these words.
fn refusing(words: &str) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let at = listener.local_addr().expect("known");
    let body = format!("{{\"errors\": [{{\"code\": \"UNKNOWN\", \"message\": \"{words}\"}}]}}");
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            drop(head(&mut client));
            let head = "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nConnection: close";
            let answer = format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            drop(client.write_all(answer.as_bytes()));
        }
    });
    at.to_string()
}

impl RealWorld {
    async fn client(&self) -> Registry {
        let named = self.server.named("v1");
        Registry::for_image(&RegistryOptions::default(), &named, None).await.expect("a client")
    }
}

#[async_trait]
impl World for RealWorld {
    fn executor(&self) -> Arc<dyn Executor> {
        executor()
    }

    fn next(&self, done: &[Outcome]) -> Option<Step> {
        let stable = || push(self.server.named("stable"), self.image.clone());
        let mut steps = vec![stable(), delete(self.server.named("alone")), stable()];
        if self.resolves {
            steps.insert(0, resolve(self.server.named("v1")));
        }
        steps.into_iter().nth(done.len())
    }

    async fn state(&self) -> String {
        let (client, mut tags) = (self.client().await, Vec::new());
        for tag in ["alone", "stable", "v1"] {
            tags.push((tag, client.tag_digest(&self.server.named(tag)).await.expect("asked")));
        }
        format!("{tags:?}")
    }

    async fn refused(&self) -> Vec<Case> {
        let unknown = Digest::new(sha256(b"unknown")).expect("a digest");
        let mut steps = vec![push(self.server.named("x"), unknown), resolve(self.server.named("none"))];
        steps.push(push(image(format!("{}/app:v1", refusing("no"))), digest(1)));
        steps.push(push(image("127.0.0.1:9/app:v1".to_owned()), digest(1)));
        let mut found = cases(&executor(), steps);
        // Another tag would go as well.
        let v1 = self.server.named("v1");
        self.client().await.retag(&v1, &self.image, "v1-again").await.expect("tagged");
        found.extend(cases(&executor(), [delete(v1)]));
        found
    }

    async fn endless(&self) -> Vec<Case> {
        let named = || image(format!("{}/app:v1", silence()));
        cases(&executor(), [push(named(), digest(1)), delete(named())])
    }

    async fn telling(&self, secret: &str) -> Vec<Case> {
        let named = || image(format!("{}/app:v1", refusing(secret)));
        cases(&executor(), [push(named(), digest(1))])
    }
}

#[async_trait]
impl World for SimulatedWorld {
    fn executor(&self) -> Arc<dyn Executor> {
        Arc::new(SimulatedBeside::registry(Arc::clone(&self.0)))
    }

    fn next(&self, done: &[Outcome]) -> Option<Step> {
        let named = |tag: &str| image(format!("registry.example/app:{tag}"));
        let steps = [
            resolve(named("v1")),
            push(named("stable"), digest(1)),
            push(named("other"), digest(1)),
            delete(named("other")),
        ];
        steps.into_iter().nth(done.len())
    }

    async fn state(&self) -> String {
        format!("{:?}", self.0.world().pushed)
    }

    async fn refused(&self) -> Vec<Case> {
        self.0.world().missing.insert("registry.example/app:none".to_owned());
        let faults = Faults { fatal: 1000, ..Faults::default() };
        let broken = SimulatedBeside::registry(Arc::new(SimulatedExecutor::new(1, faults)));
        let broken: Arc<dyn Executor> = Arc::new(broken);
        let named = || image("registry.example/app:none".to_owned());
        let mut found = cases(&self.executor(), [resolve(named())]);
        found.extend(cases(&broken, [push(named(), digest(1)), delete(named())]));
        found
    }

    async fn endless(&self) -> Vec<Case> {
        let registry: Arc<dyn Executor> = Arc::new(SimulatedBeside::registry(endless_simulation()));
        let named = || image("registry.example/app:v1".to_owned());
        cases(&registry, [resolve(named()), push(named(), digest(1)), delete(named())])
    }

    async fn telling(&self, _secret: &str) -> Vec<Case> {
        Vec::new()
    }
}

#[tokio::test]
async fn the_registry_keeps_the_contract() {
    if Server::start().await.is_none() {
        return;
    }
    let architecture = if has_engine().await {
        let facts = DockerExecutor::new(DockerOptions::default()).facts().await.expect("an engine");
        Some(facts.platform.split('/').nth(1).expect("os/arch").to_owned())
    } else {
        None
    };
    keeps_the_contract(&Registries { architecture }).await;
}

#[tokio::test]
async fn the_simulated_registry_keeps_the_contract() {
    keeps_the_contract(&Simulated).await;
}
