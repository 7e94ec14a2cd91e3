//! Compiles the app of `haloy demo` into a static binary, which haloy carries with it: so the demo
//! needs no network, no base image and no compiler on the machine that it runs on.

use std::path::PathBuf;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=demo-app/main.rs");
    let variable = |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("cargo sets {name}"));
    let out = PathBuf::from(variable("OUT_DIR")).join("demo-app");
    let status = Command::new(variable("RUSTC"))
        .args(["--edition=2024", "--crate-name=demo_app", "--target", &variable("TARGET")])
        .args(["-Ctarget-feature=+crt-static", "-Copt-level=s", "-Cstrip=symbols", "-Cpanic=abort"])
        .args(["demo-app/main.rs", "-o"])
        .arg(&out)
        .status();
    match status {
        Ok(status) if status.success() => {}
        other => panic!("the demo app could not be compiled: {other:?}"),
    }
}
