//! Types of other libraries in the interface of a crate. They stay within their adapter: users of the crate
//! need not know what it is built on, and that can be exchanged.

use crate::modules::{Id, Modules};
use crate::names::Target;
use crate::paths::Paths;
use crate::uses::Use;
use std::collections::BTreeSet;
use syn::visit::Visit;
use syn::{Fields, ImplItem, Item, ItemImpl, TraitItem, Type, Visibility};

/// Libraries behind an adapter, and its place: elsewhere they are not named.
const DOORS: [(&str, &[&str]); 12] = [
    ("fjall", &["ledger/src/log/fjall/"]),
    ("ed25519_dalek", &["ledger/src/integrity/note.rs"]),
    ("chacha20poly1305", &["ledger/src/secrets/"]),
    ("bollard", &["executors/src/docker/"]),
    ("oci_client", &["executors/src/registry/", "executors/src/said.rs"]),
    ("docker_credential", &["executors/src/registry/"]),
    ("reqwest", &["executors/src/registry/", "executors/edge/", "executors/src/said.rs"]),
    ("hyper", &["executors/edge/", "executors/src/docker/"]),
    ("hyper_util", &["executors/edge/", "executors/src/docker/"]),
    ("rustls", &["executors/edge/", "executors/src/docker/", "executors/src/registry/"]),
    ("instant_acme", &["executors/edge/"]),
    ("x509_cert", &["executors/edge/"]),
];

/// Libraries whose types appear in no public signature.
const HIDDEN: [&str; 16] = [
    "fjall",
    "ed25519_dalek",
    "chacha20poly1305",
    "bollard",
    "oci_client",
    "docker_credential",
    "reqwest",
    "hyper",
    "hyper_util",
    "http_body_util",
    "rustls",
    "tokio_rustls",
    "instant_acme",
    "rcgen",
    "x509_cert",
    "tar",
];

/// Libraries that are named outside of their adapter.
pub fn outside(all: &[Use<'_>]) -> Vec<String> {
    let mut found = BTreeSet::new();
    for Use { file, line, target, .. } in all {
        let Target::Foreign(path) = target else { continue };
        // A single name may be a type parameter.
        let Some((_name, doors)) = DOORS.iter().find(|(name, _doors)| path.len() > 1 && path[0] == **name)
        else {
            continue;
        };
        let ours = file.starts_with("ledger/") || file.starts_with("executors/");
        if ours && !doors.iter().any(|door| file.starts_with(door)) {
            found.insert(format!("{file}:{line} names {}", path.join("::")));
        }
    }
    found.into_iter().collect()
}

/// Types of hidden libraries in public signatures of the libraries of these crates.
pub fn in_signatures(modules: &Modules<'_>, crates: &[&str]) -> Vec<String> {
    let mut offered = Offered { modules, items: BTreeSet::new(), seen: BTreeSet::new() };
    crates.iter().filter_map(|name| modules.libraries.get(name)).for_each(|root| offered.module(*root));
    let mut found = BTreeSet::new();
    for (id, module) in modules.all.iter().enumerate() {
        for item in &module.code {
            let mut paths = Paths::default();
            offered.signature(id, item, &mut paths);
            for named in &paths.named {
                for library in hidden(modules, id, &named.path, &mut BTreeSet::new()) {
                    found.insert(format!("{}:{} offers a type of {library}", module.file, named.line));
                }
            }
        }
    }
    found.into_iter().collect()
}

/// The hidden libraries that a path leads to, also by another name that was given to a type.
fn hidden(
    modules: &Modules<'_>,
    from: Id,
    path: &[String],
    seen: &mut BTreeSet<(Id, String)>,
) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for target in modules.named(path, from) {
        match target {
            Target::Foreign(path) => {
                found.extend(path.first().filter(|name| HIDDEN.contains(&name.as_str())).cloned())
            }
            Target::Item(id, name) if seen.insert((id, name.clone())) => {
                for item in &modules.all[id].code {
                    if let Item::Type(alias) = item
                        && alias.ident == name
                    {
                        let mut paths = Paths::default();
                        paths.visit_type(&alias.ty);
                        paths
                            .named
                            .iter()
                            .for_each(|named| found.extend(hidden(modules, id, &named.path, seen)));
                    }
                }
            }
            Target::Item(..) | Target::Module(_) => {}
        }
    }
    found
}

/// What can be named from outside of its crate.
struct Offered<'a> {
    modules: &'a Modules<'a>,
    items: BTreeSet<(Id, String)>,
    seen: BTreeSet<Id>,
}

