//! Read models folded again: equal to the live ones, and every differing row is named; and every row names
//! the event it was last put for.

use haloy_ledger::defect::{Defect, plant};
use haloy_ledger::deployment::{TargetState, evolve};
use haloy_ledger::event::AnyEvent;
use haloy_ledger::ids::*;
use haloy_ledger::log::*;
use haloy_ledger::ports::SystemClock;
use haloy_ledger::projection::{Folding, Projections, RebuildReport, read, rebuild, stamp};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// More than are folded without a thread of their own.
const EVENTS: usize = 1500;
/// Read models whose rows name the event that they were last put for.
const STAMPED: std::ops::RangeInclusive<u8> = 1..=6;

/// An event of every kind that was ever written.
fn every_kind() -> Vec<Recorded> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/events");
    let mut files: Vec<_> = std::fs::read_dir(folder).expect("fixtures").flatten().collect();
    files.retain(|file| file.path().extension().is_some_and(|extension| extension == "txt"));
    files.sort_by_key(|file| file.file_name());
    let read = |file: std::fs::DirEntry| {
        let text = std::fs::read_to_string(file.path()).expect("text");
        let entry = hex::decode(text.lines().next().expect("hex, then JSON")).expect("hex");
        codec::decode(&entry).expect("an event")
    };
    files.into_iter().map(read).collect()
}

/// A log in memory with all of them, repeatedly, each time in the stream of another target.
fn log() -> MemoryLog {
    let log = MemoryLog::open(
        MemoryStore::default(),
        Arc::new(SystemClock),
        ClockPolicy::default(),
        Box::new(Projections::default()),
        Box::new(Unsealed),
    )
    .expect("a log");
    let mut kinds = every_kind();
    // A target has one rollout at a time.
    kinds.dedup_by_key(|recorded| recorded.head.kind);
    for (number, recorded) in kinds.iter().cycle().take(EVENTS).enumerate() {
        let Recorded { mut envelope, event, .. } = recorded.clone();
        if let StreamId::Target(key) = &mut envelope.stream {
            key.target = TargetName::new(format!("t{}", number / kinds.len())).expect("a name");
        }
        let stream = envelope.stream.clone();
        let events = vec![NewEvent { envelope, event, private: Vec::new() }];
        let write = StreamWrite { stream, expected: Expected::Any, events };
        log.append(vec![write], None, Stage::Durable).expect("appended");
    }
    log
}

fn in_memory(log: &MemoryLog) -> RebuildReport {
    rebuild(log, Folding::in_memory(Projections::default()), &mut |_| {}).expect("rebuilt")
}

fn rows(log: &MemoryLog, number: u8) -> Vec<(Vec<u8>, Vec<u8>)> {
    let rows = log.snapshot().rows().clone();
    rows.into_iter().filter(|(key, _)| key[0] == number && key[2] != 0).collect()
}

#[test]
fn on_disk_and_in_memory_it_is_the_same() {
    let log = log();
    let report = in_memory(&log);
    assert_eq!(report.differences, []);
    assert_eq!((report.events, report.rows), (EVENTS as u64, log.snapshot().rows().len() as u64));
    let folder = tempfile::tempdir().expect("a folder");
    let scratch = folder.path();
    let folding = Folding::on_disk(scratch, Projections::default()).expect("a folder");
    let on_disk = rebuild(&log, folding, &mut |_| {}).expect("rebuilt");
    assert_eq!(on_disk, report);
    assert_eq!(std::fs::read_dir(scratch).expect("a folder").count(), 0, "nothing is left");
}

#[test]
fn every_row_that_differs_is_named_with_its_key() {
    let log = log();
    for number in log.snapshot().rows().keys().map(|key| key[0]).collect::<std::collections::BTreeSet<u8>>() {
        let (key, value) = rows(&log, number).swap_remove(0);
        let other = [&key[..], b"x"].concat();
        let changed = [&value[..], b"x"].concat();
        for (key, put, back, what) in [
            (&key, None, Some(value.clone()), "missing"),
            (&key, Some(changed), Some(value.clone()), "different"),
            (&other, Some(value.clone()), None, "unexpected"),
        ] {
            log.put_rows(vec![(key.clone(), put)]).expect("put");
            let differences = in_memory(&log).differences;
            assert_eq!(differences.len(), 1, "{number} {what}: {differences:?}");
            assert_eq!((&differences[0].key, differences[0].what), (&hex::encode(key), what), "{number}");
            log.put_rows(vec![(key.clone(), back)]).expect("put");
        }
    }
    assert_eq!(in_memory(&log).differences, []);
}

