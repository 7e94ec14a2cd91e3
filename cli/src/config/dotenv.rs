//! `.env` files, as Docker Compose documents them: quotes, escapes, comments, `export`, values over several
//! lines, and `$NAME` in what is not in single quotes.

use super::interpolation::{Lookup, interpolate};
use std::collections::BTreeMap;

/// An unreadable line. Its text is not part of the error: it may be a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, and what to write instead.
    pub cause: String,
}

/// A value, or why there is none: reported where it is needed.
pub type Entry = Result<String, Fault>;
/// Entries of a file, by name.
pub type Entries = BTreeMap<String, Entry>;

/// Reads a file. Variables of the process come before those of the file, and these before those of others.
pub fn parse(text: &str, process: &Lookup<'_>, others: &Lookup<'_>) -> Result<Entries, Fault> {
    let mut reader = Reader { rest: text, line: 1 };
    let mut entries = Entries::new();
    while let Some((line, name)) = reader.name()? {
        let Some(name) = name else { continue };
        let Some(raw) = reader.value(name)? else {
            // A name alone takes the value that it has elsewhere.
            if let Some(value) = process(name).or_else(|| others(name)) {
                entries.insert(name.to_owned(), value.map_err(|cause| Fault { line, cause }));
            }
            continue;
        };
        let value = match raw {
            Raw::Literal(value) => Ok(value),
            Raw::Interpolated(value) => {
                let lookup = |name: &str| {
                    let own = || entries.get(name).map(|entry| entry.clone().map_err(|fault| fault.cause));
                    process(name).or_else(own).or_else(|| others(name))
                };
                interpolate(&value, &lookup).map_err(|cause| Fault { line, cause })
            }
        };
        entries.insert(name.to_owned(), value);
    }
    Ok(entries)
}

/// A value before variables are replaced in it.
enum Raw {
    Literal(String),
    Interpolated(String),
}

struct Reader<'a> {
    rest: &'a str,
    line: usize,
}

/// A blank of a line; the line break is none.
fn is_blank(c: char) -> bool {
    c != '\n' && c.is_whitespace()
}

impl<'a> Reader<'a> {
    fn fault<T>(&self, cause: impl Into<String>) -> Result<T, Fault> {
        Err(Fault { line: self.line, cause: cause.into() })
    }

    fn blanks(&mut self) {
        self.rest = self.rest.trim_start_matches(is_blank);
    }

    /// To the end of the line, which is left behind.
    fn end_of_line(&mut self) -> &'a str {
        let (line, rest) = self.rest.split_once('\n').unwrap_or((self.rest, ""));
        (self.rest, self.line) = (rest, self.line + 1);
        line
    }

    /// The next line and the name that it begins with; no name where it has none. None at the end.
    fn name(&mut self) -> Result<Option<(usize, Option<&'a str>)>, Fault> {
        self.blanks();
        if self.rest.is_empty() {
            return Ok(None);
        }
        let line = self.line;
        if self.rest.starts_with(['\n', '#']) {
            self.end_of_line();
            return Ok(Some((line, None)));
        }
        if let Some(after) = self.rest.strip_prefix("export")
            && after.starts_with(is_blank)
        {
            self.rest = after;
            self.blanks();
        }
        let fine = |c: char| c.is_alphanumeric() || "_.-[]".contains(c);
        let name = &self.rest[..self.rest.find(|c| !fine(c)).unwrap_or(self.rest.len())];
        if name.is_empty() {
            return self.fault("there is no name before the value; write `NAME=value`");
        }
        self.rest = &self.rest[name.len()..];
        Ok(Some((line, Some(name))))
    }

    /// What is behind a name; none where it stands alone.
    fn value(&mut self, name: &str) -> Result<Option<Raw>, Fault> {
        self.blanks();
        match self.rest.chars().next() {
            None | Some('\n' | '#') => {
                self.end_of_line();
                return Ok(None);
            }
            Some('=' | ':') => self.rest = &self.rest[1..],
            Some(_) => {
                // What stands there may be the rest of a value: it is not repeated.
                return self.fault(
                    "there is no `=` after the name; write `NAME=value`, and a value over several lines in quotes",
                );
            }
        }
        // A comment needs a blank before it, and these may be one.
        let blank = self.rest.starts_with(is_blank);
        self.blanks();
        match self.rest.chars().next() {
            Some(quote @ ('\'' | '"')) => self.quoted(name, quote).map(Some),
            Some('#') if blank => {
                self.end_of_line();
                Ok(Some(Raw::Literal(String::new())))
            }
            Some(_) | None => Ok(Some(Raw::Interpolated(self.unquoted().to_owned()))),
        }
    }

    fn unquoted(&mut self) -> &'a str {
        let line = self.end_of_line();
        line.split(" #").next().unwrap_or(line).trim_end()
    }

    fn quoted(&mut self, name: &str, quote: char) -> Result<Raw, Fault> {
        let (mut value, mut characters) = (String::new(), self.rest[1..].chars());
        loop {
            match characters.next() {
                None => {
                    return self
                        .fault(format!("the {quote} that opens the value of `{name}` is never closed"));
                }
                Some(c) if c == quote => break,
                Some('\\') => match characters.next() {
                    Some(c) if c == quote => value.push(c),
                    Some(c) if quote == '"' => value.push_str(&escaped(c)),
                    other => {
                        value.push('\\');
                        value.extend(other);
                    }
                },
                Some(c) => value.push(c),
            }
        }
        let read = self.rest.len() - characters.as_str().len();
        self.line += self.rest[..read].matches('\n').count();
        self.rest = characters.as_str();
        self.blanks();
        if !self.rest.is_empty() && !self.rest.starts_with(['\n', '#']) {
            let cause =
                format!("something stands after the closing {quote} of `{name}`; a comment begins with ` #`");
            return self.fault(cause);
        }
        self.end_of_line();
        Ok(if quote == '"' { Raw::Interpolated(value) } else { Raw::Literal(value) })
    }
}

/// What `\` and a character mean in double quotes; both, where they mean nothing.
fn escaped(c: char) -> String {
    match c {
        'n' => "\n".to_owned(),
        'r' => "\r".to_owned(),
        't' => "\t".to_owned(),
        '\\' => "\\".to_owned(),
        // For what replaces variables afterwards.
        '$' => "$$".to_owned(),
        other => format!("\\{other}"),
    }
}
