//! One suite for every log: the one on disk and the one in memory.

use haloy_ledger::event::{AnyEvent, CancelRequested};
use haloy_ledger::ids::*;
use haloy_ledger::log::*;
use haloy_ledger::ports::{Clock, Entropy, SystemClock, SystemEntropy};
use haloy_ledger::projection::Projections;
use std::sync::Arc;

struct Subject {
    name: &'static str,
    log: Arc<dyn EventLog>,
    _folder: tempfile::TempDir,
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

fn options(bundle_after: u64) -> FjallOptions {
    FjallOptions {
        clock: clock(),
        policy: ClockPolicy::default(),
        in_batch: Box::new(Projections::default()),
        seal: Box::new(Unsealed),
        frozen: None,
        bundle_after,
        progress: no_progress(),
    }
}

fn fjall(folder: &std::path::Path) -> FjallLog {
    FjallLog::open(folder, options(BUNDLE_AFTER)).expect("a log")
}

fn subjects() -> [Subject; 2] {
    let (one, two) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let memory = MemoryLog::open(
        MemoryStore::default(),
        clock(),
        ClockPolicy::default(),
        Box::new(Projections::default()),
        Box::new(Unsealed),
    );
    [
        Subject { name: "fjall", log: Arc::new(fjall(&one.path().join("log"))), _folder: one },
        Subject { name: "memory", log: Arc::new(memory.expect("a log")), _folder: two },
    ]
}

fn stream(target: &str) -> StreamId {
    let app = AppName::new("app").expect("a name");
    TargetKey { app, target: TargetName::new(target).expect("a name") }.stream()
}

fn event(stream: &StreamId, reason: Option<&str>) -> NewEvent {
    let entropy: &dyn Entropy = &SystemEntropy;
    let id = DeploymentId::from_parts(1, entropy.ulid_bits());
    let envelope = Envelope {
        event_id: id.to_string(),
        stream: stream.clone(),
        occurred: None,
        actor: Actor::system("a"),
        origin: Origin { host: None, address: None, tool: "test".to_owned() },
        session: None,
        causation: None,
        correlation: "c".to_owned(),
        idem: None,
        reason: reason.map(|reason| reason.to_owned().into()),
        ticket: None,
    };
    NewEvent::seal(envelope, AnyEvent::from(CancelRequested { id }), || entropy.salt())
}

fn write(target: &str, expected: Expected, count: usize) -> StreamWrite {
    let stream = stream(target);
    let events = (0..count).map(|_| event(&stream, Some("because"))).collect();
    StreamWrite { stream, expected, events }
}

#[test]
fn positions_and_revisions_are_dense_and_reads_see_whole_appends() {
    for Subject { name, log, .. } in subjects() {
        let first = log.append(vec![write("a", Expected::NoStream, 2)], None, Stage::Durable).expect(name);
        assert_eq!((first.first, first.next), (Position(0), Position(2)), "{name}");
        let both = vec![write("a", Expected::Revision(Revision(1)), 1), write("b", Expected::NoStream, 2)];
        log.append(both, None, Stage::Sealed).expect(name);
        let all = log.read_all(Position(0), 100).expect(name);
        let places: Vec<_> = all.iter().map(|event| (event.head.position.0, event.head.revision.0)).collect();
        assert_eq!(places, [(0, 0), (1, 1), (2, 2), (3, 0), (4, 1)], "{name}");
        assert_eq!(log.read_stream(&stream("b"), Revision(1), 10).expect(name).len(), 1, "{name}");
        assert!(all.windows(2).all(|pair| pair[0].head.recorded < pair[1].head.recorded), "{name}");
        assert_eq!(log.head().next, Position(5), "{name}");
    }
}

#[test]
fn a_conflict_fails_its_whole_append_and_nothing_else() {
    for Subject { name, log, .. } in subjects() {
        log.append(vec![write("a", Expected::NoStream, 1)], None, Stage::Durable).expect(name);
        let torn = vec![write("b", Expected::NoStream, 1), write("a", Expected::NoStream, 1)];
        let refused = log.append(torn, None, Stage::Durable);
        assert!(matches!(refused, Err(AppendError::Conflict { .. })), "{name}: {refused:?}");
        assert_eq!(log.read_stream(&stream("b"), Revision(0), 10).expect(name).len(), 0, "{name}");
        log.append(vec![write("a", Expected::Any, 1)], None, Stage::Durable).expect(name);
    }
}

#[test]
fn a_key_appends_once_and_only_for_the_same_command() {
    for Subject { name, log, .. } in subjects() {
        let key = |digest| Some(IdempotencyKey { key: "k".to_owned(), command_digest: [digest; 32] });
        let first = log.append(vec![write("a", Expected::Any, 2)], key(1), Stage::Durable).expect(name);
        let again = log.append(vec![write("a", Expected::Any, 2)], key(1), Stage::Durable).expect(name);
        assert!(again.repeated && again.first == first.first && again.next == first.next, "{name}");
        let other = log.append(vec![write("a", Expected::Any, 2)], key(2), Stage::Durable);
        assert!(matches!(other, Err(AppendError::KeyReused { .. })), "{name}");
        assert_eq!(log.head().next, Position(2), "{name}");
    }
}

#[test]
fn private_values_lie_beside_the_entries_and_never_in_them() {
    for Subject { name, log, .. } in subjects() {
        log.append(vec![write("a", Expected::Any, 1)], None, Stage::Durable).expect(name);
        let rows = log.read_private(Position(0)).expect(name);
        assert!(rows.iter().any(|row| row.value == "because"), "{name}");
        let entry = log.read_entries(Position(0), 1).expect(name).remove(0);
        assert!(!entry.windows(7).any(|window| window == b"because"), "{name}");
    }
}

#[test]
fn both_logs_store_the_same_bytes() {
    let [fjall, memory] = subjects();
    for _ in 0..3 {
        let write = vec![write("a", Expected::Any, 2)];
        fjall.log.append(write.clone(), None, Stage::Durable).expect("appended");
        memory.log.append(write, None, Stage::Durable).expect("appended");
    }
    let strip = |log: &dyn EventLog| -> Vec<usize> {
        log.read_entries(Position(0), 100).expect("entries").iter().map(Vec::len).collect()
    };
    // Heads differ in their times alone.
    assert_eq!(strip(fjall.log.as_ref()), strip(memory.log.as_ref()));
}

#[test]
fn many_writers_share_batches_and_all_are_stored() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log");
    let log = fjall(&path);
    std::thread::scope(|scope| {
        for writer in 0..16 {
            let log = &log;
            scope.spawn(move || {
                for _ in 0..10 {
                    let target = format!("t{writer}");
                    log.append(vec![write(&target, Expected::Any, 1)], None, Stage::Durable)
                        .expect("appended");
                }
            });
        }
    });
    drop(log);
    let log = fjall(&path);
    assert_eq!(log.head().next, Position(160));
    assert_eq!(log.read_all(Position(0), 1000).expect("read").len(), 160);
}

