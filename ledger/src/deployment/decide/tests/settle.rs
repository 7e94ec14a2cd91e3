//! After a crash (D7): on or back, from what is really there.

use super::*;
use crate::deployment::command::Restarted;

/// The engine as the log believes it to be, with these differences.
fn found(target: &Target, running: impl Fn(ReplicaId) -> bool, extra: &[ReplicaId]) -> Observed {
    let known = target
        .state
        .current
        .iter()
        .flat_map(|l| &l.replicas)
        .chain(target.state.rollout.iter().flat_map(|r| &r.replicas));
    let replicas = known.map(|r| r.id).chain(extra.iter().copied()).map(|replica| ObservedReplica {
        replica,
        container_id: replica.to_string(),
        running: running(replica),
        address: None,
        exit_code: None,
        oom: false,
        condition: Condition::Well,
        restarts: None,
    });
    Observed { engine_id: "engine".to_owned(), replicas: replicas.collect(), ..Observed::default() }
}

fn settle(target: &mut Target, observed: Observed) {
    target.when(Command::Settle { observed, at: Timestamp(2) }).expect("accepted");
    target.finish();
}

fn ending(target: &Target) -> Option<Ending> {
    target.state.last_ended.map(|(_, ending)| ending)
}

#[test]
fn before_the_first_retirement_the_new_ones_go() {
    let mut target = Target::new();
    let old = target.deployed(config());
    let id = target.ask(config());
    target.run_until(|effect| matches!(effect, Effect::StartReplica(_)));
    // The replica was started, and that was never recorded.
    let unrecorded = ReplicaId { deployment: id, index: 0 };
    let observed = found(&target, |_| true, &[unrecorded]);
    settle(&mut target, observed);
    assert_eq!(ending(&target), Some(Ending::Interrupted));
    assert_eq!(target.state.current_release(), Some(old));
    assert!(target.log.iter().any(|e| matches!(e, TargetEvent::ReplicaRemoved(e) if e.r == unrecorded)));
}

#[test]
fn a_start_that_nobody_heard_of_is_still_expected_after_a_second_crash() {
    let mut target = Target::new();
    target.deployed(config());
    target.ask(config());
    target.run_until(|effect| matches!(effect, Effect::StartReplica(_)));
    for _crash in 0..2 {
        // Docker has not got to it: the container does not exist yet at the time of the check.
        let mut observed = found(&target, |_| true, &[]);
        observed
            .replicas
            .retain(|r| target.state.rollout.iter().all(|o| o.deployment != r.replica.deployment));
        target.when(Command::Settle { observed, at: Timestamp(2) }).expect("accepted");
        assert!(matches!(owed(&target.state)[..], [(_, Effect::StopReplica { expected: true, .. })]));
    }
    target.finish();
    assert_eq!(ending(&target), Some(Ending::Interrupted));
}

#[test]
fn after_the_first_retirement_it_goes_on() {
    let mut target = Target::new();
    target.deployed(config());
    let id = target.ask(config());
    target.run_until(|effect| matches!(effect, Effect::StartReplica(spec) if spec.replica.index == 1));
    let retired = target.state.current.as_ref().expect("old").replicas[0].id;
    let mut observed = found(&target, |_| true, &[]);
    observed.replicas.retain(|r| r.replica != retired);
    settle(&mut target, observed);
    assert_eq!(target.state.last_ended, Some((id, Ending::Succeeded)));
}

#[test]
fn after_the_first_retirement_with_a_dead_new_one_the_old_release_is_restored() {
    let mut target = Target::new();
    let old = target.deployed(config());
    let id = target.ask(config());
    target.run_until(|effect| matches!(effect, Effect::StartReplica(spec) if spec.replica.index == 1));
    let dead = ReplicaId { deployment: id, index: 0 };
    let observed = found(&target, |r| r != dead && r.deployment == id || r.index == 1, &[]);
    settle(&mut target, observed);
    assert_eq!(ending(&target), Some(Ending::RolledBack));
    let live = target.state.current.as_ref().expect("old");
    assert_eq!((live.release, live.replicas.len()), (old, 2));
}

