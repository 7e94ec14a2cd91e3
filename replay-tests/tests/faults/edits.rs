//! Rows edited with the store's own interface: checksums of files are then valid.

use crate::harness::{Subject, seed, torture};
use fjall::{Database, Keyspace, KeyspaceCreateOptions};
use haloy_ledger::integrity::verify::Asked;
use haloy_replay_tests::faults::oracle::{Also, verify};
use haloy_replay_tests::faults::{Outcome, Tally, World};
use haloy_replay_tests::simulation::Random;

/// Edits of a run of the tests, and of the long form.
const SAMPLE: usize = 200;
const LONG: usize = 5_000;

const SPACES: [&str; 5] = ["entries", "bundles", "index", "private", "rows"];
const EDITS: [&str; 6] = ["changed", "removed", "inserted", "swapped", "duplicated", "cut short"];

type Row = (Vec<u8>, Vec<u8>);

fn space(database: &Database, name: &str) -> Keyspace {
    database.keyspace(name, KeyspaceCreateOptions::default).expect("a keyspace")
}

fn rows(space: &Keyspace) -> Vec<Row> {
    let all = space.iter().map(|row| row.into_inner().expect("readable"));
    all.map(|(key, value)| (key.to_vec(), value.to_vec())).collect()
}

/// One edit; false where it would change nothing.
fn edit(space: &Keyspace, how: &str, random: &mut Random) -> bool {
    let all = rows(space);
    let (key, value) = &all[random.below(all.len())];
    let (other, others) = &all[random.below(all.len())];
    let put = |key: &[u8], value: &[u8]| space.insert(key, value).expect("written");
    match how {
        "changed" if !value.is_empty() => {
            let mut new = value.clone();
            new[random.below(value.len())] ^= 1 << random.below(8);
            put(key, &new);
        }
        "removed" => space.remove(key.as_slice()).expect("removed"),
        "inserted" => {
            let mut new = key.clone();
            let last = new.len() - 1;
            new[last] = new[last].wrapping_add(u8::try_from(1 + random.below(250)).unwrap_or(1));
            if all.iter().any(|(known, _)| *known == new) {
                return false;
            }
            put(&new, value);
        }
        "swapped" if value != others => {
            put(key, others);
            put(other, value);
        }
        "duplicated" if value != others => put(key, others),
        "cut short" if !value.is_empty() => put(key, &value[..random.below(value.len())]),
        _nothing_to_do => return false,
    }
    true
}

fn edited(world: &World, name: &str, how: &str, random: &mut Random) -> bool {
    let database = Database::builder(world.ledger().join("log")).open().expect("opens");
    let space = space(&database, name);
    let edited = edit(&space, how, random);
    database.persist(fjall::PersistMode::SyncAll).expect("written");
    edited
}

#[test]
fn no_row_is_edited_unnoticed() {
    let [_older, closed, killed] = Subject::all();
    let mut random = Random(seed());
    let mut tally = Tally::default();
    let trials = if torture().is_some() { LONG } else { SAMPLE };
    for subject in [&closed, &killed] {
        let (folder, world) = subject.copy();
        for trial in 0..trials / 2 {
            let (name, how) = (SPACES[trial % SPACES.len()], EDITS[trial / SPACES.len() % EDITS.len()]);
            subject.image.restore(folder.path()).expect("restored");
            let state = random.clone().0;
            if !edited(&world, name, how, &mut random) {
                continue;
            }
            let also = Also { again: true, recover: random.percent(20), ..Also::default() };
            let outcome = subject.before.judge(&world, also);
            let place = format!("{} {name} {how} (random state {state})", subject.name);
            tally.add(&format!("{name} {how}"), &place, &outcome);
        }
    }
    tally.conclude("rows edited");
}

/// What the log would never write: an entry that is longer than a bundle can say, and entries at the end
/// of all positions.
#[test]
fn rows_that_cannot_be_are_named_and_nothing_panics_or_goes_on_for_ever() {
    let [_older, closed, _killed] = Subject::all();
    let (folder, world) = closed.copy();
    let newest = closed.before.entries.len() as u64 - 1;
    let long = |at: u64| {
        [closed.before.entries[usize::try_from(at).expect("few")].as_slice(), &[0; 70_000]].concat()
    };
    let entry = closed.before.entries.last().expect("entries").clone();
    let latest = {
        let mut latest = entry.clone();
        latest[3..11].copy_from_slice(&u64::MAX.to_be_bytes());
        latest
    };
    for (what, at, value) in [
        ("a long newest entry", newest, long(newest)),
        ("a long entry more", newest + 1, long(newest)),
        ("an entry at the end of all positions", u64::MAX, entry.clone()),
        ("an entry that says so itself", u64::MAX, latest),
        ("an entry in the middle of all positions", 1 << 62, entry.clone()),
    ] {
        closed.image.restore(folder.path()).expect("restored");
        let database = Database::builder(world.ledger().join("log")).open().expect("opens");
        space(&database, "entries").insert(at.to_be_bytes(), value).expect("written");
        database.persist(fjall::PersistMode::SyncAll).expect("written");
        drop(database);
        let also = Also { verify_first: true, again: true, recover: true, ..Also::default() };
        let outcome = closed.before.judge(&world, also);
        assert!(matches!(&outcome, Outcome::Refused(_)), "{what}: {outcome:?}");
        let told = verify(&world, &Asked::default()).map(drop);
        println!("{what}: {outcome:?}, then {told:?}");
    }
}

#[test]
fn a_copy_of_the_store_with_nothing_edited_is_the_same() {
    let [_older, closed, _killed] = Subject::all();
    let (_folder, world) = closed.copy();
    drop(Database::builder(world.ledger().join("log")).open().expect("opens"));
    assert_eq!(closed.before.judge(&world, Also { again: true, ..Also::default() }), Outcome::Same);
}
