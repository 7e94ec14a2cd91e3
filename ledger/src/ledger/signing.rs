//! Which key signs, or why none does: the keys of the folder against those that the log names.

use crate::event::{KeyAdded, LedgerEvent};
use crate::integrity::code::Code;
use crate::integrity::known::KeyHistory;
use crate::integrity::note::Signer;
use crate::secrets::{Keys, Make};

/// What a ledger is opened for, as far as its keys go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeyMode {
    /// With the keys that the log names.
    #[default]
    Named,
    /// To take the keys of the folder in place of those that are lost.
    Adopt,
}

/// Why nothing may be appended.
pub type Frozen = Option<(&'static str, String)>;

/// Which missing keys may be made.
pub fn may_make(known: Option<&KeyHistory>, mode: KeyMode) -> Make {
    match (known, mode) {
        (None, _) | (_, KeyMode::Adopt) => Make::All,
        (Some(known), _) if known.signing.is_empty() => Make::Signing,
        (Some(_), KeyMode::Named) => Make::None,
    }
}

/// The keys that sign heads, or why the ledger is frozen.
pub fn signers(
    origin: &str,
    known: Option<&KeyHistory>,
    keys: &Keys,
    mode: KeyMode,
) -> (Vec<Signer>, Frozen) {
    let signer = |seed: &[u8; 32]| Signer::new(origin, seed);
    let own = keys.signing.as_ref().map(signer);
    if mode == KeyMode::Adopt {
        return (own.into_iter().collect(), None);
    }
    if let Some((purpose, path)) = keys.lost().first() {
        let cause = format!("the {purpose} key {} is missing", path.display());
        return (Vec::new(), Some((Code::KeyLost.name(), cause)));
    }
    let Some(known) = known.filter(|known| !known.signing.is_empty()) else {
        return (own.into_iter().collect(), None);
    };
    for id in keys.ids() {
        let Some((purpose, id)) = id.split_once(':') else { continue };
        let named = known.others.get(purpose);
        if let Some(named) = named.filter(|named| *named != id) {
            let cause = format!("the {purpose} key here is {id}, and the log names {named}");
            return (Vec::new(), Some((Code::KeyChanged.name(), cause)));
        }
    }
    let Some(active) = known.active() else {
        return (Vec::new(), Some((Code::KeyLost.name(), "the log names no key that signs".to_owned())));
    };
    match own.filter(|own| *own.verifier() == active.verifier) {
        Some(own) => (vec![own], None),
        None => {
            let cause = format!("the signing key here is not {}, which the log names", active.verifier.id());
            (Vec::new(), Some((Code::KeyChanged.name(), cause)))
        }
    }
}

/// A rotation that the log knows of, and the folder does not: it was cut off in between.
pub fn rotation_unfinished(known: Option<&KeyHistory>, keys: &Keys) -> bool {
    let Some((known, next)) = known.zip(keys.next.as_ref()) else { return false };
    let next = Signer::new(&known.origin, next);
    known.active().is_some_and(|active| active.verifier == *next.verifier())
}

/// The event that makes a signing key known.
pub fn added(signer: &Signer) -> LedgerEvent {
    let verifier = signer.verifier();
    let (key_id, verifier_key) = (verifier.id(), Some(verifier.to_string()));
    KeyAdded { key_id, verifier_key, purpose: "signing".to_owned() }.into()
}
