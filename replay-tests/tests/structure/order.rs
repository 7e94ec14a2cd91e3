//! In which order crates, and modules of the ledger, may use each other, and who may name a ledger at all.

use crate::modules::{Id, Modules};
use crate::names::Target;
use crate::paths::Paths;
use crate::sources::{Sources, crate_of};
use crate::uses::Use;
use std::collections::BTreeSet;
use syn::visit::Visit;

/// Modules of the ledger, each above the previous ones.
const ORDER: [&str; 17] = [
    "locks",
    "ids",
    "private",
    "release",
    "ports",
    "defect",
    "files",
    "secrets",
    "outcome",
    "event",
    "deployment",
    "edge",
    "log",
    "projection",
    "integrity",
    "read",
    "ledger",
];

/// Crates that a crate does not name, its tests included.
const NEVER: [(&str, &[&str]); 5] = [
    (
        "haloy_ledger",
        &["haloy_edge", "haloy_executors", "haloy_service", "haloy", "tokio", "bollard", "clap"],
    ),
    ("haloy_edge", &["haloy_executors", "haloy_service", "haloy", "haloy_replay_tests", "bollard", "clap"]),
    ("haloy_executors", &["haloy_service", "haloy", "clap", "haloy_replay_tests"]),
    ("haloy_service", &["haloy", "clap", "bollard", "haloy_replay_tests"]),
    ("haloy", &["haloy_replay_tests", "bollard"]),
];

/// Where async code meets the ledger.
const MEETS: [&str; 2] = ["executors/src/ledger_handle.rs", "executors/src/values.rs"];

/// Uses of a module of the ledger that lies above the one that uses it.
pub fn upwards(modules: &Modules<'_>, all: &[Use<'_>]) -> Vec<String> {
    let mut found = BTreeSet::new();
    let Some(ledger) = modules.libraries.get("haloy_ledger") else { return Vec::new() };
    for name in modules.all[*ledger].children.keys() {
        if !ORDER.contains(&name.as_str()) {
            found.insert(format!("the module {name} of the ledger has no place in the order"));
        }
    }
    let rank = |id: Id| {
        let own = Some(id).filter(|id| modules.all[*id].root == *ledger)?;
        let top = modules.all[own].path.get(1)?;
        ORDER.iter().position(|known| known == top)
    };
    for Use { module, file, line, target, .. } in all {
        let (Some(mine), Some(theirs)) = (rank(*module), target.module().and_then(rank)) else { continue };
        if theirs > mine {
            found.insert(format!("{file}:{line} uses {}, which is above it", ORDER[theirs]));
        }
    }
    found.into_iter().collect()
}

/// Crates that are named where they must not be. Tests count: what they name is compiled with the crate.
pub fn wrong_crates(sources: &Sources) -> Vec<String> {
    let mut found = Vec::new();
    for (file, text) in sources {
        let own = crate_of(file);
        let Some((_own, never)) = NEVER.iter().find(|(known, _never)| Some(*known) == own) else { continue };
        let parsed = syn::parse_file(text).unwrap_or_else(|error| panic!("{file} cannot be parsed: {error}"));
        let mut paths = Paths::with_tests();
        paths.visit_file(&parsed);
        // A single name in code is a variable as well; what is imported is a crate by itself, too.
        let imported = paths.imports.iter().map(|import| &import.target);
        let named = paths.named.iter().filter(|named| named.path.len() > 1);
        for named in imported.chain(named) {
            let head = named.path.iter().find(|name| !name.is_empty());
            if let Some(head) = head.filter(|head| never.contains(&head.as_str())) {
                found.push(format!("{file}:{} uses {head}", named.line));
            }
        }
    }
    found
}

/// Places that name a ledger and are none of those that should: commands talk to the service, and async code
/// meets the ledger in one file of the executors, and in none of the edge.
pub fn ledgers(modules: &Modules<'_>, all: &[Use<'_>]) -> Vec<String> {
    let ledger = |target: &Target| match target {
        Target::Item(id, name) => name == "Ledger" && modules.all[*id].file.starts_with("ledger/src/ledger/"),
        Target::Module(_) | Target::Foreign(_) => false,
    };
    let elsewhere =
        |file: &str| file.starts_with("cli/src/") || file.starts_with("executors/") && !MEETS.contains(&file);
    let met = all.iter().filter(|used| elsewhere(used.file) && ledger(&used.target));
    met.map(|used| format!("{}:{} names the ledger", used.file, used.line)).collect()
}

/// Paths that begin in their own crate and lead nowhere: a use that is not understood is one that is not seen.
pub fn unknown(modules: &Modules<'_>, all: &[Use<'_>]) -> Vec<String> {
    let mut found = BTreeSet::new();
    for Use { file, line, target, .. } in all {
        if let Target::Item(id, name) = target
            && !modules.all[*id].items.contains(name)
            && !modules.all[*id].made
        {
            found.insert(format!("{file}:{line}: {} has no {name}", modules.all[*id].path.join("::")));
        }
    }
    found.into_iter().collect()
}
