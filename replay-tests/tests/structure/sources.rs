//! Sources as text: those of the workspace, or ones that a test makes up.

use std::collections::BTreeMap;
use std::path::Path;

/// Folder and name of every crate of the workspace.
pub const CRATES: [(&str, &str); 6] = [
    ("ledger", "haloy_ledger"),
    ("executors/edge", "haloy_edge"),
    ("executors", "haloy_executors"),
    ("cli/service", "haloy_service"),
    ("cli", "haloy"),
    ("replay-tests", "haloy_replay_tests"),
];

/// Text of every file by its path from the root of the workspace, with `/` between its parts.
pub type Sources = BTreeMap<String, String>;

/// Every Rust file of the workspace, those of tests included.
pub fn of_the_workspace() -> Sources {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let mut sources = Sources::new();
    for (folder, _name) in CRATES {
        add(root, &root.join(folder), &mut sources);
    }
    assert!(sources.len() > 300, "{} files", sources.len());
    sources
}

fn add(root: &Path, folder: &Path, sources: &mut Sources) {
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        // Build output has sources of its own, which are not kept.
        if path.is_dir() && path.ends_with("target") {
            continue;
        }
        if path.is_dir() {
            add(root, &path, sources);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let inside = path.strip_prefix(root).expect("inside").to_string_lossy().into_owned();
            sources.insert(inside, std::fs::read_to_string(&path).expect("text"));
        }
    }
}

/// Name of the crate that a file belongs to.
pub fn crate_of(file: &str) -> Option<&'static str> {
    within(file).map(|(name, _inside)| name)
}

/// Name of the crate that a file belongs to, and its path there. A crate may lie in the folder of another one.
pub fn within(file: &str) -> Option<(&'static str, &str)> {
    let inside = |folder: &str| file.strip_prefix(folder)?.strip_prefix('/');
    let of_it = CRATES.iter().filter_map(|(folder, name)| Some((*name, inside(folder)?)));
    of_it.min_by_key(|(_name, inside)| inside.len())
}
