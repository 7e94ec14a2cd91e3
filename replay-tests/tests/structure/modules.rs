//! The modules of every crate, and what each defines, imports and names.

use crate::paths::{Import, Named, Paths, attributes, of_tests};
use crate::sources::{Sources, crate_of, within};
use std::collections::{BTreeMap, BTreeSet};
use syn::visit::Visit;
use syn::{Item, Visibility};

/// Place of a module in [`Modules::all`].
pub type Id = usize;

/// A module, whether a file of its own or a block inside of one.
pub struct Module {
    /// The file that it is written in.
    pub file: String,
    /// The crate's own root first.
    pub path: Vec<String>,
    pub root: Id,
    pub parent: Option<Id>,
    pub children: BTreeMap<String, Id>,
    /// Children that are declared `pub mod`.
    pub public_children: Vec<Id>,
    /// Names of what is defined here, other than modules.
    pub items: BTreeSet<String>,
    /// Macros make some of its items, so that not all of their names are known.
    pub made: bool,
    pub imports: Vec<Import>,
    pub named: Vec<Named>,
    pub macros: Vec<Named>,
    /// Code of the module, without modules, imports and tests.
    pub code: Vec<Item>,
}

/// Every module outside of tests.
pub struct Modules<'a> {
    sources: &'a Sources,
    pub all: Vec<Module>,
    /// The root of each library by the name of its crate.
    pub libraries: BTreeMap<&'static str, Id>,
    /// Files, and folders with their `/`, that hold tests.
    tests: Vec<String>,
}

impl<'a> Modules<'a> {
    pub fn of(sources: &'a Sources) -> Self {
        let mut modules = Self { sources, all: Vec::new(), libraries: BTreeMap::new(), tests: Vec::new() };
        for file in sources.keys() {
            if is_root(file) {
                let id = modules.root(file);
                if file.ends_with("/src/lib.rs") {
                    modules.libraries.insert(crate_of(file).expect("a crate of the workspace"), id);
                }
            }
        }
        modules.nothing_is_left_out();
        modules
    }

    fn root(&mut self, file: &str) -> Id {
        let folder = file.rsplit_once('/').expect("a folder").0.to_owned();
        let id = self.empty(file.to_owned(), vec!["crate".to_owned()], None);
        self.fill(id, parsed(self.sources, file), &folder);
        id
    }

    fn empty(&mut self, file: String, path: Vec<String>, parent: Option<Id>) -> Id {
        let id = self.all.len();
        let root = parent.map_or(id, |parent| self.all[parent].root);
        self.all.push(Module {
            file,
            path,
            root,
            parent,
            children: BTreeMap::new(),
            public_children: Vec::new(),
            items: BTreeSet::new(),
            made: false,
            imports: Vec::new(),
            named: Vec::new(),
            macros: Vec::new(),
            code: Vec::new(),
        });
        id
    }

    /// `folder` is where files of child modules are.
    fn fill(&mut self, id: Id, items: Vec<Item>, folder: &str) {
        let mut paths = Paths::default();
        for item in items {
            match item {
                Item::Mod(child) => self.child(id, child, folder),
                item if of_tests(attributes(&item)) => {}
                item => {
                    paths.visit_item(&item);
                    self.define(id, &item);
                    if !matches!(item, Item::Use(_)) {
                        self.all[id].code.push(item);
                    }
                }
            }
        }
        // Each is followed once: the first line that has it is reported.
        paths.named.sort();
        paths.named.dedup_by(|next, first| next.path == first.path);
        let module = &mut self.all[id];
        module.imports.append(&mut paths.imports);
        (module.named, module.macros) = (paths.named, paths.macros);
    }

    fn child(&mut self, parent: Id, child: syn::ItemMod, folder: &str) {
        let name = child.ident.to_string();
        let own = format!("{folder}/{name}");
        let tests = of_tests(&child.attrs);
        let Some((_brace, items)) = child.content else {
            let flat = format!("{own}.rs");
            let file = if self.sources.contains_key(&flat) { flat } else { format!("{own}/mod.rs") };
            if tests {
                self.tests.extend([file, format!("{own}/")]);
            } else {
                let items = parsed(self.sources, &file);
                self.add(parent, &name, &child.vis, file, items, &own);
            }
            return;
        };
        if tests {
            self.tests.push(format!("{own}/"));
        } else {
            let file = self.all[parent].file.clone();
            self.add(parent, &name, &child.vis, file, items, &own);
        }
    }

    fn add(&mut self, parent: Id, name: &str, vis: &Visibility, file: String, items: Vec<Item>, own: &str) {
        let path = [self.all[parent].path.as_slice(), &[name.to_owned()]].concat();
        let id = self.empty(file, path, Some(parent));
        self.all[parent].children.insert(name.to_owned(), id);
        if matches!(vis, Visibility::Public(_)) {
            self.all[parent].public_children.push(id);
        }
        self.fill(id, items, own);
    }

    fn define(&mut self, id: Id, item: &Item) {
        let name = match item {
            Item::Const(item) => &item.ident,
            Item::Enum(item) => &item.ident,
            Item::Fn(item) => &item.sig.ident,
            Item::Static(item) => &item.ident,
            Item::Struct(item) => &item.ident,
            Item::Trait(item) => &item.ident,
            Item::Type(item) => &item.ident,
            Item::Macro(item) => match &item.ident {
                Some(name) => {
                    // It is found at the root of the crate, wherever it is defined.
                    if item.attrs.iter().any(|attribute| attribute.path().is_ident("macro_export")) {
                        self.exported(id, name.to_string(), name.span().start().line);
                    }
                    name
                }
                None => {
                    self.all[id].made = true;
                    return;
                }
            },
            _ => return,
        };
        self.all[id].items.insert(name.to_string());
    }

    fn exported(&mut self, id: Id, name: String, line: usize) {
        let root = self.all[id].root;
        let target =
            Named { path: [self.all[id].path.as_slice(), std::slice::from_ref(&name)].concat(), line };
        let import = Import { name: Some(name), target, glob: false, shared: true, public: true };
        self.all[root].imports.push(import);
    }

    /// A file that no module names is not compiled, or this does not know how it is.
    fn nothing_is_left_out(&self) {
        let known: BTreeSet<&str> = self.all.iter().map(|module| module.file.as_str()).collect();
        for file in self.sources.keys() {
            let inside = within(file).is_some_and(|(_crate, inside)| inside.starts_with("src/"));
            let of_tests = self
                .tests
                .iter()
                .any(|tests| file == tests || tests.ends_with('/') && file.starts_with(tests));
            assert!(!inside || of_tests || known.contains(file.as_str()), "{file} is in no module");
        }
    }
}

fn is_root(file: &str) -> bool {
    let Some((_crate, inside)) = within(file) else { return false };
    let program = inside.strip_prefix("src/bin/");
    matches!(inside, "src/lib.rs" | "src/main.rs")
        || program.is_some_and(|inside| !inside.contains('/') || inside.ends_with("/main.rs"))
}

fn parsed(sources: &Sources, file: &str) -> Vec<Item> {
    let text = sources.get(file).unwrap_or_else(|| panic!("{file} is declared and not there"));
    syn::parse_file(text).unwrap_or_else(|error| panic!("{file} cannot be parsed: {error}")).items
}
