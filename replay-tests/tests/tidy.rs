//! Rules of the house that no compiler checks: file sizes, nothing left to do and nothing of this machine in
//! the project, where an engine is started, and which parts of the record are documented. The rules for
//! imports are in `structure`.

use std::path::{Path, PathBuf};

/// A file earns its split at about this many lines.
const LONGEST: usize = 420;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

fn sources(folder: &Path, into: &mut Vec<(PathBuf, String)>) {
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = std::fs::read_to_string(&path).expect("text");
            into.push((path, text));
        }
    }
}

fn all() -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    for folder in ["ledger", "executors", "cli/src", "cli/service", "cli/tests", "replay-tests"] {
        sources(&root().join(folder), &mut files);
    }
    assert!(files.len() > 80, "{} files", files.len());
    files
}

#[test]
fn files_stay_small() {
    for (path, text) in all() {
        let lines = text.lines().count();
        assert!(lines <= LONGEST, "{} has {lines} lines", path.display());
    }
}

#[test]
fn nothing_is_left_to_do_and_nothing_of_a_machine_is_named() {
    // Put together, so that this file does not find itself.
    let words = [["to", "do!("].concat(), ["unimpl", "emented!("].concat(), ["/wo", "rk/"].concat()];
    for (path, text) in all() {
        for word in &words {
            assert!(!text.contains(word.as_str()), "{} has {word}", path.display());
        }
    }
}

/// What one helper does, by how it is done by hand, and where that may be.
const HELPERS: [(&str, &[&str]); 4] = [
    ("PoisonError", &["ledger/src/locks.rs"]),
    (".lock().expect(", &[]),
    ("{byte:02x}", &["executors/src/mask/quotings.rs"]),
    // Elsewhere it is a file that is kept open and written in place.
    (
        "sync_all()",
        &["ledger/src/files.rs", "ledger/src/integrity/heads.rs", "ledger/src/log/fjall/journals.rs"],
    ),
];

#[test]
fn what_one_helper_does_is_not_done_by_hand() {
    for (path, text) in all() {
        let inside = path.strip_prefix(root()).expect("inside").to_string_lossy().into_owned();
        if inside.starts_with("replay-tests/") || !inside.contains("/src/") {
            continue;
        }
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for (by_hand, places) in HELPERS {
            let fine = places.contains(&inside.as_str()) || !code.contains(by_hand);
            assert!(fine, "{inside} has `{by_hand}`, for which there is a helper");
        }
    }
}

/// An engine beside another one in one network namespace removes the bridge and the firewall rules of the
/// other; the one place that starts one makes sure that it is in a namespace of the test's own.
#[test]
fn an_engine_is_started_in_one_place() {
    for (path, text) in all() {
        let inside = path.strip_prefix(root()).expect("inside").to_string_lossy().into_owned();
        let tests = inside.starts_with("replay-tests/") || inside.starts_with("cli/tests/");
        if !tests || inside.ends_with("own_engine.rs") || inside.ends_with("tidy.rs") {
            continue;
        }
        for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
            let mut quoted = line.split('"').skip(1).step_by(2);
            assert!(!quoted.any(|text| text.contains("dockerd")), "{inside} starts an engine: {line}");
        }
    }
}

/// Where the parts of hashed bytes are declared.
const RECORDED: [&str; 10] = [
    "event/ledger.rs",
    "event/target.rs",
    "event/target_kept.rs",
    "event/edge.rs",
    "event/parts.rs",
    "release.rs",
    "release/commands.rs",
    "outcome/observed.rs",
    "outcome/failure.rs",
    "log/envelope.rs",
];

/// Types of fields that hold text, or that a text hides in.
const TEXTS: [&str; 11] = [
    "String",
    "Private",
    "ImageRef",
    "Domain",
    "ReleaseName",
    "AppName",
    "TargetName",
    "Artefact",
    "Fingerprint",
    "StreamId",
    "Failure",
];

/// The field that a line declares, and its type.
fn field(line: &str) -> Option<(&str, &str)> {
    let line = line.trim().rsplit("] ").next().unwrap_or_default();
    let (name, kind) = line.strip_prefix("pub ").unwrap_or(line).strip_suffix(',')?.split_once(": ")?;
    let named = !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    named.then_some((name, kind))
}

/// The owner of a ledger must be able to know what it holds for ever, and what can be erased.
#[test]
fn every_text_that_is_recorded_is_documented() {
    let docs = std::fs::read_to_string(root().join("docs/integrity.md")).expect("text");
    let mut seen = 0;
    for place in RECORDED {
        let text = std::fs::read_to_string(root().join("ledger/src").join(place)).expect("text");
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for (name, kind) in code.lines().filter_map(field) {
            if TEXTS.iter().any(|text| kind.contains(text)) && !kind.contains("PrivateRow") {
                assert!(docs.contains(&format!("`{name}`")), "docs/integrity.md has no `{name}` of {place}");
                seen += 1;
            }
        }
    }
    assert!(seen > 60, "{seen} fields");
}
