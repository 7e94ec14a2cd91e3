//! An edge of this process, and routes for one, for whatever test needs them.

use haloy_edge::identity::{self, Inspector, Looked};
use haloy_edge::{Client, EdgeError, EdgeOptions, run};
use haloy_executors::Scope;
use haloy_ledger::edge::{Route, RouteSnapshot, TargetRoutes};
use haloy_ledger::ids::{DeploymentId, ReplicaId};
use haloy_ledger::outcome::Backend;
use haloy_ledger::read::Routes;
use haloy_ledger::release::Domain;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

/// There are no containers.
#[derive(Debug)]
struct Nobody;

#[async_trait::async_trait]
impl Inspector for Nobody {
    async fn inspect(&self, _: &identity::Subject) -> Looked {
        Looked::Gone
    }
}

/// An edge that serves from this folder.
pub async fn edge(folder: &Path) -> JoinHandle<Result<(), EdgeError>> {
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
    let edge = tokio::spawn(run(EdgeOptions {
        folder: folder.to_owned(),
        http: vec![free.expect("a port")],
        https: Vec::new(),
        acme: Default::default(),
        metrics: None,
        patience: Duration::from_secs(5),
        answer: Duration::from_secs(5),
        checks: Default::default(),
        takeover: false,
        access_log: Default::default(),
        inspector: Arc::new(Nobody),
    }));
    let client = Client::new(folder);
    while client.status().await.is_err() {
        assert!(!edge.is_finished(), "the edge does not start");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    edge
}

/// Routes of one target to these replicas of a deployment.
pub fn routes(scope: &Scope, deployment: DeploymentId, generation: u64, replicas: &[u16]) -> Routes {
    let domains = vec![Domain { domain: "a.example".to_owned(), aliases: Vec::new() }];
    let backends = replicas.iter().map(|index| Backend {
        replica: ReplicaId { deployment, index: *index },
        container: Some(format!("c{index}")),
        address: format!("10.0.0.{}", index + 1),
        port: 8080,
        health: None,
    });
    let route = Route {
        domain: "a.example".to_owned(),
        aliases: Vec::new(),
        app: scope.key.app.clone(),
        target: scope.key.target.clone(),
        backends: backends.collect(),
        acme: None,
    };
    let routed = route.backends.iter().map(|backend| backend.replica).collect();
    Routes {
        snapshot: RouteSnapshot { ledger: scope.ledger, generation, routes: vec![route] },
        targets: BTreeMap::from([(scope.key.clone(), TargetRoutes { domains, routed })]),
        contacts: BTreeMap::new(),
    }
}
