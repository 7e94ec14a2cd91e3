//! The structure that no compiler checks: uses between files, their order, and foreign types in interfaces.
//!
//! Sources are parsed (`paths`), their modules found (`modules`), and every path is followed to the
//! definition of what it names (`names`, `uses`). `circles`, `order`, `foreign` and `process` build on that;
//! `planted` plants what each of them must find.

mod circles;
mod foreign;
mod modules;
mod names;
mod order;
mod paths;
mod planted;
mod process;
mod sources;
mod uses;

use crate::modules::Modules;

#[test]
fn the_structure_is_as_it_should_be() {
    let sources = sources::of_the_workspace();
    // Once for all rules: what is parsed cannot be shared by the threads of several tests.
    let modules = Modules::of(&sources);
    let all = uses::all(&modules);
    let crates = ["haloy_ledger", "haloy_edge", "haloy_executors", "haloy_service"];
    let rules = [
        ("every path is understood", order::unknown(&modules, &all)),
        ("no file uses one that uses it", circles::found(&modules, &all)),
        ("modules of the ledger import downwards only", order::upwards(&modules, &all)),
        ("the ledger is met where it should be", order::ledgers(&modules, &all)),
        ("the service reads nothing of its process", process::read(&modules, &all)),
        ("libraries are named behind the door of their adapter", foreign::outside(&all)),
        ("no public signature has a type of theirs", foreign::in_signatures(&modules, &crates)),
    ];
    let broken: Vec<String> = rules
        .into_iter()
        .filter(|(_rule, found)| !found.is_empty())
        .map(|(rule, found)| format!("{rule}; against that are {}:\n{}\n", found.len(), found.join("\n")))
        .collect();
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

#[test]
fn crates_import_downwards_only() {
    let found = order::wrong_crates(&sources::of_the_workspace());
    assert!(found.is_empty(), "{}", found.join("\n"));
}
