//! Where values come from: the file itself, the environment of the command, files beside it, secret providers.

use super::dotenv::Fault;
use super::entries::{EnvPart, SourcePart};
use super::environment::{Environment, NoValue};
use super::problem::{Mistakes, Problem};
use super::providers::{NoSecret, Providers};
use super::text::{self, Unreadable};
use super::tree::At;
use haloy_ledger::release::{Fingerprint, ValueEntry, ValueSource};
use haloy_service::ConfigValue;
use std::collections::BTreeMap;
use std::path::Path;

/// An entry without a fingerprint, which the ledger will make.
pub fn entry(value: &ConfigValue) -> ValueEntry {
    ValueEntry {
        name: value.name.clone(),
        source: value.source.clone(),
        fingerprint: Fingerprint(String::new()),
        value: None,
    }
}

/// Most bytes of a value from a file.
const MAX_FILE: u64 = 64 * 1024;

/// Why a source gives no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceError {
    /// The variable has none.
    Variable(String, NoValue),
    /// The file cannot be read: which, and why.
    File(String, String),
    /// A secret provider has none.
    Secret(NoSecret),
}

impl std::fmt::Display for SourceError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Variable(name, NoValue::NotSet) => write!(f, "the variable {name}, which is not set"),
            Self::Variable(name, NoValue::OfProcess(cause)) => write!(f, "the variable {name}, {cause}"),
            Self::Variable(
                name,
                NoValue::InFile(file, Fault { line, cause }) | NoValue::Unread(file, Fault { line, cause }),
            ) => {
                write!(f, "the variable {name}, and {}:{line} cannot be used: {cause}", file.display())
            }
            Self::File(place, cause) => write!(f, "the file {place}: {cause}"),
            Self::Secret(none) => none.fmt(f),
        }
    }
}

/// Where values come from that are not in the file itself.
#[derive(Debug, Clone, Copy)]
pub struct Sources<'a> {
    /// Folder of the file.
    pub folder: &'a Path,
    /// Variables.
    pub environment: &'a Environment,
    /// Secret providers.
    pub providers: &'a Providers,
}

/// Present value of a source that is not the file itself.
pub fn ask(source: &ValueSource, sources: &Sources<'_>) -> Result<String, SourceError> {
    match source {
        ValueSource::Literal => Ok(String::new()),
        ValueSource::Env(variable) => match sources.environment.get(variable) {
            Ok(value) => Ok(value.to_owned()),
            Err(none) => Err(SourceError::Variable(variable.clone(), none)),
        },
        ValueSource::File(path) => read(&sources.folder.join(path)),
        ValueSource::Secret(reference) => {
            sources.providers.get(reference, sources.folder).map_err(SourceError::Secret)
        }
    }
}

fn read(path: &Path) -> Result<String, SourceError> {
    let failed = |cause: String| SourceError::File(path.display().to_string(), cause);
    let text = text::read(path, MAX_FILE).map_err(|Unreadable { line, cause }| match line {
        0 => failed(cause),
        line => failed(format!("line {line}: {cause}")),
    })?;
    Ok(text.strip_suffix('\n').map_or(text.as_str(), |t| t.strip_suffix('\r').unwrap_or(t)).to_owned())
}

/// Finds a value, and notes it where there is none. Without sources only the file itself is read.
pub fn resolve(
    name: &str,
    part: &SourcePart,
    sources: Option<&Sources<'_>>,
    m: &mut Mistakes,
) -> Option<ConfigValue> {
    let value = match (&part.source, sources) {
        (ValueSource::Literal, _) => part.literal.clone(),
        (_, None) => return None,
        (source, Some(sources)) => match ask(source, sources) {
            Ok(value) => value,
            Err(error) => {
                unresolved(name, part.at, error, m);
                return None;
            }
        },
    };
    let secret = part.source != ValueSource::Literal;
    Some(ConfigValue { name: name.to_owned(), source: part.source.clone(), value, secret })
}

fn unresolved(name: &str, at: At, error: SourceError, m: &mut Mistakes) {
    match error {
        // The mistake is in that file, and not where the variable is used.
        SourceError::Variable(variable, NoValue::InFile(file, Fault { line, cause })) => {
            let message = format!("`{variable}` has no value here: {cause}");
            let at = At { line, column: 0 };
            m.0.push(Problem { file: Some(file), at, message, hint: None, shown: None });
        }
        // Once, however many variables it may have.
        SourceError::Variable(_, NoValue::Unread(file, Fault { line, cause })) => {
            let at = At { line, column: 0 };
            m.0.push(Problem { file: Some(file), at, message: cause, hint: None, shown: None });
        }
        SourceError::Variable(variable, NoValue::NotSet) => {
            let message = format!("`{name}` comes from the variable {variable}, which is not set");
            let hint =
                format!("set it: `export {variable}=...`, or `{variable}=...` in `.env` beside the file");
            m.add_with_hint(at, message, hint);
        }
        // Once, however many of its keys are needed.
        SourceError::Secret(NoSecret::Source(at, cause, hint)) => m.add_with_hint(at, cause, hint),
        SourceError::Secret(NoSecret::Reference(cause, hint)) => {
            m.add_with_hint(at, format!("`{name}` comes from {cause}"), hint);
        }
        error
        @ (SourceError::Variable(..) | SourceError::File(..) | SourceError::Secret(NoSecret::Ended)) => {
            m.add(at, format!("`{name}` comes from {error}"));
        }
    }
}

