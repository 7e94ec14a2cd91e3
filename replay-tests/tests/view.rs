//! An answer is of one instant, and of nothing that is not under a signed head: while others append, and while a
//! head is being signed.

use haloy_ledger::defect::{Defect, plant};
use haloy_ledger::deployment::Command;
use haloy_ledger::deployment::state::TargetState;
use haloy_ledger::ids::{AppName, Position, TargetKey, TargetName};
use haloy_ledger::ledger::Parts;
use haloy_ledger::log::*;
use haloy_ledger::ports::{SystemClock, SystemEntropy};
use haloy_ledger::projection::{Page, Projections, States};
use haloy_ledger::read::View;
use haloy_ledger::secrets::Keys;
use haloy_ledger::{CommandContext, Ledger};
use haloy_replay_tests::faults::{World, folder};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

fn keys() -> Vec<TargetKey> {
    let target = || TargetName::new("production").expect("a name");
    ["shop", "blog", "mail"]
        .map(|app| TargetKey { app: AppName::new(app).expect("a name"), target: target() })
        .into()
}

/// An answer that joins what five read models have of every target.
fn answer(view: &View<'_>) -> Result<String, LogError> {
    let mut text = String::new();
    for key in keys() {
        let page = Page { before: None, limit: 4 };
        let (state, kept) = (view.state(&key)?, view.kept_candidates(&key)?);
        let (status, newest) = (view.status(&key)?, view.deployments(&key, &page)?);
        let spec = state.rollout.as_ref().map(|rollout| view.release(rollout.release)).transpose()?;
        text.push_str(&format!("{state:?} {kept:?} {status:?} {newest:?} {spec:?} {:?}\n", view.pending()?));
    }
    Ok(text)
}

/// Answers to a reader during a thousand events of another writer, and their positions.
fn answers(ledger: &Arc<Ledger>, world: &World) -> Vec<(Position, String)> {
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (from, mut number) = (ledger.head().next.0, 3);
            while ledger.head().next.0 < from + 1000 {
                world.deploy(ledger, number..number + 3).expect("deployed");
                number += 3;
            }
            ended.store(true, Ordering::Release);
        });
        let mut found = Vec::new();
        while !ended.load(Ordering::Acquire) {
            found.push(ledger.view(|view| Ok::<_, LogError>((view.at(), answer(view)?))).expect("an answer"));
        }
        found
    })
}

/// Answers that are not those of a ledger that ends where they say they are of.
fn wrong(ledger: &Ledger, mut answers: Vec<(Position, String)>) -> Vec<Position> {
    answers.sort();
    answers.dedup();
    let events = ledger.log().read_all(Position(0), usize::MAX).expect("events");
    let (mut rows, mut projections, mut folded) = (MapRows::default(), Projections::default(), 0);
    let mut wrong = Vec::new();
    for (at, answer_then) in answers {
        for event in &events[folded..usize::try_from(at.0).expect("few")] {
            projections.apply(event, &mut rows).expect("folds");
        }
        folded = usize::try_from(at.0).expect("few");
        projections.finish(&mut rows).expect("rows");
        let states = States::default();
        let view = View::of(ledger.id(), &rows, ledger.log(), &states).expect("a view");
        assert_eq!(view.at(), at);
        if answer(&view).expect("an answer") != answer_then {
            wrong.push(at);
        }
    }
    wrong
}

fn world(folder: &Path) -> (World, Arc<Ledger>) {
    let world = World::new(folder, 12);
    let ledger = Arc::new(Ledger::open(world.options()).expect("a ledger"));
    world.deploy(&ledger, 0..3).expect("deployed");
    (world, ledger)
}

#[test]
fn answers_are_of_one_instant_while_others_append() {
    let folder = folder();
    let (world, ledger) = world(folder.path());
    let answers = answers(&ledger, &world);
    assert!(answers.len() > 50, "{} answers", answers.len());
    assert_eq!(wrong(&ledger, answers), []);
}

#[test]
fn a_part_that_is_read_later_than_the_rest_is_found() {
    let folder = folder();
    let (world, ledger) = world(folder.path());
    plant(Some(Defect::SecondSnapshot));
    let answers = answers(&ledger, &world);
    plant(None);
    assert_ne!(wrong(&ledger, answers), []);
}

