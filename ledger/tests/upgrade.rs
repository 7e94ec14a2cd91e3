//! A ledger of the time before signed heads is raised when it is opened: everything in it is under the
//! first head.

use haloy_ledger::event::AnyEvent;
use haloy_ledger::event::LedgerCreated;
use haloy_ledger::ids::{DeploymentId, LedgerId, Position, StreamId};
use haloy_ledger::integrity::verify::Asked;
use haloy_ledger::ledger::Evidence;
use haloy_ledger::log::*;
use haloy_ledger::ports::{Entropy, SystemClock, SystemEntropy};
use haloy_ledger::projection::Projections;
use haloy_ledger::secrets::{Keys, Make};
use haloy_ledger::{Ledger, LedgerOptions};
use std::path::Path;
use std::sync::Arc;

fn append(log: &FjallLog, event: AnyEvent, reason: Option<&str>) {
    let entropy: &dyn Entropy = &SystemEntropy;
    let actor = Actor::system("a");
    let envelope = Envelope {
        event_id: DeploymentId::from_parts(1, entropy.ulid_bits()).to_string(),
        stream: StreamId::Ledger,
        occurred: None,
        actor,
        origin: Origin { host: None, address: None, tool: "haloy/0.0.9".to_owned() },
        session: None,
        causation: None,
        correlation: "c".to_owned(),
        idem: None,
        reason: reason.map(Into::into),
        ticket: None,
    };
    let events = vec![NewEvent::seal(envelope, event, || entropy.salt())];
    let write = StreamWrite { stream: StreamId::Ledger, expected: Expected::Any, events };
    log.append(vec![write], None, Stage::Durable).expect("appended");
}

/// As the last version without heads left it.
fn old_ledger(folder: &Path) -> LedgerId {
    let options = FjallOptions {
        clock: Arc::new(SystemClock),
        policy: ClockPolicy::default(),
        in_batch: Box::new(Projections::default()),
        seal: Box::new(Unsealed),
        frozen: None,
        bundle_after: BUNDLE_AFTER,
        progress: no_progress(),
    };
    let log = FjallLog::open(&folder.join("ledger/log"), options).expect("a log");
    let ledger_id = LedgerId::from_parts(1, 7);
    let keys = Keys::open(&folder.join("keys"), &SystemEntropy, Make::All).expect("keys");
    std::fs::remove_file(folder.join("keys/signing.key")).expect("there was none then");
    let key_ids = keys.ids();
    let created = LedgerCreated { ledger_id, origin: format!("haloy/{ledger_id}"), format: 1, key_ids };
    append(&log, created.into(), None);
    for _ in 0..300 {
        let id = DeploymentId::from_parts(2, 7);
        append(&log, haloy_ledger::event::CancelRequested { id }.into(), Some("why"));
    }
    ledger_id
}

#[test]
fn everything_that_was_there_is_under_the_first_head() {
    let folder = tempfile::tempdir().expect("a folder");
    let id = old_ledger(folder.path());
    let options = || LedgerOptions::new(folder.path().join("ledger"), folder.path().join("keys"), "test");
    for _ in 0..2 {
        let ledger = Ledger::open(options()).expect("raised, and opened again");
        assert_eq!((ledger.id(), ledger.head().next), (id, Position(303)));
        let last = ledger.log().read_all(Position(301), 2).expect("read");
        let names: Vec<&str> = last.iter().map(|event| event.event.name()).collect();
        assert_eq!(names, ["FormatRaised", "KeyAdded"]);
    }
    let report = Evidence::open(&options()).expect("opened").verify(&Asked::default(), &mut |_, _| {});
    assert_eq!((report.faults.as_slice(), report.proved), (&[][..], 303));
}

#[test]
fn heads_that_are_gone_do_not_make_it_an_old_one() {
    let folder = tempfile::tempdir().expect("a folder");
    old_ledger(folder.path());
    let options = || LedgerOptions::new(folder.path().join("ledger"), folder.path().join("keys"), "test");
    let ledger = Ledger::open(options()).expect("raised");
    let context = haloy_ledger::CommandContext::system("test", "c");
    drop(ledger);
    Ledger::open(options()).expect("a ledger").rotate_key(&context).expect("rotated");
    for name in ["head.a", "head.b"] {
        std::fs::remove_file(folder.path().join("ledger").join(name)).expect("removed");
    }
    std::fs::remove_dir_all(folder.path().join("ledger/published")).expect("removed");
    let refused = Ledger::open(options()).err().expect("refused").to_string();
    assert!(refused.contains("head-missing"), "{refused}");
}
