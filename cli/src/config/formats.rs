//! The three formats of a configuration file, each as one tree.

use super::tree::{At, Key, Node, SyntaxError, Value};
use super::yaml;

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

/// Reads a file's text.
pub fn parse(text: &str, format: Format) -> Result<Node, SyntaxError> {
    match format {
        Format::Yaml => yaml::parse(text, false),
        Format::Toml => toml_tree(text),
        Format::Json => {
            // JSON is YAML, but its own parser gives better errors.
            serde_json::from_str::<serde::de::IgnoredAny>(text).map_err(|error| {
                let message = error.to_string();
                let message = message.rsplit_once(" at line").map_or(message.as_str(), |(cause, _)| cause);
                (At { line: error.line(), column: error.column() }, message.to_owned())
            })?;
            yaml::parse(text, true)
        }
    }
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
    let mut root = toml_table(table.get_ref(), text, &place);
    root.at = At { line: 1, column: 1 };
    Ok(root)
}

fn toml_table(table: &toml::de::DeTable<'_>, source: &str, place: &dyn Fn(usize) -> At) -> Node {
    let mut entries: Vec<(Key, Node)> = table
        .iter()
        .map(|(key, value)| {
            let name = key.get_ref().to_string();
            let key = Key { at: place(key.span().start), written: name.clone(), name };
            (key, toml_node(value, source, place))
        })
        .collect();
    // The crate sorts by name; people wrote an order.
    entries.sort_by_key(|(key, _)| key.at);
    Node { at: entries.first().map(|(key, _)| key.at).unwrap_or_default(), value: Value::Map(entries) }
}

fn toml_node(
    value: &toml::Spanned<toml::de::DeValue<'_>>,
    source: &str,
    place: &dyn Fn(usize) -> At,
) -> Node {
    use toml::de::DeValue;
    let at = place(value.span().start);
    // A number is taken as written: `1.10`, `0x1F` and `1_000` keep their text.
    let written = || source.get(value.span()).unwrap_or_default().to_owned();
    let value = match value.get_ref() {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(_) | DeValue::Float(_) => Value::Number(written()),
        DeValue::Boolean(value) => Value::Bool(*value, written()),
        DeValue::Datetime(_) => Value::Text(written()),
        DeValue::Array(list) => Value::List(list.iter().map(|item| toml_node(item, source, place)).collect()),
        DeValue::Table(table) => return Node { at, ..toml_table(table, source, place) },
    };
    Node { at, value }
}
