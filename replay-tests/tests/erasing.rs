//! Private values are erased, and each step that writes to disk fails, or is done and reported as failed. A
//! process of its own: the failure is planted for all of it.

use haloy_ledger::defect::{Failing, Step, watch, watched};
use haloy_ledger::event::{AnyEvent, LedgerEvent};
use haloy_ledger::ids::Position;
use haloy_ledger::integrity::verify::Asked;
use haloy_ledger::ledger::RedactError;
use haloy_ledger::log::envelope_field::REASON;
use haloy_ledger::read::{EventFilter, EventView};
use haloy_ledger::{CommandContext, Ledger, LedgerOptions};
use haloy_replay_tests::faults::oracle::verify;
use haloy_replay_tests::faults::{Image, World, folder};
use std::path::Path;
use std::sync::Arc;

/// The first event with a reason, and the reason.
fn with_reason(ledger: &Ledger) -> (Position, String) {
    let found = (0..ledger.head().next.0).find_map(|at| {
        let rows = ledger.log().read_private(Position(at)).expect("readable");
        let reason = rows.into_iter().find(|row| row.field == REASON)?;
        Some((Position(at), reason.value))
    });
    found.expect("a reason")
}

/// Temporary files of a reader lie in a folder of this test.
fn options(world: &World) -> LedgerOptions {
    let mut options = world.options();
    options.scratch = world.folder().join("scratch");
    options
}

/// State after a reader was killed.
fn left_by_a_reader(world: &World, reason: &str) {
    let left = options(world).scratch.join("haloy-read-1-2-3");
    std::fs::create_dir_all(&left).expect("made");
    std::fs::write(left.join("alive"), "").expect("written");
    std::fs::write(left.join("0.jnl"), reason).expect("written");
}

/// Files that have a text in the clear.
fn having(folder: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        if entry.file_type().expect("known").is_dir() {
            found.extend(having(&entry.path(), text));
        } else {
            let bytes = std::fs::read(entry.path()).expect("a file");
            if bytes.windows(text.len()).any(|here| here == text.as_bytes()) {
                found.push(entry.path().display().to_string());
            }
        }
    }
    found
}

/// Whether a reader sees the value, although its erasure is recorded.
fn shown(world: &World, at: Position, reason: &str) -> Result<bool, String> {
    let ledger = Ledger::open_to_read(options(world)).map_err(|error| error.to_string())?;
    let events =
        ledger.ok_or("nothing")?.events(&EventFilter::default()).map_err(|error| error.to_string())?;
    let recorded = events.iter().any(|event| event.kind == "PayloadRedacted");
    let seen = |event: &EventView| event.position == at && event.private(REASON) == Some(reason);
    Ok(recorded && events.iter().any(seen))
}

#[test]
fn a_value_whose_erasure_is_recorded_is_gone_whatever_failed() {
    let folder = folder();
    let world = World::new(folder.path(), 6);
    let ledger = Arc::new(Ledger::open(options(&world)).expect("a ledger"));
    world.deploy(&ledger, 0..3).expect("deployed");
    let (at, reason) = with_reason(&ledger);
    drop(ledger);
    left_by_a_reader(&world, &reason);
    let image = Image::take(folder.path()).expect("its files");
    let erase = |failing: Option<Failing>| {
        let context = CommandContext::system("erasing", "c");
        let ledger = Ledger::open(options(&world)).expect("a ledger");
        watch(failing);
        ledger.redact(&[at], &[], "request 88", &context)?;
        ledger.erase().map(drop).map_err(RedactError::from)
    };
    erase(None).expect("erased");
    let mut points = Vec::new();
    for (step, count) in watched() {
        println!("{step:?}: {count}");
        let failing = |number| [false, true].map(|persisted| Failing { step, number, persisted });
        points.extend((1..=count).flat_map(failing));
    }
    assert!(points.len() > 20, "{} steps", points.len());
    assert_eq!(having(folder.path(), &reason), Vec::<String>::new());
    for failing in &points {
        image.restore(folder.path()).expect("restored");
        let done = erase(Some(*failing));
        drop(watched());
        let reads = shown(&world, at, &reason);
        let events =
            Ledger::open(options(&world)).map(|ledger| ledger.log().read_all(Position(0), usize::MAX));
        let events = events.unwrap_or_else(|error| panic!("{failing:?}: {error}")).expect("readable");
        let recorded = events
            .iter()
            .any(|recorded| matches!(recorded.event, AnyEvent::Ledger(LedgerEvent::PayloadRedacted(_))));
        let left = having(folder.path(), &reason);
        assert!(!recorded || left.is_empty(), "{failing:?}: recorded as erased, and in {left:?}");
        assert!(done.is_err() || recorded, "{failing:?}");
        assert!(reads.is_ok_and(|shown| !shown), "{failing:?}: shown to whoever reads");
        // The marker that it is not finished comes first: without it a power loss would leave it unknown.
        let note = [Step::FileWritten, Step::FileMoved, Step::FolderSynced].contains(&failing.step);
        if note && failing.number == 1 {
            assert!(done.is_err() && !recorded, "{failing:?}: the event came before its note was durable");
        }
        assert_eq!(verify(&world, &Asked::default()).map(drop), Ok(()), "{failing:?}");
    }
}
