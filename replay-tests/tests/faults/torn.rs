//! The journal ends in the middle of what was written last.

use crate::harness::{Subject, kind, learn, pin, seed, torture};
use haloy_ledger::Ledger;
use haloy_replay_tests::faults::oracle::Also;
use haloy_replay_tests::faults::{Before, Image, Outcome, Tally};
use haloy_replay_tests::simulation::Random;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Cuts of a run of the tests.
const SAMPLE: usize = 60;
/// Appends that the journal is cut between.
const APPENDS: usize = 6;

/// A ledger in use, before and after some appends.
struct Growing {
    subject: Subject,
    /// What there was before each append, and after the last one.
    states: Vec<(Image, Before)>,
    journal: PathBuf,
}

fn growing() -> Growing {
    let [_older, subject, _killed] = Subject::all();
    let (folder, world) = subject.copy();
    let ledger = Ledger::open(world.options()).expect("a ledger");
    let mut states = Vec::new();
    let state = || {
        world.published(&ledger).expect("published");
        let mut before = Before::of(&ledger, &world).expect("readable");
        let image = Image::take(folder.path()).expect("its files");
        learn(&mut before, &image, &world);
        (image, before)
    };
    for number in 0..APPENDS {
        states.push(state());
        pin(&ledger, number % 2 == 0);
    }
    states.push(state());
    let journals = states[0].0.files.keys().filter(|path| kind(path) == "journal");
    let journal = journals.max().expect("a journal").clone();
    Growing { subject, states, journal }
}

impl Growing {
    fn length(&self, state: usize) -> usize {
        self.states[state].0.files[&self.journal].written.len()
    }

    /// The files after the last append, with the journal cut, and the heads of after some append.
    fn cut(&self, length: usize, heads: usize) -> Image {
        let last = &self.states[APPENDS].0;
        let mut cut = last.clone();
        if let Some(journal) = cut.files.get_mut(&self.journal) {
            journal.written.truncate(length);
            journal.length = length as u64;
        }
        for part in ["ledger/head.a", "ledger/head.b", "ledger/published", "ledger/private"] {
            cut = cut.with(part, &self.states[heads].0);
        }
        cut
    }
}

#[test]
fn a_torn_journal_loses_nothing_that_was_sealed() {
    let growing = growing();
    let (start, end) = (growing.length(APPENDS - 1), growing.length(APPENDS));
    let mut random = Random(seed());
    let cuts: BTreeSet<usize> = match torture() {
        Some(_) => (start..end).collect(),
        None => (0..SAMPLE).map(|_| start + random.below(end - start)).chain([start, end - 1]).collect(),
    };
    let (folder, world) = growing.subject.copy();
    let mut tally = Tally::default();
    for length in cuts {
        // Never acknowledged: its head was not written yet. It is dropped, and nothing else is.
        growing.cut(length, APPENDS - 1).restore(folder.path()).expect("restored");
        let also = Also { again: true, ..Also::default() };
        let outcome = growing.states[APPENDS - 1].1.judge(&world, also);
        tally.add("not sealed", &format!("cut at {length}"), &outcome);
        assert_eq!(outcome, Outcome::Same, "cut at {length}");
        // It was sealed.
        growing.cut(length, APPENDS).restore(folder.path()).expect("restored");
        let outcome = growing.states[APPENDS].1.judge(&world, Also::default());
        tally.add("sealed", &format!("cut at {length}"), &outcome);
        assert!(matches!(outcome, Outcome::Refused(_)), "cut at {length}: {outcome:?}");
    }
    tally.conclude("journal cut in the last append");
}

#[test]
fn a_journal_that_ends_between_appends_is_too_short() {
    let growing = growing();
    let (folder, world) = growing.subject.copy();
    for state in 0..APPENDS {
        growing.cut(growing.length(state), APPENDS).restore(folder.path()).expect("restored");
        let outcome = growing.states[APPENDS].1.judge(&world, Also::default());
        assert_eq!(outcome, Outcome::Refused("log-shorter".to_owned()), "after append {state}");
    }
}
