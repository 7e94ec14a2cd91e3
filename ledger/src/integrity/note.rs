//! Signed notes (C2SP signed-note): a text, a blank line, and a line for each signature.
//!
//! A key has a name; its id is the start of SHA-256 over name and public key, so that a signature of another
//! key can be told from a false one. Only Ed25519 (type 1) is made and trusted here.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

/// Ed25519, the only algorithm here.
const ED25519: u8 = 1;
/// Most signatures of one note; the standard asks for at least 16.
const MAX_SIGNATURES: usize = 64;
/// Longest note that is parsed.
pub const MAX_NOTE_BYTES: usize = 1 << 20;
/// Start of a signature line: an em dash and a space.
const MARK: &str = "\u{2014} ";

/// Why a note, a key or a signature is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// The text does not follow the standard.
    #[error("it is not a signed note: {0}")]
    Malformed(&'static str),
    /// A verifier key is not written as the standard says, or of an algorithm not known here.
    #[error("it is not a verifier key: {0}")]
    BadKey(&'static str),
    /// A signature names a known key, and is not its.
    #[error("the signature of {name} is not of this text")]
    BadSignature {
        /// Name of the key.
        name: String,
    },
    /// A known key signed it twice: counting the signatures would give too many.
    #[error("{name} signed it twice")]
    SignedTwice {
        /// Name of the key.
        name: String,
    },
    /// No known key signed it.
    #[error("no known key signed it")]
    Unsigned,
}

/// A public key and its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verifier {
    name: String,
    id: [u8; 4],
    key: VerifyingKey,
}

impl Verifier {
    /// Reads `name+hex(id)+base64(type ‖ key)`.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let bad = NoteError::BadKey;
        let mut parts = text.splitn(3, '+');
        let (name, id, key) = match (parts.next(), parts.next(), parts.next()) {
            (Some(name), Some(id), Some(key)) => (name, id, key),
            (_, _, _) => return Err(bad("it is not name+id+key")),
        };
        if !good_name(name) {
            return Err(bad("its name has spaces or is empty"));
        }
        let key = STANDARD.decode(key).map_err(|_| bad("its key is not base64"))?;
        let Some((&ED25519, key)) = key.split_first() else { return Err(bad("its algorithm is not known")) };
        let key: &[u8; 32] = key.try_into().map_err(|_| bad("its key is not 32 bytes long"))?;
        let key = VerifyingKey::from_bytes(key).map_err(|_| bad("its key is not a point"))?;
        let verifier = Self::new(name, key);
        if hex::encode(verifier.id) != id {
            return Err(bad("its id is not that of its name and key"));
        }
        Ok(verifier)
    }

    fn new(name: &str, key: VerifyingKey) -> Self {
        Self { name: name.to_owned(), id: key_id(name, key.as_bytes()), key }
    }

    /// Name of the key.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Id of the key, in hex.
    pub fn id(&self) -> String {
        hex::encode(self.id)
    }

    fn believes(&self, text: &str, signature: &[u8]) -> bool {
        // Strict: no key of small order, no second form of the same signature.
        let signature = Signature::from_slice(signature);
        signature.is_ok_and(|signature| self.key.verify_strict(text.as_bytes(), &signature).is_ok())
    }
}

impl std::fmt::Display for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let key = [&[ED25519], &self.key.as_bytes()[..]].concat();
        write!(f, "{}+{}+{}", self.name, self.id(), STANDARD.encode(key))
    }
}

/// First four bytes of SHA-256 over name, newline, algorithm and public key.
fn key_id(name: &str, key: &[u8; 32]) -> [u8; 4] {
    let mut hasher = Sha256::new();
    hasher.update(name.as_bytes());
    hasher.update([b'\n', ED25519]);
    hasher.update(key);
    let hash: [u8; 32] = hasher.finalize().into();
    [hash[0], hash[1], hash[2], hash[3]]
}

fn good_name(name: &str) -> bool {
    !name.is_empty() && !name.contains('+') && !name.chars().any(|c| c.is_whitespace() || c.is_control())
}

/// A private key and its name. Never shown.
#[derive(Clone)]
pub struct Signer {
    key: SigningKey,
    verifier: Verifier,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Signer({})", self.verifier.id())
    }
}

impl Signer {
    /// From the 32 bytes of a key file.
    pub fn new(name: &str, seed: &[u8; 32]) -> Self {
        let key = SigningKey::from_bytes(seed);
        let verifier = Verifier::new(name, key.verifying_key());
        Self { key, verifier }
    }

    /// The public half.
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    fn line(&self, text: &str) -> String {
        let signature = self.key.sign(text.as_bytes()).to_bytes();
        let bytes = [&self.verifier.id[..], &signature].concat();
        format!("{MARK}{} {}\n", self.verifier.name, STANDARD.encode(bytes))
    }
}

/// Signs a text, which ends with a newline, with each of the keys.
pub fn sign(text: &str, signers: &[Signer]) -> String {
    let lines: String = signers.iter().map(|signer| signer.line(text)).collect();
    format!("{text}\n{lines}")
}

