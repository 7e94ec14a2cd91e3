//! Uses between files, and the circles among them.

use crate::modules::Modules;
use crate::names::Target;
use crate::paths::Import;
use crate::uses::Use;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write;

/// Where one file uses another, and what it uses.
type Uses = BTreeMap<String, BTreeMap<String, BTreeMap<String, usize>>>;

/// Files by the files that they use, with each name and the first line that it is in.
///
/// A module is not used by being imported, but by what is named through it, and what is re-exported from
/// further down is not used where it is re-exported: so a `mod.rs` that only says what its folder offers
/// uses none of its children.
fn uses(modules: &Modules<'_>, all: &[Use<'_>]) -> Uses {
    let mut uses = Uses::new();
    for used in all {
        let within = |target| modules.is_within(target, modules.of_file(used.module));
        let offered = |import: &Import| import.shared && used.target.module().is_some_and(within);
        let whole = used.import.is_some_and(|import| import.glob);
        let counts = whole || !matches!(used.target, Target::Module(_));
        if counts && !used.import.is_some_and(offered) {
            add(modules, &mut uses, used);
        }
    }
    uses
}

fn add(modules: &Modules<'_>, uses: &mut Uses, used: &Use<'_>) {
    let (of, name) = match &used.target {
        // Everything in it, if it has something.
        Target::Module(id) if !modules.all[*id].code.is_empty() => (*id, "*".to_owned()),
        Target::Item(id, name) => (*id, name.clone()),
        Target::Module(_) | Target::Foreign(_) => return,
    };
    let of = &modules.all[of].file;
    if used.file != of {
        let names = uses.entry(used.file.to_owned()).or_default().entry(of.clone()).or_default();
        let first = names.entry(name).or_insert(used.line);
        *first = used.line.min(*first);
    }
}

/// Every circle, for people.
pub fn found(modules: &Modules<'_>, all: &[Use<'_>]) -> Vec<String> {
    let uses = uses(modules, all);
    circles(&uses).iter().map(|circle| told(&uses, circle)).collect()
}

/// Files that use each other, directly or through others: every set of them, sorted.
fn circles(uses: &Uses) -> Vec<BTreeSet<String>> {
    let reached: BTreeMap<&String, BTreeSet<&String>> =
        uses.keys().map(|file| (file, reach(uses, file))).collect();
    let mut found = BTreeSet::new();
    for (file, others) in &reached {
        if others.contains(file) {
            let back = |other: &&&String| reached.get(*other).is_some_and(|reached| reached.contains(file));
            found.insert(others.iter().filter(back).map(|file| (*file).clone()).collect::<BTreeSet<_>>());
        }
    }
    found.into_iter().collect()
}

fn reach<'a>(uses: &'a Uses, from: &'a String) -> BTreeSet<&'a String> {
    let mut reached = BTreeSet::new();
    let mut waiting = vec![from];
    while let Some(file) = waiting.pop() {
        for other in uses.get(file).into_iter().flat_map(BTreeMap::keys) {
            if reached.insert(other) {
                waiting.push(other);
            }
        }
    }
    reached
}

/// A circle for people: its shortest way around, with the place of each step, and every use inside of it.
fn told(uses: &Uses, circle: &BTreeSet<String>) -> String {
    let shortest =
        circle.iter().filter_map(|file| around(uses, file)).min_by_key(Vec::len).unwrap_or_default();
    let mut text = format!("{} files use each other: {}\n", circle.len(), shortest.join(" -> "));
    for pair in shortest.windows(2) {
        told_use(uses, &pair[0], &pair[1], "  ", &mut text);
    }
    if circle.len() > 2 {
        text.push_str("  everything inside of it:\n");
        for (user, used) in circle.iter().flat_map(|user| circle.iter().map(move |used| (user, used))) {
            told_use(uses, user, used, "    ", &mut text);
        }
    }
    text
}

fn told_use(uses: &Uses, user: &str, used: &str, indent: &str, text: &mut String) {
    if let Some(names) = uses.get(user).and_then(|used_by| used_by.get(used)) {
        let line = names.values().min().copied().unwrap_or_default();
        let names: Vec<&str> = names.keys().map(String::as_str).collect();
        writeln!(text, "{indent}{user}:{line} uses {} of {used}", names.join(", "))
            .expect("a text takes all");
    }
}

/// The shortest way from a file back to itself, which stands at both ends.
fn around(uses: &Uses, start: &String) -> Option<Vec<String>> {
    let mut before: BTreeMap<&String, &String> = BTreeMap::new();
    let mut waiting = VecDeque::from([start]);
    while let Some(file) = waiting.pop_front() {
        for other in uses.get(file).into_iter().flat_map(BTreeMap::keys) {
            if !before.contains_key(other) {
                before.insert(other, file);
                waiting.push_back(other);
            }
        }
    }
    let mut way = vec![start.clone()];
    let mut file = *before.get(start)?;
    while file != start {
        way.push(file.clone());
        file = before[file];
    }
    way.push(start.clone());
    way.reverse();
    Some(way)
}
