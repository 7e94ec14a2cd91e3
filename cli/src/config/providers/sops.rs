//! `sops`: an encrypted file, whose keys are what it holds, with dots between the levels.

use super::program::{Failed, Program};
use super::{Values, needed};
use crate::config::formats::{self, Format};
use crate::config::problem::Mistakes;
use crate::config::read::Fields;
use crate::config::tree::{Node, Value};
use crate::config::{dotenv, keys};
use std::path::Path;

pub const SOPS: Program = Program { name: "sops", install: "https://github.com/getsops/sops/releases" };

/// An encrypted file.
#[derive(Debug, Clone)]
pub struct File {
    path: String,
    written: Written,
}

/// How it is written, and what it is decrypted to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Written {
    Yaml,
    Json,
    Dotenv,
}

impl Written {
    fn word(self) -> &'static str {
        match self {
            Self::Yaml => "yaml",
            Self::Json => "json",
            Self::Dotenv => "dotenv",
        }
    }

    /// By the ending of a file.
    fn of(path: &str) -> Option<Self> {
        let ending = Path::new(path).extension().and_then(|ending| ending.to_str());
        // `.env` alone has no ending for the system.
        let ending = ending.or_else(|| path.rsplit('/').next().and_then(|name| name.strip_prefix('.')));
        match ending?.to_ascii_lowercase().as_str() {
            "yaml" | "yml" => Some(Self::Yaml),
            "json" => Some(Self::Json),
            "env" | "dotenv" => Some(Self::Dotenv),
            _other => None,
        }
    }
}

const FORMATS: &[(&str, Written)] =
    &[("yaml", Written::Yaml), ("json", Written::Json), ("dotenv", Written::Dotenv)];

impl File {
    pub fn read(node: &Node, what: &str, m: &mut Mistakes) -> Option<Self> {
        let fields = Fields::open(node, what, keys::SOPS, m)?;
        let path = needed(&fields, "file", what, m)?;
        if fields.has("format") {
            let written = fields.one_of("format", FORMATS, m)?.value;
            return Some(Self { path, written });
        }
        let Some(written) = Written::of(&path) else {
            let message = format!("the ending of `{path}` does not say how it is written");
            m.add_with_hint(fields.at, message, "add `format: yaml`, `json` or `dotenv`");
            return None;
        };
        Some(Self { path, written })
    }

    pub fn open(&self, folder: &Path) -> Result<Values, Failed> {
        let path = folder.join(&self.path);
        let shown = path.display().to_string();
        if let Err(error) = std::fs::metadata(&path) {
            let cause = format!("the file {shown}: {error}");
            return Err(Failed::Because {
                cause,
                hint: "`file` is relative to the configuration file".to_owned(),
            });
        }
        let Some(given) = path.to_str() else {
            let cause = format!("the path {shown} is not UTF-8");
            return Err(Failed::Because { cause, hint: "rename it".to_owned() });
        };
        let again = format!("sops decrypt {shown} > /dev/null");
        let text = SOPS.run(&["decrypt", "--output-type", self.written.word(), given], &again)?;
        self.values(&text).map_err(|cause| Failed::Because { cause, hint: format!("see with: {again}") })
    }

    /// What stands in the decrypted text. Nothing of it is part of an error but names of keys.
    fn values(&self, text: &str) -> Result<Values, String> {
        let not = |line: usize| format!("what `sops` wrote is not {} (line {line})", self.written.word());
        let format = match self.written {
            Written::Yaml => Format::Yaml,
            Written::Json => Format::Json,
            Written::Dotenv => {
                let entries = dotenv::parse(text, &|_| None, &|_| None).map_err(|fault| not(fault.line))?;
                let entry =
                    |entry: dotenv::Entry| entry.map_err(|fault| format!("has no value: {}", fault.cause));
                return Ok(entries.into_iter().map(|(name, value)| (name, entry(value))).collect());
            }
        };
        let root = formats::parse(text, format).map_err(|(at, _)| not(at.line))?;
        let mut values = Values::new();
        match &root.value {
            Value::Map(_) | Value::List(_) => flatten(&root, "", &mut values)?,
            Value::Null(_) | Value::Bool(..) | Value::Number(_) | Value::Text(_) => {
                return Err("what `sops` wrote has no keys".to_owned());
            }
        }
        Ok(values)
    }
}

