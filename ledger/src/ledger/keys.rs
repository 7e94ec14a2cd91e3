//! Keys as events: the first one, rotation, and adoption of new ones in place of lost ones.

use super::signing::{KeyMode, added};
use super::{CommandContext, Ledger, LedgerOptions, OpenError};
use crate::event::{FormatRaised, KeyAdded, KeyRetired, LedgerEvent, Recovered};
use crate::ids::StreamId;
use crate::integrity::checkpoint::TreeHead;
use crate::integrity::code::{Code, Fault};
use crate::integrity::heads::{self, Slot};
use crate::integrity::known::KeyHistory;
use crate::integrity::note::{Note, Signer};
use crate::integrity::publish::CHECKPOINT;
use crate::locks::locked;
use crate::log::*;
use crate::secrets::Keys;

/// What a change of keys did.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct KeyChange {
    /// Keys that are no longer valid: purpose and id.
    pub retired: Vec<String>,
    /// Keys that are valid from now on: purpose and id.
    pub added: Vec<String>,
}

impl Ledger {
    /// Events of the ledger itself, sealed when this returns.
    pub(super) fn record(
        &self,
        events: &[LedgerEvent],
        context: &CommandContext,
    ) -> Result<Appended, AppendError> {
        let write = self.write(StreamId::Ledger, Expected::Any, events, context);
        self.log.append(vec![write], None, Stage::Sealed)
    }

    /// The first head of a ledger that is older than heads; a new one has its key since event 1.
    pub(super) fn begin_sealing(&self, keys: &Keys) -> Result<(), OpenError> {
        let known = self.known()?;
        if known.as_ref().is_some_and(|known| !known.signing.is_empty()) {
            return Ok(());
        }
        let Some(seed) = &keys.signing else { return Ok(()) };
        let from = known.map_or(FORMAT, |known| known.format);
        let raised = FormatRaised { from, to: FORMAT, tool: self.tool.clone() };
        let events = [raised.into(), added(&Signer::new(&self.origin, seed))];
        let context = CommandContext::system(self.tool.clone(), "sealing");
        Ok(self.record(&events, &context).map(drop)?)
    }

    /// Records what was found damaged at open, and was repaired by going on.
    pub(super) fn record_repaired(&self, faults: &[Fault]) -> Result<(), OpenError> {
        if faults.is_empty() {
            return Ok(());
        }
        let heads = |fault: &&Fault| fault.code == Code::HeadDamaged;
        let mut repaired = Vec::new();
        if faults.iter().any(|fault| heads(&fault)) {
            repaired.push("heads".to_owned());
        }
        if faults.iter().any(|fault| !heads(&fault)) {
            repaired.push("published".to_owned());
        }
        let here = self.log.head().next;
        let codes = faults.iter().map(|fault| fault.code.name().to_owned()).collect();
        let recovered =
            Recovered { source: "store".to_owned(), from: here, to: here, codes, repaired, lost_head: None };
        let context = CommandContext::system(self.tool.clone(), "mended");
        Ok(self.record(&[recovered.into()], &context).map(drop)?)
    }

    /// Keys of the log.
    pub fn known(&self) -> Result<Option<KeyHistory>, LogError> {
        let mut known = None;
        if self.newer.is_some() {
            // By no index, and past what cannot be read: both are the newer program's.
            let mut from = crate::ids::Position(0);
            loop {
                let entries = self.log.read_entries(from, 1024)?;
                if entries.is_empty() {
                    return Ok(known);
                }
                from = crate::ids::Position(from.0 + entries.len() as u64);
                entries.iter().for_each(|entry| KeyHistory::fold_entry(&mut known, entry));
            }
        }
        let mut from = crate::ids::Revision(0);
        loop {
            let events = self.log.read_stream(&StreamId::Ledger, from, 1024)?;
            let Some(last) = events.last() else { return Ok(known) };
            from = crate::ids::Revision(last.head.revision.0 + 1);
            events.iter().for_each(|event| KeyHistory::fold(&mut known, event));
        }
    }

