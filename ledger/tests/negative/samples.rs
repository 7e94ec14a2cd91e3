//! One good sample of each format, and ways to damage any of them.

use crate::any_bytes::{ENTRIES, NAME, TEXT, entry_of, head, leaves, signer};
use haloy_ledger::integrity::hash::Hash;
use haloy_ledger::integrity::note::sign;
use haloy_ledger::integrity::proof::{self, Hashes};
use haloy_ledger::integrity::proof_text::Proof;
use haloy_ledger::integrity::tiles;
use std::convert::Infallible;
use std::path::Path;

pub fn note() -> Vec<u8> {
    sign(TEXT, std::slice::from_ref(signer())).into_bytes()
}

pub fn key() -> Vec<u8> {
    signer().verifier().to_string().into_bytes()
}

pub fn checkpoint() -> Vec<u8> {
    head().sign(std::slice::from_ref(signer())).into_bytes()
}

struct Leaves(Vec<Hash>);

impl Hashes for Leaves {
    type Error = Infallible;
    fn hash(&self, level: u32, index: u64) -> Result<Hash, Infallible> {
        assert_eq!(level, 0, "the log is smaller than a tile");
        Ok(self.0[usize::try_from(index).expect("small")])
    }
}

/// Proof of inclusion of an entry of the log.
pub fn path(index: u64) -> Vec<Hash> {
    let Ok(path) = proof::inclusion(&Leaves(leaves()), index, ENTRIES);
    path
}

pub fn proof(index: u64) -> Proof {
    let checkpoint = String::from_utf8(checkpoint()).expect("text");
    Proof { entry: Some(entry_of(index)), index, path: path(index), checkpoint }
}

pub fn tile() -> Vec<u8> {
    leaves().concat()
}

pub fn bundle() -> Vec<u8> {
    let mut bundle = Vec::new();
    (0..ENTRIES).try_for_each(|index| tiles::push_entry(&mut bundle, &entry_of(index))).expect("short");
    bundle
}

/// An entry of every kind and version ever written: the frozen ones.
pub fn entries() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../replay-tests/fixtures/events");
    let mut files: Vec<_> =
        std::fs::read_dir(folder).expect("fixtures").flatten().map(|file| file.path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
    // In one order everywhere, so that a seed means the same everywhere.
    files.sort();
    let read = |path: &std::path::PathBuf| {
        let text = std::fs::read_to_string(path).expect("text");
        let (entry, _json) = text.split_once('\n').expect("hex, then JSON");
        hex::decode(entry).expect("hex")
    };
    files.iter().map(read).collect()
}

/// Every start of the bytes but the whole.
pub fn truncated(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    (0..bytes.len()).map(|end| bytes[..end].to_vec())
}

/// Every bit flipped, one at a time.
pub fn flipped(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    (0..bytes.len() * 8).map(|bit| {
        let mut other = bytes.to_vec();
        other[bit / 8] ^= 1 << (bit % 8);
        other
    })
}

/// Every byte at the end, one at a time, and some longer ends.
pub fn longer(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    let one = (0..=u8::MAX).map(move |byte| [bytes, &[byte]].concat());
    one.chain([[bytes, b"\n\n"].concat(), [bytes, bytes].concat(), [bytes, NAME.as_bytes()].concat()])
}

/// Neighbouring lines swapped, each one left out, and each one twice.
pub fn lines(text: &[u8]) -> Vec<Vec<u8>> {
    let lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
    let mut all = Vec::new();
    for at in 0..lines.len() {
        all.push([&lines[..at], &lines[at + 1..]].concat());
        all.push([&lines[..at], &[lines[at]], &lines[at..]].concat());
        if at > 0 && lines[at] != lines[at - 1] {
            let mut swapped = lines.clone();
            swapped.swap(at - 1, at);
            all.push(swapped);
        }
    }
    all.into_iter().map(|lines| lines.concat()).collect()
}

/// Bytes that are not text, and too many bytes.
pub fn nonsense() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = ["", "\n", "\n\n", "\n\n\n", " ", "+", "++", "\0", "\u{2014} ", "\r\n\r\n"]
        .into_iter()
        .map(|text| text.as_bytes().to_vec())
        .collect();
    all.extend([vec![0xff], vec![0xc3], vec![0xed, 0xa0, 0x80], vec![0; 4096]]);
    for byte in [b'\n', b' ', b'+', b'a', 0, 0xff] {
        all.push(vec![byte; 2 << 20]);
    }
    all
}
