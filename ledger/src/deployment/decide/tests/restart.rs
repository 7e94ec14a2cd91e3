//! Restarts: one replica after the other, out of the route first, and what is left when one fails.

use super::*;
use crate::deployment::state::ReplicaPhase;

fn domains() -> ConfigSnapshot {
    let domains = vec![Domain { domain: "a.example".to_owned(), aliases: Vec::new() }];
    ConfigSnapshot { domains, ..config() }
}

fn asked(config: ConfigSnapshot) -> Target {
    let mut target = Target::new();
    target.deployed(config);
    target.log.clear();
    assert_eq!(target.when(Command::Restart { at: Timestamp(3) }), Ok(vec!["RestartRequested"]));
    target
}

fn names(target: &Target) -> Vec<&'static str> {
    target.log.iter().map(TargetEvent::name).collect()
}

fn phases(target: &Target) -> Vec<ReplicaPhase> {
    target.state.current.iter().flat_map(|live| &live.replicas).map(|replica| replica.phase).collect()
}

fn ended(target: &Target) -> RestartEnded {
    let ended = target.log.iter().filter_map(|event| match event {
        TargetEvent::RestartEnded(e) => Some(e.clone()),
        _other => None,
    });
    let ended: Vec<RestartEnded> = ended.collect();
    assert_eq!(ended.len(), 1, "{:?}", names(target));
    ended[0].clone()
}

#[test]
fn one_after_the_other_and_each_out_of_the_route_first() {
    let mut target = asked(domains());
    target.finish();
    let one = ["RoutesApplied", "ReplicaDrained", "ReplicaStopped", "ReplicaRestarted", "ReplicaHealthy"];
    let all = [&["RestartRequested"][..], &one, &one, &["RoutesApplied", "RestartEnded"]].concat();
    assert_eq!(names(&target), all);
    assert_eq!((ended(&target).restarted.len(), ended(&target).cause), (2, None));
    assert_eq!(target.state.restart, None);
    assert_eq!(phases(&target), [ReplicaPhase::Healthy; 2]);
    assert_eq!(target.state.routes.replicas.len(), 2);
    // One call brings the first back and takes the second out: at least one serves at every moment.
    let routed = target.log.iter().filter_map(|event| match event {
        TargetEvent::RoutesApplied(e) => Some(e.routed.iter().map(|id| id.index).collect::<Vec<_>>()),
        _other => None,
    });
    assert_eq!(routed.collect::<Vec<_>>(), [vec![1], vec![0], vec![0, 1]]);
}

#[test]
fn without_an_edge_nothing_is_told_to_one() {
    let mut target = asked(config());
    target.finish();
    let one = ["ReplicaStopped", "ReplicaRestarted", "ReplicaHealthy"];
    assert_eq!(names(&target), [&["RestartRequested"][..], &one, &one, &["RestartEnded"]].concat());
}

#[test]
fn the_others_are_not_touched_where_one_is_not_well_again() {
    let mut target = asked(domains());
    target.run_until(|effect| matches!(effect, Effect::AwaitHealthy { .. }));
    target.report(|_, effect| {
        let unhealthy = Outcome::ReplicaUnhealthy {
            cause: Failure::new(FailureCode::NeverHealthy, "503"),
            detail: String::new(),
            probes: 3,
            exit_code: None,
            log_tail: LogTail(String::new()),
        };
        matches!(effect, Effect::AwaitHealthy { .. }).then_some(unhealthy)
    });
    target.finish();
    let ended = ended(&target);
    assert_eq!(
        (ended.restarted.len(), ended.cause.map(|cause| cause.code)),
        (0, Some(FailureCode::NeverHealthy))
    );
    // The replica should run, and is not known to be well: it gets no requests while another one takes them.
    assert_eq!(phases(&target), [ReplicaPhase::Started, ReplicaPhase::Healthy]);
    assert_eq!(target.state.routes.replicas.iter().map(|id| id.index).collect::<Vec<_>>(), [1]);
    // And a second restart begins with it.
    target.log.clear();
    target.when(Command::Restart { at: Timestamp(4) }).expect("accepted");
    target.finish();
    assert_eq!(phases(&target), [ReplicaPhase::Healthy; 2]);
    assert_eq!(target.state.routes.replicas.len(), 2);
}

