//! YAML as a tree, made from the parser's events and not from values: an event holds the text of a scalar
//! as it was written, so that `1.10` stays `1.10` wherever it comes from, an anchor and a merge key
//! included. What is nothing, true or a number follows the core schema of YAML 1.2.

use super::tree::{At, Key, Node, SyntaxError, Value, snake};
use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};
use std::borrow::Cow;
use std::collections::HashMap;

/// Nothing in a configuration is nested this deep.
const DEEPEST: usize = 64;
/// Most bytes, once every alias is replaced by its value; every value has a minimum size here.
const MOST: usize = 4 << 20;
const VALUE: usize = 16;

/// Reads a YAML file, or a JSON file, whose keys may be in camelCase.
pub fn parse(text: &str, camel: bool) -> Result<Node, SyntaxError> {
    let options = granit_parser::options! { flow_nesting_limit: DEEPEST, block_nesting_limit: DEEPEST };
    let parser = Parser::new_from_str_with_options(text, options);
    let mut builder = Builder { text, parser, camel, anchors: HashMap::new(), size: 0 };
    builder.document()
}

type Spanned<'a> = (Event<'a>, Span);

/// What an anchor stands for.
#[derive(Clone)]
struct Anchored {
    node: Node,
    size: usize,
    depth: usize,
}

struct Builder<'a> {
    text: &'a str,
    parser: Parser<'a, StrInput<'a>>,
    camel: bool,
    anchors: HashMap<usize, Anchored>,
    /// Bytes so far, see [`MOST`].
    size: usize,
}

