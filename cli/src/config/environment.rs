//! The environment of the command: variables of the process, then of `.env` files.
//!
//! The process always wins. Of the files, `.env.<target>` wins over every other: it is for one target alone.
//! Then come the `.env.local`, of which the one beside the configuration wins over that of the user's folder,
//! and that over the one of the working folder; last the `.env`, in the opposite order. That is the order of
//! Haloy (Go), except that there the process and `.env.<target>` lose.

use super::dotenv::{self, Entries, Fault};
use super::text::{self, Unreadable};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The user's own folder of haloy, below the home folder.
const USER_FOLDER: &str = ".config/haloy";

/// Variables, each with its value or why that cannot be used.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    process: BTreeMap<String, Result<String, String>>,
    /// Entries of each file, or what is wrong with it as a whole; the one that wins comes first.
    files: Vec<(PathBuf, Result<Entries, Fault>)>,
}

/// Why a variable has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoValue {
    /// The variable is set nowhere.
    NotSet,
    /// The process has it, and no text: cause.
    OfProcess(String),
    /// A file has it, and it cannot be used from there.
    InFile(PathBuf, Fault),
    /// A file may have it, and cannot be read as a whole.
    Unread(PathBuf, Fault),
}

impl Environment {
    /// Environment of this process, for a target of a file in `folder`.
    pub fn of_process(folder: &Path, target: &str) -> Self {
        let here = std::env::current_dir().unwrap_or_else(|_| folder.to_owned());
        Self::of(std::env::vars_os(), folder, &here, target)
    }

    /// The same for variables and a working folder that are given.
    pub fn of(
        variables: impl Iterator<Item = (OsString, OsString)>,
        folder: &Path,
        here: &Path,
        target: &str,
    ) -> Self {
        let text = |value: OsString| value.into_string().map_err(|_| "which is not UTF-8".to_owned());
        let (mut process, mut home) = (BTreeMap::new(), None);
        for (name, value) in variables {
            let Ok(name) = name.into_string() else { continue };
            if name == "HOME" && !value.is_empty() {
                home = Some(PathBuf::from(&value));
            }
            process.insert(name, text(value));
        }
        let mut environment = Self { process, files: Vec::new() };
        for path in files(folder, here, home.as_deref(), target) {
            environment.add(&path);
        }
        environment
    }

    /// A file that wins over earlier ones; an absent one adds nothing, and a folder is not a file.
    fn add(&mut self, path: &Path) {
        // A file that cannot be accessed is an error, not the same as missing.
        match std::fs::metadata(path) {
            Ok(found) if found.is_dir() => return,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return,
            Ok(_) | Err(_) => {}
        }
        let entries = match text::read(path, text::MOST) {
            Err(Unreadable { line, cause }) => Err(Fault { line, cause }),
            Ok(text) => {
                let process = |name: &str| match self.process.get(name)? {
                    Ok(value) => Some(Ok(value.clone())),
                    Err(cause) => Some(Err(format!("it asks for {name}, {cause}"))),
                };
                let others = |name: &str| match self.get(name) {
                    Ok(value) => Some(Ok(value.to_owned())),
                    Err(NoValue::NotSet) => None,
                    Err(NoValue::OfProcess(cause)) => Some(Err(format!("it asks for {name}, {cause}"))),
                    Err(
                        NoValue::InFile(file, Fault { line, cause })
                        | NoValue::Unread(file, Fault { line, cause }),
                    ) => Some(Err(format!("it asks for {name} of {}:{line}: {cause}", file.display()))),
                };
                dotenv::parse(&text.replace("\r\n", "\n"), &process, &others)
            }
        };
        self.files.insert(0, (path.to_owned(), entries));
    }

    /// The value of a variable.
    pub fn get(&self, name: &str) -> Result<&str, NoValue> {
        if let Some(value) = self.process.get(name) {
            return value.as_deref().map_err(|cause| NoValue::OfProcess(cause.clone()));
        }
        for (path, entries) in &self.files {
            let unusable = |fault: &Fault| NoValue::InFile(path.clone(), fault.clone());
            match entries {
                Err(fault) => return Err(NoValue::Unread(path.clone(), fault.clone())),
                Ok(entries) => {
                    if let Some(entry) = entries.get(name) {
                        return entry.as_deref().map_err(unusable);
                    }
                }
            }
        }
        Err(NoValue::NotSet)
    }
}

/// Every file that may be there, each once; the one that wins comes last.
fn files(folder: &Path, here: &Path, home: Option<&Path>, target: &str) -> Vec<PathBuf> {
    let user = home.map(|home| home.join(USER_FOLDER));
    let of_user = |name: &str| user.iter().map(|user| user.join(name)).collect::<Vec<_>>();
    let of_target = format!(".env.{target}");
    let all = [
        vec![folder.join(".env")],
        of_user(".env"),
        vec![here.join(".env"), here.join(".env.local")],
        of_user(".env.local"),
        vec![folder.join(".env.local"), here.join(&of_target), folder.join(&of_target)],
    ]
    .concat();
    let same = |a: &Path, b: &Path| match (a.canonicalize(), b.canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        (Ok(_) | Err(_), _) => a == b,
    };
    let again = |at: usize| all[at + 1..].iter().any(|later| same(&all[at], later));
    (0..all.len()).filter(|at| !again(*at)).map(|at| all[at].clone()).collect()
}
