//! Images that keep data at a path that the configuration does not name: such data is never removed unasked.

use super::*;

/// Like a database: one replica, one after the other, data at `/data`.
fn database() -> ConfigSnapshot {
    let value = ValueEntry {
        name: "DATA".to_owned(),
        source: ValueSource::Literal,
        fingerprint: Fingerprint(String::new()),
        value: None,
    };
    ConfigSnapshot { rollout: RolloutStrategy::Replace, replicas: 1, env: vec![value], ..config() }
}

fn rolling() -> ConfigSnapshot {
    ConfigSnapshot { rollout: RolloutStrategy::Rolling, replicas: 2, ..database() }
}

impl Target {
    /// Volumes of what is live.
    fn live_volumes(&self) -> Vec<String> {
        let live = self.state.current.iter().flat_map(|live| &live.replicas);
        live.flat_map(|replica| &replica.volumes).map(|made| made.volume.clone()).collect()
    }

    fn left(&self) -> Vec<String> {
        self.state.volumes.iter().map(|left| left.made.volume.clone()).collect()
    }

    /// Volumes that were removed, in order.
    fn removed(&self) -> Vec<String> {
        let gone = self.log.iter().filter_map(|event| match event {
            TargetEvent::ArtefactPruned(e) if e.artefact.is_volume() => Some(e.artefact.tag().to_owned()),
            _other => None,
        });
        gone.collect()
    }

    fn fail(&mut self, config: ConfigSnapshot) {
        self.ask(config);
        self.run_until(|effect| matches!(effect, Effect::AwaitHealthy { .. }));
        self.report(|_, effect| matches!(effect, Effect::AwaitHealthy { .. }).then(unhealthy));
        self.finish();
    }

    fn prune(&mut self, volumes: &[String]) -> Vec<&'static str> {
        self.when(Command::Prune { volumes: volumes.to_vec() }).expect("prunes")
    }
}

#[test]
fn a_replace_of_one_replica_takes_its_volume_over_and_so_does_a_rollback() {
    let mut target = Target::new();
    let first = target.deployed(database());
    let data = target.live_volumes();
    assert_eq!(data.len(), 1);
    target.deployed(database());
    assert_eq!((target.live_volumes(), target.left()), (data.clone(), Vec::new()));
    target.roll_back(first).expect("restorable");
    target.finish();
    assert_eq!((target.live_volumes(), target.left()), (data, Vec::new()));
    assert_eq!(target.removed(), Vec::<String>::new());
}

#[test]
fn a_replace_that_fails_gives_the_volume_back() {
    let mut target = Target::new();
    target.deployed(database());
    let data = target.live_volumes();
    target.fail(database());
    assert!(matches!(target.state.last_ended, Some((_, Ending::RolledBack))));
    assert_eq!((target.live_volumes(), target.left()), (data, Vec::new()));
}

#[test]
fn where_the_old_one_cannot_be_restored_the_next_deploy_still_finds_its_data() {
    let mut target = Target::new();
    target.deployed(database());
    let data = target.live_volumes();
    target.ask(database());
    // Neither the new nor the old replica becomes well.
    while target.report(|id, effect| match effect {
        Effect::AwaitHealthy { .. } => Some(unhealthy()),
        other => Some(good(id, other)),
    }) {}
    assert!(matches!(target.state.last_ended, Some((_, Ending::Failed))));
    assert_eq!(target.left(), data, "it is left, and nobody removes it");
    target.deployed(database());
    assert_eq!((target.live_volumes(), target.left()), (data, Vec::new()));
}

#[test]
fn replicas_that_run_side_by_side_never_share_one() {
    let mut target = Target::new();
    target.deployed(rolling());
    let before = target.live_volumes();
    target.deployed(rolling());
    let after = target.live_volumes();
    assert_eq!((before.len(), after.len()), (2, 2));
    assert!(before.iter().all(|volume| !after.contains(volume)));
    assert_eq!(target.left(), before);
    // One replica does not take over from two either.
    target.deployed(database());
    assert!(!target.left().contains(&target.live_volumes()[0]));
    assert_eq!(target.left().len(), 4);
}