/// Longest `NAME=value` that Linux takes in an environment, its end included (`MAX_ARG_STRLEN`).
const MAX_VARIABLE: usize = 128 * 1024;

/// Whether a variable can have this value. Checked before anything is recorded: an engine that refuses it
/// would quote it. The value is never part of the answer.
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

/// Most bytes of all variables of a container: a quarter of the stack of 8 MiB that Docker gives, less what is
/// left for the arguments and the variables of the image. Each also takes a pointer.
const MAX_ENVIRONMENT: usize = 2 * 1024 * 1024 - 128 * 1024;
const POINTER: usize = 8;

/// Whether the kernel starts a program with these variables.
pub fn check_all(values: &[ConfigValue], parts: &[EnvPart], m: &mut Mistakes) {
    let size = |value: &ConfigValue| value.name.len() + value.value.len() + "=\0".len() + POINTER;
    let bytes: usize = values.iter().map(size).sum();
    let largest = values.iter().zip(parts).max_by_key(|(value, _)| size(value));
    if let (true, Some((value, part))) = (bytes > MAX_ENVIRONMENT, largest) {
        let message = format!(
            "the variables of `env` take {bytes} bytes together, and a container can take {MAX_ENVIRONMENT}; \
             `{}` is the largest",
            value.name
        );
        m.add_with_hint(
            part.value.at,
            message,
            "mount files instead: `volumes: [\"/host/folder:/folder:ro\"]`",
        );
    }
}

/// Resolves `env`, then `${NAME}` between its entries; what holds a secret is one.
pub fn resolve_env(
    parts: &[EnvPart],
    sources: Option<&Sources<'_>>,
    mistakes: &mut Mistakes,
) -> Vec<ConfigValue> {
    let mut values: Vec<ConfigValue> = Vec::new();
    for part in parts {
        // An entry without a value keeps its place, so that references to it are not a second mistake.
        let value = resolve(&part.name, &part.value, sources, mistakes);
        values.push(value.unwrap_or_else(|| ConfigValue {
            name: part.name.clone(),
            source: part.value.source.clone(),
            value: String::new(),
            secret: true,
        }));
    }
    let raw = values.clone();
    let mut known = BTreeMap::new();
    for (value, part) in values.iter_mut().zip(parts) {
        if value.source == ValueSource::Literal {
            let mut path = vec![value.name.as_str().to_owned()];
            match expand(&raw, &value.value, &mut path, &mut known) {
                Ok((text, secret)) => (value.value, value.secret) = (text, secret),
                Err(message) => mistakes.add(part.value.at, message),
            }
        }
        if let Err(message) = check(&value.name, &value.source, &value.value) {
            mistakes.add(part.value.at, message);
        }
    }
    values
}

/// Replaces every `${NAME}` of a known name; an unknown one stays as it is, for the app's own shell. Before a
/// bracket, `$$` is a `$` that is text, as in Docker Compose.
///
/// What an entry stands for is found once: entries that name each other twice would take for ever otherwise.
fn expand(
    values: &[ConfigValue],
    text: &str,
    path: &mut Vec<String>,
    known: &mut BTreeMap<String, (String, bool)>,
) -> Result<(String, bool), String> {
    let (mut out, mut secret, mut rest) = (String::new(), false, text);
    while let Some((before, after)) = rest.split_once("${") {
        let text = before.trim_end_matches('$');
        let dollars = before.len() - text.len() + 1;
        out.push_str(text);
        out.push_str(&"$".repeat(dollars / 2));
        if dollars % 2 == 0 {
            out.push('{');
            rest = after;
            continue;
        }
        let Some((name, behind)) = after.split_once('}') else {
            out.push_str("${");
            rest = after;
            continue;
        };
        match values.iter().find(|value| value.name == name) {
            None => {
                out.push_str("${");
                rest = after;
                continue;
            }
            Some(_) if path.iter().any(|known| known == name) => {
                return Err(format!("`${{...}}` goes in a circle: {} -> {name}", path.join(" -> ")));
            }
            Some(value) if value.source != ValueSource::Literal => {
                secret = true;
                out.push_str(&value.value);
            }
            Some(value) => {
                if !known.contains_key(name) {
                    path.push(name.to_owned());
                    let expanded = expand(values, &value.value, path, known)?;
                    path.pop();
                    known.insert(name.to_owned(), expanded);
                }
                if let Some((inner, inner_secret)) = known.get(name) {
                    secret |= inner_secret;
                    out.push_str(inner);
                }
            }
        }
        // A few entries of a few characters can stand for more than any memory holds.
        if out.len() > MAX_VARIABLE {
            let name = path.first().map(String::as_str).unwrap_or_default();
            return Err(format!(
                "`${{...}}` makes a value of more than {MAX_VARIABLE} bytes of `{name}`, which no variable can have"
            ));
        }
        rest = behind;
    }
    out.push_str(rest);
    Ok((out, secret))
}
