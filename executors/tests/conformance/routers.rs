//! Routers: the edge of this machine, and the simulated one.

use crate::server::head;
use crate::{cases, endless_simulation, keeps_the_contract, routed};
use async_trait::async_trait;
use haloy_executors::contract::tests::{Case, Step, Subject, World, default_deployment, default_scope};
use haloy_executors::*;
use haloy_ledger::deployment::Effect;
use haloy_ledger::ids::*;
use haloy_ledger::outcome::{DesiredRoutes, Outcome};
use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

struct Edge;

struct Simulated;

/// An edge of this process in a folder of its own.
struct RealWorld {
    folder: tempfile::TempDir,
    /// Sockets of others that pass for edges.
    others: tempfile::TempDir,
    edge: tokio::task::JoinHandle<Result<(), haloy_edge::EdgeError>>,
}

struct SimulatedWorld(Arc<SimulatedExecutor>);

fn router(folder: &Path) -> Arc<dyn Executor> {
    Arc::new(EdgeRouter::new(folder, None, Some(Duration::from_millis(200))))
}

#[async_trait]
impl Subject for Edge {
    fn name(&self) -> String {
        "edge".to_owned()
    }

    async fn world(&self) -> Box<dyn World> {
        let folder = tempfile::tempdir().expect("a folder");
        let edge = routed::edge(folder.path()).await;
        Box::new(RealWorld { folder, others: tempfile::tempdir().expect("a folder"), edge })
    }
}

#[async_trait]
impl Subject for Simulated {
    fn name(&self) -> String {
        "simulated router".to_owned()
    }

    async fn world(&self) -> Box<dyn World> {
        Box::new(SimulatedWorld(Arc::new(SimulatedExecutor::new(1, Faults::default()))))
    }
}

fn unrouted() -> Step {
    Step::new(
        EffectNumber::ApplyRoutes,
        "routes-1",
        Effect::ApplyRoutes { desired: DesiredRoutes::default() },
    )
}

fn apply(generation: u64, replicas: &[u16]) -> Step {
    let step = Step { subject: format!("routes-{generation}"), ..unrouted() };
    step.routed(routed::routes(&default_scope(), default_deployment(), generation, replicas))
}

fn drain() -> Step {
    let replica = ReplicaId { deployment: default_deployment(), index: 0 };
    Step::new(EffectNumber::Drain, "0", Effect::Drain { replica })
}

fn next(done: &[Outcome]) -> Option<Step> {
    [apply(5, &[0, 1]), apply(6, &[1]), drain()].into_iter().nth(done.len())
}

/// Makes this world's routes newer than these, which say something else.
async fn stale(world: &dyn World) -> Step {
    let newer = apply(9, &[1]);
    let request = EffectRequest {
        id: EffectId {
            deployment: default_deployment(),
            number: newer.number,
            subject: newer.subject.clone(),
        },
        scope: default_scope(),
        deployment: default_deployment(),
        attempt: 1,
        facts: BTreeMap::new(),
    };
    let context = EffectContext {
        request,
        deadline: std::time::Instant::now() + Duration::from_secs(10),
        cancel: Default::default(),
        progress: Arc::new(NoProgress),
        values: Arc::default(),
        routes: newer.routes.clone(),
    };
    world.executor().execute(&context, &newer.effect).await.expect("applied");
    apply(8, &[0])
}

/// A server in place of an edge: each connection is read until the end of a head and answered with this, or
/// with nothing at all.
fn in_place_of_an_edge(folder: &Path, answer: Option<String>) {
    let listener = UnixListener::bind(folder.join("edge.sock")).expect("a socket");
    std::thread::spawn(move || {
        let mut silent = Vec::new();
        for mut client in listener.incoming().flatten() {
            let Some(answer) = &answer else {
                silent.push(client);
                continue;
            };
            drop(head(&mut client));
            drop(client.write_all(answer.as_bytes()));
        }
    });
}

fn refusing(error: &str) -> String {
    let body = format!("{{\"error\": \"{error}\"}}");
    let head = "HTTP/1.1 507 Insufficient Storage\r\nConnection: close\r\nContent-Length: ";
    format!("{head}{}\r\n\r\n{body}", body.len())
}

impl RealWorld {
    /// Another folder, with something else in the place of its edge.
    fn beside(&self, name: &str, answer: Option<String>) -> Arc<dyn Executor> {
        let folder = tempfile::Builder::new().prefix(name).tempdir_in(self.others.path());
        let folder = folder.expect("a folder").keep();
        in_place_of_an_edge(&folder, answer);
        router(&folder)
    }
}

#[async_trait]
impl World for RealWorld {
    fn executor(&self) -> Arc<dyn Executor> {
        router(self.folder.path())
    }

    fn next(&self, done: &[Outcome]) -> Option<Step> {
        next(done)
    }

    async fn state(&self) -> String {
        format!("{:?}", haloy_edge::Client::new(self.folder.path()).routes().await)
    }

    async fn refused(&self) -> Vec<Case> {
        let mut found = cases(&self.executor(), [stale(self).await, unrouted()]);
        found.extend(cases(&self.beside("full", Some(refusing("no space"))), [apply(9, &[0]), drain()]));
        // Draining is fine there: nothing flows through an edge that does not run.
        found.extend(cases(&router(&self.others.path().join("none")), [apply(9, &[0])]));
        found
    }

    async fn endless(&self) -> Vec<Case> {
        cases(&self.beside("silent", None), [apply(9, &[0]), drain()])
    }

    async fn telling(&self, secret: &str) -> Vec<Case> {
        cases(&self.beside("telling", Some(refusing(secret))), [apply(9, &[0]), drain()])
    }

    async fn clear(&self) {
        self.edge.abort();
    }
}

#[async_trait]
impl World for SimulatedWorld {
    fn executor(&self) -> Arc<dyn Executor> {
        Arc::new(SimulatedBeside::router(Arc::clone(&self.0)))
    }

    fn next(&self, done: &[Outcome]) -> Option<Step> {
        next(done)
    }

    async fn state(&self) -> String {
        format!("{:?}", self.0.world().routes)
    }

    async fn refused(&self) -> Vec<Case> {
        cases(&self.executor(), [stale(self).await, unrouted()])
    }

    async fn endless(&self) -> Vec<Case> {
        let router: Arc<dyn Executor> = Arc::new(SimulatedBeside::router(endless_simulation()));
        cases(&router, [apply(9, &[0]), drain()])
    }

    async fn telling(&self, _secret: &str) -> Vec<Case> {
        Vec::new()
    }
}

#[tokio::test]
async fn the_edge_keeps_the_contract() {
    keeps_the_contract(&Edge).await;
}

#[tokio::test]
async fn the_simulated_router_keeps_the_contract() {
    keeps_the_contract(&Simulated).await;
}
