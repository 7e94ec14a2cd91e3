//! One driver per target at a time in a process: others wait, and a target with a driver is never taken for
//! interrupted.

use haloy_ledger::Ledger;
use haloy_ledger::defect::{Defect, plant};
use haloy_ledger::read::EventFilter;
use haloy_replay_tests::faults::{World, folder};
use std::sync::Arc;

/// Requests, ends of deployments, and what was taken for interrupted, of six deploys and six prunes of one target at
/// once.
fn at_once() -> Result<(usize, usize, usize), String> {
    let folder = folder();
    let world = World::new(folder.path(), 5);
    let ledger = Arc::new(Ledger::open(world.options()).expect("a ledger"));
    world.deploy_together(&ledger, 6)?;
    let events = ledger.events(&EventFilter::default()).expect("events");
    let count = |wanted: &[&str]| events.iter().filter(|event| wanted.contains(&&*event.kind)).count();
    let ends = ["DeploymentSucceeded", "DeploymentFailed", "DeploymentRolledBack", "DeploymentInterrupted"];
    Ok((count(&["DeploymentRequested"]), count(&ends), count(&["RolloutInterrupted"])))
}

#[test]
fn commands_for_one_target_wait_for_each_other() {
    assert_eq!(at_once(), Ok((6, 6, 0)));
}

#[test]
fn two_drivers_of_one_target_are_found() {
    plant(Some(Defect::TwoDrivers));
    let met = at_once();
    plant(None);
    assert!(!matches!(met, Ok((6, 6, 0))), "{met:?}");
}
