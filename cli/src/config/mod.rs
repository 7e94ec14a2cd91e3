//! The configuration file: found, read, checked and resolved.
//!
//! Reading order: `locate` (finding the file), `text` (its bytes), `formats` and `yaml` (its values as a
//! `tree`, with their places), `keys` (the known keys), `read` and `parts` (typed, not yet complete),
//! `habits` (keys of other tools), `values` with `environment` and `dotenv` (secrets), `resolve`, `checks`,
//! `mounts` and `reference` (defaults and rules), `schema` (the same for editors).

mod again;
mod around;
mod checks;
mod dockerfile;
mod dotenv;
mod engine;
mod entries;
mod environment;
mod formats;
mod glob;
mod guards;
mod habits;
mod images;
mod interpolation;
pub mod keys;
mod listed;
mod locate;
mod mounts;
mod parts;
mod problem;
mod providers;
mod read;
mod reference;
mod request;
mod resolve;
mod schema;
mod show;
mod text;
mod tree;
mod values;
mod yaml;

#[cfg(test)]
mod tests;

pub use again::ask_again;
pub use checks::is_here;
pub use glob::matches;
pub use guards::Guard;
pub use listed::Listed;
pub use locate::LocateError;
pub use problem::{Problem, Problems};
pub use providers::Providers;
pub use resolve::{Asked, TargetConfig};
pub use schema::schema;
pub use show::show;

use around::{Look, Surroundings};
use environment::Environment;
use parts::{ImagePart, TargetPart};
use problem::Mistakes;
use read::{Fields, Spot, closest};
use std::path::{Path, PathBuf};
use text::Unreadable;
use tree::At;
use values::Sources;

/// Why a configuration cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// There is none.
    #[error(transparent)]
    Locate(#[from] LocateError),
    /// The file cannot be read.
    #[error("{}{}: {cause}", file.display(), if *line > 0 { format!(":{line}") } else { String::new() })]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// The line; 0 where it is about the whole file.
        line: usize,
        /// Error of the system, or what is wrong with the bytes.
        cause: String,
    },
    /// The file has mistakes.
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
    /// This process was interrupted meanwhile.
    #[error("nothing was done")]
    Ended,
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
    /// Where `from: {secret}` comes from.
    pub providers: Providers,
    /// Commands before the first target.
    pub global_pre_deploy: Vec<String>,
    /// Commands after the last target.
    pub global_post_deploy: Vec<String>,
}

