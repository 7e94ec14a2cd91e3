//! Rebuilds what is damaged from the copies that are whole; recorded, and never by guessing.

use super::evidence::newer_in_place;
use super::renew::{best_head, forget_published, renew_store, write_heads};
use super::{CommandContext, Evidence, Ledger, LedgerOptions, OpenError};
use crate::event::Recovered;
use crate::ids::Position;
use crate::integrity::code::{Code, Fault};
use crate::integrity::heads;
use crate::integrity::verify::Asked;
use crate::log::{OldStore, finish_swap};
use std::collections::BTreeSet;

/// What was rebuilt.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Recovery {
    /// What was wrong.
    pub faults: Vec<Fault>,
    /// `store`, `published`, `private`, `heads`; empty if nothing was damaged.
    pub repaired: Vec<String>,
    /// Entries that were there before.
    pub before: u64,
    /// Entries after the recovery, its own event included.
    pub after: u64,
    /// Private values that no copy had.
    pub lost_values: u64,
}

/// Faults that require a new store.
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

/// Faults that require new published files and a new second copy of private values.
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
    /// Checks everything, and rebuilds what is damaged.
    ///
    /// # Errors
    /// [`OpenError::Refused`] if no copies that are left make the log that was signed, or if two
    /// histories were signed. Nothing is changed then.
    pub fn recover(options: LedgerOptions, context: &CommandContext) -> Result<Recovery, OpenError> {
        let places = options.places();
        // A head that cannot be read may be the newest: without it nothing is rebuilt, and no head is
        // written.
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
            let (before, rebuilt) = renew_store(&places, &head, &BTreeSet::new(), OldStore::Aside)?;
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
