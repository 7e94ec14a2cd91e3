//! What the user sees: results on stdout, everything else on stderr.

pub mod progress;
pub mod table;
pub mod time;
pub mod words;

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
    /// One JSON document a line.
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
    data: Value,
    rows: Vec<Value>,
    text: String,
    ids: Vec<String>,
    /// Exit code.
    pub exit: u8,
}

impl Reply {
    /// A result that is one thing.
    pub fn one(schema: &'static str, data: &impl Serialize, text: String) -> Self {
        let data = serde_json::to_value(data).unwrap_or(Value::Null);
        Self { schema, rows: vec![data.clone()], data, text, ids: Vec::new(), exit: 0 }
    }

    /// A result that is a list.
    pub fn list(schema: &'static str, data: &[impl Serialize], text: String) -> Self {
        let rows: Vec<Value> =
            data.iter().map(|row| serde_json::to_value(row).unwrap_or(Value::Null)).collect();
        Self { schema, data: Value::Array(rows.clone()), rows, text, ids: Vec::new(), exit: 0 }
    }

    /// Nothing but a text.
    pub fn empty(schema: &'static str, text: String) -> Self {
        Self::list(schema, &Vec::<Value>::new(), text)
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

    /// Prints it. A reader that went away is no error.
    pub fn print(&self, format: Format) {
        let text = match format {
            Format::Table => self.text.clone(),
            Format::Json => {
                let document = json!({ "schema": format!("haloy/{}", self.schema), "data": self.data });
                serde_json::to_string_pretty(&document).unwrap_or_default()
            }
            Format::Ndjson => self.rows.iter().map(Value::to_string).collect::<Vec<_>>().join("\n"),
            Format::Id => self.ids.join("\n"),
        };
        if !text.is_empty() {
            drop(writeln!(std::io::stdout(), "{}", text.trim_end_matches('\n')));
        }
    }
}
