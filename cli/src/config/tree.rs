//! A configuration file as a tree in which every value knows its place: one shape for YAML, TOML
//! and JSON, so that the rules are written once and every error can point.

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Location, Spanned};
use std::fmt;

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
    /// What it is.
    pub value: Value,
}

/// A value.
#[derive(Debug, Clone)]
pub enum Value {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
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
    /// Its name, in snake_case.
    pub name: String,
    /// Its name as written: what tells targets and images apart.
    pub written: String,
}

impl Value {
    /// What it is, for an error.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "true or false",
            Self::Number(_) => "a number",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Map(_) => "a table",
        }
    }
}

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// YAML.
    Yaml,
    /// TOML.
    Toml,
    /// JSON; keys may be in camelCase.
    Json,
}

/// Why a file is not a tree: place and cause.
pub type SyntaxError = (At, String);

/// Reads a file's text.
pub fn parse(text: &str, format: Format) -> Result<Node, SyntaxError> {
    match format {
        Format::Yaml => yaml(text, false),
        Format::Toml => toml_tree(text),
        Format::Json => {
            // JSON is YAML, but its own parser says better what is wrong with it.
            serde_json::from_str::<serde::de::IgnoredAny>(text).map_err(|error| {
                let message = error.to_string();
                let message = message.rsplit_once(" at line").map_or(message.as_str(), |(cause, _)| cause);
                (At { line: error.line(), column: error.column() }, message.to_owned())
            })?;
            yaml(text, true)
        }
    }
}

fn yaml(text: &str, camel: bool) -> Result<Node, SyntaxError> {
    // `n` and `yes` are text, as in YAML 1.2.
    let options = serde_saphyr::options! { strict_booleans: true };
    let raw: Spanned<Raw> = serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let plain = error.without_snippet();
        let at = plain.location().map(at).unwrap_or_default();
        (at, hint(text, at, &first_sentence(&plain.to_string())))
    })?;
    let lines: Vec<&str> = text.lines().collect();
    Ok(Source { lines, camel }.node(raw))
}

/// A tab is the mistake that YAML's own words explain worst.
fn hint(text: &str, at: At, message: &str) -> String {
    // The parser may still be at the end of the line before.
    let near = text.lines().enumerate().skip(at.line.saturating_sub(1)).take(2);
    for (number, line) in near {
        if line.trim_start_matches(' ').starts_with('\t') {
            return format!("YAML is indented with spaces, and line {} starts with a tab", number + 1);
        }
    }
    message.to_owned()
}

fn first_sentence(message: &str) -> String {
    let line = message.lines().next().unwrap_or(message);
    let line = line.split(" at line ").next().unwrap_or(line);
    // What a user of the library could set is nothing that the user of the file can.
    let line = line.split(", set DuplicateKeyPolicy").next().unwrap_or(line);
    line.trim_start_matches("error: ").trim_end_matches(':').to_owned()
}

fn at(location: Location) -> At {
    let small = |number: u64| usize::try_from(number).unwrap_or(0);
    At { line: small(location.line()), column: small(location.column()) }
}

/// What serde hands over, before numbers get their own text back.
enum Raw {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<String>, Spanned<Raw>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RawVisitor;
        impl<'de> Visitor<'de> for RawVisitor {
            type Value = Raw;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }
            fn visit_unit<E>(self) -> Result<Raw, E> {
                Ok(Raw::Null)
            }
            fn visit_none<E>(self) -> Result<Raw, E> {
                Ok(Raw::Null)
            }
            fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
                Raw::deserialize(deserializer)
            }
            fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
                Ok(Raw::Bool(value))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
                Ok(Raw::Number(value.to_string()))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
                Ok(Raw::Number(value.to_string()))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
                Ok(Raw::Number(value.to_string()))
            }
            fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
                Ok(Raw::Text(value.to_owned()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Raw, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = seq.next_element()? {
                    list.push(item);
                }
                Ok(Raw::List(list))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Raw::Map(entries))
            }
        }
        deserializer.deserialize_any(RawVisitor)
    }
}

struct Source<'a> {
    lines: Vec<&'a str>,
    camel: bool,
}

impl Source<'_> {
    fn node(&self, raw: Spanned<Raw>) -> Node {
        let at = at(raw.referenced);
        let value = match raw.value {
            Raw::Null => Value::Null,
            Raw::Bool(value) => Value::Bool(value),
            Raw::Number(value) => Value::Number(self.as_written(at).unwrap_or(value)),
            Raw::Text(value) => Value::Text(value),
            Raw::List(list) => Value::List(list.into_iter().map(|item| self.node(item)).collect()),
            Raw::Map(entries) => {
                let entries = entries.into_iter().map(|(key, value)| (self.key(key), self.node(value)));
                Value::Map(entries.collect())
            }
        };
        Node { at, value }
    }

    fn key(&self, key: Spanned<String>) -> Key {
        let name = if self.camel { snake(&key.value) } else { key.value.clone() };
        Key { at: at(key.referenced), name, written: key.value }
    }

    /// A number as it stands in the file.
    fn as_written(&self, at: At) -> Option<String> {
        let line = self.lines.get(at.line.checked_sub(1)?)?;
        let rest: String = line.chars().skip(at.column.checked_sub(1)?).collect();
        let number: String =
            rest.chars().take_while(|c| c.is_ascii_alphanumeric() || "+-._".contains(*c)).collect();
        let digits = number.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
        digits.then_some(number)
    }
}

/// `deploymentStrategy` is `deployment_strategy`.
fn snake(name: &str) -> String {
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

fn toml_tree(text: &str) -> Result<Node, SyntaxError> {
    let place = |offset: usize| {
        let before = text.get(..offset).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        At { line, column }
    };
    let table = toml::de::DeTable::parse(text).map_err(|error| {
        let at = error.span().map(|span| place(span.start)).unwrap_or_default();
        (at, error.message().to_owned())
    })?;
    let mut root = toml_table(table.get_ref(), &place);
    root.at = At { line: 1, column: 1 };
    Ok(root)
}

fn toml_table(table: &toml::de::DeTable<'_>, place: &dyn Fn(usize) -> At) -> Node {
    let mut entries: Vec<(Key, Node)> = table
        .iter()
        .map(|(key, value)| {
            let name = key.get_ref().to_string();
            let key = Key { at: place(key.span().start), written: name.clone(), name };
            (key, toml_node(value, place))
        })
        .collect();
    // The crate sorts by name; people wrote an order.
    entries.sort_by_key(|(key, _)| key.at);
    Node { at: entries.first().map(|(key, _)| key.at).unwrap_or_default(), value: Value::Map(entries) }
}

fn toml_node(value: &toml::Spanned<toml::de::DeValue<'_>>, place: &dyn Fn(usize) -> At) -> Node {
    use toml::de::DeValue;
    let at = place(value.span().start);
    let value = match value.get_ref() {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => Value::Number(number.to_string()),
        DeValue::Float(number) => Value::Number(number.to_string()),
        DeValue::Boolean(value) => Value::Bool(*value),
        DeValue::Datetime(time) => Value::Text(time.to_string()),
        DeValue::Array(list) => Value::List(list.iter().map(|item| toml_node(item, place)).collect()),
        DeValue::Table(table) => return Node { at, ..toml_table(table, place) },
    };
    Node { at, value }
}
