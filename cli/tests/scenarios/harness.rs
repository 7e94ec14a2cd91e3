//! A machine of a test's own, on which one command is given after the other; everything that they
//! print is one snapshot. Nothing in it depends on the real machine: the engine is simulated, and
//! time, randomness, user, host and width are fixed. What is hashed and measured is left out.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Noon of the first command; each later one is given about a minute after the previous one.
const BEGIN: &str = "2026-11-02T12:00:00Z";

/// The haloy of this build.
pub const HALOY: &str = env!("CARGO_BIN_EXE_haloy");

/// How a command ended.
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    pub fn of(output: &Output) -> Self {
        // Ended by a signal: reported as a shell does.
        let signal = std::os::unix::process::ExitStatusExt::signal(&output.status);
        Self {
            code: output.status.code().or(signal.map(|signal| 128 + signal)).unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The ids that `-o id` printed.
    pub fn ids(&self) -> Vec<String> {
        self.out.lines().map(str::to_owned).collect()
    }
}

/// A scenario: a machine, and the record of all output.
pub struct Scenario {
    folder: tempfile::TempDir,
    commands: i64,
    told: String,
    environment: Vec<(String, String)>,
}

impl Scenario {
    /// An empty folder on a machine without a ledger.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self { folder, commands: 0, told: String::new(), environment: Vec::new() }
    }

    /// With an app in it.
    pub fn with(config: &str) -> Self {
        let scenario = Self::new();
        scenario.config(config);
        scenario
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes haloy.yaml.
    pub fn config(&self, text: &str) {
        self.file("haloy.yaml", text);
    }

    pub fn file(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, bytes).expect("written");
    }

    /// What goes wrong on the engine, and what is missing: read by the next command.
    pub fn world(&self, change: impl FnOnce(&mut serde_json::Value)) {
        let path = self.path("world");
        let bytes = std::fs::read(&path).unwrap_or_else(|_| b"{}".to_vec());
        let mut world = serde_json::from_slice(&bytes).expect("the world");
        change(&mut world);
        std::fs::write(&path, world.to_string()).expect("written");
    }

    /// Sets a variable for all later commands.
    pub fn set(&mut self, name: &str, value: &str) {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// Not any more.
    pub fn unset(&mut self, name: &str) {
        self.environment.retain(|(known, _)| known != name);
    }

    /// A command that is ready to be run, a minute after the previous one.
    pub fn command(&mut self, words: &[String]) -> Command {
        let begin: jiff::Timestamp = BEGIN.parse().expect("a time");
        let now = begin + jiff::SignedDuration::from_secs(61 * self.commands);
        self.commands += 1;
        let mut command = Command::new(HALOY);
        command
            .args(words)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.folder.path())
            .env("HALOY_LEDGER", self.path("ledger"))
            .env("HALOY_KEYS", self.path("keys"))
            .env("HALOY_ACTOR", "ada")
            .env("HALOY_SIMULATED", self.path("world"))
            .env("HALOY_SIMULATED_AT", now.to_string())
            .env("COLUMNS", "100")
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Gives a command, and records nothing.
    pub fn silently(&mut self, line: &str) -> Ran {
        let mut command = self.command(&words(line));
        Ran::of(&command.output().expect("haloy runs"))
    }

    /// Runs a command, and records its output.
    pub fn haloy(&mut self, line: &str) -> Ran {
        let ran = self.silently(line);
        self.record(line, &ran);
        ran
    }

    /// Records the output of a command.
    pub fn record(&mut self, line: &str, ran: &Ran) {
        let _written = write!(self.told, "$ haloy {line}\n{}", ran.out);
        for line in ran.err.lines() {
            let _written = writeln!(self.told, "! {line}");
        }
        let _written = writeln!(self.told, "= {}\n", ran.code);
    }

    /// Notes in the record what is different from here on.
    pub fn note(&mut self, text: &str) {
        let _written = writeln!(self.told, "# {text}\n");
    }

    /// Compares the whole record.
    #[track_caller]
    pub fn end(self, name: &str) {
        let told = steady(&self.told, self.folder.path());
        let mut settings = insta::Settings::new();
        settings.set_snapshot_path(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scenarios/snapshots"));
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!(name, told));
    }
}

/// Words of a line as a shell makes them, with quotes.
pub fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote, mut begun) = (Vec::new(), String::new(), None, false);
    for c in line.chars() {
        match (c, quote) {
            ('"' | '\'', None) => (quote, begun) = (Some(c), true),
            (c, Some(open)) if c == open => quote = None,
            (' ', None) => {
                if begun || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                begun = false;
            }
            (c, _) => word.push(c),
        }
    }
    if begun || !word.is_empty() {
        words.push(word);
    }
    words
}

/// Without what no machine fixes: folders, processes, hashes (they change with each format of the
/// store), measured times, room on the disk, the version.
fn steady(text: &str, folder: &Path) -> String {
    let text = text.replace(&folder.display().to_string(), "/srv");
    let text = text.replace(env!("CARGO_PKG_VERSION"), "[version]");
    let mut steady = String::new();
    for line in text.split_inclusive('\n') {
        steady.push_str(&measured(&hashes(line)));
    }
    steady
}

/// A run of these, this long, is a hash, a key or a signature.
fn hashes(line: &str) -> String {
    const LONG: usize = 40;
    let part = |c: char| c.is_ascii_alphanumeric() || "+/=_-".contains(c);
    let (mut done, mut run) = (String::new(), String::new());
    for c in line.chars().chain(['\0']) {
        if part(c) {
            run.push(c);
            continue;
        }
        let hash =
            run.len() >= LONG && !run.starts_with("/srv") && run.contains(|c: char| c.is_ascii_digit());
        done.push_str(if hash { "[hash]" } else { &run });
        run.clear();
        done.extend((c != '\0').then_some(c));
    }
    done
}

/// Numbers behind and before these words.
fn measured(line: &str) -> String {
    const BETWEEN: [(&str, &str); 13] = [
        // How far a publisher came before its process died.
        ("under a signed head, ", " published"),
        (" in ", " ms"),
        (" in ", " s"),
        ("took ", " ms"),
        ("took ", " s"),
        ("process ", ""),
        ("disk       ", " MiB free"),
        ("\"found\": \"", " MiB free"),
        ("\"pid\": ", ""),
        ("\"bytes\": ", ""),
        ("\"took_ms\": ", ""),
        ("\"took_ms\":", ""),
        ("127.0.0.1:", ""),
    ];
    let mut line = line.to_owned();
    for (before, after) in BETWEEN {
        let mut from = 0;
        while let Some(start) = line[from..].find(before).map(|at| from + at + before.len()) {
            from = start;
            let digits = line[start..].find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(0);
            if digits > 0 && line[start + digits..].starts_with(after) {
                line.replace_range(start..start + digits, "[n]");
            }
        }
    }
    line
}