#[test]
fn an_event_that_cannot_be_folded_is_named_also_on_another_thread() {
    let kinds = every_kind();
    let mut bad = kinds.iter().find(|recorded| recorded.head.kind == 20).expect("a request").clone();
    bad.envelope.stream = StreamId::Ledger;
    for at in [0, 100, 700] {
        let mut folding = Folding::in_memory(Projections::default());
        let fold = |number: usize| {
            let mut event = if number == at { bad.clone() } else { kinds[0].clone() };
            event.head.position = Position(number as u64);
            folding.event(event)
        };
        let folded = (0..EVENTS * 10).try_for_each(fold);
        let refused = folded.and_then(|()| folding.compare(&mut |_| Ok(())).map(drop));
        let named = matches!(&refused, Err(LogError::Projection { position, .. }) if position.0 == at as u64);
        assert!(named, "{at}: {refused:?}");
    }
}

/// The entries that are kept of an older format.
fn kept(path: &str) -> Vec<Recorded> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(path);
    let text = std::fs::read_to_string(path).expect("entries");
    let entries = text.lines().filter_map(|line| line.strip_prefix("entry "));
    entries.map(|entry| codec::decode(&hex::decode(entry).expect("hex")).expect("an entry")).collect()
}

/// What the rows say of every target, against what its stream folds to.
fn states_are_those_of_the_streams(rows: &MapRows, events: &[Recorded]) {
    let mut folded: BTreeMap<String, TargetState> = BTreeMap::new();
    for event in events {
        if let StreamId::Target(key) = &event.envelope.stream {
            let stream = event.envelope.stream.to_string();
            let before = folded.remove(&stream);
            let before = before.unwrap_or_else(|| TargetState::new(key.clone()));
            let AnyEvent::Target(happened) = &event.event else {
                panic!("{stream} has an event of another stream: {}", event.event.name());
            };
            folded.insert(stream, evolve(before, happened));
        }
    }
    let stored = read::targets(rows).expect("rows that belong together");
    assert_eq!(stored.len(), folded.len());
    for (row, (stream, state)) in stored.iter().zip(&folded) {
        assert_eq!(row.state, *state, "{stream}");
        let one = read::target(rows, &state.key).expect("readable");
        assert_eq!(one.as_ref(), Some(row), "{stream}");
    }
}

#[test]
fn the_rows_of_a_target_together_say_what_its_stream_says() {
    for (path, sizes) in [
        ("logs/format-2.txt", &[1, 50][..]),
        ("logs/format-3.txt", &[3, 1000]),
        ("logs/format-4.txt", &[1, 2, 11, 1000]),
        ("stores/format-4.txt", &[1, 7]),
    ] {
        let events = kept(path);
        for size in sizes {
            // After every event, too: what a command finds in the middle of a rollout.
            let ends = (1..=events.len()).rev().step_by(if *size == 1 { 1 } else { 97 });
            for end in ends.take(60) {
                let rows = in_batches(&events[..end], *size, |_, _, _| {});
                states_are_those_of_the_streams(&rows, &events[..end]);
            }
        }
    }
    let all = log().read_all(Position(0), usize::MAX).expect("events");
    states_are_those_of_the_streams(&in_batches(&all, 5, |_, _, _| {}), &all);
}

/// A command reads and writes the row of its target each time.
#[test]
fn the_row_of_a_target_is_small() {
    let events = kept("stores/format-4.txt");
    let rows = in_batches(&events, 100, |_, _, _| {});
    let (mut sizes, mut beside) = (Vec::new(), Vec::new());
    for (key, value) in rows.0.iter().filter(|(key, _)| key[0] == 1 && key[2] != 0) {
        if key[2] == 1 { sizes.push(value.len()) } else { beside.push((key[2], value.len())) }
    }
    let bytes: usize = rows.0.iter().map(|(key, value)| key.len() + value.len()).sum();
    println!("{} events: {} rows of {bytes} bytes", events.len(), rows.0.len());
    println!("rows of targets: {sizes:?} bytes; beside them: {beside:?}");
    let targets = read::targets(&rows).expect("rows");
    assert!(targets.iter().all(|row| row.state.releases.len() > 1 && row.state.current.is_some()));
    assert!(sizes.len() == 3 && sizes.iter().all(|size| *size <= 900), "{sizes:?}");
}

/// Rows after some events, in batches of this size; `put` receives the rows of each batch.
fn in_batches(
    events: &[Recorded],
    size: usize,
    mut put: impl FnMut(&[Recorded], &[u8], Option<&[u8]>),
) -> MapRows {
    let (mut rows, mut projections) = (MapRows::default(), Projections::default());
    for batch in events.chunks(size) {
        let mut writes = BTreeMap::new();
        let mut overlay = Overlay::new(&rows, &mut writes);
        batch.iter().for_each(|event| projections.apply(event, &mut overlay).expect("folded"));
        projections.finish(&mut overlay).expect("folded");
        for (key, value) in writes {
            put(batch, &key, value.as_deref());
            match value {
                Some(value) => drop(rows.0.insert(key, value)),
                None => drop(rows.0.remove(&key)),
            }
        }
    }
    rows
}