impl Offered<'_> {
    /// Takes in everything that a module offers, itself or by a re-export.
    fn module(&mut self, id: Id) {
        if !self.seen.insert(id) {
            return;
        }
        let module = &self.modules.all[id];
        let public = module.code.iter().filter_map(public_name).map(|name| (id, name));
        self.items.extend(public);
        module.public_children.iter().for_each(|child| self.module(*child));
        for import in module.imports.iter().filter(|import| import.public) {
            for target in self.modules.imported(&import.target.path, id) {
                match target {
                    Target::Item(other, name) => drop(self.items.insert((other, name))),
                    // Private modules are re-exported as nothing but what is in them.
                    Target::Module(other) if import.glob || self.is_public(other) => self.module(other),
                    Target::Module(_) | Target::Foreign(_) => {}
                }
            }
        }
    }

    fn is_public(&self, id: Id) -> bool {
        self.modules.all[id].parent.is_some_and(|above| self.modules.all[above].public_children.contains(&id))
    }

    fn has(&self, id: Id, name: &syn::Ident) -> bool {
        self.items.contains(&(id, name.to_string()))
    }

    /// Collects what the signature of an item names, if the item is offered.
    fn signature(&self, id: Id, item: &Item, paths: &mut Paths) {
        match item {
            Item::Fn(item) if self.has(id, &item.sig.ident) => paths.visit_signature(&item.sig),
            Item::Struct(item) if self.has(id, &item.ident) => {
                paths.visit_generics(&item.generics);
                fields(&item.fields, false, paths);
            }
            Item::Enum(item) if self.has(id, &item.ident) => {
                paths.visit_generics(&item.generics);
                item.variants.iter().for_each(|variant| fields(&variant.fields, true, paths));
            }
            Item::Type(item) if self.has(id, &item.ident) => paths.visit_type(&item.ty),
            Item::Const(item) if self.has(id, &item.ident) => paths.visit_type(&item.ty),
            Item::Static(item) if self.has(id, &item.ident) => paths.visit_type(&item.ty),
            Item::Trait(item) if self.has(id, &item.ident) => {
                item.supertraits.iter().for_each(|bound| paths.visit_type_param_bound(bound));
                for item in &item.items {
                    match item {
                        TraitItem::Fn(function) => paths.visit_signature(&function.sig),
                        other => paths.visit_trait_item(other),
                    }
                }
            }
            Item::Impl(item) => self.implementation(id, item, paths),
            _ => {}
        }
    }

    fn implementation(&self, id: Id, item: &ItemImpl, paths: &mut Paths) {
        let offered = |path: &syn::Path| {
            let path: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            let targets = self.modules.named(&path, id);
            let own = targets.iter().any(|target| matches!(target, Target::Item(..)));
            let known = |target: &Target| match target {
                Target::Item(id, name) => self.items.contains(&(*id, name.clone())),
                Target::Module(_) | Target::Foreign(_) => false,
            };
            (own, targets.iter().any(known))
        };
        let of = match &*item.self_ty {
            Type::Path(path) => offered(&path.path),
            _ => (false, false),
        };
        match &item.trait_ {
            None if of.1 => {
                for item in &item.items {
                    match item {
                        ImplItem::Fn(function) if is_public(&function.vis) => {
                            paths.visit_signature(&function.sig)
                        }
                        ImplItem::Const(constant) if is_public(&constant.vis) => {
                            paths.visit_type(&constant.ty)
                        }
                        _ => {}
                    }
                }
            }
            // Both sides are public, and one of them is ours.
            Some((path, _for)) => {
                let implemented = offered(path);
                let hidden = of.0 && !of.1 || implemented.0 && !implemented.1;
                if !hidden && (of.1 || implemented.1) {
                    paths.visit_path(path);
                    paths.visit_type(&item.self_ty);
                    for item in &item.items {
                        match item {
                            ImplItem::Fn(function) => paths.visit_signature(&function.sig),
                            ImplItem::Type(associated) => paths.visit_type(&associated.ty),
                            _ => {}
                        }
                    }
                }
            }
            None => {}
        }
    }
}

fn fields(fields: &Fields, all: bool, paths: &mut Paths) {
    fields.iter().filter(|field| all || is_public(&field.vis)).for_each(|field| paths.visit_type(&field.ty));
}

fn is_public(vis: &Visibility) -> bool {
    matches!(vis, Visibility::Public(_))
}

fn public_name(item: &Item) -> Option<String> {
    let (vis, name) = match item {
        Item::Const(item) => (&item.vis, &item.ident),
        Item::Enum(item) => (&item.vis, &item.ident),
        Item::Fn(item) => (&item.vis, &item.sig.ident),
        Item::Static(item) => (&item.vis, &item.ident),
        Item::Struct(item) => (&item.vis, &item.ident),
        Item::Trait(item) => (&item.vis, &item.ident),
        Item::Type(item) => (&item.vis, &item.ident),
        _ => return None,
    };
    is_public(vis).then(|| name.to_string())
}
