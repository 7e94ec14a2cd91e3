//! What a build is sent: the files of its context, chosen as `docker build` chooses them, one after the other.

mod ignore;
mod pack;

use ignore::Ignored;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

pub(super) use pack::Digests;

/// Largest context that is sent, in bytes: a forgotten .dockerignore must not fill the disk.
const MAX_CONTEXT: u64 = 4 << 30;
/// The file of rules.
const IGNORED: &str = ".dockerignore";
/// Name of a Dockerfile that is not in the context itself.
const OUTSIDE: &str = ".dockerfile.haloy";

/// A file or folder of the context.
struct Entry {
    /// In the context.
    name: PathBuf,
    metadata: Metadata,
}

/// Contents of the archive, before any of it is read.
pub(super) struct Context {
    folder: PathBuf,
    entries: Vec<Entry>,
    /// The Dockerfile's bytes.
    recipe: Vec<u8>,
    /// The Dockerfile's name in what is sent.
    pub(super) dockerfile: String,
    /// The rules that are sent where the Dockerfile comes from elsewhere: it is not a file of the context.
    rules: Option<String>,
}

impl Context {
    /// Looks at every file. What cannot be read is an error that names it.
    pub(super) fn look(folder: &Path, dockerfile: &str) -> Result<Self, String> {
        let path = folder.join(dockerfile);
        let recipe = std::fs::read(&path).map_err(|error| io_failure(&path, &error))?;
        let inside = inside(folder, &path);
        let rules = rules(folder, &path)?;
        let text = rules.as_ref().map(|(_, text)| text.as_str()).unwrap_or_default();
        let unreadable = |cause: String| {
            let name = rules.as_ref().map_or(IGNORED, |(name, _)| name.as_str());
            format!("{}: {cause}", folder.join(name).display())
        };
        let ignored = Ignored::parse(text).map_err(unreadable)?;
        let mut entries = Vec::new();
        walk(folder, Path::new(""), &ignored, &mut entries)?;
        // The engine needs both, and keeps out of the image what the rules leave out.
        for name in [Path::new(IGNORED)].into_iter().chain(inside.as_deref()) {
            let there = || std::fs::symlink_metadata(folder.join(name));
            if !entries.iter().any(|entry| entry.name == name)
                && let Ok(metadata) = there()
            {
                entries.push(Entry { name: name.to_owned(), metadata });
            }
        }
        entries.sort_by(|one, other| one.name.cmp(&other.name));
        let bytes = entries.iter().filter(|entry| entry.metadata.is_file()).map(|entry| entry.metadata.len());
        if bytes.sum::<u64>() > MAX_CONTEXT {
            return Err(format!(
                "the build context {} is larger than 4 GiB; leave out what is not needed in .dockerignore",
                folder.display()
            ));
        }
        let rules = inside.is_none().then(|| format!("{text}\n{IGNORED}\n{OUTSIDE}\n"));
        let dockerfile = inside.map_or_else(|| OUTSIDE.to_owned(), |inside| inside.display().to_string());
        Ok(Self { folder: folder.to_owned(), entries, recipe, dockerfile, rules })
    }
}

fn io_failure(path: &Path, error: &io::Error) -> String {
    format!("{}: {error}", path.display())
}

/// Path of a file within the context, whatever path leads to it; none for a file elsewhere.
fn inside(folder: &Path, path: &Path) -> Option<PathBuf> {
    let (folder, path) = (folder.canonicalize().ok()?, path.canonicalize().ok()?);
    path.strip_prefix(folder).ok().map(Path::to_owned)
}

/// The rules, and the name of their file: those beside the Dockerfile, `NAME.dockerignore`, where there are such.
fn rules(folder: &Path, dockerfile: &Path) -> Result<Option<(String, String)>, String> {
    let mut own = dockerfile.as_os_str().to_owned();
    own.push(IGNORED);
    for path in [PathBuf::from(own), folder.join(IGNORED)] {
        let bytes = haloy_ledger::files::read_if_there(&path).map_err(|error| io_failure(&path, &error))?;
        if let Some(bytes) = bytes {
            let text =
                String::from_utf8(bytes).map_err(|error| io_failure(&path, &io::Error::other(error)))?;
            return Ok(Some((path.display().to_string(), text)));
        }
    }
    Ok(None)
}

fn walk(root: &Path, at: &Path, ignored: &Ignored, entries: &mut Vec<Entry>) -> Result<(), String> {
    let folder = root.join(at);
    for entry in std::fs::read_dir(&folder).map_err(|error| io_failure(&folder, &error))? {
        let entry = entry.map_err(|error| io_failure(&folder, &error))?;
        let name = at.join(entry.file_name());
        let metadata = match entry.metadata() {
            Ok(metadata) => metadata,
            // Gone since it was listed: it is not part of the context.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(io_failure(&entry.path(), &error)),
        };
        let covered = ignored.covers(&name);
        let goes_down = metadata.is_dir() && (!covered || ignored.has_exceptions());
        // A socket is nothing that an archive can hold.
        if !covered && !metadata.file_type().is_socket() {
            entries.push(Entry { name: name.clone(), metadata });
        }
        if goes_down {
            walk(root, &name, ignored, entries)?;
        }
    }
    Ok(())
}
