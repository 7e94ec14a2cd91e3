//! The second copy of private values: a file for each 256 events, beside the published tree and never in
//! it, for the owner alone. What recovery restores them from; redaction removes from it.

use super::tiles::WIDTH;
use crate::files::{self, Readers};
use crate::ids::Position;
use crate::log::PrivateRows;
use crate::private::PrivateRow;
use std::io;
use std::path::{Path, PathBuf};

/// The folder of the copies.
#[derive(Debug, Clone)]
pub struct Mirror {
    folder: PathBuf,
}

/// As stored: one MessagePack array after the other.
type Row = (Position, PrivateRow);

impl Mirror {
    /// In this folder; made when the first value is put.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// File of the values of events `256 * bundle ..`.
    pub fn path(&self, bundle: u64) -> PathBuf {
        self.folder.join(super::tiles::number(bundle))
    }

    /// Replaces the values of a bundle; without any value there is no file.
    pub fn put(&self, bundle: u64, rows: &PrivateRows) -> io::Result<()> {
        let path = self.path(bundle);
        if rows.values().all(Vec::is_empty) {
            return files::remove_if_there(&path);
        }
        let mut bytes = Vec::new();
        for (position, row) in rows.iter().flat_map(|(at, rows)| rows.iter().map(move |row| (at, row))) {
            rmp_serde::encode::write_named(&mut bytes, &(position, row)).map_err(io::Error::other)?;
        }
        files::put(&path, &bytes, Readers::Owner)
    }

    /// The values of a bundle; none where there is no file.
    pub fn get(&self, bundle: u64) -> io::Result<PrivateRows> {
        let Some(bytes) = files::read_if_there(&self.path(bundle))? else { return Ok(PrivateRows::new()) };
        let mut rest = bytes.as_slice();
        let mut rows = PrivateRows::new();
        while !rest.is_empty() {
            let (position, row): Row = rmp_serde::decode::from_read(&mut rest).map_err(io::Error::other)?;
            if position.0 / WIDTH != bundle {
                return Err(io::Error::other("it has a value of another file"));
            }
            rows.entry(position).or_default().push(row);
        }
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_and_an_empty_file_is_no_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let mirror = Mirror::new(folder.path().join("private"));
        let row = PrivateRow { field: 1, salt: [9; 32], value: "why".to_owned() };
        let rows = PrivateRows::from([(Position(256), vec![row.clone(), row]), (Position(300), vec![])]);
        mirror.put(1, &rows).expect("put");
        assert_eq!(mirror.get(1).expect("read").get(&Position(256)), rows.get(&Position(256)));
        assert_eq!(mirror.get(0).expect("none"), PrivateRows::new());
        std::fs::copy(mirror.path(1), mirror.path(2)).expect("copied");
        assert!(mirror.get(2).is_err(), "values of another file");
        mirror.put(1, &PrivateRows::new()).expect("removed");
        assert!(!mirror.path(1).exists());
    }
}
