//! Tree heads as C2SP checkpoints: origin, size and root, a line each, in a signed note.

use super::check::MAX_SIZE;
use super::hash::Hash;
use super::note::{Note, NoteError, Signer, Verifier, sign};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Size and root of a log, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeHead {
    /// Name of the log.
    pub origin: String,
    /// Number of entries.
    pub size: u64,
    /// Root over all entries.
    pub root: Hash,
}

/// Why a checkpoint is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// The note around it.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The text in it.
    #[error("it is not a checkpoint: {0}")]
    Malformed(&'static str),
}

impl TreeHead {
    /// The text that is signed.
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, STANDARD.encode(self.root))
    }

    /// Signed by each of the keys.
    pub fn sign(&self, signers: &[Signer]) -> String {
        sign(&self.text(), signers)
    }

    /// Reads the text of a checkpoint. Lines after the third are extensions, and passed over.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let bad = CheckpointError::Malformed;
        let mut lines = text.strip_suffix('\n').ok_or(bad("it does not end with a newline"))?.split('\n');
        let (origin, size, root) = match (lines.next(), lines.next(), lines.next()) {
            (Some(origin), Some(size), Some(root)) => (origin, size, root),
            (_, _, _) => return Err(bad("it has fewer than three lines")),
        };
        if origin.is_empty() {
            return Err(bad("it has no origin"));
        }
        if lines.any(str::is_empty) {
            return Err(bad("an extension is empty"));
        }
        let digits = !size.is_empty() && size.bytes().all(|byte| byte.is_ascii_digit());
        if !digits || (size.len() > 1 && size.starts_with('0')) {
            return Err(bad("its size is not a number"));
        }
        let size: u64 = size.parse().map_err(|_| bad("its size is too large"))?;
        if size > MAX_SIZE {
            return Err(bad("its size is too large"));
        }
        let root = STANDARD.decode(root).map_err(|_| bad("its root is not base64"))?;
        let root = root.try_into().map_err(|_| bad("its root is not 32 bytes long"))?;
        Ok(Self { origin: origin.to_owned(), size, root })
    }

    /// Reads a checkpoint and believes it if one of these keys, named as its origin, signed it.
    pub fn verified(note: &[u8], known: &[Verifier]) -> Result<Self, CheckpointError> {
        let note = Note::parse(note)?;
        let head = Self::parse(note.text)?;
        let own = |key: &&Verifier| key.name() == head.origin;
        if !note.signed_by(known)?.iter().any(own) {
            return Err(NoteError::Unsigned.into());
        }
        Ok(head)
    }
}

impl std::fmt::Display for TreeHead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} entries, root {}", self.size, hex::encode(self.root))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_comes_back_and_others_are_refused() {
        let signer = Signer::new("log.example", &[7; 32]);
        let known = [signer.verifier().clone()];
        let head = TreeHead { origin: "log.example".to_owned(), size: 12, root: [9; 32] };
        let note = head.sign(std::slice::from_ref(&signer));
        assert_eq!(TreeHead::verified(note.as_bytes(), &known).expect("its own"), head);
        let root = STANDARD.encode([9; 32]);
        for (size, why) in [
            ("012", "leading zero"),
            ("", "none"),
            ("-1", "negative"),
            ("9223372036854775808", "2^63"),
            ("99999999999999999999", "more than 64 bits"),
            ("1 ", "space"),
        ] {
            assert!(TreeHead::parse(&format!("log.example\n{size}\n{root}\n")).is_err(), "{why}");
        }
        assert!(TreeHead::parse(&format!("log.example\n1\n{root}")).is_err(), "no newline");
        assert!(TreeHead::parse("log.example\n1\nAAAA\n").is_err(), "short root");
        // A key of another name may sign, too, but does not make it the log's.
        let foreign = head.sign(&[Signer::new("other.example", &[7; 32])]);
        let other = [Signer::new("other.example", &[7; 32]).verifier().clone()];
        assert!(TreeHead::verified(foreign.as_bytes(), &other).is_err());
    }
}
