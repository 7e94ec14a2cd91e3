//! Strategy `registry`, names, pins, holds, and what a retention would do.

use super::super::super::retention::{WhatIf, what_if};
use super::*;

fn registry(count: u16) -> ConfigSnapshot {
    let pattern = Some("v*".to_owned());
    let retention = Retention { strategy: HistoryStrategy::Registry, count, pattern };
    ConfigSnapshot { retention, ..config() }
}

fn restorable(target: &Target) -> Vec<DeploymentId> {
    let ready = target.state.releases.iter().filter(|k| crate::deployment::restorable::is_restorable(k));
    ready.map(|k| k.release).filter(|id| Some(*id) != target.state.current_release()).collect()
}

fn name(text: &str) -> ReleaseName {
    ReleaseName::new(text).expect("a name")
}

fn seen(release: DeploymentId, answer: RegistryAnswer) -> Command {
    let seen = vec![RegistrySeen { release, answer }];
    Command::RecordChecked { releases: vec![release], seen, at: Timestamp(1) }
}

#[test]
fn the_host_keeps_the_current_release_only_and_count_earlier_ones_stay_restorable() {
    let mut target = Target::new();
    let ids: Vec<_> = (0..4).map(|_| target.deployed(registry(2))).collect();
    assert_eq!(target.tags(), [ids[3]]);
    assert_eq!(restorable(&target), [ids[2], ids[1]]);
    let dropped: Vec<_> = (target.log.iter())
        .filter_map(|event| match event {
            TargetEvent::RetentionChanged(e) => Some(e.dropped.clone()),
            _other => None,
        })
        .flatten()
        .collect();
    assert_eq!(dropped, [ids[0]], "losing a place is an event");
    let why = NotRestorable::Pruned;
    assert_eq!(target.roll_back(ids[0]), Err(Rejection::NotRestorable { release: ids[0], why }));
}

#[test]
fn a_rollback_fetches_the_recorded_digest_again() {
    let mut target = Target::new();
    let (old, _new) = (target.deployed(registry(2)), target.deployed(registry(2)));
    target.roll_back(old).expect("restorable");
    let pulls =
        |effect: &Effect| matches!(effect, Effect::PullImage { digest: Some(d), .. } if *d == digest(1));
    target.run_until(pulls);
    target.finish();
    assert_eq!(target.state.current_release(), Some(old));
    assert_eq!(target.tags(), [old]);
}

#[test]
fn a_registry_that_lost_the_image_is_learnt_from_and_what_runs_stays() {
    for (code, event) in
        [(FailureCode::ImageNotFound, "ImageLost"), (FailureCode::Unauthorized, "RegistryUnreachable")]
    {
        let mut target = Target::new();
        let (old, new) = (target.deployed(registry(2)), target.deployed(registry(2)));
        target.roll_back(old).expect("restorable, as far as is known");
        let cause = Failure::new(code, "the registry says no");
        let failed = || Outcome::Failed { cause: cause.clone(), detail: String::new() };
        target.report(|_, effect| matches!(effect, Effect::PullImage { .. }).then(failed));
        target.finish();
        assert_eq!(target.state.current_release(), Some(new));
        assert_eq!(target.count(event), 1, "{code:?}");
        assert_eq!(restorable(&target).contains(&old), code != FailureCode::ImageNotFound);
    }
}

#[test]
fn a_moved_tag_is_recorded_once_and_changes_nothing() {
    let mut target = Target::new();
    let (old, _new) = (target.deployed(registry(2)), target.deployed(registry(2)));
    let moved = RegistryAnswer::There { tag: Some(digest(7)) };
    assert_eq!(target.when(seen(old, moved.clone())).expect("ok"), ["TagMoved", "ImagesChecked"]);
    assert_eq!(target.when(seen(old, moved)).expect("ok"), ["ImagesChecked"], "told once");
    let back = RegistryAnswer::There { tag: Some(digest(1)) };
    assert_eq!(target.when(seen(old, back)).expect("ok"), ["TagMoved", "ImagesChecked"]);
    assert_eq!(restorable(&target), [old]);
    let gone = RegistryAnswer::Gone { tag: None };
    assert_eq!(target.when(seen(old, gone)).expect("ok"), ["ImageLost", "TagMoved", "ImagesChecked"]);
    assert_eq!(restorable(&target), []);
    let why = NotRestorable::ImageLost;
    assert_eq!(target.roll_back(old), Err(Rejection::NotRestorable { release: old, why }));
}

#[test]
fn what_is_built_and_pushed_is_deployed_by_the_digest_that_came_back() {
    let mut target = Target::new();
    let build = BuildSpec {
        context: "/src".to_owned(),
        dockerfile: "Dockerfile".to_owned(),
        platform: None,
        args: Vec::new(),
        push: true,
    };
    let config = registry(2);
    let image = ImageSpec { build: Some(build), ..config.image.clone() };
    let id = target.deployed(ConfigSnapshot { image, ..config });
    assert_eq!(target.count("ImagePushed"), 1);
    let origin = target.state.kept(id).and_then(|kept| kept.origin.clone());
    assert_eq!(origin.map(|origin| origin.digest), Some(digest(1)));
}