fn flatten(node: &Node, path: &str, values: &mut Values) -> Result<(), String> {
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    let value = match &node.value {
        Value::Map(entries) => {
            for (key, inner) in entries {
                if key.written.contains('.') {
                    let key = &key.written;
                    return Err(format!(
                        "the key `{key}` in the file has a dot, which stands between the levels of keys: rename it"
                    ));
                }
                flatten(inner, &below(&key.written), values)?;
            }
            return Ok(());
        }
        Value::List(items) => {
            for (number, inner) in items.iter().enumerate() {
                flatten(inner, &below(&number.to_string()), values)?;
            }
            return Ok(());
        }
        Value::Null(_) => Err("has no value".to_owned()),
        Value::Bool(_, text) | Value::Number(text) | Value::Text(text) => Ok(text.clone()),
    };
    if values.insert(path.to_owned(), value).is_some() {
        return Err(format!("the key `{path}` is in the file twice"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(written: Written, text: &str) -> Result<Values, String> {
        File { path: String::new(), written }.values(text)
    }

    #[test]
    fn levels_are_joined_and_values_arrive_as_written() {
        let yaml =
            "a: {b: one, list: [x, {y: 2}]}\nn: 1.10\nt: yes\nempty: \"\"\nnone:\nlong: |-\n  1\n  2\n";
        let json = r#"{"a":{"b":"one","list":["x",{"y":2}]},"n":1.10,"t":"yes","empty":"","none":null,"long":"1\n2"}"#;
        for found in [values(Written::Yaml, yaml).expect("yaml"), values(Written::Json, json).expect("json")]
        {
            let get = |key: &str| found.get(key).cloned().expect(key);
            for (key, value) in [
                ("a.b", "one"),
                ("a.list.0", "x"),
                ("a.list.1.y", "2"),
                ("n", "1.10"),
                ("t", "yes"),
                ("empty", ""),
                ("long", "1\n2"),
            ] {
                assert_eq!(get(key), Ok(value.to_owned()), "{key}");
            }
            assert_eq!(get("none"), Err("has no value".to_owned()));
        }
        let found = values(Written::Dotenv, "A=1\nB=\"x y\" # c\nC=pa$word\n").expect("dotenv");
        assert_eq!((&found["A"], &found["B"]), (&Ok("1".to_owned()), &Ok("x y".to_owned())));
        assert!(found["C"].clone().is_err_and(|cause| !cause.contains("pa$word")));
    }

    #[test]
    fn what_is_no_answer_is_told_without_what_it_holds() {
        for (written, text, told) in [
            (Written::Yaml, "a: [hunter2\n", "is not yaml (line"),
            (Written::Json, "{\"a\": hunter2}", "is not json (line 1)"),
            (Written::Dotenv, "A='hunter2", "is not dotenv (line 1)"),
            (Written::Yaml, "hunter2", "has no keys"),
            (Written::Yaml, "a.b: hunter2", "`a.b` in the file has a dot"),
        ] {
            let error = values(written, text).expect_err(text);
            assert!(error.contains(told) && !error.contains("hunter2"), "{text:?}: {error}");
        }
    }

    #[test]
    fn the_ending_says_how_a_file_is_written() {
        for (path, written) in [
            ("a.yaml", Some(Written::Yaml)),
            ("a/b.YML", Some(Written::Yaml)),
            ("a.enc.json", Some(Written::Json)),
            (".env", Some(Written::Dotenv)),
            ("secrets/prod.env", Some(Written::Dotenv)),
            ("secrets", None),
            ("a.ini", None),
        ] {
            assert_eq!(Written::of(path), written, "{path}");
        }
    }
}
