//! Rollouts: order of steps, failure before and after the first retirement, cancelling.

use super::*;

fn steps(target: &Target) -> Vec<String> {
    owed(&target.state).into_iter().map(|(id, _)| format!("{:?} {}", id.number, id.subject)).collect()
}

fn restored(target: &Target) -> Option<Ending> {
    target.state.last_ended.map(|(_, ending)| ending)
}

#[test]
fn rolling_retires_an_old_replica_only_after_a_new_one_is_healthy() {
    let mut target = Target::new();
    target.deployed(config());
    target.ask(config());
    let mut order = Vec::new();
    while let [(id, effect), ..] = &owed(&target.state)[..] {
        order.push(format!("{:?}", id.number));
        let (id, outcome) = (id.clone(), good(id, effect));
        target.report(|owed, _| (*owed == id).then(|| outcome.clone()));
    }
    let pair = ["StartReplica", "AwaitHealthy", "StopReplica", "RemoveReplica"];
    let image = ["ResolveImage", "PullImage", "TagImage", "EnsureNetwork"];
    assert_eq!(order, [&image[..], &pair[..], &pair[..]].concat());
}

#[test]
fn replace_stops_the_old_ones_first_and_blue_green_last() {
    for (strategy, first) in
        [(RolloutStrategy::Replace, "StopReplica 0"), (RolloutStrategy::BlueGreen, "StartReplica 0")]
    {
        let mut target = Target::new();
        target.deployed(config());
        target.ask(ConfigSnapshot { rollout: strategy, ..config() });
        target.run_until(|effect| matches!(effect, Effect::StopReplica { .. } | Effect::StartReplica(_)));
        assert_eq!(steps(&target)[0], first);
        assert_eq!(steps(&target).len(), 2, "both replicas at once");
        target.finish();
        assert_eq!(restored(&target), Some(Ending::Succeeded));
    }
}

#[test]
fn a_failure_before_the_first_retirement_leaves_the_target_as_it_was() {
    let mut target = Target::new();
    let old = target.deployed(config());
    let before = target.state.current.clone();
    target.failed();
    assert_eq!(restored(&target), Some(Ending::Failed));
    assert_eq!(target.state.current, before);
    assert_eq!(target.tags(), [old]);
}

#[test]
fn a_failure_after_the_first_retirement_restores_the_old_release() {
    let mut target = Target::new();
    let old = target.deployed(config());
    target.ask(config());
    target.run_until(|effect| matches!(effect, Effect::AwaitHealthy { replica, .. } if replica.index == 1));
    target.report(|_, _| Some(unhealthy()));
    target.finish();
    assert_eq!(restored(&target), Some(Ending::RolledBack));
    let live = target.state.current.as_ref().expect("the old one");
    assert_eq!((live.release, live.replicas.len()), (old, 2));
}

#[test]
fn replace_that_fails_restores_what_ran_before() {
    let mut target = Target::new();
    let old = target.deployed(config());
    target.ask(ConfigSnapshot { rollout: RolloutStrategy::Replace, ..config() });
    target.run_until(|effect| matches!(effect, Effect::AwaitHealthy { .. }));
    target.report(|_, _| Some(unhealthy()));
    target.finish();
    assert_eq!(restored(&target), Some(Ending::RolledBack));
    let live = target.state.current.as_ref().expect("the old one");
    assert_eq!((live.release, live.replicas.len()), (old, 2));
}

#[test]
fn a_restore_that_fails_is_a_failure_that_says_so() {
    let mut target = Target::new();
    target.deployed(config());
    target.ask(ConfigSnapshot { rollout: RolloutStrategy::Replace, ..config() });
    for _ in 0..4 {
        target.run_until(|effect| matches!(effect, Effect::AwaitHealthy { .. }));
        target.report(|_, effect| matches!(effect, Effect::AwaitHealthy { .. }).then(unhealthy));
        if target.state.rollout.is_none() || owed(&target.state).is_empty() {
            break;
        }
        if target.count("ReplicaUnhealthy") == 3 {
            break;
        }
    }
    target.finish();
    let failed =
        target.log.iter().any(|e| matches!(e, TargetEvent::DeploymentFailed(e) if !e.target_unchanged));
    assert!(failed, "{:?}", target.log.iter().map(TargetEvent::name).collect::<Vec<_>>());
}