#[test]
fn a_failed_deploy_leaves_its_volume_too() {
    let mut target = Target::new();
    target.deployed(rolling());
    let live = target.live_volumes();
    target.fail(rolling());
    assert_eq!(target.live_volumes(), live);
    assert_eq!(target.left().len(), 1);
    assert_eq!(target.removed(), Vec::<String>::new());
}

#[test]
fn only_what_is_named_is_pruned_and_an_event_names_it_first() {
    let mut target = Target::new();
    target.deployed(rolling());
    target.deployed(rolling());
    let left = target.left();
    assert_eq!(target.prune(&[]), Vec::<&str>::new(), "no rule asks for a volume");
    let asked = [left[0].clone(), target.live_volumes()[0].clone(), "somebody-elses".to_owned()];
    assert_eq!(target.prune(&asked), ["PrunePlanned"]);
    target.finish();
    assert_eq!(target.removed(), [left[0].clone()]);
    assert_eq!(target.left(), [left[1].clone()]);
    let names: Vec<&str> = target.log.iter().rev().take(2).map(TargetEvent::name).collect();
    assert_eq!(names, ["ArtefactPruned", "PrunePlanned"]);
    assert!(target.state.releases.iter().all(|kept| kept.pruning.is_none() && kept.tagged.is_some()));
}

#[test]
fn one_that_is_in_use_stays() {
    let mut target = Target::new();
    target.deployed(rolling());
    target.deployed(rolling());
    let left = target.left();
    target.prune(&left[..1]);
    target.report(|_, effect| {
        matches!(effect, Effect::RemoveVolume { .. }).then(|| Outcome::Failed {
            cause: Failure::new(FailureCode::VolumeInUse, "a container uses it"),
            detail: String::new(),
        })
    });
    assert_eq!(target.count("PruneFailed"), 1);
    assert_eq!(owed(&target.state), Vec::new());
    assert_eq!((target.left(), target.removed()), (left, Vec::new()));
}

#[test]
fn nothing_is_removed_while_a_rollout_may_need_it() {
    let mut target = Target::new();
    target.deployed(database());
    let data = target.live_volumes();
    target.ask(database());
    target.run_until(|effect| matches!(effect, Effect::StartReplica(_)));
    assert_eq!(target.left(), data, "between two containers nobody has it");
    assert_eq!(target.prune(&data), Vec::<&str>::new());
    target.finish();
    assert_eq!(target.live_volumes(), data);
}

#[test]
fn a_stop_removes_volumes_only_by_name() {
    let mut target = Target::new();
    target.deployed(database());
    let data = target.live_volumes();
    let stop =
        |volumes: &[String]| Command::Stop { remove: true, volumes: volumes.to_vec(), at: Timestamp(0) };
    target.when(stop(&[])).expect("runs");
    target.finish();
    assert_eq!((target.left(), target.removed()), (data.clone(), Vec::new()));
    target.deployed(database());
    assert_eq!(target.live_volumes(), data, "the next deploy has it again");
    target.when(stop(&data)).expect("runs");
    target.finish();
    assert_eq!((target.left(), target.removed()), (Vec::new(), data.clone()));
    target.deployed(database());
    assert_ne!(target.live_volumes(), data);
}

#[test]
fn what_a_stop_left_can_be_removed_by_another() {
    let mut target = Target::new();
    target.deployed(database());
    let volumes = target.live_volumes();
    target.when(Command::Stop { remove: true, volumes: Vec::new(), at: Timestamp(0) }).expect("runs");
    target.finish();
    let again = Command::Stop { remove: true, volumes: vec!["not-ours".to_owned()], at: Timestamp(0) };
    assert!(matches!(target.when(again), Err(Rejection::AlreadyStopped)));
    target.when(Command::Stop { remove: true, volumes: volumes.clone(), at: Timestamp(0) }).expect("asked");
    target.finish();
    assert_eq!(target.removed(), volumes);
}

