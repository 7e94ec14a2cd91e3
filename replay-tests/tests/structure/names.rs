//! What a path means: followed through modules, imports and re-exports to where the item is defined.

use crate::modules::{Id, Modules};
use std::collections::BTreeSet;

/// What a path leads to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// A module.
    Module(Id),
    /// An item of a module, by its name there.
    Item(Id, String),
    /// Something of a crate that is not in the workspace, by its whole path.
    Foreign(Vec<String>),
}

impl Target {
    /// The module that it is, or is in.
    pub fn module(&self) -> Option<Id> {
        match self {
            Self::Module(id) | Self::Item(id, _) => Some(*id),
            Self::Foreign(_) => None,
        }
    }
}

/// Names that are being looked up, so that imports that name each other end.
type Open = BTreeSet<(Id, String)>;

impl Modules<'_> {
    /// What an imported path leads to: of a name that is a module and a function, both.
    pub fn imported(&self, path: &[String], from: Id) -> BTreeSet<Target> {
        self.resolve(path, from, true, &mut Open::new())
    }

    /// What a path in code leads to. A single name that nothing here declares is a local variable, a type
    /// parameter, or known everywhere.
    pub fn named(&self, path: &[String], from: Id) -> BTreeSet<Target> {
        match path {
            [name] => self.lookup(from, name, from, false, &mut Open::new()),
            path => self.resolve(path, from, true, &mut Open::new()),
        }
    }

    /// Where a macro that is called by its bare name, and is not imported, is defined: here or further up.
    pub fn macro_above(&self, name: &str, from: Id) -> Option<Id> {
        let mut module = Some(from);
        while let Some(id) = module.filter(|id| !self.all[*id].items.contains(name)) {
            module = self.all[id].parent;
        }
        module
    }

    fn resolve(&self, path: &[String], from: Id, made: bool, open: &mut Open) -> BTreeSet<Target> {
        let Some((head, mut rest)) = path.split_first() else { return BTreeSet::new() };
        let mut found = match head.as_str() {
            "crate" => BTreeSet::from([Target::Module(self.all[from].root)]),
            "self" => BTreeSet::from([Target::Module(from)]),
            "super" => {
                let mut above = self.all[from].parent;
                while let Some(("super", further)) = rest.split_first().map(|(name, rest)| (&**name, rest)) {
                    (above, rest) = (above.and_then(|id| self.all[id].parent), further);
                }
                above.into_iter().map(Target::Module).collect()
            }
            "Self" => return BTreeSet::new(),
            // `::name`: a crate, whatever is called so here.
            "" => BTreeSet::new(),
            name => self.lookup(from, name, from, made && rest.is_empty(), open),
        };
        if found.is_empty() {
            let mut name = head.clone();
            if let ("", Some((behind, further))) = (&*name, rest.split_first()) {
                (name, rest) = (behind.clone(), further);
            }
            found.insert(match self.libraries.get(name.as_str()) {
                Some(root) => Target::Module(*root),
                None => Target::Foreign(vec![name]),
            });
        }
        for name in rest {
            // What goes on behind a name that is a module and a function is in the module.
            let modules = found.iter().any(|target| matches!(target, Target::Module(_)));
            found.retain(|target| !modules || matches!(target, Target::Module(_)));
            found = found.into_iter().flat_map(|target| self.step(target, name, from, made, open)).collect();
        }
        found
    }

    fn step(&self, target: Target, name: &str, from: Id, made: bool, open: &mut Open) -> BTreeSet<Target> {
        match target {
            Target::Module(id) => {
                let found = self.lookup(id, name, from, made, open);
                // A name that nothing declares is one that a macro makes.
                if found.is_empty() { BTreeSet::from([Target::Item(id, name.to_owned())]) } else { found }
            }
            // A variant, or something associated.
            Target::Item(id, item) => BTreeSet::from([Target::Item(id, item)]),
            Target::Foreign(path) => {
                BTreeSet::from([Target::Foreign([path, vec![name.to_owned()]].concat())])
            }
        }
    }

    /// What a name means in a module, seen from another one. With `made`, a name that is not declared may
    /// be one that a macro of the module, or of one that is imported whole, makes.
    fn lookup(&self, id: Id, name: &str, from: Id, made: bool, open: &mut Open) -> BTreeSet<Target> {
        let module = &self.all[id];
        let mut found = BTreeSet::new();
        found.extend(module.children.get(name).map(|child| Target::Module(*child)));
        if module.items.contains(name) {
            found.insert(Target::Item(id, name.to_owned()));
        }
        if !open.insert((id, name.to_owned())) {
            return found;
        }
        let seen = |shared: bool| shared || self.is_within(from, id);
        for import in module.imports.iter().filter(|import| seen(import.shared)) {
            if import.name.as_deref() == Some(name) {
                let targets = self.resolve(&import.target.path, id, true, open);
                found.extend(targets);
            }
        }
        let globs = || module.imports.iter().filter(|import| import.glob && seen(import.shared));
        if found.is_empty() {
            for glob in globs() {
                for target in self.resolve(&glob.target.path, id, true, open) {
                    if let Target::Module(other) = target {
                        found.extend(self.lookup(other, name, from, false, open));
                    }
                }
            }
        }
        if found.is_empty() && made {
            let makers = self.makers(id, globs().map(|glob| &glob.target.path), open);
            found.extend(makers.into_iter().map(|maker| Target::Item(maker, name.to_owned())));
        }
        open.remove(&(id, name.to_owned()));
        found
    }

    /// Modules whose macros may make a name of this module: itself, and its glob imports.
    fn makers<'b>(&self, id: Id, globs: impl Iterator<Item = &'b Vec<String>>, open: &mut Open) -> Vec<Id> {
        if self.all[id].made {
            return vec![id];
        }
        let targets = globs.flat_map(|path| self.resolve(path, id, false, open));
        let modules = targets.filter_map(|target| match target {
            Target::Module(id) => Some(id),
            Target::Item(..) | Target::Foreign(_) => None,
        });
        modules.filter(|id| self.all[*id].made).collect()
    }

    /// The module that a file is, of one that is written in it.
    pub fn of_file(&self, mut id: Id) -> Id {
        while let Some(above) = self.all[id].parent.filter(|above| self.all[*above].file == self.all[id].file)
        {
            id = above;
        }
        id
    }

    /// Whether a module is another one, or inside of it.
    pub fn is_within(&self, inner: Id, outer: Id) -> bool {
        let mut module = Some(inner);
        while let Some(id) = module.filter(|id| *id != outer) {
            module = self.all[id].parent;
        }
        module.is_some()
    }
}
