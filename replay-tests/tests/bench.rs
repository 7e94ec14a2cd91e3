//! Every group of the benchmarks runs, in the smallest round that covers all of its code. Nothing is
//! measured: a bench that never runs is broken when it is needed.

use std::process::Command;

#[test]
fn every_group_of_the_benchmarks_runs() {
    let haloy = std::path::Path::new(env!("CARGO_BIN_EXE_bench")).with_file_name("haloy");
    if !haloy.exists() {
        assert!(std::env::var_os("HALOY_REQUIRE_E2E").is_none(), "haloy is not built");
        eprintln!("SKIPPED: haloy is not built");
        return;
    }
    let output = Command::new(env!("CARGO_BIN_EXE_bench")).arg("--smoke").output().expect("it runs");
    let told = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    println!("{told}");
    assert!(output.status.success(), "{told}");
    for group in ["append", "sealed", "replay", "verify", "process", "targets", "deploy", "rolling", "edge"] {
        assert!(
            told.lines().any(|line| line.starts_with(&format!("{group}: "))),
            "{group} did not run: {told}"
        );
    }
}