#[test]
fn events_that_move_into_bundles_are_read_as_before() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log");
    let log = FjallLog::open(&path, options(512)).expect("a log");
    let keep = |log: &FjallLog| -> (Vec<Vec<u8>>, Vec<Recorded>, Vec<Recorded>) {
        let entries = log.read_entries(Position(0), 2000).expect("entries");
        let stream = log.read_stream(&stream("b"), Revision(3), 500).expect("a stream");
        (entries, log.read_all(Position(250), 20).expect("some"), stream)
    };
    let grow = |log: &FjallLog, count| {
        for _ in 0..count {
            let both = vec![write("a", Expected::Any, 2), write("b", Expected::Any, 1)];
            log.append(both, None, Stage::Durable).expect("appended");
        }
    };
    grow(&log, 100);
    let before = keep(&log);
    grow(&log, 100);
    // Whatever the mover does meanwhile.
    for _ in 0..50 {
        let after = keep(&log);
        assert_eq!(after.0[..300], before.0[..]);
        assert_eq!((after.0.len(), after.1.as_slice()), (600, before.1.as_slice()));
        assert_eq!(after.2[..97], before.2[..]);
    }
    let whole = keep(&log);
    drop(log);
    let store = FjallStore::open(&path).expect("a store");
    assert_eq!(store.bundled(), Position(512), "two groups moved");
    let stored = store.stored();
    assert_eq!(stored.next().expect("a size"), Position(600));
    let key = keys::Key::Entry(Position(3));
    let row = stored.row(key.keyspace(), &key.encode()).expect("read").expect("an entry");
    assert_eq!(row, whole.0[3]);
    drop(stored);
    let log = FjallLog::start(store, options(512)).expect("a log");
    assert_eq!(keep(&log), whole);
    assert_eq!(log.head().next, Position(600));
    assert_eq!(log.read_entries(Position(511), 2).expect("across"), whole.0[511..513]);
}

#[test]
fn one_process_at_a_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log");
    let _held = fjall(&path);
    let second = FjallLog::open(&path, options(BUNDLE_AFTER));
    assert!(matches!(second, Err(LogError::Locked { .. })));
}

/// A clock that jumps ahead by two days after so many looks.
struct Jumping(std::sync::atomic::AtomicU64);

impl Clock for Jumping {
    fn now(&self) -> Timestamp {
        let looks = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let ahead = if looks == 0 { 0 } else { 2 * 86_400_000_000_000 };
        Timestamp(SystemClock.now().0 + ahead)
    }
}

#[test]
fn a_clock_far_ahead_is_refused_until_somebody_vouches_for_it() {
    let folder = tempfile::tempdir().expect("a folder");
    // Docker's clock is two days behind this one after the first reading.
    let open = |looks, accept| {
        FjallLog::open(
            &folder.path().join("log"),
            FjallOptions {
                clock: Arc::new(Jumping(std::sync::atomic::AtomicU64::new(looks))),
                policy: ClockPolicy { engine_offset: Some(-2 * 86_400_000_000_000), accept },
                ..options(BUNDLE_AFTER)
            },
        )
        .expect("a log")
    };
    let log = open(0, false);
    log.append(vec![write("a", Expected::Any, 1)], None, Stage::Durable).expect("the clock is right");
    let refused = log.append(vec![write("a", Expected::Any, 1)], None, Stage::Durable);
    assert!(matches!(refused, Err(AppendError::Clock { .. })), "{refused:?}");
    assert_eq!(log.head().next, Position(1), "nothing of it is stored");
    drop(log);
    let log = open(1, true);
    log.append(vec![write("a", Expected::Any, 1)], None, Stage::Durable).expect("vouched for");
    let kinds: Vec<_> =
        log.read_all(Position(0), 10).expect("read").iter().map(|event| event.event.name()).collect();
    assert!(kinds.contains(&"ClockAccepted"), "{kinds:?}");
}
