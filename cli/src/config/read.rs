//! Reads typed values from a tree, noting every mistake.

use super::habits;
use super::keys::{KeyDoc, Kind};
use super::problem::Mistakes;
use super::tree::{At, Key, Node, Value};
use crate::output::foreign;

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot<T> {
    /// Where.
    pub at: At,
    /// What.
    pub value: T,
}

/// A table being read. Unknown keys, and keys with nothing after them, are noted when it is opened.
pub struct Fields<'a> {
    entries: &'a [(Key, Node)],
    /// Where the table starts.
    pub at: At,
    known: &'a [KeyDoc],
}

/// The closest of some names, if it is close.
pub fn closest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    /// Words less alike than this are not a typing mistake.
    const ALIKE: f64 = 0.75;
    names
        .map(|known| (strsim::jaro_winkler(name, known), known))
        .filter(|(alike, _)| *alike >= ALIKE)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, known)| known)
}

impl<'a> Fields<'a> {
    /// Opens a table; notes unknown keys. `None` if it is not a table.
    pub fn open(node: &'a Node, what: &str, known: &'a [KeyDoc], mistakes: &mut Mistakes) -> Option<Self> {
        let entries = match &node.value {
            Value::Map(entries) => entries.as_slice(),
            other => {
                let message = match other {
                    Value::Null(_) => format!("{what} is empty, and must be a table"),
                    other => format!("{what} is {}, and must be a table", other.kind()),
                };
                let shown = habits::holds_values(what).then_some(0);
                mistakes.note(node.at, message, habits::of_shape(what, other), shown);
                return None;
            }
        };
        for (number, (key, node)) in entries.iter().enumerate() {
            match known.iter().find(|known| known.is(&key.name)) {
                None => unknown(key, what, known, mistakes),
                Some(known) => nothing(known, key, node, mistakes),
            }
            let twice = |(other, _): &&(Key, Node)| other.name == key.name;
            if let Some((first, _)) = entries[..number].iter().find(twice) {
                let message = format!("`{}` is in {what} twice; first in line {}", key.name, first.at.line);
                mistakes.add(key.at, message);
            }
        }
        Some(Self { entries, at: node.at, known })
    }