/// A row that says that it was last put for another event than the one that it was last put for.
fn wrong_stamp(events: &[Recorded], size: usize) -> Option<String> {
    let row = |key: &[u8]| STAMPED.contains(&key[0]) && key[2] != 0;
    // Where each event is a batch, what the batch puts is put for that event.
    let mut last: BTreeMap<Vec<u8>, Position> = BTreeMap::new();
    in_batches(events, 1, |batch, key, value| {
        match value {
            Some(_) => drop(last.insert(key.to_vec(), batch[0].head.position)),
            None => drop(last.remove(key)),
        };
    });
    let rows = in_batches(events, size, |_, _, _| {});
    let stamped = rows.0.iter().filter(|(key, _)| row(key));
    let wrong = stamped.map(|(key, value)| (key, stamp(value), last.get(key).copied()));
    let wrong = wrong.filter(|(_, stamp, last)| stamp != last).map(|wrong| format!("{wrong:?}"));
    wrong.into_iter().next()
}

#[test]
fn every_row_says_which_event_it_was_last_put_for() {
    let events = log().read_all(Position(0), usize::MAX).expect("events");
    for size in [1, 2, 7, 100, EVENTS] {
        assert_eq!(wrong_stamp(&events, size), None, "in batches of {size}");
    }
    plant(Some(Defect::FirstStamp));
    let found = wrong_stamp(&events, 7);
    plant(None);
    assert!(found.is_some(), "a row stamped with the wrong position is found");
}

/// Compares each mark of the targets of a log with the state that its stream folds to; says how many there are.
fn marks_are_states_that_were(rows: &MapRows, events: &[Recorded]) -> usize {
    let mut streams: BTreeMap<TargetKey, Vec<(Position, TargetState)>> = BTreeMap::new();
    for event in events {
        let (StreamId::Target(key), AnyEvent::Target(happened)) = (&event.envelope.stream, &event.event)
        else {
            continue;
        };
        let states = streams.entry(key.clone()).or_default();
        let before = states.last().map_or_else(|| TargetState::new(key.clone()), |(_, state)| state.clone());
        states.push((event.head.position, evolve(before, happened)));
    }
    let mut marks = 0;
    for (key, states) in &streams {
        let mut last = 0;
        for (revision, (position, state)) in states.iter().enumerate() {
            let mark = read::target_mark(rows, key, Position(position.0 + 1)).expect("readable");
            let Some((at, row)) = mark else {
                assert!(revision < 256, "{key} has {revision} events and no mark");
                continue;
            };
            let marked = usize::try_from(row.revision.0).expect("small");
            assert!(revision - marked < 256 && row.marked == row.revision, "{key}: {marked}, {revision}");
            assert_eq!((&at, &row.state), (&states[marked].0, &states[marked].1), "{key}");
            if at == *position {
                let busy = state.rollout.is_some() || state.stop.is_some() || state.restart.is_some();
                assert!(marked - last == 256 || marked - last >= 64 && !busy, "{key}: {last}, {marked}");
                (last, marks) = (marked, marks + 1);
            }
        }
    }
    marks
}

#[test]
fn a_mark_is_the_state_as_of_its_event_whatever_came_after() {
    let mut marks = 0;
    for seed in 0..8 {
        let entries = haloy_replay_tests::simulation::run(seed, None).entries;
        let events: Vec<_> = entries.iter().map(|entry| codec::decode(entry).expect("an event")).collect();
        let rows = in_batches(&events, 7, |_, _, _| {});
        assert_eq!(rows.0, in_batches(&events, 64, |_, _, _| {}).0, "whatever the batches are");
        marks += marks_are_states_that_were(&rows, &events);
    }
    assert!(marks > 16, "{marks}");
}

#[test]
fn the_edge_has_marks_of_its_own() {
    let claim = every_kind().into_iter().find(|recorded| recorded.event.name() == "DomainClaimed");
    let claim = claim.expect("of every kind");
    let at = |position: u64| {
        let mut event = claim.clone();
        (event.head.position, event.head.revision) = (Position(position), Revision(position));
        event
    };
    let events: Vec<_> = (0..200).map(at).collect();
    let rows = in_batches(&events, 9, |_, _, _| {});
    let marked = [0, 64, 65, 128, 129, 193, 200].map(|at| {
        let mark = read::edge_mark(&rows, Position(at)).expect("readable");
        mark.map(|(position, row)| (position.0, row.revision.0))
    });
    let (one, two, three) = (Some((64, 64)), Some((128, 128)), Some((192, 192)));
    assert_eq!(marked, [None, None, one, one, two, three, three]);
}
