//! Checks what fjall trusts without checking, before it opens a store that changed since its close.
//!
//! Each keyspace has a small file that lists its tables, and another one with the checksum of that list.
//! fjall does not compare them: from a damaged list it panics while it holds a lock, which ends the process,
//! and it removes the tables of a keyspace whose list it does not find.

use std::fs;
use std::path::Path;
use xxhash_rust::xxh3::xxh3_128;

/// Names the number of the list, and its checksum: u64 and u128, both little-endian, then a zero.
const CURRENT: &str = "current";

/// Compares the list of every keyspace with its checksum; what is wrong with the first that differs.
pub(super) fn look(store: &Path) -> Result<(), String> {
    let spaces = store.join("keyspaces");
    for space in fs::read_dir(&spaces).into_iter().flatten().flatten() {
        let (name, path) = (space.file_name(), space.path());
        if path.is_dir() {
            list(&path).map_err(|what| format!("keyspaces/{}: {what}", name.display()))?;
        }
    }
    Ok(())
}

fn list(space: &Path) -> Result<(), String> {
    let Ok(current) = fs::read(space.join(CURRENT)) else {
        let mut tables = fs::read_dir(space.join("tables")).into_iter().flatten();
        // Without tables it was made and never used.
        return tables.next().map_or(Ok(()), |_| Err("nothing says which of its tables count".to_owned()));
    };
    let read = || {
        let (number, rest) = current.split_first_chunk()?;
        let (checksum, rest) = rest.split_first_chunk()?;
        (rest == [0]).then_some((u64::from_le_bytes(*number), u128::from_le_bytes(*checksum)))
    };
    let (number, checksum) = read().ok_or("what names the list of its tables cannot be read")?;
    match fs::read(space.join(format!("v{number}"))) {
        Ok(list) if xxh3_128(&list) == checksum => Ok(()),
        Ok(_) => Err(format!("the list of its tables (v{number}) is not the one that was written")),
        Err(error) => Err(format!("the list of its tables (v{number}): {error}")),
    }
}
