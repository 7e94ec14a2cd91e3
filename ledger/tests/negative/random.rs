//! Good samples with a few things changed at random, many times over: the same seed, the same changes. The
//! fuzz targets of this crate look further, with the same eyes.

use crate::{any_bytes, samples};

/// Changes tried per format.
const CHANGES: usize = 20_000;

/// Xorshift: no generator of this project, which is injected everywhere, and no dependency either.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from((self.next() >> 16) % end.max(1) as u64).expect("below a usize")
    }

    fn byte(&mut self) -> u8 {
        // Bytes that mean something in one of the formats, more often than others.
        const KNOWN: &[u8] =
            b"\n\n  +=/0189Aaxz.\x00\x01\x7f\x80\xff\xc0\xc1\xc4\xc6\xd9\xdb\xdc\xdd\xde\xdf\x91\x81";
        let any = self.next().to_le_bytes()[3];
        if any.is_multiple_of(3) { any } else { KNOWN[self.below(KNOWN.len())] }
    }

    fn range(&mut self, length: usize) -> std::ops::Range<usize> {
        let from = self.below(length + 1);
        let most = if self.below(4) == 0 { length - from } else { (length - from).min(9) };
        from..from + self.below(most + 1)
    }

    /// One change.
    fn change(&mut self, bytes: &mut Vec<u8>, others: &[Vec<u8>]) {
        let length = bytes.len();
        let at = self.below(length);
        match self.below(9) {
            0 if length > 0 => bytes[at] ^= 1 << self.below(8),
            1 if length > 0 => bytes[at] = self.byte(),
            2 => bytes.truncate(at),
            3 => drop(bytes.drain(self.range(length))),
            4 => {
                let (piece, at) = (bytes[self.range(length)].to_vec(), self.below(length + 1));
                bytes.splice(at..at, piece);
            }
            5 => {
                let more: Vec<u8> = (0..=self.below(6)).map(|_| self.byte()).collect();
                bytes.splice(at..at, more);
            }
            6 => {
                let other = &others[self.below(others.len())];
                let piece = other[self.range(other.len())].to_vec();
                bytes.splice(self.range(length), piece);
            }
            _lines => self.change_lines(bytes),
        }
    }

    /// Swaps two lines, doubles one, or leaves one out.
    fn change_lines(&mut self, bytes: &mut Vec<u8>) {
        let mut lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
        if lines.is_empty() {
            return;
        }
        let (one, two) = (self.below(lines.len()), self.below(lines.len()));
        match self.below(3) {
            0 => lines.swap(one, two),
            1 => lines.insert(one, lines[two]),
            _out => drop(lines.remove(one)),
        }
        *bytes = lines.concat();
    }
}

/// Changes the samples and checks the results; some must be refused, or the test checked nothing.
fn change(seed: u64, samples: &[Vec<u8>], holds: fn(&[u8]) -> bool) {
    assert!(samples.iter().all(|sample| holds(sample)), "the samples are good");
    let mut random = Random(seed);
    let mut refused = 0;
    for number in 0..CHANGES {
        let mut bytes = samples[number % samples.len()].clone();
        for _ in 0..=random.below(4) {
            random.change(&mut bytes, samples);
        }
        refused += usize::from(!holds(&bytes));
    }
    assert!(refused > CHANGES / 20, "{refused} refused");
}

#[test]
fn notes() {
    change(0x1001, &[samples::note(), samples::checkpoint()], any_bytes::note);
}

#[test]
fn keys() {
    change(0x1002, &[samples::key()], any_bytes::key);
}

#[test]
fn checkpoints() {
    change(0x1003, &[samples::checkpoint()], any_bytes::checkpoint);
}

#[test]
fn proofs() {
    let proofs: Vec<Vec<u8>> = (0..11).map(|index| samples::proof(index).text().into_bytes()).collect();
    change(0x1004, &[&proofs[..], &[proofs.concat()]].concat(), any_bytes::proof);
}

#[test]
fn tiles() {
    change(0x1005, &[samples::tile(), vec![3; 8192]], any_bytes::tile);
}

#[test]
fn bundles() {
    change(0x1006, &[samples::bundle(), vec![0; 512]], any_bytes::bundle);
}

#[test]
fn entries() {
    change(0x1007, &samples::entries(), any_bytes::entry);
}
