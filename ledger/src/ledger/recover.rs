//! Making anew what is damaged, from the copies that are whole; recorded, and never by guessing.

use super::evidence::{open_store, published};
use super::newer::newer_in_place;
use super::{CommandContext, Evidence, Ledger, LedgerOptions, OpenError};
use crate::deployment::event::Recovered;
use crate::ids::Position;
use crate::integrity::checkpoint::TreeHead;
use crate::integrity::code::{Code, Fault};
use crate::integrity::heads::{self, Heads};
use crate::integrity::places::Places;
use crate::integrity::publish::CHECKPOINT;
use crate::integrity::rebuild::{Copies, Rebuilt, rebuild};
use crate::integrity::verify::signed;
use crate::integrity::verify::{Asked, Sources, believed};
use crate::log::{FjallStore, LogError, Old, finish_swap, swap};
use std::collections::BTreeSet;

/// What was made anew.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Recovery {
    /// What was wrong.
    pub faults: Vec<Fault>,
    /// `store`, `published`, `private`, `heads`; nothing if nothing had to be.
    pub repaired: Vec<String>,
    /// Entries that were there before.
    pub before: u64,
    /// Entries that are there now, the one that records this included.
    pub after: u64,
    /// Private values that no copy had.
    pub lost_values: u64,
}

/// Faults that the store has to be made anew for.
fn of_store(fault: &Fault) -> bool {
    matches!(
        fault.code,
        Code::StoreMissing
            | Code::StoreUnreadable
            | Code::LogShorter
            | Code::RootDiffers
            | Code::EntryUnreadable
            | Code::OrderBroken
            | Code::IndexDiffers
            | Code::RowsDiffer
            | Code::PrivateDiffers
    )
}

/// Faults that what is published, and the second copy of private values, are made anew for.
fn of_published(fault: &Fault) -> bool {
    matches!(
        fault.code,
        Code::CheckpointDamaged | Code::TileDiffers | Code::BundleDiffers | Code::MirrorDiffers
    )
}

fn of_heads(fault: &Fault) -> bool {
    matches!(fault.code, Code::HeadMissing | Code::HeadDamaged | Code::HeadForeign)
}

impl Ledger {
    /// Checks everything, and makes anew what is damaged.
    ///
    /// # Errors
    /// [`OpenError::Refused`] if no copies that are left make the log that was signed, or if two
    /// histories were signed. Nothing is changed then.
    pub fn recover(options: LedgerOptions, context: &CommandContext) -> Result<Recovery, OpenError> {
        let places = options.places();
        // One that cannot be read may be the newest: nothing is rebuilt, and no head written, without it.
        heads::read(places.folder())?;
        if let Some(newer) = newer_in_place(&places)? {
            return Err(newer.into());
        }
        finish_swap(&places.store(), &places.new_store())?;
        let faults = Evidence::open(&options)?.verify(&Asked::default(), &mut |_, _| {}).faults;
        if let Some(fork) = faults.iter().find(|fault| fault.code == Code::Fork) {
            return Err(OpenError::Refused(fork.clone()));
        }
        let mut recovery = Recovery { faults, repaired: Vec::new(), before: 0, after: 0, lost_values: 0 };
        let (head, note) = best_head(&places)?;
        if recovery.faults.iter().any(of_store) {
            let (before, rebuilt) = renew_store(&places, &head, &BTreeSet::new(), Old::Aside)?;
            (recovery.before, recovery.lost_values) = (before, rebuilt.lost_values);
            recovery.repaired.push("store".to_owned());
        }
        let at_heads = recovery.faults.iter().any(of_heads);
        if at_heads {
            write_heads(&places, &note)?;
            recovery.repaired.push("heads".to_owned());
        }
        if recovery.faults.iter().any(of_published) {
            forget_published(&places)?;
            recovery.repaired.push("published".to_owned());
            if recovery.faults.iter().any(|fault| fault.code == Code::MirrorDiffers) {
                recovery.repaired.push("private".to_owned());
            }
        }
        let ledger = Self::open(options)?;
        if !recovery.repaired.iter().any(|part| part == "store") {
            recovery.before = ledger.head().next.0;
        }
        if !recovery.repaired.is_empty() {
            let of_store = recovery.repaired.iter().any(|part| part == "store");
            let source = if of_store { "published" } else { "store" };
            ledger.record_recovery(source, &recovery, None, context)?;
        }
        recovery.after = ledger.head().next.0;
        Ok(recovery)
    }

    pub(super) fn record_recovery(
        &self,
        source: &str,
        recovery: &Recovery,
        lost_head: Option<String>,
        context: &CommandContext,
    ) -> Result<(), OpenError> {
        let mut codes: Vec<String> = Vec::new();
        for fault in &recovery.faults {
            let name = fault.code.name().to_owned();
            if !codes.contains(&name) {
                codes.push(name);
            }
        }
        let recovered = Recovered {
            source: source.to_owned(),
            from: Position(recovery.before),
            to: self.head().next,
            codes,
            repaired: recovery.repaired.clone(),
            lost_head,
        };
        self.record(&[recovered.into()], context)?;
        Ok(())
    }
}

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

/// Makes the store anew; how many entries there were before, and what there is now.
pub(super) fn renew_store(
    places: &Places,
    head: &TreeHead,
    without: &BTreeSet<(Position, u32)>,
    old: Old,
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

/// Both files of heads anew, with this one in them.
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

/// Removes what is published, so that the next open publishes all of it anew.
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
