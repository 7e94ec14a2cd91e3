//! Where values come from: the file itself, the environment of the command, files beside it.

use super::parts::{EnvPart, SourcePart};
use super::problem::Mistakes;
use haloy_ledger::release::ValueSource;
use std::collections::BTreeMap;
use std::path::Path;

/// A value, resolved. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct ConfigValue {
    /// Name of the variable or credential.
    pub name: String,
    /// Where it came from.
    pub source: ValueSource,
    /// The value.
    pub value: String,
    /// It is, or holds, a value that is not written in the file: it goes to the vault.
    pub secret: bool,
}

impl std::fmt::Debug for ConfigValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConfigValue")
            .field("name", &self.name)
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

/// The environment of the command: variables of the process, then of `.env` files.
#[derive(Clone, Default)]
pub struct Environment {
    /// Variables, by name.
    pub variables: BTreeMap<String, String>,
}

impl Environment {
    /// That of this process, for a target of a file in `folder`. A variable of the process wins over
    /// `.env.<target>`, and that over `.env`.
    pub fn of_process(folder: &Path, target: &str) -> Self {
        let mut variables = BTreeMap::new();
        for name in [".env".to_owned(), format!(".env.{target}")] {
            if let Ok(text) = std::fs::read_to_string(folder.join(name)) {
                variables.extend(dotenv(&text));
            }
        }
        variables.extend(
            std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))),
        );
        Self { variables }
    }
}

/// `NAME=value` lines; `export` in front, quotes around and comments are accepted.
fn dotenv(text: &str) -> Vec<(String, String)> {
    let entry = |line: &str| {
        let line = line.trim();
        let line = line.strip_prefix("export ").unwrap_or(line);
        let (name, value) = line.split_once('=')?;
        if name.starts_with('#') {
            return None;
        }
        let value = value.trim();
        let quoted = |quote: char| value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
        let value = match (quoted('"'), quoted('\'')) {
            (Some(inner), _) => inner.replace("\\n", "\n").replace("\\\"", "\""),
            (None, Some(inner)) => inner.to_owned(),
            (None, None) => value.split(" #").next().unwrap_or(value).trim().to_owned(),
        };
        Some((name.trim().to_owned(), value))
    };
    text.lines().filter_map(entry).collect()
}

/// Most bytes of a value from a file.
const MAX_FILE: u64 = 64 * 1024;

/// Finds a value; a secret provider is not built yet.
pub fn resolve(
    name: &str,
    part: &SourcePart,
    folder: &Path,
    environment: &Environment,
) -> Result<ConfigValue, String> {
    let value = match &part.source {
        ValueSource::Literal => part.literal.clone(),
        ValueSource::Env(variable) => match environment.variables.get(variable) {
            Some(value) => value.clone(),
            None => return Err(format!("`{name}` comes from the variable {variable}, which is not set")),
        },
        ValueSource::File(path) => read(name, &folder.join(path))?,
        ValueSource::Secret(reference) => {
            return Err(format!(
                "`{name}` comes from the secret provider `{}`, and providers are not built yet; use `from: {{env}}` or `from: {{file}}`",
                reference.split(':').next().unwrap_or(reference)
            ));
        }
    };
    if value.contains('\0') {
        return Err(format!("the value of `{name}` has a NUL character in it, which no variable can hold"));
    }
    let secret = part.source != ValueSource::Literal;
    Ok(ConfigValue { name: name.to_owned(), source: part.source.clone(), value, secret })
}

fn read(name: &str, path: &Path) -> Result<String, String> {
    let place = path.display();
    let failed = |error: std::io::Error| format!("`{name}` comes from the file {place}: {error}");
    if std::fs::metadata(path).map_err(failed)?.len() > MAX_FILE {
        return Err(format!("`{name}` comes from the file {place}, which is larger than {MAX_FILE} bytes"));
    }
    let text = std::fs::read_to_string(path).map_err(failed)?;
    Ok(text.strip_suffix('\n').map_or(text.as_str(), |t| t.strip_suffix('\r').unwrap_or(t)).to_owned())
}

