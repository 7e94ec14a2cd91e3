//! Everything that code imports and names, followed to its meaning.

use crate::modules::{Id, Modules};
use crate::names::Target;
use crate::paths::Import;

/// An imported or named item: by which module, in which line, and its meaning.
pub struct Use<'a> {
    pub module: Id,
    pub file: &'a str,
    pub line: usize,
    pub target: Target,
    /// How it is imported; none for a path in code.
    pub import: Option<&'a Import>,
}

/// All uses outside of tests.
pub fn all<'a>(modules: &'a Modules<'_>) -> Vec<Use<'a>> {
    let mut all = Vec::new();
    for (module, own) in modules.all.iter().enumerate() {
        let file = own.file.as_str();
        for import in &own.imports {
            let (line, import, targets) =
                (import.target.line, Some(import), modules.imported(&import.target.path, module));
            all.extend(targets.into_iter().map(|target| Use { module, file, line, target, import }));
        }
        for named in &own.named {
            let (line, import, targets) = (named.line, None, modules.named(&named.path, module));
            all.extend(targets.into_iter().map(|target| Use { module, file, line, target, import }));
        }
        for called in &own.macros {
            let (line, import, name) = (called.line, None, &called.path[0]);
            let above = modules.macro_above(name, module).map(|above| Target::Item(above, name.clone()));
            all.extend(above.into_iter().map(|target| Use { module, file, line, target, import }));
        }
    }
    all
}