#[test]
fn a_second_deploy_is_refused_naming_the_first() {
    let mut target = Target::new();
    let running = target.ask(config());
    let id = target.next_id();
    let release = ReleaseSpec { config: config(), config_digest: String::new() };
    let again =
        Deploy { id, at: Timestamp(0), release, git: None, ci: None, engine: None, move_domains: false };
    let refused = target.when(Command::Deploy(Box::new(again)));
    assert_eq!(refused, Err(Rejection::RolloutRunning { running }));
}

#[test]
fn late_and_repeated_outcomes_change_nothing() {
    let mut target = Target::new();
    target.ask(config());
    let (effect, owed_effect) = owed(&target.state).remove(0);
    let outcome = Box::new(good(&effect, &owed_effect));
    let record = Command::RecordOutcome { effect, outcome, at: Timestamp(1) };
    assert_eq!(target.when(record.clone()).expect("owed"), ["ImageResolved"]);
    assert_eq!(target.when(record.clone()).expect("fenced"), [""; 0]);
    target.finish();
    assert_eq!(target.when(record).expect("fenced"), [""; 0]);
}

#[test]
fn attempts_are_counted_per_effect_and_bounded() {
    let mut target = Target::new();
    target.ask(config());
    let (effect, _) = owed(&target.state).remove(0);
    let cause = Failure::new(FailureCode::RegistryUnreachable, "no such host");
    let attempt =
        Command::RecordAttempt { effect, cause, detail: String::new(), retryable: true, at: Timestamp(1) };
    assert_eq!(target.when(attempt.clone()).expect("owed"), ["EffectAttemptFailed"]);
    assert_eq!(target.when(attempt.clone()).expect("owed"), ["EffectAttemptFailed"]);
    let last = target.when(attempt).expect("owed");
    assert_eq!(last, ["EffectAttemptFailed", "EffectFailed", "RolloutTurnedBack", "DeploymentFailed"]);
}

#[test]
fn a_cancelled_rollout_goes_back_and_cleans_up_what_may_have_started() {
    let mut target = Target::new();
    let old = target.deployed(config());
    let id = target.ask(config());
    target.run_until(|effect| matches!(effect, Effect::StartReplica(_)));
    target.when(Command::Cancel { id }).expect("running");
    assert_eq!(steps(&target), ["StopReplica 0"], "the start may have happened");
    assert!(matches!(owed(&target.state)[..], [(_, Effect::StopReplica { expected: true, .. })]));
    target.finish();
    assert_eq!(restored(&target), Some(Ending::Cancelled));
    assert_eq!(target.tags(), [old]);
    assert_eq!(target.when(Command::Cancel { id }), Err(Rejection::NotRunning { id }));
}

#[test]
fn cancelling_while_an_old_replica_is_being_stopped_restores_it() {
    let mut target = Target::new();
    let old = target.deployed(config());
    let id = target.ask(config());
    target.run_until(|effect| matches!(effect, Effect::StopReplica { .. }));
    target.when(Command::Cancel { id }).expect("running");
    target.finish();
    let live = target.state.current.as_ref().expect("the old one");
    assert_eq!((live.release, live.replicas.len()), (old, 2));
    assert!(
        target.log.iter().any(|e| matches!(e, TargetEvent::DeploymentCancelled(e) if !e.target_unchanged))
    );
}

#[test]
fn hooks_run_before_and_after_and_only_the_first_can_fail_a_deploy() {
    let hooks = Hooks {
        pre_deploy: vec![HookLine::recorded("one")],
        post_deploy: vec![HookLine::recorded("two")],
        folder: "/".to_owned(),
    };
    let with_hooks = ConfigSnapshot { hooks, ..config() };
    let exit = |code| Outcome::HookFinished { exit: HookExit::Code(code), log_tail: LogTail::default() };
    let mut target = Target::new();
    target.ask(with_hooks.clone());
    assert_eq!(steps(&target), ["RunHook pre-0"]);
    target.report(|_, _| Some(exit(1)));
    target.finish();
    assert_eq!(restored(&target), Some(Ending::Failed));
    assert_eq!(target.count("ReplicaStarted"), 0, "nothing starts");
    target.ask(with_hooks);
    target.run_until(
        |effect| matches!(effect, Effect::RunHook { hook, .. } if hook.stage == HookStage::PostDeploy),
    );
    target.report(|_, _| Some(exit(1)));
    assert_eq!(restored(&target), Some(Ending::Succeeded), "a warning only");
}

