//! What must hold of any bytes at all, format by format: nothing panics, what is taken comes back as the
//! same bytes, and what is believed is what was signed. The tests feed this changed samples; the fuzz
//! targets feed it whatever a fuzzer thinks of.

use haloy_ledger::integrity::checkpoint::TreeHead;
use haloy_ledger::integrity::frontier::Frontier;
use haloy_ledger::integrity::hash::{Hash, leaf};
use haloy_ledger::integrity::note::{Note, Signer, Verifier};
use haloy_ledger::integrity::proof_text::Proof;
use haloy_ledger::integrity::tiles;
use haloy_ledger::log::{codec, upcast};
use std::sync::LazyLock;

/// Name of the log, and of its key.
pub const NAME: &str = "log.example/negative";
/// The one text besides [`head`] that the key has ever signed.
pub const TEXT: &str = "A text.\n\nIt has a blank line: \u{2014} and a dash.\n";
/// Entries of the log.
pub const ENTRIES: u64 = 11;

/// The only key that is known.
pub fn signer() -> &'static Signer {
    static SIGNER: LazyLock<Signer> = LazyLock::new(|| Signer::new(NAME, &[7; 32]));
    &SIGNER
}

/// Public half of the key.
pub fn known() -> &'static [Verifier] {
    std::slice::from_ref(signer().verifier())
}

/// An entry of the log.
pub fn entry_of(index: u64) -> Vec<u8> {
    format!("entry {index}").into_bytes()
}

/// Leaf hashes of the log.
pub fn leaves() -> Vec<Hash> {
    (0..ENTRIES).map(|index| leaf(&entry_of(index))).collect()
}

/// The one head that the key has ever signed.
pub fn head() -> &'static TreeHead {
    static HEAD: LazyLock<TreeHead> = LazyLock::new(|| {
        let mut frontier = Frontier::default();
        leaves().into_iter().for_each(|leaf| frontier.push(leaf));
        TreeHead { origin: NAME.to_owned(), size: ENTRIES, root: frontier.root() }
    });
    &HEAD
}

/// A signed note. Says whether it is believed.
pub fn note(bytes: &[u8]) -> bool {
    let Ok(note) = Note::parse(bytes) else { return false };
    assert!(bytes.starts_with(note.text.as_bytes()), "its text is how it starts");
    let Ok(keys) = note.signed_by(known()) else { return false };
    assert_eq!(keys.len(), 1, "a key counts once");
    assert!(note.text == TEXT || note.text == head().text(), "never signed: {:?}", note.text);
    true
}

/// A verifier key. Says whether it is one.
pub fn key(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let Ok(key) = Verifier::parse(text) else { return false };
    assert_eq!(key.to_string(), text, "there is one way to write a key");
    true
}

/// A signed checkpoint. Says whether it is believed.
pub fn checkpoint(bytes: &[u8]) -> bool {
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(head) = TreeHead::parse(text)
    {
        assert!(text.starts_with(&head.text()), "there is one way to write a head");
    }
    let Ok(believed) = TreeHead::verified(bytes, known()) else { return false };
    assert_eq!(&believed, head(), "never signed");
    true
}

/// A file of proofs. Returns whether all of them hold.
pub fn proof(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let Ok(proofs) = Proof::parse_all(text) else { return false };
    assert_eq!(proofs.iter().map(Proof::text).collect::<String>(), text, "there is one way to write proofs");
    let believed = |proof: &Proof| {
        let Ok(believed) = proof.verify(known()) else { return false };
        assert_eq!(&believed, head(), "never signed");
        assert_eq!(proof.entry, Some(entry_of(proof.index)), "it is not there");
        true
    };
    // All of them are checked, though one failure is enough.
    proofs.iter().filter(|proof| !believed(proof)).count() == 0
}

/// A tile of hashes. Says whether it is one of some width.
pub fn tile(bytes: &[u8]) -> bool {
    let length = bytes.len() as u64;
    let widths = [0, 1, 2, 255, tiles::WIDTH, length / 32, length / 32 + 1, length, u64::MAX];
    let taken = widths.into_iter().filter(|width| {
        let Ok(hashes) = tiles::decode_hashes(bytes, *width) else { return false };
        assert_eq!(hashes.len() as u64, *width, "as many as were asked for");
        assert_eq!(hashes.concat(), bytes, "nothing is passed over");
        *width > 0
    });
    taken.count() > 0
}

/// A bundle of entries. Says whether it is one of some width.
pub fn bundle(bytes: &[u8]) -> bool {
    let taken = (0..=16).chain([255, tiles::WIDTH, u64::MAX]).filter(|width| {
        let Ok(entries) = tiles::decode_bundle(bytes, *width) else { return false };
        assert_eq!(entries.len() as u64, *width, "as many as were asked for");
        let mut again = Vec::new();
        entries.iter().try_for_each(|entry| tiles::push_entry(&mut again, entry)).expect("short");
        assert_eq!(again, bytes, "nothing is passed over");
        *width > 0
    });
    taken.count() > 0
}

/// An entry as the log stores it. Says whether it can be read.
pub fn entry(bytes: &[u8]) -> bool {
    let raw = codec::decode_raw(bytes).map_err(|error| error.to_string());
    let recorded = match codec::decode(bytes) {
        Ok(recorded) => recorded,
        Err(error) => {
            assert!(!error.to_string().is_empty(), "it says why");
            return false;
        }
    };
    assert_eq!(codec::decode_head(bytes).expect("the start of an entry"), recorded.head);
    let raw = raw.expect("what is known can be shown untyped, too");
    assert_eq!((raw.head, &raw.envelope), (recorded.head, &recorded.envelope), "both say the same");
    // An older version comes out as the newest, which its head does not say.
    if upcast::current_version(recorded.head.kind) == Some(recorded.head.version) {
        let again = codec::encode(&recorded.head, &recorded.envelope, &recorded.event).expect("encoded");
        assert_eq!(codec::decode(&again).expect("what this program wrote"), recorded);
    }
    true
}
