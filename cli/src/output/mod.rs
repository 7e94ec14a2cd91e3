//! What the user sees: results on stdout, everything else on stderr.

pub mod foreign;
pub mod progress;
pub mod table;

pub use haloy_service::{doing, event, time, words};

use crate::error::{Error, Kind};
use serde::Serialize;
use serde_json::{Value, json};
use std::io::{IsTerminal, Write};

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Format {
    /// Aligned text for people.
    #[default]
    Table,
    /// One JSON document, with the name and version of its schema.
    Json,
    /// One JSON document per line.
    Ndjson,
    /// Bare ids, newest first.
    Id,
}

/// When colour is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Color {
    /// On a terminal, unless the environment says otherwise.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Whether colour goes to stdout: the option, then NO_COLOR, then FORCE_COLOR and
/// CLICOLOR_FORCE, then whether it is a terminal.
pub fn colour(color: Color) -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty() && value != "0");
    match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto if set("NO_COLOR") => false,
        Color::Auto if set("FORCE_COLOR") || set("CLICOLOR_FORCE") => true,
        Color::Auto => std::io::stdout().is_terminal(),
    }
}

/// A result in every form that it may be printed in.
pub struct Reply {
    /// Name and version of its JSON.
    schema: &'static str,
    /// Why it has no JSON, where it has none: a path that is not text.
    data: Result<Vec<Value>, String>,
    /// Whether it is a list.
    list: bool,
    text: String,
    ids: Vec<String>,
    /// Everything was printed before.
    said: bool,
    /// Exit code.
    pub exit: u8,
}

impl Reply {
    /// A result that is one thing.
    pub fn one(schema: &'static str, data: &impl Serialize, text: String) -> Self {
        Self { list: false, ..Self::list(schema, std::slice::from_ref(data), text) }
    }

    /// A result that is a list.
    pub fn list(schema: &'static str, data: &[impl Serialize], text: String) -> Self {
        let data = data.iter().map(serde_json::to_value).collect::<Result<_, _>>();
        let data = data.map_err(|error| error.to_string());
        Self { schema, data, list: true, text, ids: Vec::new(), said: false, exit: 0 }
    }

    /// Nothing but a text.
    pub fn empty(schema: &'static str, text: String) -> Self {
        Self::list(schema, &Vec::<Value>::new(), text)
    }

    /// What there was to print is printed.
    pub fn nothing() -> Self {
        Self { said: true, ..Self::empty("nothing/1", String::new()) }
    }

    /// For people.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// With bare ids.
    #[must_use]
    pub fn ids(mut self, ids: impl IntoIterator<Item = impl ToString>) -> Self {
        self.ids = ids.into_iter().map(|id| id.to_string()).collect();
        self
    }

    /// With an exit code.
    #[must_use]
    pub fn exit(mut self, exit: u8) -> Self {
        self.exit = exit;
        self
    }

    /// Prints it, and returns the exit code. A reader that went away is not an error; a full disk is.
    pub fn print(&self, format: Format) -> Result<u8, Error> {
        let text = if self.said { String::new() } else { self.form(format)? };
        if text.is_empty() {
            return Ok(self.exit);
        }
        let mut stdout = std::io::stdout().lock();
        let written = writeln!(stdout, "{}", text.trim_end_matches('\n')).and_then(|()| stdout.flush());
        match written {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                let message =
                    format!("the command was carried out, and its result could not be written: {error}");
                Err(Error::new(Kind::Operational, message))
            }
            Ok(()) | Err(_) => Ok(self.exit),
        }
    }

    fn form(&self, format: Format) -> Result<String, Error> {
        let rows = || {
            self.data.as_deref().map_err(|cause| {
                let message = format!("the command was carried out, and its result has no JSON: {cause}");
                Error::new(Kind::Operational, message).hint("leave out `--json` and `--output`")
            })
        };
        Ok(match format {
            Format::Table => foreign::lines(&self.text),
            Format::Json => {
                let data = match rows()? {
                    [one] if !self.list => one.clone(),
                    rows => Value::Array(rows.to_vec()),
                };
                let document = json!({ "schema": format!("haloy/{}", self.schema), "data": data });
                foreign::json(&format!("{document:#}")).into_owned()
            }
            Format::Ndjson => {
                let rows: Vec<String> = rows()?.iter().map(Value::to_string).collect();
                foreign::json(&rows.join("\n")).into_owned()
            }
            Format::Id => foreign::lines(&self.ids.join("\n")),
        })
    }
}

/// Tells what went wrong.
pub(crate) fn print_error_line(error: &dyn std::fmt::Display) {
    drop(writeln!(std::io::stderr(), "error: {error}"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStrExt;

    #[test]
    fn what_has_no_json_is_an_error_and_not_null() {
        let path = std::path::Path::new(std::ffi::OsStr::from_bytes(b"/a/\xff"));
        for reply in [Reply::one("x/1", &path, "text".to_owned()), Reply::list("x/1", &[path], String::new())]
        {
            for format in [Format::Json, Format::Ndjson] {
                let error = reply.form(format).expect_err("a path that is not text");
                assert!(error.message.contains("invalid UTF-8"), "{error}");
            }
            assert!(reply.form(Format::Table).is_ok());
        }
        let reply = Reply::one("x/1", &1, String::new());
        assert_eq!(
            reply.form(Format::Json).expect("JSON"),
            "{\n  \"data\": 1,\n  \"schema\": \"haloy/x/1\"\n}"
        );
    }
}
