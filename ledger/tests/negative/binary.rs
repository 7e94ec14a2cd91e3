//! Binary formats: tiles, bundles and entries. They are not signed; the root reveals any change.

use crate::any_bytes::{self, ENTRIES, head};
use crate::samples;
use haloy_ledger::integrity::frontier::Frontier;
use haloy_ledger::integrity::hash::{Hash, leaf};
use haloy_ledger::integrity::tiles::{TileError, WIDTH, decode_bundle, decode_hashes};
use haloy_ledger::log::bundle::BundleError;
use haloy_ledger::log::codec::{self, HEAD_BYTES};
use haloy_ledger::log::{LogError, upcast};

fn root(leaves: impl IntoIterator<Item = Hash>) -> Hash {
    let mut frontier = Frontier::default();
    leaves.into_iter().for_each(|leaf| frontier.push(leaf));
    frontier.root()
}

/// Whether it is a tile of the log's width, and of the log.
fn tile(bytes: &[u8]) -> bool {
    any_bytes::tile(bytes);
    decode_hashes(bytes, ENTRIES).is_ok_and(|hashes| root(hashes) == head().root)
}

fn bundle(bytes: &[u8]) -> bool {
    any_bytes::bundle(bytes);
    let leaves =
        decode_bundle(bytes, ENTRIES).map(|entries| entries.into_iter().map(leaf).collect::<Vec<_>>());
    leaves.is_ok_and(|leaves| root(leaves) == head().root)
}