#[test]
fn a_stop_that_was_under_way_counts_if_it_happened() {
    let mut target = Target::new();
    target.deployed(config());
    let id = target.ask(config());
    target.run_until(|effect| matches!(effect, Effect::StopReplica { .. }));
    let stopped = target.state.current.as_ref().expect("old").replicas[0].id;
    let observed = found(&target, |r| r != stopped, &[]);
    settle(&mut target, observed);
    assert_eq!(target.state.last_ended, Some((id, Ending::Succeeded)));
}

#[test]
fn a_hook_is_never_repeated_after_a_crash() {
    let hooks = Hooks {
        pre_deploy: vec![HookLine::recorded("migrate")],
        post_deploy: Vec::new(),
        folder: "/".to_owned(),
    };
    let mut target = Target::new();
    target.ask(ConfigSnapshot { hooks, ..config() });
    settle(&mut target, Observed::default());
    assert_eq!(ending(&target), Some(Ending::Interrupted));
    assert!(
        target.log.iter().any(|e| matches!(e, TargetEvent::HookFinished(e) if e.exit == HookExit::Unknown))
    );
}

#[test]
fn a_second_crash_on_the_way_back_still_ends() {
    let mut target = Target::new();
    let old = target.deployed(config());
    target.ask(ConfigSnapshot { rollout: RolloutStrategy::Replace, ..config() });
    target.run_until(|effect| matches!(effect, Effect::AwaitHealthy { .. }));
    target.report(|_, _| Some(unhealthy()));
    let observed = found(&target, |_| true, &[]);
    settle(&mut target, observed);
    assert_eq!(ending(&target), Some(Ending::RolledBack));
    let live = target.state.current.as_ref().expect("old");
    assert_eq!((live.release, live.replicas.len()), (old, 2));
}

#[test]
fn settling_what_is_settled_changes_nothing() {
    let mut target = Target::new();
    target.deployed(config());
    let observed = found(&target, |_| true, &[]);
    let events = target.when(Command::Settle { observed, at: Timestamp(3) }).expect("accepted");
    assert_eq!(events, [""; 0]);
}

/// A replica of what is live that runs again, at another address.
fn again(target: &Target, index: usize) -> Restarted {
    let replica = &target.state.current.as_ref().expect("live").replicas[index];
    Restarted {
        replica: replica.id,
        container_id: replica.container_id.clone().expect("started"),
        address: Some("10.9.9.9".to_owned()),
        fixed: false,
        cause: RestartCause::NotRunning,
    }
}

#[test]
fn a_replica_that_runs_again_is_routed_to_where_it_is() {
    let mut target = Target::new();
    let domains = vec![Domain { domain: "a.example".to_owned(), aliases: Vec::new() }];
    target.deployed(ConfigSnapshot { domains, ..config() });
    let restarted = vec![again(&target, 0)];
    assert_eq!(target.when(Command::RecordRestarted { restarted }), Ok(vec!["ReplicaRestarted"]));
    let live = target.state.current.as_ref().expect("live");
    assert_eq!(live.replicas[0].address.as_deref(), Some("10.9.9.9"));
    assert_ne!(live.replicas[1].address.as_deref(), Some("10.9.9.9"));
    let owed = owed(&target.state);
    let [(_, Effect::ApplyRoutes { desired })] = &owed[..] else { panic!("{owed:?}") };
    assert!(desired.backends.iter().any(|backend| backend.address == "10.9.9.9"));
    target.finish();
    assert_eq!(target.state.routes.replicas.len(), 2, "nobody left the route");
}

#[test]
fn what_is_not_live_or_is_another_container_is_not_recorded_as_restarted() {
    let mut target = Target::new();
    target.deployed(config());
    let before = again(&target, 0);
    let other = Restarted { container_id: "another".to_owned(), ..again(&target, 0) };
    assert_eq!(target.when(Command::RecordRestarted { restarted: vec![other] }), Ok(vec![]));
    target.deployed(config());
    assert_eq!(target.when(Command::RecordRestarted { restarted: vec![before] }), Ok(vec![]));
    let stopped = again(&target, 0);
    target.when(Command::Stop { remove: false, volumes: Vec::new(), at: Timestamp(3) }).expect("accepted");
    target.finish();
    assert_eq!(target.when(Command::RecordRestarted { restarted: vec![stopped] }), Ok(vec![]));
}