#[test]
fn the_only_replica_goes_back_to_the_route_whatever_came_of_it() {
    let mut target = asked(ConfigSnapshot { replicas: 1, ..domains() });
    target.run_until(|effect| matches!(effect, Effect::StartReplica(_)));
    given_up(&mut target, |effect| matches!(effect, Effect::StartReplica(_)));
    target.finish();
    assert_eq!(ended(&target).cause.map(|cause| cause.code), Some(FailureCode::EngineUnreachable));
    // Nothing else answers: the edge goes on looking for it.
    assert_eq!(target.state.routes.replicas.len(), 1);
}

#[test]
fn what_could_not_be_stopped_is_not_taken_to_be_well() {
    // An attempt may have stopped it without an answer, in this process or in one that died.
    for interrupted in [false, true] {
        let mut target = asked(domains());
        target.run_until(|effect| matches!(effect, Effect::StopReplica { .. }));
        if interrupted {
            let observed = Observed { engine_id: "engine".to_owned(), ..Observed::default() };
            target.when(Command::Settle { observed, at: Timestamp(5) }).expect("accepted");
        }
        given_up(&mut target, |effect| matches!(effect, Effect::StopReplica { .. }));
        target.finish();
        assert_eq!(ended(&target).restarted, []);
        assert_eq!(phases(&target), [ReplicaPhase::Started, ReplicaPhase::Healthy]);
        assert_eq!(target.state.routes.replicas.iter().map(|id| id.index).collect::<Vec<_>>(), [1]);
    }
}

#[test]
fn an_edge_that_cannot_be_told_keeps_its_replicas() {
    let mut target = asked(domains());
    given_up(&mut target, |effect| matches!(effect, Effect::ApplyRoutes { .. }));
    target.finish();
    assert_eq!(ended(&target).cause.map(|cause| cause.code), Some(FailureCode::EngineUnreachable));
    assert!(!names(&target).contains(&"ReplicaStopped"), "{:?}", names(&target));
    assert_eq!(phases(&target), [ReplicaPhase::Healthy; 2]);
}

#[test]
fn a_restart_that_is_cancelled_finishes_the_replica_under_way() {
    for (until, restarted) in [("drain", 0), ("stop", 1), ("start", 1), ("await", 1)] {
        let mut target = asked(domains());
        target.run_until(|effect| match effect {
            Effect::Drain { .. } => until == "drain",
            Effect::StopReplica { .. } => until == "stop",
            Effect::StartReplica(_) => until == "start",
            Effect::AwaitHealthy { .. } => until == "await",
            _other => false,
        });
        assert_eq!(target.when(Command::CancelRestart).expect("accepted")[0], "RestartCutShort");
        assert_eq!(target.when(Command::CancelRestart), Ok(vec![]), "once");
        target.finish();
        let ended = ended(&target);
        assert_eq!(ended.restarted.len(), restarted, "{until}");
        assert_eq!(ended.cause.map(|cause| cause.code), Some(FailureCode::Cancelled), "{until}");
        assert_eq!(phases(&target), [ReplicaPhase::Healthy; 2], "{until}");
        assert_eq!(target.state.routes.replicas.len(), 2, "{until}");
    }
}

#[test]
fn a_crash_leaves_it_at_the_replica_under_way() {
    let mut target = asked(domains());
    target.run_until(|effect| matches!(effect, Effect::StartReplica(_)));
    let observed = Observed { engine_id: "engine".to_owned(), ..Observed::default() };
    let settled = target.when(Command::Settle { observed, at: Timestamp(5) });
    assert_eq!(settled, Ok(vec!["RestartCutShort"]));
    target.finish();
    assert_eq!(ended(&target).cause.map(|cause| cause.code), Some(FailureCode::Interrupted));
    assert_eq!(phases(&target), [ReplicaPhase::Healthy; 2]);
}

#[test]
fn what_does_not_run_is_not_restarted_and_nothing_begins_beside_a_restart() {
    let mut target = Target::new();
    assert_eq!(target.when(Command::Restart { at: Timestamp(0) }), Err(Rejection::NothingRuns));
    target.deployed(config());
    target.when(Command::Restart { at: Timestamp(1) }).expect("accepted");
    let stop = Command::Stop { remove: false, volumes: Vec::new(), at: Timestamp(1) };
    assert_eq!(target.when(stop.clone()), Err(Rejection::RestartRunning));
    assert_eq!(target.when(Command::Restart { at: Timestamp(1) }), Err(Rejection::RestartRunning));
    target.finish();
    target.when(stop).expect("accepted");
    target.finish();
    assert_eq!(target.when(Command::Restart { at: Timestamp(2) }), Err(Rejection::IsStopped));
}
