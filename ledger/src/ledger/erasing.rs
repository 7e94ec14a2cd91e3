//! Every copy of the text of erased values is removed, wherever it lies in the ledger; the next open goes on
//! if this is interrupted.

use super::evidence::open_store;
use super::options::OpenError;
use super::renew::{best_head, renew_store};
use crate::event::{AnyEvent, LedgerEvent};
use crate::files;
use crate::ids::{Position, Revision, StreamId};
use crate::integrity::places::Places;
use crate::integrity::tiles::WIDTH;
use crate::log::{LogError, OldStore, PrivateRows, finish_swap, sweep_scratch};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Exists while values are being erased: after a crash in between, the next open goes on.
const ERASING: &str = "erasing";

pub(super) fn marker(places: &Places) -> PathBuf {
    places.folder().join(ERASING)
}

/// Whether values were being erased when something ended this.
pub(super) fn unfinished(places: &Places) -> Result<bool, LogError> {
    let marker = marker(places);
    marker.try_exists().map_err(|error| LogError::Io { path: marker, cause: error.to_string() })
}

/// Rebuilds the store without what was redacted, and removes every other copy of it.
pub(super) fn erase(places: &Places) -> Result<(), OpenError> {
    finish_swap(&places.store(), &places.new_store())?;
    let without = redacted(places)?;
    let (head, _) = best_head(places)?;
    renew_store(places, &head, &without, OldStore::Removed)?;
    let mirror = places.mirror();
    let bundles: BTreeSet<u64> = without.iter().map(|(at, _)| at.0 / WIDTH).collect();
    let io = |path: PathBuf| move |error: std::io::Error| LogError::Io { path, cause: error.to_string() };
    let mut changed = BTreeSet::from([places.folder().to_owned()]);
    for bundle in bundles {
        let path = mirror.path(bundle);
        let mut rows = match mirror.get(bundle) {
            Ok(rows) => rows,
            // A damaged file holds nothing that could be kept, and may hold what is to go.
            Err(error) if error.raw_os_error().is_none() => PrivateRows::new(),
            Err(error) => return Err(io(path)(error).into()),
        };
        for (at, rows) in &mut rows {
            rows.retain(|row| !without.contains(&(*at, row.field)));
        }
        mirror.put(bundle, &rows).map_err(io(path.clone()))?;
        changed.extend(path.parent().filter(|folder| folder.is_dir()).map(Path::to_owned));
    }
    // A copy that a look at the store left, if it was killed.
    let copy = places.store().with_extension("copy");
    // Copies of journals and stores, and the routes sent to the edge, have the same text.
    let edge = places.folder().join("edge");
    files::remove_if_there(&edge.join("contacts.json")).map_err(io(edge.clone()))?;
    changed.extend(Some(edge).filter(|edge| edge.is_dir()));
    for folder in [places.aside(), copy] {
        match std::fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(io(folder)(error).into());
            }
            Ok(()) | Err(_) => {}
        }
    }
    // Whoever only read, and was killed, may have left what it has.
    places.memory().into_iter().chain([places.scratch()]).for_each(sweep_scratch);
    // What is gone must not come back after the marker went.
    for folder in changed {
        files::sync_folder(&folder).map_err(io(folder))?;
    }
    files::remove_if_there(&marker(places)).map_err(io(marker(places)))?;
    Ok(())
}

/// Every value that an event redacted.
fn redacted(places: &Places) -> Result<BTreeSet<(Position, u32)>, OpenError> {
    let store = open_store(places, &mut Vec::new())?;
    let Some(store) = store else { return Ok(BTreeSet::new()) };
    let stored = store.stored();
    let mut found = BTreeSet::new();
    let mut from = Revision(0);
    loop {
        let entries = stored.stream(&StreamId::Ledger, from, 1024)?;
        for entry in &entries {
            if let Ok(recorded) = crate::log::codec::decode(entry)
                && let AnyEvent::Ledger(LedgerEvent::PayloadRedacted(redacted)) = recorded.event
            {
                found.extend(redacted.fields.iter().map(|field| (redacted.position, *field)));
            }
        }
        if entries.len() < 1024 {
            return Ok(found);
        }
        from = Revision(from.0 + entries.len() as u64);
    }
}
