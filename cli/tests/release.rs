//! What a release is built from: without the feature `failpoints` no variable puts another machine in the
//! place of the real one. `make test` runs this without features; with them there is nothing to see.
#![cfg(not(feature = "failpoints"))]

use std::process::Command;

const HALOY: &str = env!("CARGO_BIN_EXE_haloy");

#[test]
fn there_is_no_simulated_machine_in_it() {
    for name in ["HALOY_SIMULATED", "HALOY_FAILPOINT"] {
        let found = Command::new("grep").args(["-qaF", name, HALOY]).status().expect("grep");
        assert_eq!(found.code(), Some(1), "{name} is in it");
    }
    assert!(Command::new("grep").args(["-qaF", "HALOY_LEDGER", HALOY]).status().expect("grep").success());
}

#[test]
fn variables_of_tests_mean_nothing_to_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = Command::new(HALOY)
        .args(["doctor", "--json"])
        .env("HALOY_LEDGER", folder.path().join("ledger"))
        .env("HALOY_KEYS", folder.path().join("keys"))
        .env("DOCKER_HOST", "unix:///nowhere.sock")
        .env("HALOY_SIMULATED", folder.path().join("world"))
        .env("HALOY_SIMULATED_AT", "2031-01-01T00:00:00Z")
        .output()
        .expect("haloy runs");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(told.contains("\"what\": \"docker\""), "the engine is not the real one: {told}");
    assert!(
        told.contains("\"what\": \"clock\"") && !told.contains("2031-01"),
        "the clock is not its own: {told}"
    );
}