impl<'a> Builder<'a> {
    fn next(&mut self) -> Result<Spanned<'a>, SyntaxError> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => Err(syntax(self.text, &error)),
            None => Err((At::default(), "the file ends in the middle of a value".to_owned())),
        }
    }

    /// The one document of the file.
    fn document(&mut self) -> Result<Node, SyntaxError> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => break,
                Event::StreamStart | Event::DocumentEnd => {}
                Event::DocumentStart(..) if root.is_some() => {
                    let message = "a second document begins here (`---`), and a file holds one; \
                                   delete it, or put it in a file of its own";
                    return Err((at(span), message.to_owned()));
                }
                Event::DocumentStart(..) => {
                    let first = self.next()?;
                    root = Some(self.node(first, 0)?.node);
                }
                _other => return Err((at(span), "this is outside of the document".to_owned())),
            }
        }
        let nothing = Node { at: At { line: 1, column: 1 }, value: Value::Null(String::new()) };
        Ok(root.unwrap_or(nothing))
    }

    fn node(&mut self, (event, span): Spanned<'a>, depth: usize) -> Result<Anchored, SyntaxError> {
        let at = at(span);
        if depth > DEEPEST {
            return Err((at, format!("values are nested more than {DEEPEST} deep here")));
        }
        let before = self.size;
        let (value, anchor, below) = match event {
            Event::Alias(id) => return self.alias(id, at, depth),
            Event::Scalar(text, style, anchor, tag) => {
                // The parser returns `~` where there is no value.
                let nothing =
                    style == ScalarStyle::Plain && text == "~" && span.slice(self.text) != Some("~");
                let text = if nothing { Cow::Borrowed("") } else { text };
                self.grow(text.len(), at)?;
                (scalar(&text, style, tag.as_deref(), at)?, anchor, 0)
            }
            Event::SequenceStart(_, anchor, tag) => {
                only_tag(tag.as_deref(), "seq", at)?;
                let (list, below) = self.list(depth)?;
                (Value::List(list), anchor, below)
            }
            Event::MappingStart(_, anchor, tag) => {
                only_tag(tag.as_deref(), "map", at)?;
                let (entries, below) = self.table(depth)?;
                (Value::Map(entries), anchor, below)
            }
            _other => return Err((at, "a value is missing here".to_owned())),
        };
        self.grow(VALUE, at)?;
        let built = Anchored { node: Node { at, value }, size: self.size - before, depth: below };
        if anchor > 0 {
            self.anchors.insert(anchor, built.clone());
        }
        Ok(built)
    }

    /// What the anchor of that name stands for, as if it were written here.
    fn alias(&mut self, id: usize, at: At, depth: usize) -> Result<Anchored, SyntaxError> {
        let Some((size, below)) = self.anchors.get(&id).map(|known| (known.size, known.depth)) else {
            return Err((at, "this alias stands for what it is part of".to_owned()));
        };
        if depth + below > DEEPEST {
            return Err((at, format!("values are nested more than {DEEPEST} deep here")));
        }
        // Counted before it is copied.
        self.grow(size, at)?;
        let value = self.anchors.get(&id).map(|known| known.node.value.clone());
        let value = value.unwrap_or(Value::Null(String::new()));
        Ok(Anchored { node: Node { at, value }, size, depth: below })
    }

    fn grow(&mut self, by: usize, at: At) -> Result<(), SyntaxError> {
        self.size = self.size.saturating_add(by);
        match self.size > MOST {
            true => Err((at, "the file is too large, once its aliases are replaced".to_owned())),
            false => Ok(()),
        }
    }

    fn list(&mut self, depth: usize) -> Result<(Vec<Node>, usize), SyntaxError> {
        let (mut list, mut below) = (Vec::new(), 0);
        loop {
            let event = self.next()?;
            if matches!(event.0, Event::SequenceEnd) {
                return Ok((list, below + 1));
            }
            let item = self.node(event, depth + 1)?;
            below = below.max(item.depth);
            list.push(item.node);
        }
    }

    fn table(&mut self, depth: usize) -> Result<(Vec<(Key, Node)>, usize), SyntaxError> {
        let (mut entries, mut merged, mut below) = (Vec::new(), None, 0);
        loop {
            let event = self.next()?;
            if matches!(event.0, Event::MappingEnd) {
                break;
            }
            let merges = is_merge(&event.0);
            let key = self.node(event, depth + 1)?.node;
            let value = self.next()?;
            let value = self.node(value, depth + 1)?;
            below = below.max(value.depth);
            if !merges {
                entries.push((self.key(key)?, value.node));
            } else if merged.is_none() {
                merged = Some(merge(value.node)?);
            } else {
                return Err((key.at, "`<<` is here twice; write `<<: [*one, *other]`".to_owned()));
            }
        }
        // What is written in the table itself wins, then what was merged first.
        for (key, value) in merged.into_iter().flatten() {
            if !entries.iter().any(|(known, _): &(Key, Node)| known.name == key.name) {
                entries.push((key, value));
            }
        }
        Ok((entries, below + 1))
    }

    fn key(&self, node: Node) -> Result<Key, SyntaxError> {
        let written = match node.value {
            Value::Text(text) | Value::Number(text) | Value::Bool(_, text) => text,
            Value::Null(text) if !text.is_empty() => text,
            Value::Null(_) => return Err((node.at, "there is no key before this `:`".to_owned())),
            value @ (Value::List(_) | Value::Map(_)) => {
                return Err((node.at, format!("a key must be text, and this is {}", value.kind())));
            }
        };
        let name = if self.camel { snake(&written) } else { written.clone() };
        Ok(Key { at: node.at, name, written })
    }
}

/// A plain `<<`; in quotes it is a key like any other.
fn is_merge(event: &Event<'_>) -> bool {
    matches!(event.scalar(), Some(("<<", ScalarStyle::Plain))) && event.tag().is_none()
}

/// The entries of a table, or of several of which the first wins.
fn merge(node: Node) -> Result<Vec<(Key, Node)>, SyntaxError> {
    let tables = match node.value {
        Value::List(list) => list,
        value => vec![Node { at: node.at, value }],
    };
    let mut entries = Vec::new();
    for table in tables {
        let Value::Map(table_entries) = table.value else {
            let message =
                format!("`<<` takes a table or a list of tables, and this is {}", table.value.kind());
            return Err((table.at, message));
        };
        entries.extend(table_entries);
    }
    Ok(entries)
}

/// A list or a table may have the tag of its own type.
fn only_tag(tag: Option<&Tag>, own: &str, at: At) -> Result<(), SyntaxError> {
    match tag {
        Some(tag) if !tag.is_yaml_core_schema_tag(own) => Err(no_tag(tag, at)),
        Some(_) | None => Ok(()),
    }
}