    /// Goes from the signing key to a new one; the head of that is signed by both. Others append meanwhile.
    ///
    /// # Errors
    /// [`OpenError::Append`] if nothing may be appended, [`OpenError::Keys`] if the new key cannot be kept; cut off in
    /// between, the next open goes on.
    pub fn rotate_key(&self, context: &CommandContext) -> Result<KeyChange, OpenError> {
        let _alone = locked(&self.rotating);
        self.readable()?;
        self.writable()?;
        let options = self.options.as_ref().ok_or(OpenError::NotALedger)?;
        let mut keys = Keys::open(&options.keys, self.entropy.as_ref(), crate::secrets::Make::None)?;
        let known = self.known()?.ok_or(OpenError::NotALedger)?;
        let (Some(active), Some(seed)) = (known.active(), &keys.signing) else {
            return Err(OpenError::NotALedger);
        };
        let old = Signer::new(&self.origin, seed);
        let retired = retired(&active.verifier.id(), "rotated", self.last_head()?);
        let new = Signer::new(&self.origin, &keys.prepare_rotation(&options.keys, self.entropy.as_ref())?);
        let change = KeyChange {
            retired: vec![format!("signing:{}", active.verifier.id())],
            added: vec![format!("signing:{}", new.verifier().id())],
        };
        self.signers.change(vec![old.clone(), new.clone()]);
        if let Err(error) = self.record(&[added(&new), retired], context) {
            self.signers.change(vec![old]);
            return Err(error.into());
        }
        self.signers.change(vec![new]);
        keys.finish_rotation(&options.keys)?;
        Ok(change)
    }

    /// Takes the keys of the folder, and new ones for those that are missing, in place of the ones that
    /// the log names. Nothing if they are the same.
    pub fn adopt_keys(mut options: LedgerOptions, context: &CommandContext) -> Result<KeyChange, OpenError> {
        options.key_mode = KeyMode::Adopt;
        let folder = options.keys.clone();
        let entropy = std::sync::Arc::clone(&options.entropy);
        let ledger = Self::open(options)?;
        ledger.writable()?;
        let keys = Keys::open(&folder, entropy.as_ref(), crate::secrets::Make::None)?;
        let known = ledger.known()?.ok_or(OpenError::NotALedger)?;
        let mut change = KeyChange { retired: Vec::new(), added: Vec::new() };
        let mut events = Vec::new();
        let signer = keys.signing.as_ref().map(|seed| Signer::new(&ledger.origin, seed));
        if let (Some(old), Some(new)) = (known.active(), &signer)
            && old.verifier != *new.verifier()
        {
            events.push(retired(&old.verifier.id(), "lost", ledger.last_head()?));
            events.push(added(new));
            change.retired.push(format!("signing:{}", old.verifier.id()));
            change.added.push(format!("signing:{}", new.verifier().id()));
        }
        for id in keys.ids() {
            let Some((purpose, key_id)) = id.split_once(':') else { continue };
            let Some(old) = known.others.get(purpose).filter(|old| *old != key_id) else { continue };
            events.push(retired(old, "lost", None));
            let (key_id, purpose) = (key_id.to_owned(), purpose.to_owned());
            change.retired.push(format!("{purpose}:{old}"));
            change.added.push(id.clone());
            events.push(KeyAdded { key_id, verifier_key: None, purpose }.into());
        }
        if !events.is_empty() {
            ledger.record(&events, context)?;
        }
        Ok(change)
    }

    pub(super) fn writable(&self) -> Result<(), AppendError> {
        if let Some((code, cause)) = &self.frozen {
            return Err(AppendError::Frozen { code, cause: cause.clone() });
        }
        Ok(self.readable()?)
    }

    /// The newest signed head, as it was signed; none before the first one, and for a log in memory.
    ///
    /// # Errors
    /// [`LogError::Io`] if one of the two files cannot be read.
    pub fn last_head(&self) -> Result<Option<String>, LogError> {
        let Some(places) = &self.places else { return Ok(None) };
        let notes = heads::read(places.folder())?.into_iter().filter_map(|slot| match slot {
            Slot::Note(bytes) => String::from_utf8(bytes).ok(),
            Slot::Missing | Slot::Empty | Slot::Damaged => None,
        });
        let sized = notes.filter_map(|note| {
            let text = Note::parse(note.as_bytes()).ok()?.text;
            Some((TreeHead::parse(text).ok()?.size, note))
        });
        let newest = sized.max_by_key(|(size, _)| *size).map(|(_, note)| note);
        // A backup has no head but the published one.
        Ok(newest.or_else(|| std::fs::read_to_string(places.published().join(CHECKPOINT)).ok()))
    }
}

fn retired(key_id: &str, cause: &str, last_head: Option<String>) -> LedgerEvent {
    KeyRetired { key_id: key_id.to_owned(), cause: cause.to_owned(), last_head }.into()
}
