//! The verifier in Go: built once, run often.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// Where Debian keeps the modules that it packages, for a machine that does not get at Go's.
const DEBIAN: &str = "/usr/share/gocode";

/// The verifier, as a program.
pub struct Verifier(PathBuf);

/// Builds the verifier, or returns why that is not possible.
pub fn verifier() -> Option<&'static Verifier> {
    static BUILT: OnceLock<Result<Verifier, String>> = OnceLock::new();
    match BUILT.get_or_init(build) {
        Ok(verifier) => Some(verifier),
        Err(why) => {
            assert!(std::env::var_os("HALOY_REQUIRE_E2E").is_none(), "no verifier in Go: {why}");
            eprintln!("SKIPPED: no verifier in Go: {why}");
            None
        }
    }
}

/// Where programs for tests are built to.
pub fn tools() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
}

/// The command `go`, which must not fetch another Go than the installed one.
pub fn go(arguments: &[&str]) -> Command {
    let mut command = Command::new("go");
    command.args(arguments).env("GOTOOLCHAIN", "local");
    command
}

fn build() -> Result<Verifier, String> {
    let program = tools().join("interop");
    let output = program.display().to_string();
    let mut build = go(&["build", "-o", &output, "."]);
    build.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("interop"));
    let failed = match said(build.output()) {
        Ok(_nothing) => return Ok(Verifier(program)),
        Err(failed) => failed,
    };
    if !Path::new(DEBIAN).join("src/golang.org/x/mod").exists() {
        return Err(failed);
    }
    build.env("GO111MODULE", "off").env("GOPATH", DEBIAN);
    said(build.output()).map_err(|error| format!("{failed}\n{error}"))?;
    Ok(Verifier(program))
}

/// Output of a successful program, or its error.
fn said(output: std::io::Result<Output>) -> Result<String, String> {
    let output = output.map_err(|error| error.to_string())?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match output.status.code() {
        Some(0) => Ok(text(&output.stdout)),
        Some(1) => Err(text(&output.stderr)),
        _crashed => panic!("it crashed: {}{}", text(&output.stdout), text(&output.stderr)),
    }
}

impl Verifier {
    /// Verifies what is published in a folder, and that it begins with what older checkpoints say.
    pub fn log(&self, folder: &Path, key: &str, older: &[PathBuf]) -> Result<String, String> {
        said(Command::new(&self.0).arg("log").arg(folder).arg(key).args(older).output())
    }

    /// Verifies a proof.
    pub fn proof(&self, file: &Path, key: &str) -> Result<String, String> {
        said(Command::new(&self.0).arg("proof").arg(file).arg(key).output())
    }
}
