//! Secret providers: sources of values that programs of the user open, `sops` and `op` (1Password).
//!
//! A source is queried once for each command, however many of its keys are needed. Its values are handled as
//! all secrets are, and go to the vault; an error of its program is shown without anything that may be a
//! secret.

mod given;
mod onepassword;
mod program;
mod sops;

use super::keys;
use super::problem::Mistakes;
use super::read::{Fields, closest};
use super::tree::{At, Node};
use given::Values;
use haloy_edge::Waits;
use haloy_executors::mask::{Masker, names_a_secret};
use haloy_ledger::locks::locked;
use program::Failed;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};

/// Most names that an error lists.
const NAMES_TOLD: usize = 30;

/// The sources of a file, and the answers of those that were queried.
#[derive(Clone, Default)]
pub struct Providers {
    sources: Arc<Vec<Source>>,
    asked: Arc<Mutex<BTreeMap<usize, Result<Values, NoSecret>>>>,
    /// Where waits are noted.
    waits: Arc<OnceLock<Waits>>,
}

// What was answered is never printed.
impl std::fmt::Debug for Providers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Providers").field("sources", &self.sources).finish_non_exhaustive()
    }
}

/// A source, as the file names it.
#[derive(Debug, Clone)]
struct Source {
    at: At,
    name: String,
    provider: Provider,
}

/// How a source is opened, and what that needs.
#[derive(Debug, Clone)]
enum Provider {
    Sops(sops::File),
    OnePassword(onepassword::Item),
}

/// Words that a reference begins with.
const PROVIDERS: [&str; 2] = ["sops", "onepassword"];

impl Provider {
    fn word(&self) -> &'static str {
        match self {
            Self::Sops(_) => "sops",
            Self::OnePassword(_) => "onepassword",
        }
    }

    fn program(&self) -> &'static str {
        match self {
            Self::Sops(_) => sops::SOPS.name,
            Self::OnePassword(_) => onepassword::OP.name,
        }
    }
}

/// Why a secret has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoSecret {
    /// What refers to it is wrong: cause and hint.
    Reference(String, String),
    /// The source gave nothing at all: its place, cause and hint.
    Source(At, String, String),
    /// This process was interrupted.
    Ended,
}

impl std::fmt::Display for NoSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Reference(cause, hint) | Self::Source(_, cause, hint) => write!(f, "{cause}; {hint}"),
            Self::Ended => f.write_str("asking for it was ended"),
        }
    }
}

impl Providers {
    /// Reads `secret_providers`.
    pub fn read(node: &Node, m: &mut Mistakes) -> Self {
        let Some(fields) = Fields::open(node, "`secret_providers`", keys::PROVIDERS, m) else {
            return Self::default();
        };
        let mut sources = Vec::new();
        for word in PROVIDERS {
            for (key, node) in fields.named(word, m) {
                let what = format!("source `{}` of `{word}`", key.written);
                if key.written.is_empty() || key.written.contains(':') {
                    m.add_with_hint(key.at, format!("{what} cannot have that name"), "leave out the `:`");
                }
                let provider = match word {
                    "sops" => sops::File::read(node, &what, m).map(Provider::Sops),
                    _onepassword => onepassword::Item::read(node, &what, m).map(Provider::OnePassword),
                };
                let (at, name) = (key.at, key.written.clone());
                sources.extend(provider.map(|provider| Source { at, name, provider }));
            }
        }
        Self { sources: Arc::new(sources), ..Self::default() }
    }

    /// Notes every later wait here.
    pub fn tell_waits(&self, waits: &Waits) {
        // The first one is that of this command.
        let _set = self.waits.set(waits.clone());
    }

    /// Whether this process was interrupted while a source was queried.
    pub fn were_ended(&self) -> bool {
        let asked = locked(&self.asked);
        asked.values().any(|answer| matches!(answer, Err(NoSecret::Ended)))
    }

    /// The value of `provider:source:key`; paths are relative to `folder`.
    pub fn get(&self, reference: &str, folder: &Path) -> Result<String, NoSecret> {
        let (number, key) = self.find(reference)?;
        let mut asked = locked(&self.asked);
        if !asked.contains_key(&number) {
            let values = self.open(&self.sources[number], folder, &asked);
            asked.insert(number, values);
        }
        let Some(answer) = asked.get(&number) else { return Err(NoSecret::Ended) };
        let values = answer.as_ref().map_err(Clone::clone)?;
        let source = &self.sources[number];
        match values.get(key) {
            Some(Ok(value)) => Ok(value.clone()),
            Some(Err(cause)) => {
                let cause = format!("the secret {reference}, and `{key}` {cause}");
                Err(NoSecret::Reference(cause, "give it one value".to_owned()))
            }
            None => {
                let names: Vec<&str> = values.keys().map(String::as_str).collect();
                let word = source.provider.word();
                let cause =
                    format!("the secret {reference}, and source `{}` of {word} has no `{key}`", source.name);
                Err(NoSecret::Reference(cause, known("it has", key, &names)))
            }
        }
    }

