//! The configuration file: found, read, checked and resolved.
//!
//! Reading order: `locate` (which file), `tree` (its values with their places), `keys` (what it may
//! say), `read` and `parts` (typed, not yet complete), `values` (secrets), `resolve` and `checks` (defaults
//! and rules), `schema` (the same for editors).

mod checks;
mod glob;
pub mod keys;
mod locate;
mod parts;
mod problem;
mod read;
mod resolve;
mod schema;
mod show;
mod tree;
mod values;

#[cfg(test)]
mod tests;

pub use glob::matches;
pub use locate::LocateError;
pub use problem::{Problem, Problems};
pub use resolve::TargetConfig;
pub use schema::schema;
pub use show::show;
pub use values::{ConfigValue, check};

use parts::{ImagePart, TargetPart};
use problem::Mistakes;
use read::{Fields, Spot, closest};
use resolve::Surroundings;
use std::path::{Path, PathBuf};
use tree::At;
use values::Environment;

/// Why a configuration cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// There is none.
    #[error(transparent)]
    Locate(#[from] LocateError),
    /// It cannot be read.
    #[error("{}: {cause}", file.display())]
    Io {
        /// Which file.
        file: PathBuf,
        /// What the system said.
        cause: String,
    },
    /// It has mistakes.
    #[error(transparent)]
    Problems(#[from] Problems),
    /// The command names a target that it does not have.
    #[error("the file has no target `{name}`; it has {}", known.join(", "))]
    NoTarget {
        /// What was named.
        name: String,
        /// What there is.
        known: Vec<String>,
        /// What may have been meant.
        close: Option<String>,
    },
    /// The file has several targets and the command names none.
    #[error("the file has several targets: {}", known.join(", "))]
    WhichTarget {
        /// What there is.
        known: Vec<String>,
    },
}

/// A file, read and checked for what needs no values.
#[derive(Debug, Clone)]
pub struct ConfigFile {
    /// Where it lies.
    pub path: PathBuf,
    text: String,
    base: TargetPart,
    targets: Vec<(Spot<String>, TargetPart)>,
    images: Vec<(String, ImagePart)>,
    has_targets: bool,
    /// Commands before the first target.
    pub global_pre_deploy: Vec<String>,
    /// Commands after the last target.
    pub global_post_deploy: Vec<String>,
}

/// Which targets a command is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Names or globs; several may be joined with commas.
    pub names: Vec<String>,
    /// All but the protected ones.
    pub all: bool,
}

/// A target of the file, by name, without its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// App.
    pub app: String,
    /// Target.
    pub target: String,
}

impl ConfigFile {
    /// Finds and reads the file.
    pub fn open(named: Option<&Path>, here: &Path) -> Result<Self, ConfigError> {
        let path = locate::locate(named, here)?;
        let format = locate::format(&path)?;
        let text = std::fs::read_to_string(&path)
            .map_err(|error| ConfigError::Io { file: path.clone(), cause: error.to_string() })?;
        Ok(Self::parse(path, text, format)?)
    }

    fn parse(path: PathBuf, text: String, format: tree::Format) -> Result<Self, Problems> {
        let problems = |list: Vec<Problem>| Problems { file: path.clone(), text: text.clone(), list };
        let root = match tree::parse(&text, format) {
            Ok(root) => root,
            Err((at, message)) => return Err(problems(vec![Problem { at, message, hint: None }])),
        };
        let mut m = Mistakes::default();
        let known = keys::root();
        let Some(fields) = Fields::open(&root, "the file", &known, &mut m) else {
            return Err(problems(m.0));
        };
        let base = TargetPart::read(&fields, &mut m);
        let images = fields.named("images", &mut m).iter().filter_map(|(key, node)| {
            Some((key.written.clone(), ImagePart::read(node, &mut Mistakes::default())?))
        });
        let images: Vec<(String, ImagePart)> = images.collect();
        for (_, node) in fields.named("images", &mut Mistakes::default()) {
            let _checked = ImagePart::read(node, &mut m);
        }
        let targets = targets(&fields, &base, &mut m);
        let list = |spots: Option<Vec<Spot<String>>>| -> Vec<String> {
            spots.unwrap_or_default().into_iter().map(|spot| spot.value).collect()
        };
        let global_pre_deploy = list(fields.texts("global_pre_deploy", &mut m));
        let global_post_deploy = list(fields.texts("global_post_deploy", &mut m));
        if let Some(providers) = fields.node("secret_providers") {
            let _checked = Fields::open(providers, "`secret_providers`", keys::PROVIDERS, &mut m);
        }
        let has_targets = fields.node("targets").is_some();
        if !m.0.is_empty() {
            m.0.sort_by_key(|problem| problem.at);
            m.0.dedup();
            return Err(problems(m.0));
        }
        Ok(Self { path, text, base, targets, images, has_targets, global_pre_deploy, global_post_deploy })
    }