#[test]
fn pinned_and_held_releases_outlast_any_count() {
    for config in [config as fn() -> ConfigSnapshot, || registry(2)] {
        let mut target = Target::new();
        let ids: Vec<_> = (0..2).map(|_| target.deployed(config())).collect();
        assert_eq!(
            target.when(Command::Pin { release: ids[0], pinned: true }).expect("ok"),
            ["ReleasePinned"]
        );
        let hold = Command::Hold { release: ids[1], basis: "audit".to_owned() };
        assert_eq!(target.when(hold.clone()).expect("ok"), ["HoldPlaced"]);
        assert_eq!(target.when(hold), Err(Rejection::AlreadyHeld { release: ids[1] }));
        let newer: Vec<_> = (0..4).map(|_| target.deployed(config())).collect();
        assert_eq!(restorable(&target), [newer[2], newer[1], ids[1], ids[0]]);
        assert!(target.when(Command::Prune { volumes: Vec::new() }).expect("ok").is_empty());
        target.when(Command::Pin { release: ids[0], pinned: false }).expect("ok");
        target.when(Command::ReleaseHold { release: ids[1] }).expect("ok");
        target.when(Command::Prune { volumes: Vec::new() }).expect("ok");
        target.finish();
        assert_eq!(restorable(&target), [newer[2], newer[1]]);
    }
}

#[test]
fn a_name_moves_with_an_event_and_reaches_engine_and_registry() {
    let mut target = Target::new();
    let (old, new) = (target.deployed(registry(2)), target.deployed(registry(2)));
    let reference = ImageRef::new("web:stable").expect("a reference");
    let push = Some(PushedTag { reference, digest: digest(1) });
    let tag = |release, push| Command::Tag { name: name("stable"), release, push };
    assert_eq!(target.when(tag(old, push.clone())).expect("ok"), ["ReleaseTagged"]);
    let owed_now: Vec<Effect> = owed(&target.state).into_iter().map(|(_, effect)| effect).collect();
    assert!(matches!(owed_now.as_slice(), [Effect::PushTag { .. }]), "the host dropped that image");
    assert_eq!(target.when(tag(new, None)), Err(Rejection::NamingRunning));
    target.finish();
    target.when(tag(new, None)).expect("ok");
    let moved = target.log.last().cloned();
    assert!(matches!(moved, Some(TargetEvent::ReleaseTagged(e)) if e.before == Some(old) && e.after == new));
    let (id, effect) = owed(&target.state).remove(0);
    assert!(matches!(&effect, Effect::TagImage { local_tag, .. } if local_tag == "web:stable"), "{id}");
    target.finish();
    assert_eq!(target.state.kept(new).and_then(|k| k.tagged.as_ref()).map(|t| t.local_tag.clone()), {
        Some(format!("web:{new}"))
    });
    target.when(Command::Untag { name: name("stable"), pushed: None }).expect("ok");
    target.finish();
    assert_eq!(target.tags(), [new], "its own tag stays");
    target.when(tag(new, None)).expect("ok");
    target.finish();
    let pushed = Some(ImageRef::new("web:stable").expect("a reference"));
    target.when(Command::Untag { name: name("stable"), pushed }).expect("ok");
    assert_eq!(owed(&target.state).len(), 2, "from the engine and from the registry");
    target.finish();
    assert_eq!(target.when(Command::Untag { name: name("stable"), pushed: None }), {
        Err(Rejection::NoSuchName { name: name("stable") })
    });
}

#[test]
fn a_name_that_cannot_be_made_known_blocks_nothing() {
    let mut target = Target::new();
    let release = target.deployed(config());
    target.when(Command::Tag { name: name("stable"), release, push: None }).expect("ok");
    let cause = Failure::new(FailureCode::EngineUnreachable, "no");
    target.report(|_, _| Some(Outcome::Failed { cause: cause.clone(), detail: String::new() }));
    assert_eq!(owed(&target.state), Vec::new());
    target.deployed(config());
    assert_eq!(target.state.names.get(&name("stable")), Some(&release));
}

#[test]
fn what_if_says_what_a_real_change_then_does() {
    for count in 1..5 {
        for config in [config as fn() -> ConfigSnapshot, || registry(3)] {
            let mut target = Target::new();
            for _ in 0..4 {
                target.deployed(config());
            }
            target.when(Command::Pin { release: restorable(&target)[1], pinned: true }).expect("ok");
            let retention = Retention { count, ..config().retention };
            let WhatIf { keeps, drops } = what_if(&target.state, &retention);
            target.deployed(ConfigSnapshot { retention, ..config() });
            assert_eq!(restorable(&target), keeps, "count {count}");
            assert!(drops.iter().all(|id| !restorable(&target).contains(id)));
        }
    }
}