#[test]
fn a_release_command_runs_once_before_anything_starts_and_never_in_a_rollback() {
    let command = |line: &str| ReleaseCommand {
        form: CommandForm::Shell,
        fingerprint: Fingerprint(line.to_owned()),
        line: None,
    };
    let with = ConfigSnapshot { release_command: Some(command("migrate")), ..config() };
    let exit = |code| Outcome::HookFinished { exit: HookExit::Code(code), log_tail: LogTail::default() };
    let is_it = |effect: &Effect| matches!(effect, Effect::RunReleaseCommand { .. });
    for rollout in [RolloutStrategy::Rolling, RolloutStrategy::Replace, RolloutStrategy::BlueGreen] {
        let with = ConfigSnapshot { rollout, ..with.clone() };
        let mut target = Target::new();
        let first = target.deployed(with.clone());
        assert_eq!(target.count("ReleaseCommandFinished"), 1);
        let before = (target.count("ReplicaStarted"), target.count("ReplicaStopped"));
        target.ask(with.clone());
        target.run_until(is_it);
        assert_eq!(steps(&target), ["RunReleaseCommand "], "alone, and before the old one is touched");
        target.report(|_, _| Some(exit(3)));
        target.finish();
        assert_eq!(restored(&target), Some(Ending::Failed));
        let moved = (target.count("ReplicaStarted"), target.count("ReplicaStopped"));
        let names: Vec<&str> = target.log.iter().map(TargetEvent::name).collect();
        assert_eq!(moved, before, "nothing moved: {rollout:?} {names:?}");
        target.deployed(with);
        let before = target.count("ReleaseCommandFinished");
        target.roll_back(first).expect("it is restorable");
        target.finish();
        assert_eq!(target.count("ReleaseCommandFinished"), before, "not in a rollback");
    }
}

#[test]
fn what_cannot_be_removed_on_the_way_back_is_removed_by_the_next_rollout() {
    let mut target = Target::new();
    target.deployed(config());
    target.ask(config());
    target.run_until(|effect| matches!(effect, Effect::AwaitHealthy { .. }));
    target.report(|_, _| Some(unhealthy()));
    target.report(|_, _| {
        Some(Outcome::Failed {
            cause: Failure::new(FailureCode::EngineUnreachable, "gone"),
            detail: String::new(),
        })
    });
    assert_eq!(restored(&target), Some(Ending::Failed));
    assert_eq!(target.state.strays.len(), 1);
    target.deployed(config());
    assert_eq!(target.state.strays, []);
}

#[test]
fn stop_stops_and_a_deploy_starts_again() {
    let mut target = Target::new();
    target.deployed(config());
    target.when(Command::Stop { remove: false, volumes: Vec::new(), at: Timestamp(0) }).expect("runs");
    target.finish();
    assert_eq!(target.count("TargetStopped"), 1);
    let again = target.when(Command::Stop { remove: false, volumes: Vec::new(), at: Timestamp(0) });
    assert_eq!(again, Err(Rejection::AlreadyStopped));
    target.deployed(config());
    assert!(target.state.current.as_ref().is_some_and(|live| !live.stopped && live.replicas.len() == 2));
}

#[test]
fn a_static_container_is_called_as_its_target_and_as_before_where_that_was_not_said() {
    let fixed = ConfigSnapshot {
        naming: NamingStrategy::Static,
        rollout: RolloutStrategy::Replace,
        replicas: 1,
        ..config()
    };
    let called = |alias: Option<&str>| {
        let mut target = Target::new();
        target.ask(ConfigSnapshot { alias: alias.map(str::to_owned), ..fixed.clone() });
        target.run_until(|effect| matches!(effect, Effect::StartReplica(_)));
        owed(&target.state).into_iter().find_map(|(_, effect)| match effect {
            Effect::StartReplica(spec) => Some((spec.name, spec.alias)),
            _other => None,
        })
    };
    assert_eq!(called(Some("db")), Some(("db".to_owned(), Some("db".to_owned()))));
    let app = Target::new().state.key.app.to_string();
    assert_eq!(called(None), Some((app, None)), "what was deployed before");
    // What an older haloy recorded has no alias, and is written again as it was.
    let bytes = rmp_serde::to_vec_named(&fixed).expect("encodes");
    assert!(!bytes.windows(5).any(|window| window == b"alias"));
    assert_eq!(rmp_serde::from_slice::<ConfigSnapshot>(&bytes).expect("decodes"), fixed);
}
