//! Properties of its process that the service must not read: the process may have many callers, and is not
//! one of them.

use crate::modules::Modules;
use crate::names::Target;
use crate::uses::Use;
use std::collections::BTreeSet;

/// Beginnings of paths that say something of this process, its user, its machine or its moment.
const OF_THE_PROCESS: [&[&str]; 16] = [
    &["std", "env"],
    &["std", "process"],
    &["std", "io", "stdin"],
    &["std", "io", "stdout"],
    &["std", "io", "stderr"],
    &["std", "time", "SystemTime"],
    &["rustix", "process"],
    &["rustix", "system"],
    &["rustix", "thread"],
    &["tokio", "process"],
    &["tokio", "signal"],
    &["jiff", "Timestamp", "now"],
    &["jiff", "Zoned", "now"],
    &["jiff", "tz"],
    &["clap"],
    &["getrandom"],
];

/// The same of the ledger: its ports are given.
const PORTS: [&str; 2] = ["SystemClock", "SystemEntropy"];

/// Where the service names something of its process. Macros that read the environment at compile time are not
/// included.
pub fn read(modules: &Modules<'_>, all: &[Use<'_>]) -> Vec<String> {
    let mut found = BTreeSet::new();
    for Use { file, line, target, import, .. } in
        all.iter().filter(|used| used.file.starts_with("cli/service/"))
    {
        match target {
            Target::Foreign(path) => {
                let begins = |with: &&&[&str]| path.iter().zip(**with).all(|(name, with)| name == with);
                // A whole library may be imported to name what is in it.
                let whole = |with: &&&[&str]| path.len() >= with.len() || import.is_some_and(|i| i.glob);
                if OF_THE_PROCESS.iter().filter(whole).any(|with| begins(&with)) {
                    found.insert(format!("{file}:{line} names {}", path.join("::")));
                }
            }
            Target::Item(id, name) => {
                if PORTS.contains(&name.as_str()) && modules.all[*id].file.starts_with("ledger/") {
                    found.insert(format!("{file}:{line} names {name}"));
                }
            }
            Target::Module(_) => {}
        }
    }
    found.into_iter().collect()
}