#[test]
fn a_volume_that_the_user_names_is_the_users() {
    let mut target = Target::new();
    target.deployed(database());
    let data = target.live_volumes();
    let named = ConfigSnapshot { volumes: vec![format!("{}:/data", data[0])], ..database() };
    target.deployed(named.clone());
    assert_eq!((target.live_volumes(), target.left()), (Vec::new(), Vec::new()));
    assert_eq!(target.prune(&data), Vec::<&str>::new());
    let stop = Command::Stop { remove: true, volumes: data, at: Timestamp(0) };
    target.when(stop).expect("runs");
    target.finish();
    assert_eq!(target.removed(), Vec::<String>::new());
}

#[test]
fn what_an_older_haloy_started_is_known_when_it_is_removed() {
    let mut target = Target::new();
    let unknown = ConfigSnapshot { env: Vec::new(), ..database() };
    target.deployed(unknown);
    let anonymous = MadeVolume { path: "/data".to_owned(), volume: "ab".repeat(32) };
    target.ask(database());
    target.run_until(|effect| matches!(effect, Effect::RemoveReplica { .. }));
    target.report(|_, effect| match effect {
        Effect::RemoveReplica { .. } => {
            Some(Outcome::ReplicaRemoved { container_id: None, volumes: vec![anonymous.clone()] })
        }
        _other => None,
    });
    target.finish();
    assert_eq!((target.live_volumes(), target.left()), (vec![anonymous.volume.clone()], Vec::new()));
}

#[test]
fn a_container_that_a_crash_kept_from_the_record_has_what_it_was_to_take_over() {
    let mut target = Target::new();
    target.deployed(database());
    let data = target.live_volumes();
    let id = target.ask(database());
    target.run_until(|effect| matches!(effect, Effect::StartReplica(_)));
    let found = ObservedReplica {
        replica: ReplicaId { deployment: id, index: 0 },
        container_id: "found".to_owned(),
        running: true,
        address: None,
        exit_code: None,
        oom: false,
        condition: Condition::Well,
        restarts: None,
    };
    let observed = Observed { replicas: vec![found], ..Observed::default() };
    target.when(Command::Settle { observed, at: Timestamp(3) }).expect("settles");
    target.finish();
    assert_eq!((target.live_volumes(), target.left()), (data, Vec::new()));
}

#[test]
fn what_a_stray_had_is_left() {
    let mut target = Target::new();
    target.deployed(rolling());
    target.fail(rolling());
    let before = target.left();
    target.state.strays.push(ReplicaId { deployment: DeploymentId::from_parts(77, 77), index: 0 });
    target.ask(rolling());
    target.run_until(|effect| matches!(effect, Effect::RemoveReplica { .. }));
    let stray = MadeVolume { path: "/data".to_owned(), volume: "of-a-stray".to_owned() };
    target.report(|_, effect| match effect {
        Effect::RemoveReplica { .. } => {
            Some(Outcome::ReplicaRemoved { container_id: None, volumes: vec![stray.clone()] })
        }
        _other => None,
    });
    assert_eq!(target.left(), [before, vec![stray.volume]].concat());
}

#[test]
fn a_database_says_what_covers_before_anything_starts_or_stops() {
    let mut target = Target::new();
    let entries = vec!["store:/data".to_owned()];
    let refuse = |volumes: Vec<String>| ConfigSnapshot {
        uncovered_volumes: Some(UncoveredVolumes::Refuse),
        volumes,
        ..database()
    };
    target.deployed(refuse(entries.clone()));
    let before = target.state.current.clone();
    target.ask(refuse(Vec::new()));
    target.run_until(|effect| matches!(effect, Effect::TagImage { .. }));
    assert_eq!(target.count("ReplicaStopped"), 0);
    target.report(|_, effect| match effect {
        Effect::TagImage { covering, .. } => {
            assert_eq!(covering, &Some(Vec::new()));
            let cause = Failure::new(FailureCode::VolumeUncovered, "no entry of `volumes:` covers it");
            Some(Outcome::Failed { cause, detail: String::new() })
        }
        _other => None,
    });
    target.finish();
    assert!(matches!(target.state.last_ended, Some((_, Ending::Failed))));
    assert_eq!((target.count("ReplicaStopped"), target.count("ReplicaStarted")), (0, 1));
    assert_eq!(target.state.current, before);
}