    /// Folder that paths in the file are relative to.
    pub fn folder(&self) -> PathBuf {
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        folder.canonicalize().unwrap_or_else(|_| folder.to_owned())
    }

    /// Names of all targets, in file order.
    pub fn names(&self) -> Vec<Named> {
        self.targets
            .iter()
            .map(|(name, part)| Named {
                app: part.name.as_ref().unwrap_or(name).value.clone(),
                target: name.value.clone(),
            })
            .collect()
    }

    /// The targets that a command is about, in file order.
    pub fn select(&self, selection: &Selection) -> Result<Vec<Named>, ConfigError> {
        let names = self.names();
        let known = || names.iter().map(|named| named.target.clone()).collect::<Vec<_>>();
        if selection.all {
            let open = self.targets.iter().zip(&names);
            let open = open.filter(|((_, part), _)| !self.protected(part)).map(|(_, named)| named.clone());
            return Ok(open.collect());
        }
        let wanted: Vec<&str> =
            selection.names.iter().flat_map(|names| names.split(',')).map(str::trim).collect();
        if wanted.is_empty() {
            return match names.len() {
                1 => Ok(names),
                _several => Err(ConfigError::WhichTarget { known: known() }),
            };
        }
        for name in &wanted {
            if !names.iter().any(|named| glob::matches(name, &named.target)) {
                let close = closest(name, names.iter().map(|named| named.target.as_str())).map(str::to_owned);
                return Err(ConfigError::NoTarget { name: (*name).to_owned(), known: known(), close });
            }
        }
        Ok(names
            .into_iter()
            .filter(|named| wanted.iter().any(|name| glob::matches(name, &named.target)))
            .collect())
    }

    fn protected(&self, part: &TargetPart) -> bool {
        part.protected.unwrap_or(part.preset == Some(parts::Preset::Database))
    }

    /// Resolves these targets, with their values; every mistake of all of them at once.
    pub fn resolve(&self, wanted: &[Named]) -> Result<Vec<TargetConfig>, ConfigError> {
        let folder = self.folder();
        let mut m = Mistakes::default();
        let mut resolved = Vec::new();
        for (name, part) in &self.targets {
            if !wanted.iter().any(|named| named.target == name.value) {
                continue;
            }
            let environment = Environment::of_process(&folder, &name.value);
            let around = Surroundings { folder: &folder, environment: &environment, images: &self.images };
            resolved.extend(resolve::target(name, part.clone(), &around, &mut m));
        }
        if m.0.is_empty() {
            return Ok(resolved);
        }
        m.0.sort_by_key(|problem| problem.at);
        m.0.dedup();
        Err(Problems { file: self.path.clone(), text: self.text.clone(), list: m.0 }.into())
    }

    /// Whether the file has `targets`.
    pub fn has_targets(&self) -> bool {
        self.has_targets
    }

    /// The name at the root, for files without targets.
    pub fn root_name(&self) -> Option<&str> {
        self.base.name.as_ref().map(|spot| spot.value.as_str())
    }
}

fn targets(fields: &Fields<'_>, base: &TargetPart, m: &mut Mistakes) -> Vec<(Spot<String>, TargetPart)> {
    let Some(node) = fields.node("targets") else {
        if base.name.is_none() && fields.node("name").is_none() {
            m.add_with_hint(At { line: 1, column: 1 }, "the file has no `name`", "add `name: my-app`");
        }
        let name = Spot { at: At { line: 1, column: 1 }, value: "default".to_owned() };
        return vec![(name, base.clone())];
    };
    let named = fields.named("targets", m);
    if named.is_empty() {
        m.add(node.at, "`targets` names no target");
    }
    let mut targets = Vec::new();
    for (key, node) in named {
        let part = match node.value {
            // `staging:` alone is a target that changes nothing.
            tree::Value::Null => TargetPart::default(),
            tree::Value::Bool(_)
            | tree::Value::Number(_)
            | tree::Value::Text(_)
            | tree::Value::List(_)
            | tree::Value::Map(_) => {
                let what = format!("target `{}`", key.written);
                match Fields::open(node, &what, keys::TARGET, m) {
                    Some(fields) => TargetPart::read(&fields, m),
                    None => continue,
                }
            }
        };
        targets.push((Spot { at: key.at, value: key.written.clone() }, part.over(base)));
    }
    targets
}