    /// The source that a reference names, and its key.
    fn find<'a>(&self, reference: &'a str) -> Result<(usize, &'a str), NoSecret> {
        let no = |cause: String, hint: String| Err(NoSecret::Reference(cause, hint));
        let mut parts = reference.splitn(3, ':');
        let (Some(word), Some(name), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return no(
                format!("the secret `{reference}`, which is not `provider:source:key`"),
                "write e.g. `from: {secret: \"sops:app:password\"}`".to_owned(),
            );
        };
        if !PROVIDERS.contains(&word) {
            let cause = format!("the secret `{reference}`, and there is no provider `{word}`");
            return no(cause, known("there are", word, &PROVIDERS));
        }
        if key.is_empty() {
            let cause = format!("the secret `{reference}`, which names no key");
            return no(cause, format!("write `{word}:{name}:KEY`"));
        }
        let of_it = self.sources.iter().enumerate().filter(|(_, source)| source.provider.word() == word);
        let of_it: Vec<(usize, &str)> =
            of_it.map(|(number, source)| (number, source.name.as_str())).collect();
        match of_it.iter().find(|(_, known)| *known == name) {
            Some((number, _)) => Ok((*number, key)),
            None => {
                let names: Vec<&str> = of_it.iter().map(|(_, name)| *name).collect();
                let cause =
                    format!("the secret `{reference}`, and `secret_providers.{word}` has no `{name}`");
                no(cause, known("it has", name, &names))
            }
        }
    }

    fn open(
        &self,
        source: &Source,
        folder: &Path,
        asked: &BTreeMap<usize, Result<Values, NoSecret>>,
    ) -> Result<Values, NoSecret> {
        let waited = |program: &str| format!("{program} (source {})", source.name);
        let _waiting = self.waits.get().map(|waits| waits.begin(waited(source.provider.program())));
        let opened = match &source.provider {
            Provider::Sops(file) => file.open(folder),
            Provider::OnePassword(item) => item.open(),
        };
        opened.map_err(|failed| {
            let word = source.provider.word();
            let no = |cause: String, hint: String| {
                NoSecret::Source(source.at, format!("source `{}` of {word}: {cause}", source.name), hint)
            };
            match failed {
                Failed::Ended => NoSecret::Ended,
                Failed::Because { cause, hint } => no(cause, hint),
                Failed::Said { cause, said, wrote, hint } => {
                    no(format!("{cause}{}", without_secrets(&said, &wrote, asked)), hint)
                }
            }
        })
    }
}

/// What may have been meant, or what there is.
fn known(there_is: &str, wanted: &str, names: &[&str]) -> String {
    if names.is_empty() {
        return format!("{there_is} none");
    }
    let more = names.len().saturating_sub(NAMES_TOLD);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let list = format!("{there_is} {}{more}", names[..names.len().min(NAMES_TOLD)].join(", "));
    match closest(wanted, names.iter().copied()) {
        Some(close) => format!("did you mean `{close}`? {list}"),
        None => list,
    }
}

/// Lines of an error that are shown, the last ones, and how long each may be.
const LINES_TOLD: usize = 4;
const LINE_TOLD: usize = 300;

/// Error text of a program, without possible secrets: earlier answers, its present output, and values of our
/// own environment.
fn without_secrets(said: &str, wrote: &str, asked: &BTreeMap<usize, Result<Values, NoSecret>>) -> String {
    /// Shorter pieces of an output are words.
    const PIECE: usize = 8;
    let apart = |c: char| c.is_whitespace() || "\"'=:,".contains(c);
    let pieces = wrote.split(apart).chain(wrote.lines().map(str::trim)).filter(|piece| piece.len() >= PIECE);
    let own = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let own = own.filter(|(name, _)| {
        names_a_secret(name) || ["SOPS_", "OP_"].iter().any(|begin| name.starts_with(begin))
    });
    let own: Vec<String> = own.map(|(_, value)| value).collect();
    let before =
        asked.values().flatten().flat_map(BTreeMap::values).filter_map(|value| value.as_deref().ok());
    let mask = Masker::new(before.chain(pieces).chain(own.iter().map(String::as_str)));
    let masked = mask.text(said);
    let lines: Vec<String> = masked
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(|line| line.chars().take(LINE_TOLD).collect())
        .collect();
    match lines.as_slice() {
        [] => String::new(),
        lines => format!(": {}", lines[lines.len().saturating_sub(LINES_TOLD)..].join("; ")),
    }
}

#[cfg(test)]
mod tests;