fn no_tag(tag: &Tag, at: At) -> SyntaxError {
    let tag = tag.original();
    (at, format!("the tag `{tag}` means nothing in this file; delete it, and put the text in quotes"))
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>, at: At) -> Result<Value, SyntaxError> {
    let Some(tag) = tag else {
        return Ok(match style {
            ScalarStyle::Plain => plain(text),
            ScalarStyle::SingleQuoted
            | ScalarStyle::DoubleQuoted
            | ScalarStyle::Literal
            | ScalarStyle::Folded => Value::Text(text.to_owned()),
        });
    };
    let value = plain(text);
    match (tag.core_suffix(), &value) {
        (Some("str"), _) => Ok(Value::Text(text.to_owned())),
        (Some("null"), Value::Null(_))
        | (Some("bool"), Value::Bool(..))
        | (Some("int" | "float"), Value::Number(_)) => Ok(value),
        (Some(kind @ ("null" | "bool" | "int" | "float")), _) => {
            Err((at, format!("`{text}` is tagged as `!!{kind}`, which it is not; put it in quotes instead")))
        }
        (None, _) if tag.original() == "!" => Ok(Value::Text(text.to_owned())),
        (_, _) => Err(no_tag(tag, at)),
    }
}

/// Type of a scalar without quotes. Its text stays: `1_000`, `yes` and dates are text in YAML 1.2.
fn plain(text: &str) -> Value {
    let own = text.to_owned();
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null(own),
        "true" | "True" | "TRUE" => Value::Bool(true, own),
        "false" | "False" | "FALSE" => Value::Bool(false, own),
        _ if is_number(text) => Value::Number(own),
        _ => Value::Text(own),
    }
}

fn is_number(text: &str) -> bool {
    let all = |digits: &str, fine: fn(&char) -> bool| !digits.is_empty() && digits.chars().all(|c| fine(&c));
    let decimal = |digits: &str| digits.chars().all(|c| c.is_ascii_digit());
    if let Some(digits) = text.strip_prefix("0x") {
        return all(digits, char::is_ascii_hexdigit);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return all(digits, |c| ('0'..='7').contains(c));
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent_fine = exponent.is_none_or(|digits| {
        let digits = digits.strip_prefix(['+', '-']).unwrap_or(digits);
        !digits.is_empty() && decimal(digits)
    });
    !(whole.is_empty() && fraction.is_empty()) && decimal(whole) && decimal(fraction) && exponent_fine
}

fn at(span: Span) -> At {
    let start = span.start;
    At { line: start.line(), column: start.col() + 1 }
}

/// The parser's cause in words for who writes files, where its own are for who writes parsers.
fn syntax(text: &str, error: &ScanError) -> SyntaxError {
    let mark = error.marker();
    let at = At { line: mark.line(), column: mark.col() + 1 };
    // A tab is the mistake that YAML's own words explain worst. The parser may still be at the line before.
    let near = text.lines().enumerate().skip(at.line.saturating_sub(1)).take(2);
    for (number, line) in near {
        if line.trim_start_matches(' ').starts_with('\t') {
            let message = format!("YAML is indented with spaces, and line {} starts with a tab", number + 1);
            return (at, message);
        }
    }
    let message = match error.kind() {
        ErrorKind::UnknownAnchor => "no `&` before this gives the name that this `*` asks for".to_owned(),
        ErrorKind::UndeclaredTagHandle => {
            "text that begins with `!` is a tag in YAML; put it in quotes if it is meant as text".to_owned()
        }
        ErrorKind::UnclosedQuotedScalar => "the quote that opens here is never closed".to_owned(),
        ErrorKind::UnclosedFlowCollection { open } => format!("the bracket `{open}` is never closed"),
        ErrorKind::RecursionLimitExceeded => format!("values are nested more than {DEEPEST} deep here"),
        ErrorKind::MappingValueNotAllowed => {
            "a `:` stands where no key is; put the text in quotes if the `:` is part of it".to_owned()
        }
        ErrorKind::UnexpectedCharacter { character } => {
            format!("text cannot begin with `{}`; put it in quotes", character.escape_default())
        }
        ErrorKind::UnknownQuotedScalarEscape => {
            "an unknown `\\` escape in double quotes; write `\\\\`, or use single quotes".to_owned()
        }
        _other => error.info(),
    };
    (at, message)
}
