//! Whole files and folders are gone, or are those of another time.

use crate::harness::Subject;
use haloy_ledger::Ledger;
use haloy_ledger::integrity::verify::Asked;
use haloy_replay_tests::faults::oracle::{Also, verify};
use haloy_replay_tests::faults::{Image, Outcome, World};
use std::sync::Arc;

const STORE: [&str; 2] = ["ledger/log", "ledger/log.closed"];
const HEADS: [&str; 2] = ["ledger/head.a", "ledger/head.b"];
const PUBLISHED: [&str; 2] = ["ledger/published", "ledger/private"];

fn refused(code: &str) -> Outcome {
    Outcome::Refused(code.to_owned())
}

/// What becomes of the files of an image, judged by what a subject knew.
fn outcome(subject: &Subject, image: &Image, recover: bool) -> Outcome {
    let (_folder, world) = subject.copy();
    image.restore(world.folder()).expect("restored");
    subject.before.judge(&world, Also { verify_first: false, again: true, recover, copy: None })
}

fn replaced(image: &Image, parts: &[&str], other: &Image) -> Image {
    parts.iter().fold(image.clone(), |image, part| image.with(part, other))
}

fn removed(image: &Image, parts: &[&str]) -> Image {
    parts.iter().fold(image.clone(), |image, part| image.without(part))
}

#[test]
fn nothing_is_wrong_with_a_ledger_that_nothing_happened_to() {
    for subject in Subject::all() {
        let (_folder, world) = subject.copy();
        // Before anything opens it, and after: killed, it is not published to the end yet.
        assert_eq!(verify(&world, &Asked::default()).map(drop), Ok(()), "{}", subject.name);
        assert_eq!(outcome(&subject, &subject.image, true), Outcome::Same, "{}", subject.name);
    }
}

#[test]
fn a_part_that_is_gone_is_missed_or_made_anew() {
    for subject in Subject::all() {
        let (name, image) = (subject.name, &subject.image);
        let store = removed(image, &STORE);
        assert_eq!(outcome(&subject, &store, false), refused("store-missing"), "{name}");
        let none = removed(&store, &HEADS);
        assert_eq!(outcome(&subject, &none, false), refused("log-shorter"), "{name}");
        let headless = removed(image, &HEADS);
        assert_eq!(outcome(&subject, &headless, false), refused("head-missing"), "{name}");
        let one = removed(image, &HEADS[..1]);
        assert_eq!(outcome(&subject, &one, false), Outcome::Recorded, "{name}");
        let unpublished = removed(image, &PUBLISHED);
        assert_eq!(outcome(&subject, &unpublished, false), Outcome::Same, "{name}");
        let unnoted = image.without("ledger/log.closed");
        assert_eq!(outcome(&subject, &unnoted, false), Outcome::Same, "{name}");
        let mut journals = image.clone();
        journals.files.retain(|path, _| path.extension().is_none_or(|ending| ending != "jnl"));
        let outcome = outcome(&subject, &journals, false);
        assert!(matches!(outcome, Outcome::Refused(_)), "{name}: {outcome:?}");
    }
}

#[test]
fn what_is_gone_comes_back_from_what_is_left() {
    // Killed, the last entries lie in the store alone, and nothing brings them back.
    let [_older, closed, _killed] = Subject::all();
    for gone in [&STORE[..], &HEADS, &["ledger/log/0.jnl"]] {
        let outcome = outcome(&closed, &removed(&closed.image, gone), true);
        let Outcome::Refused(code) = outcome else { panic!("{gone:?}: {outcome:?}") };
        assert!(code.ends_with(", recovered"), "{gone:?}: {code}");
    }
}

#[test]
fn an_older_copy_is_not_taken_for_the_log() {
    let [older, closed, killed] = Subject::all();
    for now in [&closed, &killed] {
        let store = replaced(&now.image, &STORE, &older.image);
        assert_eq!(outcome(now, &store, false), refused("log-shorter"), "{}", now.name);
        let heads = replaced(&store, &HEADS, &older.image);
        assert_eq!(outcome(now, &heads, false), refused("log-shorter"), "{}", now.name);
        let only_heads = replaced(&now.image, &HEADS, &older.image);
        assert_eq!(outcome(now, &only_heads, false), Outcome::Same, "{}", now.name);
        let published = replaced(&now.image, &PUBLISHED, &older.image);
        assert_eq!(outcome(now, &published, false), Outcome::Same, "{}", now.name);
        // With everything older nothing here tells: a head that was kept elsewhere does.
        let (_folder, world) = older.copy();
        let kept = now.image.files[std::path::Path::new("ledger/published/checkpoint")].written.clone();
        let asked = Asked { since: 0, against: Some(kept) };
        assert_eq!(verify(&world, &asked).map(drop), Err("log-shorter".to_owned()));
    }
}

#[test]
fn heads_that_change_places_are_the_same_heads() {
    for subject in Subject::all() {
        let mut swapped = subject.image.clone();
        let [a, b] = HEADS.map(|name| swapped.files.remove(std::path::Path::new(name)).expect("a head"));
        swapped.files.insert(HEADS[0].into(), b);
        swapped.files.insert(HEADS[1].into(), a);
        assert_eq!(outcome(&subject, &swapped, false), Outcome::Same, "{}", subject.name);
    }
}

#[test]
fn two_copies_that_went_on_are_a_fork() {
    let [_older, closed, _killed] = Subject::all();
    let went_on = |deploys: std::ops::Range<usize>| -> (tempfile::TempDir, World, Vec<u8>) {
        let (folder, world) = closed.copy();
        let ledger = Arc::new(Ledger::open(world.options()).expect("a ledger"));
        world.deploy(&ledger, deploys).expect("deployed");
        drop(ledger);
        let checkpoint = std::fs::read(world.ledger().join("published/checkpoint")).expect("published");
        (folder, world, checkpoint)
    };
    let (_one, long, long_head) = went_on(100..103);
    let (_two, short, short_head) = went_on(200..201);
    let against = |world: &World, head: &[u8]| {
        verify(world, &Asked { since: 0, against: Some(head.to_vec()) }).map(drop)
    };
    assert_eq!(against(&long, &long_head), Ok(()));
    assert_eq!(against(&long, &short_head), Err("fork".to_owned()));
    assert_eq!(against(&short, &long_head), Err("log-shorter".to_owned()));
    let kept = closed.image.files[std::path::Path::new("ledger/published/checkpoint")].written.clone();
    assert_eq!(against(&long, &kept), Ok(()), "both begin with what they were copied from");
    assert_eq!(against(&short, &kept), Ok(()));
}
