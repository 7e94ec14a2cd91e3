//! Checks, backups, keys and erasures of a ledger that is open, and that others write to meanwhile.

use haloy_ledger::CommandContext;
use haloy_ledger::Ledger;
use haloy_ledger::ids::Position;
use haloy_ledger::integrity::code::Code;
use haloy_ledger::integrity::note::{Note, Verifier};
use haloy_ledger::integrity::verify::{Asked, Report};
use haloy_ledger::ledger::Evidence;
use haloy_replay_tests::faults::{World, folder};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

fn whole(evidence: &Evidence) -> Report {
    evidence.verify(&Asked::default(), &mut |_, _| {})
}

/// Does something with an open ledger while somebody deploys to it without a pause. Gives how many entries were
/// appended meanwhile.
fn while_written(world: &World, ledger: &Arc<Ledger>, work: impl FnOnce()) -> u64 {
    let (before, ended) = (ledger.head().next.0, AtomicBool::new(false));
    std::thread::scope(|scope| {
        let deploying = scope.spawn(|| {
            (100..)
                .take_while(|_| !ended.load(Ordering::SeqCst))
                .try_for_each(|number| world.deploy(ledger, number..number + 1))
        });
        let worked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        ended.store(true, Ordering::SeqCst);
        deploying.join().expect("no panic").expect("deployed");
        if let Err(panic) = worked {
            std::panic::resume_unwind(panic);
        }
    });
    ledger.head().next.0 - before
}

fn opened(folder: &Path) -> (World, Arc<Ledger>) {
    let world = World::new(folder, 11);
    let ledger = Arc::new(Ledger::open(world.options()).expect("a ledger"));
    world.deploy(&ledger, 0..24).expect("deployed");
    (world, ledger)
}

fn context() -> CommandContext {
    CommandContext::system("maintenance", "c")
}

#[test]
fn a_check_is_of_one_instant_whatever_is_appended_meanwhile() {
    let folder = folder();
    let (world, ledger) = opened(folder.path());
    let mut checked = Vec::new();
    let appended = while_written(&world, &ledger, || {
        for _ in 0..12 {
            let from = ledger.head().next.0;
            let evidence = ledger.evidence().expect("evidence");
            let until = ledger.head().next.0;
            // Long enough for what was partial at that instant to be replaced by something larger.
            while ledger.head().next.0 < until + 300 {
                std::thread::yield_now();
            }
            let report = whole(&evidence);
            assert_eq!(report.faults, [], "of {} entries, {from} to {until}", report.entries);
            assert!((from..=until).contains(&report.entries), "{} of {from} to {until}", report.entries);
            assert_eq!(report.proved, report.entries);
            checked.push(report.entries);
        }
    });
    println!("{appended} entries were appended meanwhile; checked at {checked:?}");
    assert!(appended > 3000 && checked.is_sorted());
    let looked: Vec<String> = whole(&ledger.evidence().expect("evidence"))
        .looked_at
        .iter()
        .map(|looked| looked.what.to_string())
        .collect();
    for what in ["rows of the index", "rows of read models", "private values", "values of the vault"] {
        assert!(looked.iter().any(|looked| looked == what), "{what} is not among {looked:?}");
    }
}

#[test]
fn what_is_wrong_is_found_while_it_is_open_and_the_next_open_looks_closely() {
    let folder = folder();
    let (world, ledger) = opened(folder.path());
    world.published(&ledger).expect("published");
    let tile = world.ledger().join("published/tile/entries/000");
    let mut bytes = std::fs::read(&tile).expect("a full bundle");
    bytes[700] ^= 1;
    std::fs::write(&tile, bytes).expect("written");
    let report = whole(&ledger.evidence().expect("evidence"));
    assert!(report.faults.iter().any(|fault| fault.code == Code::BundleDiffers), "{:?}", report.faults);
    drop(ledger);
    assert!(!world.ledger().join("log.closed").exists(), "nobody says that it is as it was left");
}

#[test]
fn a_backup_of_an_open_ledger_has_everything_up_to_its_beginning() {
    let folder = folder();
    let (world, ledger) = opened(folder.path());
    let into = folder.path().join("backup");
    while_written(&world, &ledger, || {
        for _ in 0..5 {
            let before = ledger.head().next.0;
            let backup = ledger.backup(&into).expect("copied");
            assert!(
                (before..=ledger.head().next.0).contains(&backup.entries),
                "{} of {before}",
                backup.entries
            );
        }
    });
}

/// Ids of the keys that signed the newest head.
fn signed_by(ledger: &Ledger) -> Vec<String> {
    let head = ledger.last_head().expect("readable").expect("signed");
    let note = Note::parse(head.as_bytes()).expect("a note");
    let known = ledger.known().expect("readable").expect("known");
    let keys: Vec<Verifier> = known.signing.iter().map(|key| key.verifier.clone()).collect();
    note.signed_by(&keys).expect("by keys of the log").into_iter().map(Verifier::id).collect()
}

#[test]
fn keys_change_while_others_append() {
    let folder = folder();
    let (world, ledger) = opened(folder.path());
    let (first, mut newest) = (signed_by(&ledger), Vec::new());
    while_written(&world, &ledger, || {
        for _ in 0..3 {
            let change = ledger.rotate_key(&context()).expect("rotated");
            newest =
                change.added.iter().filter_map(|id| id.strip_prefix("signing:").map(str::to_owned)).collect();
            let report = whole(&ledger.evidence().expect("evidence"));
            assert_eq!(report.faults, [], "after {change:?}");
        }
    });
    assert_eq!(signed_by(&ledger), newest, "the keys before it sign no more");
    assert!(first != newest && newest.len() == 1);
    drop(ledger);
    let again = Ledger::open(world.options()).expect("opens with the new key");
    assert_eq!(again.frozen(), None);
    assert_eq!(whole(&again.evidence().expect("evidence")).faults, []);
}

#[test]
fn who_erases_has_the_ledger_alone_and_gives_it_back() {
    let folder = folder();
    let (world, ledger) = opened(folder.path());
    let ledger = Arc::into_inner(ledger).expect("nobody else has it");
    let size = ledger.head().next;
    let has = |at: &Position| !ledger.log().read_private(*at).expect("readable").is_empty();
    let at = (0..size.0).map(Position).find(has).expect("a private value");
    let redacted = ledger.redact(&[at], &[], "request 88", &context()).expect("recorded");
    assert_eq!(redacted.recorded, size);
    let ledger = ledger.erase().expect("given back");
    assert!(ledger.log().read_private(at).expect("readable").is_empty());
    assert!(!world.ledger().join("erasing").exists());
    let ledger = Arc::new(ledger);
    world.deploy(&ledger, 24..26).expect("it goes on");
    assert_eq!(whole(&ledger.evidence().expect("evidence")).faults, []);
}
