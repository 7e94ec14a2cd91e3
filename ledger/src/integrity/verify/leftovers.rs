//! Partial files of earlier checkpoints. A holder of such a checkpoint may still read them, so they must be
//! the beginning of the file that replaced them.

use crate::integrity::code::{Code, Fault};
use crate::integrity::tiles;
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
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let width = |path: &PathBuf| -> Option<u64> { path.file_name()?.to_str()?.parse().ok() };
    let mut widths: Vec<(u64, PathBuf)> =
        files.filter_map(|path| width(&path).map(|width| (width, path))).collect();
    widths.sort();
    let full = folder.with_extension("");
    let (_, widest) = widths.last()?;
    let whole = std::fs::read(if full.is_file() { &full } else { widest }).unwrap_or_default();
    let good = |width: u64, path: &Path| {
        let Ok(bytes) = std::fs::read(path) else { return false };
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
