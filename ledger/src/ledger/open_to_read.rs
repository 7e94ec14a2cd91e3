//! Opening a ledger to read it: nothing is changed, whatever state it is in, and others may read it, too.

use super::erasing;
use super::evidence::{newer_published, published};
use super::open::{Ledger, Parts, origin_of, store_missing, unreadable};
use super::options::{LedgerOptions, OpenError};
use super::renew::best_head;
use super::signing::{self, Frozen};
use super::upgrade;
use crate::ids::{LedgerId, Position};
use crate::integrity::code::Code;
use crate::integrity::examine::{HeadFiles, examine};
use crate::integrity::heads;
use crate::integrity::known::KeyHistory;
use crate::integrity::places::Places;
use crate::integrity::rebuild::{Copies, rebuild};
use crate::log::{EventLog, FjallReader, FjallStore, LogError, Rows, standing};
use crate::projection::read;
use crate::secrets::{Keys, Make};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A store that can be read, and what is under its newest signed head.
struct Readable {
    store: FjallStore,
    known: Option<KeyHistory>,
    end: Position,
}

impl Ledger {
    /// Opens the ledger in a folder to read it, as of its newest signed head: nothing is written, and nothing is
    /// appended to what this gives. A folder without a store is read from what is published in it, as in a
    /// backup. None if there is nothing yet.
    ///
    /// Read models that are behind, or of an older version, are computed in memory.
    ///
    /// # Errors
    /// [`OpenError::Refused`] if it is not what was signed.
    pub fn open_to_read(options: LedgerOptions) -> Result<Option<Self>, OpenError> {
        let places = options.places();
        let Some(Readable { store, known, end }) = readable(&places)? else { return Ok(None) };
        if end == Position(0) {
            return Ok(None);
        }
        let newer = store.newer().cloned();
        let mut log = FjallReader::new(store, end)?;
        if newer.is_none() && erasing::unfinished(&places)? {
            upgrade::build(&log, options.progress.as_ref())?;
            log.hide(erased(&log)?);
        }
        let entropy = options.entropy.as_ref();
        let new_id = LedgerId::from_parts(0, 0);
        let origin = known.as_ref().map_or_else(|| origin_of(new_id), |known| known.origin.clone());
        let (keys, frozen) = keys(&options, known.as_ref(), &origin);
        let keys = keys.unwrap_or_else(|| Keys::ephemeral(entropy));
        let parts = Parts {
            log: Arc::new(log),
            states: Arc::default(),
            clock: options.clock,
            entropy: Arc::clone(&options.entropy),
            keys,
            vault: places.vault(),
            tool: options.tool,
        };
        let mut ledger = Self::assemble(parts, new_id, newer, options.progress.as_ref())?;
        (ledger.frozen, ledger.places) = (frozen, Some(places));
        Ok(Some(ledger))
    }
}

/// The keys, where they can be read, and why nothing could be appended with them.
fn keys(options: &LedgerOptions, known: Option<&KeyHistory>, origin: &str) -> (Option<Keys>, Frozen) {
    match Keys::open(&options.keys, options.entropy.as_ref(), Make::None) {
        Ok(keys) if signing::rotation_unfinished(known, &keys) => (Some(keys), None),
        Ok(keys) => {
            let (_, frozen) = signing::signers(origin, known, &keys, options.key_mode);
            (Some(keys), frozen)
        }
        Err(error) => (None, Some((Code::KeyLost.name(), error.to_string()))),
    }
}

fn readable(places: &Places) -> Result<Option<Readable>, OpenError> {
    let folder = standing(&places.store(), &places.new_store());
    if !folder.exists() {
        return match heads::exist(places.folder())? {
            true => Err(store_missing(&folder)),
            false => from_published(places),
        };
    }
    let scratch = (places.memory(), places.scratch());
    let opened = FjallStore::open_to_read(&places.store(), &places.new_store(), scratch);
    let mut store = opened.map_err(unreadable)?;
    // They are read with the store locked: they sign what is in it.
    let heads = HeadFiles::read(places)?;
    let examined = examine(places, heads, store.stored().as_ref(), store.found());
    let examined = examined.map_err(OpenError::Refused)?;
    examined.newer.iter().for_each(|newer| store.found_newer(newer.clone()));
    let signed = examined.head.as_ref().map(|(head, _)| Position(head.size));
    let has_heads = examined.known.as_ref().is_some_and(|known| !known.signing.is_empty());
    let end = match signed {
        // How a newer haloy signs may not be known here: its entries are shown as they are.
        _ if store.newer().is_some() => store.stored().next()?,
        Some(signed) => signed,
        // Older than heads: all of it is valid.
        None if !has_heads => store.stored().next()?,
        None => Position(0),
    };
    Ok(Some(Readable { store, known: examined.known, end }))
}

/// A store built from the published files, for as long as it is read.
fn from_published(places: &Places) -> Result<Option<Readable>, OpenError> {
    let Some(published) = published(places) else { return Ok(None) };
    if let Some(newer) = newer_published(places) {
        return Err(newer.into());
    }
    let (head, _) = best_head(places)?;
    let (mirror, without) = (places.mirror(), BTreeSet::new());
    let copies = Copies { stored: None, published: Some(&published), mirror: &mirror, without: &without };
    let mut fault = None;
    let store = FjallStore::made_to_read(places.scratch(), |folder| {
        fault = rebuild(folder, &copies, &head).err();
    });
    if let Some(fault) = fault {
        return Err(OpenError::Refused(fault));
    }
    let store = store.map_err(unreadable)?;
    let known = KeyHistory::read(store.stored().as_ref())?;
    Ok(Some(Readable { store, known, end: Position(head.size) }))
}

/// Every private value that an event erased.
fn erased(log: &dyn EventLog) -> Result<BTreeSet<(Position, u32)>, LogError> {
    let mut found = Ok(BTreeSet::new());
    log.read_rows(&mut |rows: &dyn Rows| found = read::all_erased(rows))?;
    found.map_err(|error| LogError::Store(error.to_string()))
}
