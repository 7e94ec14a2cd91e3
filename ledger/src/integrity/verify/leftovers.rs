//! Partial files of earlier checkpoints. A holder of such a checkpoint may still read them, so they must be
//! the beginning of the file that replaced them.

use crate::integrity::code::{Code, Fault};
use crate::integrity::tiles;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Looks at every folder of partial files.
pub fn look(published: &Path, faults: &mut Vec<Fault>) {
    let root = published.join("tile");
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        let inside = std::fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path());
        for path in inside.filter(|path| path.is_dir()) {
            if path.extension().is_some_and(|ending| ending == "p") {
                faults.extend(partial(&path, folder.starts_with(root.join("entries"))));
            } else {
                folders.push(path);
            }
        }
    }
}

/// The first file of a folder that is not as it was published.
fn partial(folder: &Path, entries: bool) -> Option<Fault> {
    let widths = widths(folder);
    let full = folder.with_extension("");
    let good = |width: u64, path: &Path| {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            // Somebody publishes meanwhile: it went after it was listed.
            Err(error) => return error.kind() == ErrorKind::NotFound,
        };
        // Read after it: what takes its place only grows.
        let Some(whole) = largest(folder, &full) else { return !path.exists() };
        let complete = match entries {
            true => tiles::decode_bundle(&bytes, width).is_ok(),
            false => tiles::decode_hashes(&bytes, width).is_ok(),
        };
        complete && whole.starts_with(&bytes)
    };
    let (_, bad) = widths.iter().find(|(width, path)| !good(*width, path))?;
    let code = if entries { Code::BundleDiffers } else { Code::TileDiffers };
    let cause = "does not begin the file that took its place";
    Some(Fault::new(code, format!("{}: {cause}", bad.display())))
}

/// Partial files of a folder by their width.
fn widths(folder: &Path) -> Vec<(u64, PathBuf)> {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let width = |path: &PathBuf| -> Option<u64> { path.file_name()?.to_str()?.parse().ok() };
    let mut widths: Vec<_> = files.filter_map(|path| width(&path).map(|width| (width, path))).collect();
    widths.sort();
    widths
}

/// The full file, or the widest partial one, as it is now.
fn largest(folder: &Path, full: &Path) -> Option<Vec<u8>> {
    // Twice: the widest may give its place to the full one between the two questions.
    (0..2).find_map(|_| {
        let whole = std::fs::read(full).ok();
        whole.or_else(|| std::fs::read(&widths(folder).last()?.1).ok())
    })
}
