//! Finding the configuration file.

use super::tree::Format;
use std::path::{Path, PathBuf};

const NAMES: [&str; 4] = ["haloy.yaml", "haloy.yml", "haloy.json", "haloy.toml"];

/// Why there is no file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LocateError {
    /// None of the names is there.
    #[error("no {} in {} or above it, up to the root of the repository", NAMES.join(", "), .0.display())]
    NotFound(PathBuf),
    /// What was named is not there.
    #[error("there is no {}", .0.display())]
    NoSuchFile(PathBuf),
    /// Its ending says no format.
    #[error("{} must end in .yaml, .yml, .json or .toml", .0.display())]
    Ending(PathBuf),
}

/// The file that was named, or that of the nearest folder from `here` upward to the repository root.
pub fn locate(named: Option<&Path>, here: &Path) -> Result<PathBuf, LocateError> {
    match named {
        Some(path) if path.is_dir() => in_folder(path).ok_or_else(|| LocateError::NotFound(path.to_owned())),
        Some(path) if path.exists() => Ok(path.to_owned()),
        Some(path) => Err(LocateError::NoSuchFile(path.to_owned())),
        None => {
            for folder in here.ancestors() {
                if let Some(file) = in_folder(folder) {
                    return Ok(file);
                }
                if folder.join(".git").exists() {
                    break;
                }
            }
            Err(LocateError::NotFound(here.to_owned()))
        }
    }
}

fn in_folder(folder: &Path) -> Option<PathBuf> {
    NAMES.iter().map(|name| folder.join(name)).find(|path| path.is_file())
}

/// The format that a file's ending says.
pub fn format(path: &Path) -> Result<Format, LocateError> {
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("yaml" | "yml") => Ok(Format::Yaml),
        Some("json") => Ok(Format::Json),
        Some("toml") => Ok(Format::Toml),
        Some(_) | None => Err(LocateError::Ending(path.to_owned())),
    }
}