/// A seal that can be made to wait.
struct Held {
    hold: Arc<AtomicBool>,
    waits: Sender<()>,
    go: Receiver<()>,
}

impl Seal for Held {
    fn seal(&mut self, _first: Position, _leaves: &[Vec<u8>]) -> Result<(), LogError> {
        if self.hold.load(Ordering::Acquire) {
            self.waits.send(()).expect("it is listened to");
            self.go.recv().expect("it goes on");
        }
        Ok(())
    }
}

/// What is visible of a pin whose entry is stored, and whose head is not signed.
fn seen_too_early(folder: &Path) -> Vec<&'static str> {
    let (hold, (waits, waiting), (go, goes)) = (Arc::new(AtomicBool::new(false)), channel(), channel());
    let states = Arc::<States>::default();
    let options = FjallOptions {
        clock: Arc::new(SystemClock),
        policy: ClockPolicy::default(),
        in_batch: Box::new(Projections::published_in(Arc::clone(&states))),
        seal: Box::new(Held { hold: Arc::clone(&hold), waits, go: goes }),
        frozen: None,
        bundle_after: BUNDLE_AFTER,
        progress: no_progress(),
    };
    let log = Arc::new(FjallLog::open(&folder.join("log"), options).expect("a log"));
    let entropy = Arc::new(SystemEntropy);
    let parts = Parts {
        log,
        states,
        clock: Arc::new(SystemClock),
        keys: Keys::ephemeral(entropy.as_ref()),
        entropy,
        vault: folder.join("vault"),
        tool: "view".to_owned(),
    };
    let ledger = Arc::new(Ledger::with(parts).expect("a ledger"));
    World::new(folder, 3).deploy(&ledger, 0..6).expect("deployed");
    let runs = |key: &TargetKey| ledger.state(key).expect("a state").current_release();
    let running = keys().into_iter().find_map(|key| runs(&key).map(|release| (key, release)));
    let (key, release) = running.expect("one runs");
    let pinned = |state: &TargetState| state.kept(release).is_some_and(|kept| kept.holds.pinned);
    let stream = |ledger: &Ledger| {
        let events = ledger.log().read_stream(&key.stream(), haloy_ledger::ids::Revision(0), usize::MAX);
        events.expect("events").len()
    };
    let (head, events) = (ledger.head(), stream(&ledger));
    let mut seen = Vec::new();
    hold.store(true, Ordering::Release);
    std::thread::scope(|scope| {
        let pin = Command::Pin { release, pinned: true };
        let context = CommandContext::system("view", "pin");
        let (ledger, key) = (&ledger, &key);
        let pinning = scope.spawn(move || ledger.execute(key, &pin, &context));
        waiting.recv().expect("it is stored");
        let mut see = |what, seen_now| seen.extend(Some(what).filter(|_| seen_now));
        see("head", ledger.head() != head);
        see("entries", ledger.log().read_entries(head.next, 1).expect("read") != Vec::<Vec<u8>>::new());
        see("events", !ledger.log().read_all(head.next, 1).expect("read").is_empty());
        see("stream", stream(ledger) != events);
        see("state", pinned(&ledger.state(key).expect("a state")));
        let row = ledger.candidate(key, release).expect("read").expect("one").row;
        see("row", row.pinned.is_some());
        go.send(()).expect("it waits");
        pinning.join().expect("joined").expect("pinned");
    });
    assert!(pinned(&ledger.state(&key).expect("a state")), "now it is there");
    assert_eq!(stream(&ledger), events + 1);
    hold.store(false, Ordering::Release);
    seen
}

#[test]
fn nothing_is_seen_before_its_head_is_signed() {
    let folder = folder();
    assert_eq!(seen_too_early(folder.path()), Vec::<&str>::new());
}

#[test]
fn what_is_shown_before_its_head_is_signed_is_found() {
    let folder = folder();
    plant(Some(Defect::ShowsUnsealed));
    let seen = seen_too_early(folder.path());
    plant(None);
    assert_eq!(seen, ["head", "entries", "events", "stream", "state", "row"]);
}