/// Targets of a command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Names or globs; several may be joined with commas.
    pub names: Vec<String>,
    /// All but the protected ones.
    pub all: bool,
    /// With `all`: those, too.
    pub protected: bool,
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
    /// Finds and reads the file. Where it has mistakes, all that can be found without values are reported.
    pub fn open(named: Option<&Path>, here: &Path) -> Result<Self, ConfigError> {
        Self::read(named, here, false)
    }

    /// The same. Where it has mistakes, missing values are reported with them.
    pub fn open_to_check(named: Option<&Path>, here: &Path) -> Result<Self, ConfigError> {
        Self::read(named, here, true)
    }

    fn read(named: Option<&Path>, here: &Path, values: bool) -> Result<Self, ConfigError> {
        let path = locate::locate(named, here)?;
        let format = locate::format(&path)?;
        let text = text::read(&path, text::MOST).map_err(|Unreadable { line, cause }| {
            ConfigError::Unreadable { file: path.clone(), line, cause }
        })?;
        Ok(Self::parse(path, text, format, values)?)
    }

    fn parse(path: PathBuf, text: String, format: formats::Format, values: bool) -> Result<Self, Problems> {
        let problems = |text: String, list: Vec<Problem>| Problems { file: path.clone(), text, list };
        let root = match formats::parse(&text, format) {
            Ok(root) => root,
            Err((at, message)) => {
                let mut m = Mistakes::default();
                m.add(at, message);
                return Err(problems(text, m.in_order()));
            }
        };
        let mut m = Mistakes::default();
        let known = keys::root();
        let Some(fields) = Fields::open(&root, "the file", &known, &mut m) else {
            return Err(problems(text, m.in_order()));
        };
        let base = TargetPart::read(&fields, &mut m);
        let mut images: Vec<(String, ImagePart)> = Vec::new();
        for (key, node) in fields.named("images", &mut m) {
            images.extend(ImagePart::read(node, &mut m).map(|image| (key.written.clone(), image)));
        }
        let targets = targets(&fields, &base, &mut m);
        let list = |spots: Option<Vec<Spot<String>>>| -> Vec<String> {
            spots.unwrap_or_default().into_iter().map(|spot| spot.value).collect()
        };
        let global_pre_deploy = list(fields.texts("global_pre_deploy", &mut m));
        let global_post_deploy = list(fields.texts("global_post_deploy", &mut m));
        let providers = fields.node("secret_providers");
        let providers = providers.map(|node| Providers::read(node, &mut m)).unwrap_or_default();
        // Both where a target picks them, and where none does.
        for (_, image) in &images {
            images::check_reference(image, &mut m);
        }
        let has_targets = fields.has("targets");
        let file = Self {
            path,
            text,
            base,
            targets,
            images,
            has_targets,
            providers,
            global_pre_deploy,
            global_post_deploy,
        };
        if m.0.is_empty() {
            return Ok(file);
        }
        let all = file.names();
        file.resolve_into(&all, if values { Look::Incomplete } else { Look::WithoutValues }, &mut m);
        Err(Problems { file: file.path, text: file.text, list: m.in_order() })
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
            let open = open
                .filter(|((_, part), _)| selection.protected || !self.protected(part))
                .map(|(_, named)| named.clone());
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
        let mut m = Mistakes::default();
        let resolved = self.resolve_into(wanted, Look::Whole, &mut m);
        if self.providers.were_ended() {
            return Err(ConfigError::Ended);
        }
        if m.0.is_empty() {
            return Ok(resolved);
        }
        Err(Problems { file: self.path.clone(), text: self.text.clone(), list: m.in_order() }.into())
    }

    fn resolve_into(&self, wanted: &[Named], look: Look, m: &mut Mistakes) -> Vec<TargetConfig> {
        let folder = self.folder();
        let mut resolved = Vec::new();
        for (name, part) in &self.targets {
            if !wanted.iter().any(|named| named.target == name.value) {
                continue;
            }
            let environment = Environment::of_process(&folder, &name.value);
            let sources = Sources { folder: &folder, environment: &environment, providers: &self.providers };
            let around = Surroundings { sources, images: &self.images, look };
            resolved.extend(resolve::target(name, part.clone(), &around, m));
        }
        resolved
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
    let start = At { line: 1, column: 1 };
    if !fields.has("targets") {
        if !fields.has("name") {
            m.add_with_hint(start, "the file has no `name`", "add `name: my-app`");
        }
        let alias = base.name.as_ref().map(|name| name.value.clone());
        let part = TargetPart { alias, ..base.clone() };
        return vec![(Spot { at: start, value: "default".to_owned() }, part)];
    }
    let named = fields.named("targets", m);
    if let (true, Some(node)) = (named.is_empty(), fields.node("targets")) {
        m.add_with_hint(node.at, "`targets` names no target", "write `targets: {production: {}}`");
    }
    let mut targets = Vec::new();
    for (key, node) in named {
        let part = match node.value {
            // `staging:` alone is a target that changes nothing.
            tree::Value::Null(_) => TargetPart::default(),
            tree::Value::Bool(..)
            | tree::Value::Number(_)
            | tree::Value::Text(_)
            | tree::Value::List(_)
            | tree::Value::Map(_) => {
                let what = format!("target `{}`", key.written);
                match Fields::open(node, &what, keys::TARGET, m) {
                    Some(own) => {
                        hides_nothing(&own, fields, m);
                        TargetPart::read(&own, m)
                    }
                    None => continue,
                }
            }
        };
        let name = Spot { at: key.at, value: key.written.clone() };
        let own = part.name.as_ref().unwrap_or(&name).value.clone();
        targets.push((name, TargetPart { alias: Some(own), ..part }.over(base)));
    }
    targets
}

/// An empty list of a target replaces the root's. A key without a value could mean that or not.
fn hides_nothing(own: &Fields<'_>, root: &Fields<'_>, m: &mut Mistakes) {
    for name in ["domains", "volumes", "pre_deploy", "post_deploy"] {
        if let (Some(at), Some(_)) = (own.empty(name), root.node(name)) {
            let message = format!("`{name}` has nothing after it, and the root of the file has `{name}`");
            m.add_with_hint(
                at,
                message,
                format!("write `{name}: []` for none, or delete the line for those"),
            );
        }
    }
}
