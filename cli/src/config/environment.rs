//! The environment of the command: variables of the process, then of `.env` files.

use super::dotenv::{self, Entries, Fault};
use super::text::{self, Unreadable};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Variables, each with what it is set to or why that cannot be used.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    process: BTreeMap<String, Result<String, String>>,
    /// `.env.<target>`, then `.env`: what each says, or what is wrong with it as a whole.
    files: Vec<(PathBuf, Result<Entries, Fault>)>,
}

/// Why a variable has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoValue {
    /// It is set nowhere.
    NotSet,
    /// The process has it, and no text: cause.
    OfProcess(String),
    /// A file has it, and it cannot be used from there.
    InFile(PathBuf, Fault),
    /// A file may have it, and cannot be read as a whole.
    Unread(PathBuf, Fault),
}

impl Environment {
    /// That of this process, for a target of a file in `folder`. A variable of the process wins over
    /// `.env.<target>`, and that over `.env`.
    pub fn of_process(folder: &Path, target: &str) -> Self {
        Self::of(std::env::vars_os(), folder, target)
    }

    /// The same for variables that are given.
    pub fn of(variables: impl Iterator<Item = (OsString, OsString)>, folder: &Path, target: &str) -> Self {
        let text = |value: OsString| value.into_string().map_err(|_| "which is not UTF-8".to_owned());
        let process =
            variables.filter_map(|(name, value)| Some((name.into_string().ok()?, text(value)))).collect();
        let mut environment = Self { process, files: Vec::new() };
        for name in [".env".to_owned(), format!(".env.{target}")] {
            environment.add(&folder.join(name));
        }
        environment
    }

    /// A file that wins over those before; one that is not there adds nothing, and a folder is no file.
    fn add(&mut self, path: &Path) {
        // What cannot be looked at is an error, not the same as missing.
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
