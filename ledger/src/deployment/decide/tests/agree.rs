//! What the read models say of a target equals what the rules say, after every event.

use super::*;
use crate::deployment::state::Rollout;
use crate::log::{Head, InBatch, MapRows, Recorded};
use crate::projection::{Projections, read};

/// Every event of a target folded into the read models; `look` sees them after each.
fn folded(target: &Target, mut look: impl FnMut(usize, &MapRows)) -> MapRows {
    let (mut rows, mut fold) = (MapRows::default(), Projections::default());
    for (at, event) in target.log.iter().enumerate() {
        let envelope = crate::log::samples::envelope(target.state.key.stream());
        let head = Head {
            position: Position(at as u64),
            revision: Revision(at as u64),
            recorded: Timestamp(at as i64),
            wall: Timestamp(at as i64),
            kind: event.kind(),
            version: event.version(),
            flags: 0,
            stream_number: 0,
        };
        let recorded = Recorded { head, envelope, event: event.clone().into() };
        fold.apply(&recorded, &mut rows).expect("folded");
        fold.finish(&mut rows).expect("put");
        look(at, &rows);
    }
    rows
}

#[test]
fn what_a_stop_still_owes_is_pending_whatever_of_it_fails() {
    for removal_fails in [true, false] {
        let mut target = Target::new();
        target.deployed(config());
        target.when(Command::Stop { remove: true, volumes: Vec::new(), at: Timestamp(0) }).expect("runs");
        target.run_until(|effect| {
            matches!(effect, Effect::RemoveReplica { .. }) == removal_fails
                && matches!(effect, Effect::RemoveReplica { .. } | Effect::StopReplica { .. })
        });
        given_up(&mut target, |effect| match removal_fails {
            true => matches!(effect, Effect::RemoveReplica { .. }),
            false => matches!(effect, Effect::StopReplica { .. }),
        });
        let mut state = TargetState::new(target.state.key.clone());
        let mut stops = 0;
        folded(&target, |at, rows| {
            state = evolve(state.clone(), &target.log[at]);
            let pending = read::pending(rows).expect("readable");
            let stop = pending.first().is_some_and(|row| row.stop);
            stops += usize::from(stop);
            assert_eq!(stop, state.stop.is_some(), "after {} ({at})", target.log[at].name());
        });
        assert!(stops > 0, "there was a stop");
        assert_eq!(target.state.stop.is_some(), removal_fails);
    }
}

#[test]
fn a_release_that_could_not_be_pruned_is_good_since_it_was_good() {
    let mut target = Target::new();
    let oldest = target.deployed(config());
    target.deployed(config());
    target.deployed(config());
    target.ask(config());
    let removes = |effect: &Effect| matches!(effect, Effect::RemoveLocalTag { .. });
    target.run_until(removes);
    let pruned = fate(&target, oldest);
    assert!(pruned.contains("Pruned"), "{pruned}");
    let succeeded =
        |event: &TargetEvent| matches!(event, TargetEvent::DeploymentSucceeded(e) if e.id == oldest);
    let good = target.log.iter().position(succeeded).expect("it succeeded");
    given_up(&mut target, removes);
    assert_eq!(target.count("PruneFailed"), 1);
    assert_eq!(fate(&target, oldest), format!("Good {{ at: Position({good}) }}"));
}

/// Fate of a release in the read model.
fn fate(target: &Target, release: DeploymentId) -> String {
    let rows = folded(target, |_, _| {});
    let all = read::candidates(&rows, &target.state.key).expect("readable");
    let row = all.into_iter().find(|row| row.release == release).expect("a row");
    format!("{:?}", row.fate)
}

/// A target with a requested rollout that was not admitted, its state then, and its state after other events.
fn proposed() -> (Target, Option<Rollout>) {
    let mut target = Target::new();
    target.deployed(config());
    target.deployed(config());
    target.deployed(config());
    target.ask(config());
    let removes = |effect: &Effect| matches!(effect, Effect::RemoveLocalTag { .. });
    target.run_until(removes);
    assert_eq!(target.state.rollout, None);
    // Requested, and not admitted yet.
    let id = target.next_id();
    let release = ReleaseSpec { config: config(), config_digest: "d".to_owned() };
    let deploy =
        Deploy { id, at: Timestamp(0), release, git: None, ci: None, engine: None, move_domains: false };
    let asked = decide(&target.state, Command::Deploy(Box::new(deploy))).expect("accepted");
    target.state = evolve(target.state.clone(), &asked[0]);
    let waiting = target.state.proposed.clone();
    assert!(waiting.is_some() && target.state.rollout.is_none());
    // A prune of an older release ends, and a crash is settled.
    assert!(target.report(|id, effect| removes(effect).then(|| good(id, effect))));
    let observed = Observed { engine_id: "engine".to_owned(), ..Observed::default() };
    target.when(Command::Settle { observed, at: Timestamp(2) }).expect("accepted");
    (target, waiting)
}

#[test]
fn a_rollout_that_is_not_admitted_concludes_nothing() {
    let (mut target, waiting) = proposed();
    assert_eq!(target.state.proposed, waiting, "it waits as before");
    assert_eq!(target.count("DeploymentSucceeded"), 4, "those that ran");
    // There is one at a time, whether it has begun or not.
    let running = waiting.expect("it is there").deployment;
    let runs = target.state.current_release().expect("one runs");
    assert_eq!(target.roll_back(runs), Err(Rejection::RolloutRunning { running }));
}

#[cfg(feature = "defects")]
#[test]
fn a_proposed_rollout_that_concludes_is_found() {
    crate::defect::plant(Some(crate::defect::Defect::ProposedConcludes));
    let (target, _) = proposed();
    crate::defect::plant(None);
    assert!(target.count("DeploymentSucceeded") > 4, "it ended without having begun");
}