    /// The value behind a key. None where there is nothing, which was noted if it is a mistake.
    pub fn node(&self, name: &str) -> Option<&'a Node> {
        debug_assert!(self.known.iter().any(|known| known.name == name), "`{name}` is in no table of keys");
        let node = self.entries.iter().find(|(key, _)| key.name == name).map(|(_, node)| node)?;
        (!matches!(node.value, Value::Null(_))).then_some(node)
    }

    /// The place of a key that has nothing after it.
    pub fn empty(&self, name: &str) -> Option<At> {
        let (key, node) = self.entries.iter().find(|(key, _)| key.name == name)?;
        matches!(node.value, Value::Null(_)).then_some(key.at)
    }

    /// Whether the key exists, whatever its value is.
    pub fn has(&self, name: &str) -> bool {
        self.entries.iter().any(|(key, _)| key.name == name)
    }

    /// Text; a number is not text.
    pub fn text(&self, name: &str, mistakes: &mut Mistakes) -> Option<Spot<String>> {
        text(self.node(name)?, name, mistakes)
    }

    /// Text, or a number or truth value taken as written.
    pub fn scalar(&self, name: &str, mistakes: &mut Mistakes) -> Option<Spot<String>> {
        scalar(self.node(name)?, name, mistakes)
    }

    /// A whole number within the bounds of the table of keys; digits in quotes are accepted.
    pub fn int(&self, name: &str, mistakes: &mut Mistakes) -> Option<Spot<u32>> {
        let node = self.node(name)?;
        let (low, high) = match self.known.iter().find(|known| known.name == name).map(|known| known.kind) {
            Some(Kind::Int(low, high)) => (low, high),
            _other => (0, u32::MAX),
        };
        let text = match &node.value {
            Value::Number(text) | Value::Text(text) => text.as_str(),
            other => {
                mistakes.add(node.at, format!("`{name}` is {}, and must be a whole number", other.kind()));
                return None;
            }
        };
        let digits = text.strip_prefix('-').unwrap_or(text);
        let decimal = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        if !decimal {
            let message = format!("`{name}` is `{text}`, and must be a whole number");
            mistakes.note(node.at, message, habits::of_number(name, text), None);
            return None;
        }
        if digits.len() > 1 && digits.starts_with('0') {
            // Eight times less in YAML 1.1 than in YAML 1.2.
            let message = format!("`{name}` is `{text}`, which some read as an octal number");
            let hint = format!(
                "write it without the zero: `{name}: {}`",
                digits.trim_start_matches('0').parse::<u32>().unwrap_or_default()
            );
            mistakes.add_with_hint(node.at, message, hint);
            return None;
        }
        // What has more digits than a number can is as far outside of the bounds.
        match text.parse::<u32>() {
            Ok(value) if (low..=high).contains(&value) => Some(Spot { at: node.at, value }),
            Ok(_) | Err(_) => {
                mistakes.add(node.at, format!("`{name}` is {text}, and must be between {low} and {high}"));
                None
            }
        }
    }

    /// True or false.
    pub fn bool(&self, name: &str, mistakes: &mut Mistakes) -> Option<bool> {
        let node = self.node(name)?;
        match &node.value {
            Value::Bool(value, _) => Some(*value),
            other => {
                let message = format!("`{name}` is {}, and must be true or false", other.kind());
                mistakes.note(node.at, message, habits::of_truth(name, other), None);
                None
            }
        }
    }

    /// One of the words of the table of keys.
    pub fn one_of<T: Copy>(
        &self,
        name: &str,
        words: &[(&str, T)],
        mistakes: &mut Mistakes,
    ) -> Option<Spot<T>> {
        let text = self.text(name, mistakes)?;
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text.value) {
            return Some(Spot { at: text.at, value: *value });
        }
        let list: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let message = format!("`{name}` is `{}`, and must be one of {}", text.value, list.join(", "));
        match closest(&text.value, list.iter().copied()) {
            Some(close) => mistakes.add_with_hint(text.at, message, format!("did you mean `{close}`?")),
            None => mistakes.add(text.at, message),
        }
        None
    }

    /// A list of texts; one text alone is treated as a list of one.
    pub fn texts(&self, name: &str, mistakes: &mut Mistakes) -> Option<Vec<Spot<String>>> {
        let node = self.node(name)?;
        match &node.value {
            Value::List(items) => Some(items.iter().filter_map(|item| text(item, name, mistakes)).collect()),
            Value::Text(_) => Some(text(node, name, mistakes).into_iter().collect()),
            other => {
                let message = format!("`{name}` is {}, and must be a list of texts", other.kind());
                mistakes.note(node.at, message, habits::of_list(name, other), None);
                None
            }
        }
    }

    /// The items of a list.
    pub fn list(&self, name: &str, mistakes: &mut Mistakes) -> Option<&'a [Node]> {
        let node = self.node(name)?;
        match &node.value {
            Value::List(items) => Some(items),
            other => {
                let message = format!("`{name}` is {}, and must be a list", other.kind());
                let shown = matches!(name, "env" | "args").then_some(0);
                mistakes.note(node.at, message, habits::of_list(name, other), shown);
                None
            }
        }
    }

    /// The entries of a table of names.
    pub fn named(&self, name: &str, mistakes: &mut Mistakes) -> &'a [(Key, Node)] {
        let Some(node) = self.node(name) else { return &[] };
        let entries = match &node.value {
            Value::Map(entries) => entries,
            other => {
                mistakes.add(node.at, format!("`{name}` is {}, and must be a table of names", other.kind()));
                return &[];
            }
        };
        for (number, (key, _)) in entries.iter().enumerate() {
            if entries[..number].iter().any(|(other, _)| other.written == key.written) {
                mistakes.add(key.at, format!("`{}` is in `{name}` twice", key.written));
            }
        }
        entries
    }
}