/// A note as it is written; nothing in it is trusted yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note<'a> {
    /// The text, its last newline included.
    pub text: &'a str,
    signatures: Vec<(&'a str, [u8; 4], Vec<u8>)>,
}

impl<'a> Note<'a> {
    /// Takes a note apart.
    pub fn parse(note: &'a [u8]) -> Result<Self, NoteError> {
        let bad = NoteError::Malformed;
        if note.len() > MAX_NOTE_BYTES {
            return Err(bad("it is too long"));
        }
        let note = std::str::from_utf8(note).map_err(|_| bad("it is not UTF-8"))?;
        if note.chars().any(|c| c.is_control() && c != '\n') {
            return Err(bad("it has control characters"));
        }
        let split = note.rfind("\n\n").ok_or(bad("no blank line before the signatures"))?;
        let (text, lines) = (&note[..=split], &note[split + 2..]);
        let lines = lines.strip_suffix('\n').ok_or(bad("it does not end with a newline"))?;
        let signatures = lines.split('\n').map(signature).collect::<Result<Vec<_>, _>>()?;
        if signatures.len() > MAX_SIGNATURES {
            return Err(bad("it has too many signatures"));
        }
        Ok(Self { text, signatures })
    }

    /// Those of these keys that signed it. Signatures of unknown keys are passed over.
    ///
    /// # Errors
    /// If a signature of a known key is false or there twice, or no known key signed it.
    pub fn signed_by<'k>(&self, known: &'k [Verifier]) -> Result<Vec<&'k Verifier>, NoteError> {
        let mut found: Vec<&Verifier> = Vec::new();
        for (name, id, signature) in &self.signatures {
            let Some(verifier) = known.iter().find(|key| key.name == *name && key.id == *id) else {
                continue;
            };
            if !verifier.believes(self.text, signature) {
                return Err(NoteError::BadSignature { name: (*name).to_owned() });
            }
            if found.contains(&verifier) {
                return Err(NoteError::SignedTwice { name: (*name).to_owned() });
            }
            found.push(verifier);
        }
        if found.is_empty() { Err(NoteError::Unsigned) } else { Ok(found) }
    }
}

fn signature(line: &str) -> Result<(&str, [u8; 4], Vec<u8>), NoteError> {
    let bad = NoteError::Malformed;
    let line = line.strip_prefix(MARK).ok_or(bad("a line of a signature does not start with a dash"))?;
    let (name, bytes) = line.split_once(' ').ok_or(bad("a signature has no name"))?;
    if !good_name(name) {
        return Err(bad("the name of a signature has spaces or is empty"));
    }
    let bytes = STANDARD.decode(bytes).map_err(|_| bad("a signature is not base64"))?;
    let (id, signature) = bytes.split_first_chunk::<4>().ok_or(bad("a signature is too short"))?;
    if signature.is_empty() {
        return Err(bad("a signature is too short"));
    }
    Ok((name, *id, signature.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    const NOTE: &str = "This is an example message.\n\n\u{2014} example.com/foo \
        Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

    #[test]
    fn the_vector_of_the_standard_verifies_and_no_bit_of_it_may_change() {
        let key = [Verifier::parse(KEY).expect("a key")];
        assert_eq!(key[0].to_string(), KEY);
        assert_eq!(Note::parse(NOTE.as_bytes()).expect("a note").signed_by(&key).expect("signed").len(), 1);
        for bit in 0..NOTE.len() * 8 {
            let mut other = NOTE.as_bytes().to_vec();
            other[bit / 8] ^= 1 << (bit % 8);
            let accepted = Note::parse(&other).is_ok_and(|note| note.signed_by(&key).is_ok());
            assert!(!accepted, "bit {bit}");
        }
    }

    #[test]
    fn a_text_with_control_characters_is_refused_though_it_is_signed() {
        let signer = Signer::new("a.example/log", &[1; 32]);
        for text in ["a\u{1}b\n", "a\tb\n", "a\rb\n", "a\u{0}\n", "a\u{7f}\n"] {
            let note = sign(text, std::slice::from_ref(&signer));
            let refused = Note::parse(note.as_bytes());
            assert_eq!(refused, Err(NoteError::Malformed("it has control characters")), "{text:?}");
        }
    }

    #[test]
    fn what_is_signed_here_verifies_here_with_the_right_key_only() {
        let (one, two) = (Signer::new("a.example/log", &[1; 32]), Signer::new("a.example/log", &[2; 32]));
        let note = sign("text\n", &[one.clone(), two.clone()]);
        let note = Note::parse(note.as_bytes()).expect("a note");
        let known = [one.verifier().clone(), two.verifier().clone()];
        assert_eq!(note.signed_by(&known).expect("both").len(), 2);
        let other = [Signer::new("a.example/log", &[3; 32]).verifier().clone()];
        assert_eq!(note.signed_by(&other), Err(NoteError::Unsigned));
    }
}
