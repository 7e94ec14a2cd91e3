//! Checking a ledger without trusting it, and proofs for those who have none.

use super::options::{LedgerOptions, OpenError};
use crate::ids::{LedgerId, Position};
use crate::integrity::checkpoint::TreeHead;
use crate::integrity::code::{Code, Fault};
use crate::integrity::heads;
use crate::integrity::known::KeyHistory;
use crate::integrity::note::{Note, Verifier};
use crate::integrity::places::Places;
use crate::integrity::proof_text::Proof;
use crate::integrity::publish::CHECKPOINT;
use crate::integrity::verify::published::Published;
use crate::integrity::verify::{Asked, Report, Sources, known_from, signed, verify};
use crate::log::{EventLog, FjallStore, LogError, standing};
use crate::secrets::{Keys, Make, Vault};
use std::path::Path;
use std::sync::Arc;

/// The evidence to check, opened as far as possible. The store is locked while this lives.
pub struct Evidence {
    sources: Sources,
    held: Held,
    vault: Option<Arc<Vault>>,
}

/// What keeps the store open.
enum Held {
    Nothing,
    Store(FjallStore),
    /// Somebody writes to it meanwhile.
    Log(Arc<dyn EventLog>),
}

impl Evidence {
    /// Of a ledger, whatever state it is in.
    ///
    /// # Errors
    /// If another process holds it, or its folder cannot be read.
    pub fn open(options: &LedgerOptions) -> Result<Self, OpenError> {
        let places = options.places();
        let mut faults = Vec::new();
        let store = store_to_read(&places, &mut faults)?;
        let vault = match Keys::open(&options.keys, options.entropy.as_ref(), Make::None) {
            Ok(keys) if keys.lost().is_empty() => Some(Arc::new(Vault::new(places.vault(), &keys))),
            Ok(_) | Err(_) => None,
        };
        let sources = Sources {
            stored: store.as_ref().map(FjallStore::stored),
            published: places.published().to_owned(),
            places: Some(places),
            keys: Vec::new(),
            heads: None,
            faults,
        };
        Ok(Self { sources, held: store.map_or(Held::Nothing, Held::Store), vault })
    }

    /// Of a log that others append to: these sources are those of an instant.
    pub(super) fn of(sources: Sources, log: Arc<dyn EventLog>, vault: Option<Arc<Vault>>) -> Self {
        Self { sources, held: Held::Log(log), vault }
    }

    /// Of a published tree alone, with the trusted keys.
    pub fn published(folder: &Path, keys: Vec<Verifier>) -> Self {
        let published = folder.to_owned();
        let sources =
            Sources { stored: None, places: None, published, keys, heads: None, faults: Vec::new() };
        Self { sources, held: Held::Nothing, vault: None }
    }

    /// Checks everything.
    pub fn verify(&self, asked: &Asked, progress: &mut dyn FnMut(u64, u64)) -> Report {
        let mut report = verify(&self.sources, asked, progress);
        if let Some(vault) = &self.vault {
            let (good, bad) = vault.check();
            report
                .looked_at
                .push(crate::integrity::verify::Looked { what: "values of the vault".into(), count: good });
            report.faults.extend(bad.map(|cause| Fault::new(Code::VaultDamaged, cause)));
        }
        match &self.held {
            Held::Store(store) if !report.faults.is_empty() => store.distrust(),
            Held::Log(log) if !report.faults.is_empty() => log.distrust(),
            Held::Store(_) | Held::Log(_) | Held::Nothing => {}
        }
        report
    }
}

/// The store, if it can be opened; why not otherwise, as a fault.
pub(super) fn open_store(places: &Places, faults: &mut Vec<Fault>) -> Result<Option<FjallStore>, OpenError> {
    store(places, &places.store(), faults, FjallStore::open)
}

/// The same, without changing anything.
fn store_to_read(places: &Places, faults: &mut Vec<Fault>) -> Result<Option<FjallStore>, OpenError> {
    let folder = standing(&places.store(), &places.new_store());
    let scratch = (places.memory(), places.scratch());
    let open = |_: &Path| FjallStore::open_to_read(&places.store(), &places.new_store(), scratch);
    store(places, &folder, faults, open)
}

fn store(
    places: &Places,
    folder: &Path,
    faults: &mut Vec<Fault>,
    open: impl FnOnce(&Path) -> Result<FjallStore, LogError>,
) -> Result<Option<FjallStore>, OpenError> {
    if !folder.exists() {
        if heads::exist(places.folder())? {
            faults.push(Fault::new(Code::StoreMissing, format!("there is no store in {}", folder.display())));
        }
        return Ok(None);
    }
    match open(folder) {
        Ok(store) => Ok(Some(store)),
        Err(error @ (LogError::Unreadable { .. } | LogError::Store(_))) => {
            faults.push(Fault::new(Code::StoreUnreadable, error.to_string()));
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// The published tree, as far as its checkpoint can be read.
pub(super) fn published(places: &Places) -> Option<Published> {
    let note = std::fs::read(places.published().join(CHECKPOINT)).ok()?;
    let head = signed::read(CHECKPOINT, note).ok()?;
    Some(Published::new(places.published(), head.head.size))
}

/// Why nothing of a ledger may be changed, whatever state it is in, if a newer haloy wrote it: its store
/// says so, or what is published where the store cannot be read.
pub(super) fn newer_in_place(places: &Places) -> Result<Option<LogError>, OpenError> {
    if let Some(store) = open_store(places, &mut Vec::new())? {
        let stored = store.stored();
        let says = || KeyHistory::scan(stored.as_ref()).ok().flatten()?.newer();
        return Ok(store.newer().cloned().or_else(says));
    }
    Ok(newer_published(places))
}

/// The same, of what is published alone.
pub(super) fn newer_published(places: &Places) -> Option<LogError> {
    known_from(&published(places)?)?.newer()
}

/// Proofs that entries are in the published tree, with its checkpoint as it is now.
pub fn prove(places: &Places, positions: &[Position]) -> Result<Vec<Proof>, LogError> {
    let path = places.published().join(CHECKPOINT);
    let unread = |cause: String| LogError::Publish { path: path.clone(), cause };
    let checkpoint = std::fs::read_to_string(&path).map_err(|error| unread(error.to_string()))?;
    let note = Note::parse(checkpoint.as_bytes()).map_err(|error| unread(error.to_string()))?;
    let head = TreeHead::parse(note.text).map_err(|error| unread(error.to_string()))?;
    let tree = crate::integrity::prover::Prover::new(places.published(), head.size);
    positions
        .iter()
        .map(|at| {
            let (entry, path) = tree.prove(at.0).map_err(|fault| unread(fault.to_string()))?;
            Ok(Proof { entry: Some(entry), index: at.0, path, checkpoint: checkpoint.clone() })
        })
        .collect()
}

/// The ledger that the heads in its folder name, without opening it; none without heads. Nothing is trusted
/// here.
pub fn named(places: &Places) -> Option<LedgerId> {
    let (heads, _) = signed::all(Some(places.folder()), places.published());
    heads.iter().find_map(|head| head.head.origin.strip_prefix("haloy/")?.parse().ok())
}

/// How many entries the newest head covers, and how many the published checkpoint; nothing is trusted here.
pub fn sizes(places: &Places) -> (Option<u64>, Option<u64>) {
    let (heads, _) = signed::all(Some(places.folder()), places.published());
    let published = heads.iter().find(|head| head.place == CHECKPOINT).map(|head| head.head.size);
    (heads.iter().map(|head| head.head.size).max(), published)
}
