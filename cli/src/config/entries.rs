//! Values by name as the file gives them: variables, build arguments, headers, and where each comes from.

use super::keys;
use super::problem::Mistakes;
use super::read::{Fields, scalar};
use super::tree::{At, Key, Node, Value};
use haloy_ledger::release::ValueSource;
use std::collections::BTreeSet;

/// A value source as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourcePart {
    pub at: At,
    pub source: ValueSource,
    /// The text of a literal.
    pub literal: String,
}

#[derive(Debug, Clone)]
pub struct EnvPart {
    pub name: String,
    pub value: SourcePart,
    pub build_arg: bool,
}

/// A value source standing alone: text, or a table with `value` or `from`.
pub fn source_node(node: &Node, name: &str, m: &mut Mistakes) -> Option<SourcePart> {
    match &node.value {
        Value::Map(_) => source(&Fields::open(node, &format!("`{name}`"), keys::SOURCE, m)?, name, m),
        Value::Null(_) | Value::Bool(..) | Value::Number(_) | Value::Text(_) | Value::List(_) => {
            let spot = scalar(node, name, m)?;
            Some(SourcePart { at: spot.at, source: ValueSource::Literal, literal: spot.value })
        }
    }
}

fn source(fields: &Fields<'_>, name: &str, m: &mut Mistakes) -> Option<SourcePart> {
    if let Some(Node { at, value: Value::Text(text) }) = fields.node("value")
        && text.contains('\0')
    {
        let hint = "delete the `\\0`, or encode the value, e.g. with base64".to_owned();
        let message = format!("`{name}` has a NUL character in its `value`, which no variable can hold");
        m.note(*at, message, Some(hint), Some(0));
        return None;
    }
    let literal = fields.scalar("value", m);
    let from = fields.node("from");
    match (literal, from) {
        (Some(spot), None) => {
            Some(SourcePart { at: spot.at, source: ValueSource::Literal, literal: spot.value })
        }
        (None, Some(node)) => from_node(node, name, m),
        (Some(_), Some(node)) => {
            m.add(node.at, format!("`{name}` has both `value` and `from`; exactly one is needed"));
            None
        }
        // Already noted, whatever the value is.
        (None, None) if fields.has("value") || fields.has("from") => None,
        (None, None) => {
            let message = format!("`{name}` has neither `value` nor `from`");
            m.add_with_hint(fields.at, message, "give it `value: \"\"` if it is meant to be empty");
            None
        }
    }
}

fn from_node(node: &Node, name: &str, m: &mut Mistakes) -> Option<SourcePart> {
    let fields = Fields::open(node, "`from`", keys::FROM, m)?;
    let mut sources: Vec<(At, ValueSource)> = Vec::new();
    sources.extend(fields.text("env", m).map(|spot| (spot.at, ValueSource::Env(spot.value))));
    sources.extend(fields.text("file", m).map(|spot| (spot.at, ValueSource::File(spot.value))));
    sources.extend(fields.text("secret", m).map(|spot| (spot.at, ValueSource::Secret(spot.value))));
    if sources.is_empty() && ["env", "file", "secret"].iter().any(|name| fields.has(name)) {
        return None;
    }
    if sources.len() != 1 {
        m.add(node.at, format!("`from` of `{name}` needs exactly one of env, file, secret"));
        return None;
    }
    let (at, source) = sources.swap_remove(0);
    Some(SourcePart { at, source, literal: String::new() })
}

pub fn env(fields: &Fields<'_>, list: &str, known: &[keys::KeyDoc], m: &mut Mistakes) -> Vec<EnvPart> {
    let mut seen = BTreeSet::new();
    let mut entries = Vec::new();
    for node in fields.list(list, m).unwrap_or_default() {
        let Some(entry) = Fields::open(node, &format!("`{list}`"), known, m) else { continue };
        let Some(name) = entry.text("name", m) else {
            if !entry.has("name") {
                let hint = "write `- {name: LOG_LEVEL, value: \"...\"}`".to_owned();
                m.note(node.at, format!("an entry of `{list}` has no `name`"), Some(hint), Some(0));
            }
            continue;
        };
        let unusable = |c: char| c == '=' || c.is_whitespace() || c.is_control();
        if name.value.is_empty() || name.value.contains(unusable) {
            let message = format!("`{}` cannot be the name of a variable", name.value);
            m.add_with_hint(name.at, message, "use letters, digits and `_`; the value goes into `value`");
        } else if !seen.insert(name.value.clone()) {
            m.add(name.at, format!("`{}` is in `{list}` twice", name.value));
        }
        let value = source(&entry, &name.value, m);
        let takes_build_arg = known.iter().any(|key| key.name == "build_arg");
        let build_arg = takes_build_arg && entry.bool("build_arg", m).unwrap_or(false);
        let Some(value) = value else { continue };
        entries.push(EnvPart { name: name.value, value, build_arg });
    }
    entries
}

/// Headers that belong to the connection, or that haloy must set itself for a probe to be one.
const NO_HEADERS: [&str; 8] =
    ["connection", "content-length", "expect", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"];

/// Headers of the probe by name.
pub fn headers(entries: &[(Key, Node)], m: &mut Mistakes) -> Vec<EnvPart> {
    let mut headers: Vec<EnvPart> = Vec::new();
    for (key, node) in entries {
        let name = &key.written;
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        let wrong = if name.is_empty() || !name.bytes().all(token) {
            Some("cannot be the name of a header")
        } else if NO_HEADERS.iter().any(|no| name.eq_ignore_ascii_case(no)) {
            Some("belongs to the connection, and cannot be set for a probe")
        } else if headers.iter().any(|known| known.name.eq_ignore_ascii_case(name)) {
            Some("is in `health_check_headers` twice")
        } else {
            None
        };
        if let Some(wrong) = wrong {
            m.note(key.at, format!("`{name}` {wrong}"), None, Some(name.chars().count()));
        }
        if let Some(value) = source_node(node, name, m) {
            headers.push(EnvPart { name: name.clone(), value, build_arg: false });
        }
    }
    headers
}
