//! The edge in front of the replicas: in once well, out and drained before they stop.

use super::*;
use crate::deployment::route::desired_routes;

fn routed(rollout: RolloutStrategy) -> ConfigSnapshot {
    let domains = vec![Domain { domain: "a.example".to_owned(), aliases: Vec::new() }];
    ConfigSnapshot { domains, rollout, ..config() }
}

/// Steps with the edge and with containers that stop, in order.
fn steps(target: &Target, from: usize) -> Vec<String> {
    let named = target.log[from..].iter().filter_map(|event| match event {
        TargetEvent::ReplicaHealthy(e) => Some(format!("healthy {}", e.r.index)),
        TargetEvent::RoutesApplied(e) => Some(format!("routes {}-{}", e.routed.len(), e.out.len())),
        TargetEvent::ReplicaDrained(e) => Some(format!("drained {}", e.r.index)),
        TargetEvent::ReplicaStopped(e) => Some(format!("stopped {}", e.r.index)),
        _other => None,
    });
    named.collect()
}

#[test]
fn rolling_takes_one_in_and_one_out_with_each_switch() {
    let mut target = Target::new();
    target.deployed(routed(RolloutStrategy::Rolling));
    let from = target.log.len();
    target.deployed(routed(RolloutStrategy::Rolling));
    let one =
        |n| [format!("healthy {n}"), "routes 2-1".to_owned(), format!("drained {n}"), format!("stopped {n}")];
    assert_eq!(steps(&target, from), [one(0), one(1)].concat());
    assert_eq!(target.state.routes.leaving, []);
}

#[test]
fn blue_green_switches_once_when_all_are_well() {
    let mut target = Target::new();
    target.deployed(routed(RolloutStrategy::BlueGreen));
    let from = target.log.len();
    target.deployed(routed(RolloutStrategy::BlueGreen));
    let steps = steps(&target, from);
    assert_eq!(steps[..3], ["healthy 0", "healthy 1", "routes 2-2"]);
    assert_eq!(steps.iter().filter(|step| step.starts_with("drained")).count(), 2);
}

#[test]
fn replace_takes_the_old_out_of_the_route_before_it_stops_it() {
    let mut target = Target::new();
    target.deployed(routed(RolloutStrategy::Replace));
    let from = target.log.len();
    target.deployed(routed(RolloutStrategy::Replace));
    let steps = steps(&target, from);
    assert_eq!(steps[0], "routes 0-2");
    assert_eq!(steps[1..5], ["drained 0", "stopped 0", "drained 1", "stopped 1"]);
    assert_eq!(target.state.routes.replicas.len(), 2);
}

#[test]
fn a_failed_rolling_deploy_leaves_the_route_as_it_was() {
    let mut target = Target::new();
    let first = target.deployed(routed(RolloutStrategy::Rolling));
    let id = target.ask(routed(RolloutStrategy::Rolling));
    target.run_until(|effect| matches!(effect, Effect::AwaitHealthy { .. }));
    target.report(|_, effect| matches!(effect, Effect::AwaitHealthy { .. }).then(unhealthy));
    let from = target.log.len();
    target.finish();
    assert_eq!(target.state.last_ended, Some((id, Ending::Failed)));
    assert_eq!(steps(&target, from), ["stopped 0"], "nothing of it was ever routed");
    assert!(target.state.routes.replicas.iter().all(|replica| replica.deployment == first));
}

#[test]
fn a_later_failure_brings_the_old_replicas_back_into_the_route_before_the_new_leave() {
    let mut target = Target::new();
    let first = target.deployed(routed(RolloutStrategy::Rolling));
    target.ask(routed(RolloutStrategy::Rolling));
    target.run_until(|effect| matches!(effect, Effect::Drain { .. }));
    let cancelled = Command::Cancel { id: target.state.rollout.as_ref().expect("one").deployment };
    target.when(cancelled).expect("accepted");
    assert_eq!(desired_routes(&target.state).replicas().iter().filter(|r| r.deployment == first).count(), 2);
    target.finish();
    assert!(target.state.routes.replicas.iter().all(|replica| replica.deployment == first));
    assert_eq!(target.state.routes.replicas.len(), 2);
}

#[test]
fn each_replica_is_asked_for_the_health_path_of_its_own_release() {
    let mut target = Target::new();
    let first = target.deployed(routed(RolloutStrategy::Rolling));
    let mut next = routed(RolloutStrategy::Rolling);
    let before = std::mem::replace(&mut next.health.path, "/another".to_owned());
    target.ask(next);
    target.run_until(|effect| matches!(effect, Effect::Drain { .. }));
    let desired = desired_routes(&target.state).backends;
    assert!(desired.iter().any(|backend| backend.replica.deployment != first), "{desired:?}");
    for backend in &desired {
        let path = if backend.replica.deployment == first { before.as_str() } else { "/another" };
        assert_eq!(backend.health.as_deref(), Some(path));
    }
    // What rows hold is what rows of every version hold.
    assert!(target.state.routes.desired.backends.iter().all(|backend| *backend == backend.clone().bare()));
}

#[test]
fn an_edge_that_cannot_be_told_fails_the_deployment_and_nothing_else() {
    let mut target = Target::new();
    let id = target.ask(routed(RolloutStrategy::Rolling));
    target.run_until(|effect| matches!(effect, Effect::ApplyRoutes { .. }));
    let refused = || Outcome::Failed {
        cause: Failure::new(FailureCode::EdgeUnreachable, "no edge"),
        detail: String::new(),
    };
    target.report(|_, effect| matches!(effect, Effect::ApplyRoutes { .. }).then(refused));
    target.finish();
    assert_eq!(target.state.last_ended, Some((id, Ending::Failed)));
    assert_eq!(target.state.routes.domains, []);
}

#[test]
fn a_stop_takes_out_drains_and_stops_even_if_the_edge_is_gone() {
    let mut target = Target::new();
    target.deployed(routed(RolloutStrategy::Rolling));
    target.when(Command::Stop { remove: false, volumes: Vec::new(), at: Timestamp(2) }).expect("accepted");
    let failed = |_: &EffectId, effect: &Effect| {
        matches!(effect, Effect::ApplyRoutes { .. }).then(|| Outcome::Failed {
            cause: Failure::new(FailureCode::EdgeUnreachable, "no edge"),
            detail: String::new(),
        })
    };
    target.report(failed);
    target.finish();
    assert_eq!(target.count("TargetStopped"), 1);
    assert!(target.state.routes.abandoned);
}

#[test]
fn a_domain_of_an_old_ledger_is_not_routed_before_it_is_claimed() {
    let mut target = Target::new();
    target.deployed(config());
    let live = target.state.current.as_mut().expect("it runs");
    std::sync::Arc::make_mut(&mut live.spec).config.domains = routed(RolloutStrategy::Rolling).domains;
    assert_eq!(desired_routes(&target.state).domains, []);
    assert_eq!(owed(&target.state), []);
}
