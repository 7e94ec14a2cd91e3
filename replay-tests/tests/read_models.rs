//! Read models folded anew: the same as the live ones, and every row that is not is named.

use haloy_ledger::ids::*;
use haloy_ledger::log::*;
use haloy_ledger::ports::SystemClock;
use haloy_ledger::projection::{Folding, Keep, Projections, RebuildReport, rebuild};
use std::path::Path;
use std::sync::Arc;

/// More than are folded without a thread of their own.
const EVENTS: usize = 1500;
/// Number of the projection of which a rebuild keeps no rows.
const AUDIT: u8 = 7;
const KEY: [u8; 32] = [7; 32];

/// An event of every kind that was ever written.
fn every_kind() -> Vec<Recorded> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/events");
    let mut files: Vec<_> = std::fs::read_dir(folder).expect("fixtures").flatten().collect();
    files.retain(|file| file.path().extension().is_some_and(|extension| extension == "txt"));
    files.sort_by_key(|file| file.file_name());
    let read = |file: std::fs::DirEntry| {
        let text = std::fs::read_to_string(file.path()).expect("text");
        let digits = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("hex"), 16);
        let hex = text.lines().next().expect("hex, then JSON").as_bytes();
        let entry: Vec<u8> = hex.chunks(2).map(|pair| digits(pair).expect("hex")).collect();
        codec::decode(&entry).expect("an event")
    };
    files.into_iter().map(read).collect()
}

/// A log in memory with all of them, again and again, each time in the stream of another target.
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
        if let StreamId::Target { target, .. } = &mut envelope.stream {
            *target = TargetName::new(format!("t{}", number / kinds.len())).expect("a name");
        }
        let stream = envelope.stream.clone();
        let events = vec![NewEvent { envelope, event, private: Vec::new() }];
        let write = StreamWrite { stream, expected: Expected::Any, events };
        log.append(vec![write], None, Stage::Durable).expect("appended");
    }
    log
}

fn in_memory(log: &MemoryLog) -> RebuildReport {
    rebuild(log, &mut |keep| Ok(Folding::in_memory(keep)), KEY, &mut |_| {}).expect("rebuilt")
}

fn rows(log: &MemoryLog, number: u8) -> Vec<(Vec<u8>, Vec<u8>)> {
    let rows = log.snapshot().rows().clone();
    rows.into_iter().filter(|(key, _)| key[0] == number && key[2] != 0).collect()
}

#[test]
fn on_disk_and_in_memory_with_every_row_and_with_sums_it_is_the_same() {
    let log = log();
    let report = in_memory(&log);
    assert_eq!(report.differences, []);
    assert_eq!((report.events, report.rows), (EVENTS as u64, log.snapshot().rows().len() as u64));
    let exact =
        rebuild(&log, &mut |_| Ok(Folding::in_memory(Keep::Every)), KEY, &mut |_| {}).expect("rebuilt");
    assert_eq!(exact, report);
    let folder = tempfile::tempdir().expect("a folder");
    let scratch = folder.path();
    let on_disk =
        rebuild(&log, &mut |keep| Folding::on_disk(scratch, keep), KEY, &mut |_| {}).expect("rebuilt");
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
            let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!((differences[0].key.as_ref(), differences[0].what), (Some(&hex), what), "{number}");
            log.put_rows(vec![(key.clone(), back)]).expect("put");
        }
    }
    assert!(!rows(&log, AUDIT).is_empty());
    assert_eq!(in_memory(&log).differences, []);
}

#[test]
fn an_event_that_cannot_be_folded_is_named_also_on_another_thread() {
    let kinds = every_kind();
    let mut bad = kinds.iter().find(|recorded| recorded.head.kind == 20).expect("a request").clone();
    bad.envelope.stream = StreamId::Ledger;
    for at in [0, 100, 700] {
        let mut folding = Folding::in_memory(Keep::Sums(KEY));
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
