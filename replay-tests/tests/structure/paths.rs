//! Every path that code names: in `use`, in types, expressions and patterns, in the tokens of macros and in
//! attributes.

use proc_macro2::{Spacing, TokenStream, TokenTree};
use syn::visit::Visit;
use syn::{Attribute, ImplItem, Item, ItemUse, Macro, Meta, Path, UseTree, Visibility};

/// A path that is named in code.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Named {
    /// A path that begins with `::` has an empty name first.
    pub path: Vec<String>,
    pub line: usize,
}

/// A leaf of a `use`.
#[derive(Debug, Clone)]
pub struct Import {
    /// What the module calls it; none for a glob and for `as _`.
    pub name: Option<String>,
    /// Without the star of a glob.
    pub target: Named,
    pub glob: bool,
    /// Others may import it from here: `pub use`, `pub(crate) use`.
    pub shared: bool,
    /// Whether it is part of the crate's interface: `pub use`.
    pub public: bool,
}

/// What a visitor finds in code outside of tests.
#[derive(Debug, Default)]
pub struct Paths {
    pub imports: Vec<Import>,
    pub named: Vec<Named>,
    /// Names of macros that are called without a path.
    pub macros: Vec<Named>,
    /// Whether code of tests is included.
    with_tests: bool,
}

impl Paths {
    /// In tests as well.
    pub fn with_tests() -> Self {
        Self { with_tests: true, ..Self::default() }
    }

    fn tree(&mut self, tree: &UseTree, before: &[String], vis: &Visibility) {
        let mut add = |target: Vec<String>, name: Option<String>, line: usize, glob: bool| {
            let shared = !matches!(vis, Visibility::Inherited);
            let public = matches!(vis, Visibility::Public(_));
            self.imports.push(Import { name, target: Named { path: target, line }, glob, shared, public });
        };
        let with = |ident: &syn::Ident| [before, &[ident.to_string()]].concat();
        match tree {
            UseTree::Path(path) => self.tree(&path.tree, &with(&path.ident), vis),
            UseTree::Name(name) if name.ident == "self" => {
                add(before.to_vec(), before.last().cloned(), name.ident.span().start().line, false);
            }
            UseTree::Name(name) => {
                add(with(&name.ident), Some(name.ident.to_string()), name.ident.span().start().line, false);
            }
            UseTree::Rename(name) => {
                let target = if name.ident == "self" { before.to_vec() } else { with(&name.ident) };
                let given = name.rename.to_string();
                add(target, (given != "_").then_some(given), name.ident.span().start().line, false);
            }
            UseTree::Glob(glob) => add(before.to_vec(), None, glob.star_token.spans[0].start().line, true),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.tree(tree, before, vis)),
        }
    }

    /// Paths in tokens that are not parsed: an identifier, and those behind it after `::`.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut line = 0;
        let (mut colons, mut before) = (0, ' ');
        for token in tokens {
            if let TokenTree::Punct(punct) = &token
                && punct.as_char() == ':'
            {
                colons = if colons == 1 || punct.spacing() == Spacing::Joint { colons + 1 } else { 3 };
                continue;
            }
            let (begins, behind) = (before != '.' && colons != 2, colons == 2 && !path.is_empty());
            // Neither a field nor what follows a type in `<>` is looked up here.
            let outside = colons == 2 && path.is_empty() && before != '>';
            if !behind || !matches!(token, TokenTree::Ident(_)) {
                self.take(&mut path, line);
            }
            (colons, before) = (0, ' ');
            match token {
                TokenTree::Ident(ident) => {
                    if begins || outside {
                        line = ident.span().start().line;
                        path.extend(outside.then(String::new));
                    }
                    if begins || outside || behind {
                        path.push(ident.to_string());
                    }
                }
                TokenTree::Punct(punct) => before = punct.as_char(),
                TokenTree::Group(group) => self.tokens(group.stream()),
                TokenTree::Literal(_) => {}
            }
        }
        self.take(&mut path, line);
    }

    fn take(&mut self, path: &mut Vec<String>, line: usize) {
        if !path.is_empty() {
            self.named.push(Named { path: std::mem::take(path), line });
        }
    }

    /// Paths in texts: `#[serde(with = "crate::module")]`.
    fn texts(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Group(group) => self.texts(group.stream()),
                TokenTree::Literal(literal) => {
                    let text = literal.to_string();
                    if let Ok(path) = syn::parse_str::<Path>(text.trim_matches('"'))
                        && path.segments.len() > 1
                    {
                        let path = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
                        self.named.push(Named { path, line: literal.span().start().line });
                    }
                }
                TokenTree::Ident(_) | TokenTree::Punct(_) => {}
            }
        }
    }
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_item(&mut self, item: &'ast Item) {
        match item {
            // Syntax that syn knows no shape for: `use {::a}`.
            Item::Verbatim(tokens) => self.tokens(tokens.clone()),
            item if self.with_tests || !of_tests(attributes(item)) => syn::visit::visit_item(self, item),
            _of_tests => {}
        }
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        let of_tests = match item {
            ImplItem::Fn(function) => of_tests(&function.attrs),
            ImplItem::Const(constant) => of_tests(&constant.attrs),
            _ => false,
        };
        if self.with_tests || !of_tests {
            syn::visit::visit_impl_item(self, item);
        }
    }

    fn visit_item_use(&mut self, import: &'ast ItemUse) {
        let before: &[String] = if import.leading_colon.is_some() { &[String::new()] } else { &[] };
        self.tree(&import.tree, before, &import.vis);
    }

    fn visit_path(&mut self, path: &'ast Path) {
        let outside = path.leading_colon.as_ref().map(|_| String::new());
        let names = path.segments.iter().map(|segment| segment.ident.to_string());
        let names = outside.into_iter().chain(names).collect();
        if let Some(first) = path.segments.first() {
            self.named.push(Named { path: names, line: first.ident.span().start().line });
        }
        syn::visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, called: &'ast Macro) {
        if let Some(name) = called.path.get_ident() {
            self.macros.push(Named { path: vec![name.to_string()], line: name.span().start().line });
        }
        self.visit_path(&called.path);
        self.tokens(called.tokens.clone());
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        match &attribute.meta {
            Meta::List(list) => {
                self.tokens(list.tokens.clone());
                self.texts(list.tokens.clone());
            }
            // Documentation, and attributes without anything in them.
            Meta::NameValue(_) | Meta::Path(_) => {}
        }
    }

    /// `pub(in crate::module)` uses nothing.
    fn visit_visibility(&mut self, _visibility: &'ast Visibility) {}
}

/// Attributes of an item. The enum may grow, so that everything else has none.
pub fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Whether something is compiled for tests only: `#[cfg(test)]`, `#[cfg(all(test, unix))]`.
pub fn of_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg") => {
            let rule = list.tokens.to_string();
            let mut words = rule.split(|c: char| !c.is_alphanumeric());
            rule == "test" || rule.starts_with("all") && words.any(|word| word == "test")
        }
        Meta::List(_) | Meta::NameValue(_) | Meta::Path(_) => false,
    })
}
