//! Requirements on routers beside the contract (`conformance`): newest routes only, unchanged, and a drain
//! without requests ends at once.

mod routed;

use haloy_executors::*;
use haloy_ledger::deployment::Effect;
use haloy_ledger::ids::*;
use haloy_ledger::outcome::*;
use haloy_ledger::ports::{Entropy, SystemEntropy};
use haloy_ledger::read::Routes;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

struct Subject {
    name: &'static str,
    router: Arc<dyn Executor>,
    scope: Scope,
    _folder: tempfile::TempDir,
}

fn id(number: u128) -> DeploymentId {
    DeploymentId::from_parts(1, number)
}

async fn subjects() -> Vec<Subject> {
    let folder = tempfile::tempdir().expect("a folder");
    // It ends with the test.
    drop(routed::edge(folder.path()).await);
    let edge = EdgeRouter::new(folder.path(), None, Some(Duration::from_millis(200)));
    let simulated = SimulatedBeside::router(Arc::new(SimulatedExecutor::new(1, Faults::default())));
    let other = tempfile::tempdir().expect("a folder");
    vec![subject("edge", Arc::new(edge), folder), subject("simulated", Arc::new(simulated), other)]
}

fn subject(name: &'static str, router: Arc<dyn Executor>, folder: tempfile::TempDir) -> Subject {
    let entropy: &dyn Entropy = &SystemEntropy;
    let app = AppName::new("web").expect("a name");
    let target = TargetName::new("t").expect("a name");
    let scope =
        Scope { ledger: LedgerId::from_parts(1, entropy.ulid_bits()), key: TargetKey { app, target } };
    Subject { name, router, scope, _folder: folder }
}

impl Subject {
    fn routes(&self, generation: u64, replicas: &[u16]) -> Routes {
        routed::routes(&self.scope, id(7), generation, replicas)
    }

    async fn perform(&self, effect: &Effect, routes: Option<Routes>) -> Result<Outcome, ExecutorError> {
        let context = EffectContext {
            request: EffectRequest {
                id: EffectId {
                    deployment: id(7),
                    number: EffectNumber::ApplyRoutes,
                    subject: "routes-1".to_owned(),
                },
                scope: self.scope.clone(),
                deployment: id(7),
                attempt: 1,
                facts: BTreeMap::new(),
            },
            deadline: Instant::now() + Duration::from_secs(10),
            cancel: CancellationToken::new(),
            progress: Arc::new(NoProgress),
            values: Arc::new(Values::default()),
            routes: routes.map(Arc::new),
        };
        self.router.execute(&context, effect).await
    }

    async fn apply(&self, generation: u64, replicas: &[u16]) -> Result<Outcome, ExecutorError> {
        let effect = Effect::ApplyRoutes { desired: DesiredRoutes::default() };
        self.perform(&effect, Some(self.routes(generation, replicas))).await
    }
}

#[tokio::test]
async fn routes_are_applied_told_and_applied_again() {
    for subject in subjects().await {
        assert_eq!(subject.router.role(), Role::Router, "{}", subject.name);
        let first = subject.apply(5, &[0, 1]).await.expect("applied");
        let expected = subject.routes(5, &[0, 1]);
        let Outcome::RoutesApplied { generation, digest, domains, routed } = &first else {
            panic!("{}: {first:?}", subject.name)
        };
        assert_eq!((*generation, digest), (5, &expected.snapshot.digest()), "{}", subject.name);
        assert_eq!((domains.len(), routed.len()), (1, 2), "{}", subject.name);
        assert_eq!(subject.apply(5, &[0, 1]).await.expect("again"), first, "{}", subject.name);
    }
}

#[tokio::test]
async fn older_routes_never_replace_newer_ones() {
    for subject in subjects().await {
        subject.apply(5, &[0]).await.expect("applied");
        let stale = subject.apply(4, &[1]).await.expect_err("older");
        assert_eq!(
            (stale.cause.code, stale.retry),
            (FailureCode::EdgeRefused, Retry::Now),
            "{}",
            subject.name
        );
        // The call of another target may have brought newer routes first, which are the same for this one.
        let stale = subject.apply(4, &[0]).await.expect("what is in force has them");
        let Outcome::RoutesApplied { generation, digest, .. } = &stale else { panic!("{stale:?}") };
        let expected = subject.routes(5, &[0]).snapshot.digest();
        assert_eq!((*generation, digest), (5, &expected), "{}", subject.name);
        subject.apply(6, &[1]).await.expect("newer");
    }
}

#[tokio::test]
async fn what_has_no_requests_is_drained_at_once_and_twice() {
    for subject in subjects().await {
        subject.apply(1, &[0]).await.expect("applied");
        subject.apply(2, &[]).await.expect("applied");
        let replica = ReplicaId { deployment: id(7), index: 0 };
        let drain = Effect::Drain { replica };
        for _ in 0..2 {
            let drained = subject.perform(&drain, None).await.expect("drained");
            assert!(
                matches!(drained, Outcome::ReplicaDrained { left_in_flight: 0, .. }),
                "{}: {drained:?}",
                subject.name
            );
        }
    }
}

#[tokio::test]
async fn routes_that_did_not_come_are_not_made_up() {
    for subject in subjects().await {
        let effect = Effect::ApplyRoutes { desired: DesiredRoutes::default() };
        let error = subject.perform(&effect, None).await.expect_err("nothing to apply");
        assert!(!error.retry.helps(), "{}", subject.name);
    }
}
