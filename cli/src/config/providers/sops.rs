//! `sops`: an encrypted file, whose keys are its contents, with dots between the levels.

use super::given::{Values, needed};
use super::program::{Failed, Program};
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

/// Format of the file, and of its decrypted text.
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

    /// Whether a text has what `sops` adds to a file that it encrypts.
    fn is_encrypted(self, text: &str) -> bool {
        let begins = |with: &str| text.lines().any(|line| line.starts_with(with));
        match self {
            // JSON is YAML, too.
            Self::Yaml => begins("sops:") || text.contains("\"sops\""),
            Self::Json => text.contains("\"sops\""),
            Self::Dotenv => begins("sops_"),
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
        let because = |cause: String, hint: &str| Err(Failed::Because { cause, hint: hint.to_owned() });
        let text = match std::fs::read(&path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) => {
                let hint = "`file` is relative to the configuration file";
                return because(format!("the file {shown}: {error}"), hint);
            }
        };
        // `sops` quotes lines of a file that it cannot read, and here they are in clear.
        if !self.written.is_encrypted(&text) {
            let hint = format!("encrypt it: sops encrypt --in-place {shown}");
            return because(format!("the file {shown} is not encrypted with `sops`"), &hint);
        }
        let Some(given) = path.to_str() else {
            return because(format!("the path {shown} is not UTF-8"), "rename it");
        };
        let word = self.written.word();
        let again = format!("sops decrypt --input-type {word} {shown} > /dev/null");
        // Without its type, `sops` takes a file with an unknown extension for JSON.
        let text = SOPS.run(&["decrypt", "--input-type", word, "--output-type", word, given], &again);
        let text = text.map_err(|failed| match failed {
            Failed::Said { cause, said, wrote, hint } => {
                Failed::Said { cause, said: reasons(&said), wrote, hint }
            }
            Failed::Because { .. } | Failed::Ended => failed,
        })?;
        self.values(&text).map_err(|cause| Failed::Because { cause, hint: format!("see with: {again}") })
    }

    /// Values in the decrypted text. Only names of keys can appear in an error.
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

/// Reasons that `sops` gives for a failure, without its frame around why each key does not open the file and
/// without its last words, which are the same for all reasons; no line of the file stays in it either.
fn reasons(said: &str) -> String {
    const QUOTES: [&str; 2] = ["invalid dotenv input line", "unknown anchor"];
    let mut reasons: Vec<String> = Vec::new();
    for line in said.lines().map(str::trim) {
        if let Some(first) = line.strip_prefix("- |") {
            reasons.push(first.trim().to_owned());
        } else if let (Some(more), Some(reason)) = (line.strip_prefix('|'), reasons.last_mut()) {
            reason.push(' ');
            reason.push_str(more.trim());
        }
    }
    if !reasons.is_empty() {
        return reasons.join("\n");
    }
    let quotes = |line: &str| QUOTES.iter().find_map(|words| Some(line.find(words)? + words.len()));
    let lines = said.lines().map(|line| quotes(line).map_or(line, |end| &line[..end]));
    lines.collect::<Vec<_>>().join("\n")
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
        // `sops` reformats such numbers, and digits may be lost.
        Value::Number(text) if text.contains(['e', 'E']) => {
            Err("is a number that `sops` does not keep as it was written: put it in quotes there".to_owned())
        }
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
        let yaml = "a: {b: one, list: [x, {y: 2}]}\nn: 1.1\nf: 1.2345675e+06\nt: \"yes\"\nempty: \"\"\nnone:\nlong: |-\n  1\n  2\n";
        let json = r#"{"a":{"b":"one","list":["x",{"y":2}]},"n":1.1,"f":1e+21,"t":"yes","empty":"","none":null,"long":"1\n2"}"#;
        for found in [values(Written::Yaml, yaml).expect("yaml"), values(Written::Json, json).expect("json")]
        {
            let get = |key: &str| found.get(key).cloned().expect(key);
            for (key, value) in [
                ("a.b", "one"),
                ("a.list.0", "x"),
                ("a.list.1.y", "2"),
                ("n", "1.1"),
                ("t", "yes"),
                ("empty", ""),
                ("long", "1\n2"),
            ] {
                assert_eq!(get(key), Ok(value.to_owned()), "{key}");
            }
            assert_eq!(get("none"), Err("has no value".to_owned()));
            assert!(get("f").is_err_and(|cause| cause.contains("put it in quotes") && !cause.contains("e+")));
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

    #[test]
    fn why_no_key_opens_a_file_is_told_without_the_frame_around_it() {
        let said = "Failed to get the data key required to decrypt the SOPS file.\n\nGroup 0: FAILED\n  \
                    age1aaa: FAILED\n    - | identity did not match\n      | any of the recipients\n\n  \
                    age1bbb: FAILED\n    - | no such file\n\nRecovery failed because no master key was able to\n";
        assert_eq!(reasons(said), "identity did not match any of the recipients\nno such file");
        assert_eq!(reasons("MAC mismatch.\nsecond\n"), "MAC mismatch.\nsecond");
        assert_eq!(
            reasons("Error: invalid dotenv input line: hunter2\n"),
            "Error: invalid dotenv input line"
        );
        assert_eq!(reasons("yaml: unknown anchor 'hunter2' referenced"), "yaml: unknown anchor");
    }

    #[test]
    fn a_file_in_clear_is_not_given_to_sops() {
        for (written, encrypted, clear) in [
            (Written::Yaml, "a: ENC[x]\nsops:\n    mac: x\n", "a: {sops: x}\nb: sops\n"),
            (Written::Yaml, "{\"data\": \"ENC[x]\", \"sops\": {}}", ""),
            (Written::Json, "{\n\t\"a\": \"ENC[x]\",\n\t\"sops\": {}\n}", "{\"a\": \"hunter2\"}"),
            (Written::Dotenv, "A=ENC[x]\nsops_version=3.13.3\n", "A=sops_x\nhunter2\n"),
        ] {
            assert!(written.is_encrypted(encrypted) && !written.is_encrypted(clear), "{encrypted}");
        }
    }
}
