//! Each step of sealing and publishing fails, or is done and reported as failed. A process of its own: the
//! failure is planted for all of it.

use haloy_ledger::Ledger;
use haloy_ledger::defect::{Failing, watch, watched};
use haloy_ledger::ids::Position;
use haloy_ledger::integrity::verify::Asked;
use haloy_replay_tests::faults::oracle::verify;
use haloy_replay_tests::faults::{Image, World, folder};
use std::sync::Arc;

/// Opens, deploys until something fails, and closes: what was acknowledged.
fn work(world: &World) -> Vec<Vec<u8>> {
    let Ok(ledger) = Ledger::open(world.options()) else { return Vec::new() };
    let ledger = Arc::new(ledger);
    let deployed = world.deploy(&ledger, 3..4);
    // The log knows what it has acknowledged, whatever became of the deploy.
    drop(deployed);
    let acknowledged = usize::try_from(ledger.head().next.0).expect("few");
    ledger.log().read_entries(Position(0), acknowledged).expect("readable")
}

#[test]
fn every_step_that_fails_is_made_good_by_the_next_open() {
    let folder = folder();
    let world = World::new(folder.path(), 5);
    let ledger = Arc::new(Ledger::open(world.options()).expect("a ledger"));
    world.deploy(&ledger, 0..3).expect("deployed");
    drop(ledger);
    let image = Image::take(folder.path()).expect("its files");
    watch(None);
    let whole = work(&world);
    let mut points = Vec::new();
    for (step, count) in watched() {
        println!("{step:?}: {count}");
        let failing = |number| [false, true].map(|persisted| Failing { step, number, persisted });
        points.extend((1..=count).flat_map(failing));
    }
    assert!(points.len() > 40, "{} steps", points.len());
    let mut short = 0;
    for failing in &points {
        image.restore(folder.path()).expect("restored");
        watch(Some(*failing));
        let acknowledged = work(&world);
        drop(watched());
        short += usize::from(acknowledged.len() < whole.len());
        let ledger = Ledger::open(world.options());
        let ledger = ledger.unwrap_or_else(|error| panic!("{failing:?}: {error}"));
        let entries = ledger.log().read_entries(Position(0), usize::MAX).expect("readable");
        assert!(entries.starts_with(&acknowledged), "{failing:?}");
        let report = ledger.replay(&mut |_| {}).expect("replayed");
        assert_eq!(report.differences, [], "{failing:?}");
        drop(ledger);
        assert_eq!(verify(&world, &Asked::default()).map(drop), Ok(()), "{failing:?}");
    }
    println!("{} steps that failed; {short} of them ended the deploy", points.len());
}
