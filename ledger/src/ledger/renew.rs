//! The parts of a ledger, rebuilt from the copies that are whole. Nothing is recorded here.

use super::evidence::{open_store, published};
use super::options::OpenError;
use crate::ids::Position;
use crate::integrity::checkpoint::TreeHead;
use crate::integrity::code::{Code, Fault};
use crate::integrity::heads::{self, Heads};
use crate::integrity::places::Places;
use crate::integrity::publish::CHECKPOINT;
use crate::integrity::rebuild::{Copies, Rebuilt, rebuild};
use crate::integrity::verify::{Sources, believed, signed};
use crate::log::{FjallStore, LogError, OldStore, swap};
use std::collections::BTreeSet;

/// The newest head that a key of the log signed.
pub(super) fn best_head(places: &Places) -> Result<(TreeHead, String), OpenError> {
    let mut faults = Vec::new();
    let store = open_store(places, &mut faults)?;
    let (all, bad) = signed::all(Some(places.folder()), places.published());
    let published = published(places);
    let sources = Sources {
        stored: store.as_ref().map(FjallStore::stored),
        places: Some(places.clone()),
        published: places.published().to_owned(),
        keys: Vec::new(),
        heads: None,
        faults: Vec::new(),
    };
    let keys = believed(&sources, published.as_ref(), &mut faults);
    let counted = all.into_iter().filter(|head| keys.signers(&head.head, &head.note).is_ok());
    let best = counted.max_by_key(|head| head.head.size);
    if let Some(store) = &store {
        store.not_clean();
    }
    let best = best.and_then(|head| Some((head.head, String::from_utf8(head.note).ok()?)));
    best.ok_or_else(|| {
        let why = bad.first().map_or_else(|| "no key of the log signed one".to_owned(), ToString::to_string);
        let cause = format!("nothing says what the log was: {why}");
        OpenError::Refused(Fault::new(Code::HeadMissing, cause))
    })
}

/// Rebuilds the store; returns the number of entries before, and the result.
pub(super) fn renew_store(
    places: &Places,
    head: &TreeHead,
    without: &BTreeSet<(Position, u32)>,
    old: OldStore,
) -> Result<(u64, Rebuilt), OpenError> {
    let store = open_store(places, &mut Vec::new())?;
    let stored = store.as_ref().map(FjallStore::stored);
    let before = stored.as_ref().and_then(|stored| stored.next().ok()).map_or(0, |next| next.0);
    let published = published(places);
    let mirror = places.mirror();
    let copies =
        Copies { stored: stored.as_deref(), published: published.as_ref(), mirror: &mirror, without };
    let rebuilt = rebuild(&places.new_store(), &copies, head);
    if let Some(store) = &store {
        store.not_clean();
    }
    let rebuilt = rebuilt.map_err(OpenError::Refused)?;
    drop((stored, store));
    swap(&places.store(), &places.new_store(), old)?;
    Ok((before, rebuilt))
}

/// Rewrites both files of heads, with this head in them.
pub(super) fn write_heads(places: &Places, note: &str) -> Result<(), OpenError> {
    let io =
        |error: std::io::Error| LogError::Io { path: places.folder().to_owned(), cause: error.to_string() };
    for name in heads::NAMES {
        drop(std::fs::remove_file(places.folder().join(name)));
    }
    let mut files = Heads::open(places.folder(), None).map_err(io)?;
    files.write(note).map_err(io)?;
    Ok(())
}

/// Removes what is published, so that the next open publishes all of it again.
pub(super) fn forget_published(places: &Places) -> Result<(), OpenError> {
    for path in [
        places.published().join(CHECKPOINT),
        places.published().join("tile"),
        places.mirror().folder().to_owned(),
    ] {
        let removed =
            if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
        match removed {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(LogError::Publish { path, cause: error.to_string() }.into());
            }
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}
