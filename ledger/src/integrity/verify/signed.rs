//! The signed heads, as a check finds them.

use crate::integrity::checkpoint::TreeHead;
use crate::integrity::code::{Code, Fault};
use crate::integrity::heads::{self, Slot};
use crate::integrity::known::KeyHistory;
use crate::integrity::note::{Note, Verifier};
use crate::integrity::publish::CHECKPOINT;
use std::path::Path;

/// A head and who signed it.
#[derive(Debug, Clone)]
pub struct SignedHead {
    /// Where it lies: `head.a`, `head.b` or `checkpoint`.
    pub place: &'static str,
    /// The head.
    pub head: TreeHead,
    /// The note, as it was signed.
    pub note: Vec<u8>,
}

/// Trusted signers.
pub enum Believed {
    /// Given keys.
    Keys(Vec<Verifier>),
    /// Keys that the log itself names.
    Log(KeyHistory),
    /// Nothing is known of keys: the log cannot be read.
    Nobody,
}

impl Believed {
    /// Ids of the keys that signed a head; otherwise why the head is not valid.
    pub fn signers(&self, head: &TreeHead, note: &[u8]) -> Result<Vec<String>, String> {
        let (keys, origin) = match self {
            Self::Keys(keys) => (keys.clone(), None),
            Self::Log(known) => (known.counting(head.size), Some(&known.origin)),
            Self::Nobody => return Err("no key is known".to_owned()),
        };
        if origin.is_some_and(|origin| *origin != head.origin) {
            return Err(format!("it is of {}", head.origin));
        }
        TreeHead::verified(note, &keys).map_err(|error| error.to_string())?;
        let note = Note::parse(note).map_err(|error| error.to_string())?;
        let by = note.signed_by(&keys).map_err(|error| error.to_string())?;
        Ok(by.into_iter().map(Verifier::id).collect())
    }
}

/// Reads a head without believing it.
pub fn read(place: &'static str, note: Vec<u8>) -> Result<SignedHead, String> {
    let text = Note::parse(&note).map_err(|error| error.to_string())?.text.to_owned();
    let head = TreeHead::parse(&text).map_err(|error| error.to_string())?;
    Ok(SignedHead { place, head, note })
}

/// Every head that lies with a ledger.
pub fn all(folder: Option<&Path>, published: &Path) -> (Vec<SignedHead>, Vec<Fault>) {
    let (mut found, mut faults) = (Vec::new(), Vec::new());
    let slots = match folder.map(heads::read).transpose() {
        Ok(slots) => slots,
        Err(error) => {
            faults.push(Fault::new(Code::HeadDamaged, error.to_string()));
            None
        }
    };
    for (slot, name) in slots.into_iter().flatten().zip(heads::NAMES) {
        let damaged = |cause: &str| Fault::new(Code::HeadDamaged, format!("{name} {cause}"));
        match slot {
            Slot::Note(note) => match read(name, note) {
                Ok(head) => found.push(head),
                Err(cause) => faults.push(damaged(&format!("cannot be read: {cause}"))),
            },
            Slot::Damaged => faults.push(damaged("is not as it was written")),
            Slot::Missing => faults.push(damaged("is missing")),
            Slot::Empty => {}
        }
    }
    match std::fs::read(published.join(CHECKPOINT)) {
        Ok(note) => match read(CHECKPOINT, note) {
            Ok(head) => found.push(head),
            Err(cause) => faults.push(Fault::new(Code::CheckpointDamaged, cause)),
        },
        Err(error) => faults.push(Fault::new(Code::CheckpointDamaged, error.to_string())),
    }
    (found, faults)
}
