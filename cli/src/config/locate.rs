//! Finding the configuration file.

use super::formats::Format;
use std::path::{Path, PathBuf};

const NAMES: [&str; 4] = ["haloy.yaml", "haloy.yml", "haloy.json", "haloy.toml"];

/// Why there is no file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LocateError {
    /// No file has one of the names.
    #[error("no {} in {} or above it, up to the root of the repository", NAMES.join(", "), .0.display())]
    NotFound(PathBuf),
    /// Several of them exist side by side.
    #[error("{} are both in {}, and only one can count", .1.join(" and "), .0.display())]
    Several(PathBuf, Vec<String>),
    /// What was named is not there.
    #[error("there is no {}", .0.display())]
    NoSuchFile(PathBuf),
    /// The file extension names no format.
    #[error("{} must end in .yaml, .yml, .json or .toml", .0.display())]
    Ending(PathBuf),
}

/// The file that was named, or that of the nearest folder from `here` upward to the repository root.
pub fn locate(named: Option<&Path>, here: &Path) -> Result<PathBuf, LocateError> {
    match named {
        Some(path) if path.is_dir() => in_folder(path)?.ok_or_else(|| LocateError::NotFound(path.to_owned())),
        Some(path) if is_there(path) => Ok(path.to_owned()),
        Some(path) => Err(LocateError::NoSuchFile(path.to_owned())),
        None => {
            for folder in here.ancestors() {
                if let Some(file) = in_folder(folder)? {
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

/// The one file of a folder. Two would be two apps, or two versions of one: that is not for haloy to guess.
fn in_folder(folder: &Path) -> Result<Option<PathBuf>, LocateError> {
    let mut names: Vec<&str> = NAMES.into_iter().filter(|name| is_there(&folder.join(name))).collect();
    match names.len() {
        0 => Ok(None),
        1 => Ok(Some(folder.join(names.remove(0)))),
        _several => {
            Err(LocateError::Several(folder.to_owned(), names.into_iter().map(str::to_owned).collect()))
        }
    }
}

/// Also where it is a dangling link, or cannot be accessed: reading it reports that, and the file of a folder
/// above would be another app's.
fn is_there(path: &Path) -> bool {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    match std::fs::symlink_metadata(path) {
        Ok(found) => !found.is_dir(),
        Err(error) => !matches!(error.kind(), NotFound | NotADirectory),
    }
}

/// The format of a file extension.
pub fn format(path: &Path) -> Result<Format, LocateError> {
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("yaml" | "yml") => Ok(Format::Yaml),
        Some("json") => Ok(Format::Json),
        Some("toml") => Ok(Format::Toml),
        Some(_) | None => Err(LocateError::Ending(path.to_owned())),
    }
}
