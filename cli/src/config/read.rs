//! Taking typed values out of a tree, noting every mistake on the way.

use super::keys::{KeyDoc, Kind};
use super::problem::Mistakes;
use super::tree::{At, Node, Value};
use crate::output::foreign;

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot<T> {
    /// Where.
    pub at: At,
    /// What.
    pub value: T,
}

/// A table being read. Unknown keys are noted when it is opened.
pub struct Fields<'a> {
    entries: &'a [(super::tree::Key, Node)],
    /// Where the table starts.
    pub at: At,
    known: &'a [KeyDoc],
}

/// The closest of some names, if it is close.
pub fn closest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    /// Less alike than this is no slip of the finger.
    const ALIKE: f64 = 0.75;
    names
        .map(|known| (strsim::jaro_winkler(name, known), known))
        .filter(|(alike, _)| *alike >= ALIKE)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, known)| known)
}

impl<'a> Fields<'a> {
    /// Opens a table; notes what it does not know. `None` if it is no table.
    pub fn open(node: &'a Node, what: &str, known: &'a [KeyDoc], mistakes: &mut Mistakes) -> Option<Self> {
        let entries = match &node.value {
            Value::Map(entries) => entries.as_slice(),
            other => {
                mistakes.add(node.at, format!("{what} is {}, and must be a table", other.kind()));
                return None;
            }
        };
        for (key, _) in entries {
            if known.iter().any(|known| known.name == key.name) {
                continue;
            }
            let message = format!("unknown key `{}` in {what}", key.name);
            match closest(&key.name, known.iter().map(|known| known.name)) {
                Some(close) => mistakes.add_with_hint(key.at, message, format!("did you mean `{close}`?")),
                None => {
                    let names: Vec<&str> = known.iter().map(|known| known.name).collect();
                    mistakes.add_with_hint(key.at, message, format!("it takes {}", names.join(", ")));
                }
            }
        }
        Some(Self { entries, at: node.at, known })
    }

    /// The value behind a key; `null` counts as left out.
    pub fn node(&self, name: &str) -> Option<&'a Node> {
        debug_assert!(self.known.iter().any(|known| known.name == name), "`{name}` is in no table of keys");
        let node = self.entries.iter().find(|(key, _)| key.name == name).map(|(_, node)| node)?;
        (!matches!(node.value, Value::Null)).then_some(node)
    }

    /// Text; a number is no text.
    pub fn text(&self, name: &str, mistakes: &mut Mistakes) -> Option<Spot<String>> {
        text(self.node(name)?, name, mistakes)
    }

    /// Text, or a number or truth value taken as written.
    pub fn scalar(&self, name: &str, mistakes: &mut Mistakes) -> Option<Spot<String>> {
        scalar(self.node(name)?, name, mistakes)
    }

    /// A whole number within the bounds of the table of keys; digits in quotes count.
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
        match text.parse::<i64>().ok().map(|number| (number, u32::try_from(number))) {
            Some((_, Ok(value))) if (low..=high).contains(&value) => Some(Spot { at: node.at, value }),
            Some(_) => {
                mistakes.add(node.at, format!("`{name}` is {text}, and must be between {low} and {high}"));
                None
            }
            None => {
                mistakes.add(node.at, format!("`{name}` is `{text}`, and must be a whole number"));
                None
            }
        }
    }

    /// True or false.
    pub fn bool(&self, name: &str, mistakes: &mut Mistakes) -> Option<bool> {
        let node = self.node(name)?;
        match &node.value {
            Value::Bool(value) => Some(*value),
            other => {
                mistakes.add(node.at, format!("`{name}` is {}, and must be true or false", other.kind()));
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

    /// A list of texts; one text alone counts as a list of one.
    pub fn texts(&self, name: &str, mistakes: &mut Mistakes) -> Option<Vec<Spot<String>>> {
        let node = self.node(name)?;
        match &node.value {
            Value::List(items) => Some(items.iter().filter_map(|item| text(item, name, mistakes)).collect()),
            Value::Text(_) => Some(text(node, name, mistakes).into_iter().collect()),
            other => {
                mistakes.add(node.at, format!("`{name}` is {}, and must be a list of texts", other.kind()));
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
                mistakes.add(node.at, format!("`{name}` is {}, and must be a list", other.kind()));
                None
            }
        }
    }

    /// The entries of a table of names.
    pub fn named(&self, name: &str, mistakes: &mut Mistakes) -> &'a [(super::tree::Key, Node)] {
        let Some(node) = self.node(name) else { return &[] };
        match &node.value {
            Value::Map(entries) => entries,
            other => {
                mistakes.add(node.at, format!("`{name}` is {}, and must be a table of names", other.kind()));
                &[]
            }
        }
    }
}

/// Keys whose texts are for a shell or an app, which may make of them what they like.
const FREE: [&str; 5] = ["value", "pre_deploy", "post_deploy", "global_pre_deploy", "global_post_deploy"];

fn text(node: &Node, name: &str, mistakes: &mut Mistakes) -> Option<Spot<String>> {
    match &node.value {
        // No variable and no argument can hold one.
        Value::Text(value) if value.contains('\0') => {
            mistakes.add(node.at, format!("`{name}` has a NUL character in it"));
            None
        }
        Value::Text(value) if !FREE.contains(&name) && foreign::line(value) != value.as_str() => {
            let message = format!("`{name}` is `{value}`, and must not have control characters in it");
            mistakes.add(node.at, message);
            None
        }
        Value::Text(value) => Some(Spot { at: node.at, value: value.clone() }),
        other => {
            mistakes.add(node.at, format!("`{name}` is {}, and must be text", other.kind()));
            None
        }
    }
}

/// Text, or a number or truth value taken as written.
pub fn scalar(node: &Node, name: &str, mistakes: &mut Mistakes) -> Option<Spot<String>> {
    let value = match &node.value {
        Value::Number(value) => value.clone(),
        Value::Bool(value) => value.to_string(),
        Value::Text(_) | Value::Null | Value::List(_) | Value::Map(_) => return text(node, name, mistakes),
    };
    Some(Spot { at: node.at, value })
}
