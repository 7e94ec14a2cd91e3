//! A configuration file as a tree in which every value knows its place: one shape for YAML, TOML
//! and JSON, so that the rules are written once and every error can point.

/// A place in the file, from 1; 0:0 where unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct At {
    /// Line.
    pub line: usize,
    /// Column, in characters.
    pub column: usize,
}

/// A value and its place.
#[derive(Debug, Clone)]
pub struct Node {
    /// Where it starts.
    pub at: At,
    /// The value.
    pub value: Value,
}

/// A value.
#[derive(Debug, Clone)]
pub enum Value {
    /// Nothing, and how that was written: ``, `~`, `null`.
    Null(String),
    /// True or false, and how that was written.
    Bool(bool, String),
    /// A number, as written: `1.10` is a tag, not 1.1.
    Number(String),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// Keys and values, in file order.
    Map(Vec<(Key, Node)>),
}

/// A key and its place.
#[derive(Debug, Clone)]
pub struct Key {
    /// Where it starts.
    pub at: At,
    /// Name in snake_case.
    pub name: String,
    /// Name as written: distinguishes targets and images.
    pub written: String,
}

impl Value {
    /// Kind of value, for an error.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null(_) => "nothing",
            Self::Bool(..) => "true or false",
            Self::Number(_) => "a number",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Map(_) => "a table",
        }
    }
}

/// Why a file is not a tree: place and cause.
pub type SyntaxError = (At, String);

/// `deploymentStrategy` is `deployment_strategy`.
pub fn snake(name: &str) -> String {
    let starts_small = name.starts_with(|c: char| c.is_ascii_lowercase());
    if !starts_small || name.contains(['-', '_', '.']) {
        return name.to_owned();
    }
    name.chars().fold(String::new(), |mut out, c| {
        if c.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
        out
    })
}