/// Longest `NAME=value` that Linux takes in an environment, its end included (`MAX_ARG_STRLEN`).
const MAX_VARIABLE: usize = 128 * 1024;

/// Whether a variable can have this value. Asked before anything is recorded: an engine that refuses it would
/// quote it. The value is never part of the answer.
pub fn check(name: &str, source: &ValueSource, value: &str) -> Result<(), String> {
    let from = match source {
        ValueSource::Literal => "`value` in the file".to_owned(),
        ValueSource::Env(variable) => format!("the variable {variable}"),
        ValueSource::File(path) => format!("the file {path}"),
        ValueSource::Secret(reference) => format!("the secret {reference}"),
    };
    if value.contains('\0') {
        return Err(format!(
            "`{name}` comes from {from}, which holds a NUL byte; no variable can, so encode it, e.g. with base64"
        ));
    }
    let bytes = name.len() + value.len() + "=\0".len();
    if bytes > MAX_VARIABLE {
        return Err(format!(
            "`{name}` comes from {from} and takes {bytes} bytes; no variable can take more than {MAX_VARIABLE}, so mount a file instead"
        ));
    }
    Ok(())
}

/// Resolves `env`, then `${NAME}` between its entries; what holds a secret is one.
pub fn resolve_env(
    parts: &[EnvPart],
    folder: &Path,
    environment: &Environment,
    mistakes: &mut Mistakes,
) -> Vec<ConfigValue> {
    let mut values: Vec<ConfigValue> = Vec::new();
    for part in parts {
        match resolve(&part.name, &part.value, folder, environment) {
            Ok(value) => values.push(value),
            Err(message) => {
                mistakes.add(part.value.at, message);
                // Keeps its place, so that references to it are no second mistake.
                let source = part.value.source.clone();
                values.push(ConfigValue {
                    name: part.name.clone(),
                    source,
                    value: String::new(),
                    secret: true,
                });
            }
        }
    }
    let raw = values.clone();
    for (value, part) in values.iter_mut().zip(parts) {
        if value.source == ValueSource::Literal {
            let mut path = vec![value.name.as_str().to_owned()];
            match expand(&raw, &value.value, &mut path) {
                Ok((text, secret)) => (value.value, value.secret) = (text, secret),
                Err(cycle) => mistakes.add(part.value.at, format!("`${{...}}` goes in a circle: {cycle}")),
            }
        }
        if let Err(message) = check(&value.name, &value.source, &value.value) {
            mistakes.add(part.value.at, message);
        }
    }
    values
}

/// Replaces every `${NAME}` of a known name; an unknown one stays as it is, for the app's own shell.
fn expand(values: &[ConfigValue], text: &str, path: &mut Vec<String>) -> Result<(String, bool), String> {
    let (mut out, mut secret, mut rest) = (String::new(), false, text);
    while let Some((before, after)) = rest.split_once("${") {
        out.push_str(before);
        let Some((name, behind)) = after.split_once('}') else {
            out.push_str("${");
            rest = after;
            continue;
        };
        match values.iter().find(|value| value.name == name) {
            None => out.push_str(&format!("${{{name}}}")),
            Some(_) if path.iter().any(|known| known == name) => {
                return Err(format!("{} -> {name}", path.join(" -> ")));
            }
            Some(value) if value.source != ValueSource::Literal => {
                secret = true;
                out.push_str(&value.value);
            }
            Some(value) => {
                path.push(name.to_owned());
                let (inner, inner_secret) = expand(values, &value.value, path)?;
                path.pop();
                secret |= inner_secret;
                out.push_str(&inner);
            }
        }
        rest = behind;
    }
    out.push_str(rest);
    Ok((out, secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dotenv_takes_quotes_comments_and_export() {
        let text = "A=1\nexport B=\"two words\" \n# C=3\nD='#4' \nE=5 # five\n";
        let pairs: Vec<_> = dotenv(text);
        let expected = [("A", "1"), ("B", "two words"), ("D", "#4"), ("E", "5")];
        assert_eq!(pairs, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
}