fn unknown(key: &Key, what: &str, known: &[KeyDoc], mistakes: &mut Mistakes) {
    let message = format!("unknown key `{}` in {what}", key.name);
    let names = || known.iter().map(|known| known.name);
    let habit = habits::of_key(what, &key.name);
    // What another tool has there may be a secret.
    let private = habit.is_some() || habits::holds_values(what);
    let close = || closest(&key.name, names()).map(|close| format!("did you mean `{close}`?"));
    let hint = habit.or_else(close);
    let hint = hint.unwrap_or_else(|| format!("it takes {}", names().collect::<Vec<_>>().join(", ")));
    let shown = private.then_some(key.written.chars().count());
    mistakes.note(key.at, message, Some(hint), shown);
}

/// A key without a value. An empty list is a list; everywhere else a value was forgotten, and guessing its
/// meaning is not for haloy.
fn nothing(known: &KeyDoc, key: &Key, node: &Node, mistakes: &mut Mistakes) {
    let Value::Null(written) = &node.value else { return };
    let name = &key.name;
    if matches!(known.kind, Kind::Texts | Kind::Tables(_) | Kind::Ignored) {
        return;
    }
    let (message, value) = match written.as_str() {
        "" => (format!("`{name}` has nothing after it"), String::new()),
        written => (
            format!("`{name}` is `{written}`, which means nothing in this file"),
            format!("write `{name}: \"{written}\"` if that is its text, or "),
        ),
    };
    let hint = match (known.kind, known.default) {
        (Kind::Scalar, "") if written.is_empty() => {
            format!("write its value after it; for an empty text, `{name}: \"\"`")
        }
        (_, "" | "none") => format!("{value}write its value after it, or delete the line"),
        (_, default) => {
            format!("{value}write its value after it, or delete the line for the default ({default})")
        }
    };
    mistakes.add_with_hint(key.at, message, hint);
}

/// Keys whose texts are for a shell or an app, and free in form.
const FREE: [&str; 6] =
    ["value", "release_command", "pre_deploy", "post_deploy", "global_pre_deploy", "global_post_deploy"];

fn text(node: &Node, name: &str, mistakes: &mut Mistakes) -> Option<Spot<String>> {
    let free = FREE.contains(&name);
    match &node.value {
        // No variable and no argument can hold one.
        Value::Text(value) if value.contains('\0') => {
            let message = format!("`{name}` has a NUL character in it, which no variable can hold");
            mistakes.add_with_hint(
                node.at,
                message,
                "delete the `\\0`, or encode the value, e.g. with base64",
            );
            None
        }
        Value::Text(value) if !free && foreign::line(value) != value.as_str() => {
            // The text may be a secret: it is not repeated.
            mistakes.add(node.at, format!("`{name}` must not have control characters in it"));
            None
        }
        Value::Text(value) if !free && value.trim().is_empty() => {
            mistakes.add_with_hint(
                node.at,
                format!("`{name}` is empty"),
                "write its value, or delete the line",
            );
            None
        }
        Value::Text(value) => Some(Spot { at: node.at, value: value.clone() }),
        Value::Number(written) | Value::Bool(_, written) => {
            let message = format!("`{name}` is {}, and must be text", node.value.kind());
            mistakes.add_with_hint(node.at, message, format!("put it in quotes: \"{written}\""));
            None
        }
        other @ (Value::Null(_) | Value::List(_) | Value::Map(_)) => {
            let message = format!("`{name}` is {}, and must be text", other.kind());
            mistakes.note(
                node.at,
                message,
                Some("write one text".to_owned()),
                (name == "value").then_some(0),
            );
            None
        }
    }
}

/// Text, or a number or truth value taken as written.
pub fn scalar(node: &Node, name: &str, mistakes: &mut Mistakes) -> Option<Spot<String>> {
    match &node.value {
        Value::Number(value) | Value::Bool(_, value) => Some(Spot { at: node.at, value: value.clone() }),
        Value::Text(_) | Value::Null(_) | Value::List(_) | Value::Map(_) => text(node, name, mistakes),
    }
}
