//! Retention and rollback: what is kept, what is the default, what is refused.

use super::*;

#[test]
fn count_keeps_that_many_earlier_good_releases() {
    let mut target = Target::new();
    let ids: Vec<_> = (0..6).map(|_| target.deployed(config())).collect();
    assert_eq!(target.tags(), ids[3..], "the current and two earlier ones");
    assert_eq!(target.count("ArtefactPruned"), 3);
}

#[test]
fn failed_deployments_neither_count_nor_evict() {
    let mut target = Target::new();
    let good: Vec<_> = (0..3).map(|_| target.deployed(config())).collect();
    for _ in 0..4 {
        target.failed();
    }
    assert_eq!(target.tags(), good, "only the failed ones lost their tags");
    assert_eq!(target.default(), Some(good[1]));
}

#[test]
fn rolling_back_twice_goes_further_back() {
    let mut target = Target::new();
    let ids: Vec<_> = (0..3).map(|_| target.deployed(config())).collect();
    assert_eq!(target.default(), Some(ids[1]));
    target.roll_back(ids[1]).expect("ready");
    target.finish();
    assert_eq!(target.state.current_release(), Some(ids[1]));
    assert_eq!(target.default(), Some(ids[0]), "never forward into the fault");
    target.roll_back(ids[0]).expect("ready");
    target.finish();
    assert_eq!(target.default(), None);
    let next = target.deployed(config());
    assert_eq!(target.state.current_release(), Some(next));
    assert_eq!(target.default(), Some(ids[0]), "the one that ran before");
}

#[test]
fn a_rollback_makes_no_release_and_takes_no_place() {
    let mut target = Target::new();
    let ids: Vec<_> = (0..3).map(|_| target.deployed(config())).collect();
    let rollback = target.roll_back(ids[0]).expect("ready");
    target.finish();
    assert_eq!(target.tags(), ids, "no tag of its own, and nothing evicted");
    let live = target.state.current.as_ref().expect("something runs");
    assert_eq!((live.deployment, live.release), (rollback, ids[0]));
}

#[test]
fn a_rollback_restores_replicas_of_the_old_configuration() {
    let mut target = Target::new();
    let three = target.deployed(ConfigSnapshot { replicas: 3, ..config() });
    target.deployed(ConfigSnapshot { replicas: 1, ..config() });
    target.roll_back(three).expect("ready");
    target.finish();
    assert_eq!(target.state.current.as_ref().map(|live| live.replicas.len()), Some(3));
}

#[test]
fn refusals_say_why() {
    let mut target = Target::new();
    let ids: Vec<_> = (0..4).map(|_| target.deployed(config())).collect();
    let bad = target.failed();
    assert_eq!(target.roll_back(ids[3]), Err(Rejection::AlreadyCurrent { release: ids[3] }));
    let why = |why, release| Err(Rejection::NotRestorable { release, why });
    assert_eq!(target.roll_back(ids[0]), why(NotRestorable::Pruned, ids[0]));
    assert_eq!(target.roll_back(bad), why(NotRestorable::Pruned, bad));
}

#[test]
fn strategy_none_keeps_nothing_of_its_own_and_spares_the_others() {
    let mut target = Target::new();
    let none = Retention { strategy: HistoryStrategy::None, count: 0, pattern: None };
    let kept = target.deployed(config());
    let first = target.deployed(ConfigSnapshot { retention: none.clone(), ..config() });
    let second = target.deployed(ConfigSnapshot { retention: none, ..config() });
    assert_eq!(target.tags(), [kept, second], "{first} went when it was superseded");
    let refused = target.roll_back(first);
    let why = NotRestorable::StrategyNone;
    assert_eq!(refused, Err(Rejection::NotRestorable { release: first, why }));
}

#[test]
fn an_image_removed_behind_our_back_is_lost_and_found() {
    let mut target = Target::new();
    let (old, _) = (target.deployed(config()), target.deployed(config()));
    let all: Vec<ObservedTag> = target
        .state
        .releases
        .iter()
        .filter_map(|k| k.tagged.clone())
        .map(|t| ObservedTag { local_tag: t.local_tag, image_id: t.image_id, size: 1 })
        .collect();
    let see = |tags| Command::RecordObserved {
        observed: Observed { engine_id: "engine".to_owned(), tags, ..Observed::default() },
    };
    let without: Vec<_> = all.iter().filter(|t| !t.local_tag.ends_with(&old.to_string())).cloned().collect();
    assert_eq!(target.when(see(without.clone())).expect("accepted"), ["ImageLost"]);
    assert_eq!(target.when(see(without)).expect("accepted"), [""; 0], "told once");
    assert_eq!(target.default(), None);
    let why = NotRestorable::ImageLost;
    assert_eq!(target.roll_back(old), Err(Rejection::NotRestorable { release: old, why }));
    assert_eq!(target.when(see(all)).expect("accepted"), ["ImageFound"]);
    assert_eq!(target.default(), Some(old));
}

#[test]
fn a_rollback_that_finds_its_image_gone_says_so_and_leaves_the_target_alone() {
    let mut target = Target::new();
    let (old, new) = (target.deployed(config()), target.deployed(config()));
    target.roll_back(old).expect("ready, as far as is known");
    target.report(|_, effect| {
        matches!(effect, Effect::TagImage { .. }).then(|| Outcome::Failed {
            cause: Failure::new(FailureCode::ImageNotFound, "no such image"),
            detail: String::new(),
        })
    });
    target.finish();
    assert_eq!(target.state.current_release(), Some(new));
    assert!(target.state.kept(old).is_some_and(crate::deployment::state::RetainedRelease::is_lost));
    assert_eq!(target.count("ImageLost"), 1);
}

#[test]
fn a_failed_prune_is_planned_again_with_the_next_success() {
    let mut target = Target::new();
    for _ in 0..3 {
        target.deployed(config());
    }
    let fourth = target.ask(config());
    target.run_until(|effect| matches!(effect, Effect::RemoveLocalTag { .. }));
    for _ in 0..5 {
        let (effect, _) = owed(&target.state).remove(0);
        let cause = Failure::new(FailureCode::EngineUnreachable, "connection refused");
        let detail = String::new();
        target
            .when(Command::RecordAttempt { effect, cause, detail, retryable: true, at: Timestamp(1) })
            .expect("ok");
    }
    assert_eq!(target.count("PruneFailed"), 1);
    assert_eq!(target.state.last_ended, Some((fourth, Ending::Succeeded)));
    target.deployed(config());
    assert_eq!(target.tags().len(), 3);
}

#[test]
fn a_changed_count_is_recorded_with_what_it_drops() {
    let mut target = Target::new();
    let ids: Vec<_> = (0..3).map(|_| target.deployed(config())).collect();
    let one = Retention { strategy: HistoryStrategy::Local, count: 1, pattern: None };
    target.deployed(ConfigSnapshot { retention: one, ..config() });
    let changed = target.log.iter().rev().find_map(|event| match event {
        TargetEvent::RetentionChanged(e) => Some(e.dropped.clone()),
        _other => None,
    });
    assert_eq!(changed, Some(vec![ids[1], ids[0]]));
}