#[test]
fn a_changed_tile_or_bundle_is_refused() {
    type Case = (&'static str, Vec<u8>, fn(&[u8]) -> bool);
    let cases: [Case; 2] = [("tile", samples::tile(), tile), ("bundle", samples::bundle(), bundle)];
    for (what, sample, holds) in cases {
        assert!(holds(&sample), "{what}");
        for (how, others) in [
            ("truncated", samples::truncated(&sample).collect::<Vec<_>>()),
            ("a bit flipped", samples::flipped(&sample).collect()),
            ("longer", samples::longer(&sample).collect()),
            ("nonsense", samples::nonsense()),
        ] {
            for (number, other) in others.iter().enumerate() {
                assert!(!holds(other), "{what}, {how}, number {number}");
            }
        }
        // Two parts swapped: at any place where that changes something.
        for at in 1..sample.len() {
            let other = [&sample[at..], &sample[..at]].concat();
            assert!(other == sample || !holds(&other), "{what}, turned at {at}");
        }
    }
}

#[test]
fn a_tile_or_bundle_of_another_width_is_refused() {
    let (tile, bundle) = (samples::tile(), samples::bundle());
    for width in
        (0..=2 * WIDTH).chain([1 << 32, 1 << 59, 1 << 63, u64::MAX]).filter(|width| *width != ENTRIES)
    {
        assert_eq!(decode_hashes(&tile, width), Err(TileError::Width(width)));
        assert_eq!(decode_bundle(&bundle, width), Err(BundleError::Count(width)));
        assert_eq!(decode_hashes(&[], width).is_ok(), width == 0, "nothing, width {width}");
        assert_eq!(decode_bundle(&[], width).is_ok(), width == 0, "nothing, width {width}");
    }
    for end in samples::truncated(&bundle) {
        assert!(decode_bundle(&end, ENTRIES).is_err(), "{} bytes", end.len());
    }
    // Entries beyond the requested number are not even counted to their end.
    assert_eq!(decode_bundle(&vec![0; 64 << 20], 3), Err(BundleError::Count(3)));
    assert_eq!(
        decode_bundle(&[0xff; 65_536], 1),
        Err(BundleError::Torn),
        "a byte short of the largest entry"
    );
}

/// Where the envelope starts.
const ENVELOPE: usize = 3 + HEAD_BYTES;

#[test]
fn a_truncated_or_longer_entry_is_refused() {
    let entries = samples::entries();
    assert!(entries.len() > 50, "{} kinds and versions", entries.len());
    for entry in &entries {
        let kind = codec::decode_head(entry).expect("a frozen entry").kind;
        assert!(any_bytes::entry(entry), "kind {kind}");
        for other in samples::truncated(entry) {
            assert!(codec::decode(&other).is_err(), "kind {kind}, {} bytes", other.len());
            assert!(codec::decode_raw(&other).is_err(), "kind {kind} untyped, {} bytes", other.len());
            let head = codec::decode_head(&other);
            assert_eq!(head.is_ok(), other.len() >= ENVELOPE, "head of kind {kind}, {} bytes", other.len());
        }
        for (number, other) in samples::longer(entry).enumerate() {
            assert!(codec::decode(&other).is_err(), "kind {kind}, longer, number {number}");
            assert!(codec::decode_raw(&other).is_err(), "kind {kind} untyped, longer, number {number}");
        }
    }
}

#[test]
fn no_flipped_bit_makes_an_entry_panic() {
    for entry in samples::entries() {
        for other in samples::flipped(&entry) {
            any_bytes::entry(&other);
            assert_ne!(leaf(&other), leaf(&entry), "its leaf is another");
        }
        for end in 0..(ENVELOPE * 8) {
            let mut other = entry.clone();
            other[end / 8] ^= 1 << (end % 8);
            let start = end / 8 < 3;
            assert_eq!(codec::decode_head(&other).is_err(), start, "bit {end} of the head");
        }
    }
}

/// An entry that starts as the sample does, and goes on as given.
fn with(sample: &[u8], envelope: &[u8], payload: &[u8]) -> Vec<u8> {
    [&sample[..ENVELOPE], envelope, payload].concat()
}

/// Envelope and payload of a sample: every cut within one of them is torn.
fn parts(sample: &[u8]) -> (&[u8], &[u8]) {
    let rest = &sample[ENVELOPE..];
    let is_end = |end: &usize| codec::decode_raw(&with(sample, &rest[..*end], &[0xc0])).is_ok();
    let end = (1..rest.len()).find(is_end).expect("an envelope");
    rest.split_at(end)
}

#[test]
fn entries_put_together_wrongly_are_refused() {
    let entries = samples::entries();
    for (sample, other) in entries.iter().zip(entries.iter().skip(1)) {
        let ((envelope, payload), (_, foreign)) = (parts(sample), parts(other));
        assert!(any_bytes::entry(&with(sample, envelope, payload)), "put together again");
        for (bytes, why) in [
            (with(sample, payload, envelope), "swapped"),
            (with(sample, envelope, &[]), "no payload"),
            (with(sample, payload, &[]), "no envelope"),
            (with(sample, envelope, &[payload, payload].concat()), "two payloads"),
            (with(sample, &[0xc0], payload), "no map but nothing"),
            (with(sample, envelope, b"\xa2\xff\xfe"), "a string that is none"),
            (with(sample, envelope, &[0xc1]), "the byte that means nothing"),
        ] {
            assert!(!any_bytes::entry(&bytes), "{why}");
        }
        // The payload of another kind may happen to fit, as many are alike; it must not panic.
        any_bytes::entry(&with(sample, envelope, foreign));
    }
    for bytes in samples::nonsense() {
        assert!(!any_bytes::entry(&bytes));
        assert!(codec::decode_raw(&bytes).is_err());
        assert!(codec::decode_head(&bytes).is_err());
    }
}

#[test]
fn kinds_and_versions_that_are_not_known_are_told_from_damage() {
    let sample = &samples::entries()[0];
    // One above what this program writes, of each existing kind.
    let kinds = (1..u16::MAX).filter(|kind| upcast::readable(*kind, 1));
    let next = |kind| (kind, (1..).find(|version| !upcast::readable(kind, *version)).expect("an end"));
    let newer: Vec<(u16, u16)> = kinds.map(next).collect();
    assert!(newer.len() > 30, "{newer:?}");
    let never = [(0, 1), (999, 1), (u16::MAX, u16::MAX), (1, 0), (1, 99)];
    for (kind, version) in never.into_iter().chain(newer) {
        let mut other = sample.clone();
        other[3 + 32..3 + 34].copy_from_slice(&u16::to_be_bytes(kind));
        other[3 + 34..3 + 36].copy_from_slice(&u16::to_be_bytes(version));
        assert!(!upcast::readable(kind, version));
        let why = codec::decode(&other).expect_err("not known");
        assert!(matches!(why, LogError::NewerEntry { .. }), "{kind}, {version}: {why}");
        assert!(codec::decode_raw(&other).is_ok(), "it can be shown untyped");
    }
}

/// Lengths that nothing has, and values nested without end: neither memory nor stack may follow.
#[test]
fn lengths_and_depths_that_nothing_has_are_refused() {
    let sample = &samples::entries()[0];
    let (envelope, payload) = parts(sample);
    let mut hostile: Vec<Vec<u8>> = Vec::new();
    // Array, map, string and bytes of 32 bits, ext of 32 bits; and those of 16.
    for marker in [0xdd, 0xdf, 0xdb, 0xc6, 0xc9] {
        hostile.push([&[marker][..], &[0xff; 4]].concat());
        hostile.push([&[marker][..], &[0xff; 4], payload].concat());
        hostile.push([&[marker][..], &[0x7f, 0xff, 0xff, 0xff], payload].concat());
    }
    for marker in [0xdc, 0xde, 0xda, 0xc5, 0xc8] {
        hostile.push([&[marker][..], &[0xff; 2], payload].concat());
    }
    for depth in [65, 1000, 60_000, 1 << 20] {
        hostile.push(vec![0x91; depth]);
        hostile.push(b"\x81\xa1a".repeat(depth));
        hostile.push([vec![0x91; depth], vec![0xc0]].concat());
    }
    // A map in a map that is passed over: a field that no kind has.
    hostile.push([&[0x81, 0xa2, b'?', b'?'][..], &b"\x81\xa1a".repeat(100_000)].concat());
    for hostile in hostile {
        for bytes in [with(sample, envelope, &hostile), with(sample, &hostile, payload), hostile.clone()] {
            assert!(!any_bytes::entry(&bytes), "{:02x?}", &hostile[..5]);
            assert!(codec::decode_raw(&bytes).is_err(), "untyped, {:02x?}", &hostile[..5]);
        }
    }
}
