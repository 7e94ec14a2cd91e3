//! A proof as text (C2SP tlog-proof): it can be checked with the log's public key and nothing else.
//!
//! The entry itself travels in the `extra` line, so that a proof shows what it proves.

use super::check;
use super::checkpoint::{CheckpointError, TreeHead};
use super::hash::{Hash, leaf};
use super::note::Verifier;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// First line of every proof.
pub const HEADER: &str = "c2sp.org/tlog-proof@v1";
/// Longest text of proofs that is parsed.
const MAX_BYTES: usize = 64 << 20;

/// Proof that an entry is in a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The entry, where it is with the proof.
    pub entry: Option<Vec<u8>>,
    /// Position of the entry.
    pub index: u64,
    /// From the leaf to the root.
    pub path: Vec<Hash>,
    /// The signed head, as it was signed.
    pub checkpoint: String,
}

/// Why a proof is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The text does not follow the standard.
    #[error("it is not a proof: {0}")]
    Malformed(&'static str),
    /// The head in it.
    #[error("its checkpoint: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// The proof is without the entry, so nothing says what it proves.
    #[error("it has no entry")]
    NoEntry,
    /// The hashes do not lead from the entry to the root.
    #[error("the entry is not at {index} of the log with {size} entries")]
    NotIncluded {
        /// Position that it claims.
        index: u64,
        /// Size of the tree in it.
        size: u64,
    },
}

impl Proof {
    /// As text.
    pub fn text(&self) -> String {
        let mut text = format!("{HEADER}\n");
        if let Some(entry) = &self.entry {
            text.push_str(&format!("extra {}\n", STANDARD.encode(entry)));
        }
        text.push_str(&format!("index {}\n", self.index));
        for hash in &self.path {
            text.push_str(&STANDARD.encode(hash));
            text.push('\n');
        }
        text.push('\n');
        text.push_str(&self.checkpoint);
        text
    }

    /// Reads one proof, which is the whole text.
    pub fn parse(text: &str) -> Result<Self, ProofError> {
        let bad = ProofError::Malformed;
        let (head, checkpoint) = text.split_once("\n\n").ok_or(bad("it has no checkpoint"))?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(HEADER) {
            return Err(bad("it does not start as one"));
        }
        let entry = match lines.next_if(|line| line.starts_with("extra ")) {
            Some(line) => Some(decode(&line["extra ".len()..])?),
            None => None,
        };
        let index =
            lines.next().and_then(|line| line.strip_prefix("index ")).ok_or(bad("it has no index"))?;
        let plain = !index.is_empty() && index.bytes().all(|byte| byte.is_ascii_digit());
        if !plain || (index.len() > 1 && index.starts_with('0')) {
            return Err(bad("its index is not a number"));
        }
        let index = index.parse().map_err(|_| bad("its index is too large"))?;
        let mut path = Vec::new();
        for line in lines {
            if path.len() == check::MAX_HASHES {
                return Err(bad("it has too many hashes"));
            }
            path.push(decode(line)?.try_into().map_err(|_| bad("a hash is not 32 bytes long"))?);
        }
        Ok(Self { entry, index, path, checkpoint: checkpoint.to_owned() })
    }

    /// Reads a file of proofs, one after the other.
    pub fn parse_all(text: &str) -> Result<Vec<Self>, ProofError> {
        if text.len() > MAX_BYTES {
            return Err(ProofError::Malformed("it is too long"));
        }
        let mut starts: Vec<usize> = text.match_indices(HEADER).map(|(at, _)| at).collect();
        starts.retain(|at| *at == 0 || text.as_bytes()[at - 1] == b'\n');
        if starts.first() != Some(&0) {
            return Err(ProofError::Malformed("it does not start as one"));
        }
        let ends = starts.iter().skip(1).copied().chain([text.len()]);
        starts.iter().zip(ends).map(|(from, to)| Self::parse(&text[*from..to])).collect()
    }

    /// The head that it leads to, if one of these keys signed it and the entry is in its tree.
    pub fn verify(&self, known: &[Verifier]) -> Result<TreeHead, ProofError> {
        let entry = self.entry.as_ref().ok_or(ProofError::NoEntry)?;
        let head = TreeHead::verified(self.checkpoint.as_bytes(), known)?;
        if !check::inclusion(&leaf(entry), self.index, head.size, &head.root, &self.path) {
            return Err(ProofError::NotIncluded { index: self.index, size: head.size });
        }
        Ok(head)
    }
}

fn decode(text: &str) -> Result<Vec<u8>, ProofError> {
    STANDARD.decode(text).map_err(|_| ProofError::Malformed("a line is not base64"))
}

#[cfg(test)]
mod tests {
    use super::super::note::Signer;
    use super::*;

    #[test]
    fn a_proof_comes_back_and_no_bit_of_it_may_change() {
        let signer = Signer::new("log.example", &[5; 32]);
        let known = [signer.verifier().clone()];
        let (one, two) = (leaf(b"one"), leaf(b"two"));
        let head = TreeHead {
            origin: "log.example".to_owned(),
            size: 2,
            root: super::super::hash::node(&one, &two),
        };
        let checkpoint = head.sign(&[signer]);
        let proof = Proof { entry: Some(b"two".to_vec()), index: 1, path: vec![one], checkpoint };
        let text = proof.text();
        assert_eq!(Proof::parse_all(&text).expect("one"), std::slice::from_ref(&proof));
        assert_eq!(Proof::parse_all(&format!("{text}{text}")).expect("two").len(), 2);
        assert_eq!(proof.verify(&known).expect("included"), head);
        for bit in 0..text.len() * 8 {
            let mut other = text.clone().into_bytes();
            other[bit / 8] ^= 1 << (bit % 8);
            let Ok(other) = String::from_utf8(other) else { continue };
            let accepted = Proof::parse_all(&other)
                .is_ok_and(|proofs| proofs.iter().all(|proof| proof.verify(&known).is_ok()));
            assert!(!accepted, "bit {bit}: {other}");
        }
    }
}
