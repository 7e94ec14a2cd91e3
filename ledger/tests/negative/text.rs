//! What is written as text: notes, verifier keys, checkpoints and proofs.

use crate::any_bytes::{self, NAME, TEXT, head, known, signer};
use crate::samples;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use haloy_ledger::integrity::check::MAX_HASHES;
use haloy_ledger::integrity::checkpoint::{CheckpointError, TreeHead};
use haloy_ledger::integrity::note::{Note, NoteError, Signer, Verifier, sign};
use haloy_ledger::integrity::proof_text::{Proof, ProofError};
use sha2::{Digest, Sha256};

/// Refuses every change that can be made to a text without knowledge of its meaning.
#[track_caller]
fn refused(what: &str, sample: &[u8], believed: fn(&[u8]) -> bool) {
    assert!(believed(sample), "{what}: the sample is good");
    for (how, others) in [
        ("truncated", samples::truncated(sample).collect::<Vec<_>>()),
        ("a bit flipped", samples::flipped(sample).collect()),
        ("nonsense", samples::nonsense()),
        ("its lines in disorder", samples::lines(sample)),
    ] {
        for (number, other) in others.iter().enumerate().filter(|(_, other)| *other != sample) {
            assert!(!believed(other), "{what}, {how}, number {number}");
        }
    }
}

/// Refuses bytes after the end, and bytes that are not text at any place.
#[track_caller]
fn refused_with_more(what: &str, sample: &[u8], believed: fn(&[u8]) -> bool) {
    for (number, other) in samples::longer(sample).enumerate() {
        assert!(!believed(&other), "{what}, longer, number {number}");
    }
    for at in 0..=sample.len() {
        for more in [&[0xff][..], &[0xc3], &[0], b"\r", b"\x1b", "\u{202e}\u{2028}".as_bytes()] {
            let other = [&sample[..at], more, &sample[at..]].concat();
            assert!(!believed(&other), "{what}, with {more:?} at {at}");
        }
    }
}

#[test]
fn a_changed_note_is_refused() {
    let sample = samples::note();
    refused("a note", &sample, any_bytes::note);
    refused_with_more("a note", &sample, any_bytes::note);
    // The two parts in the other order.
    let (text, signature) = sample.split_at(TEXT.len() + 1);
    assert!(!any_bytes::note(&[signature, b"\n", text].concat()));
}

fn text_of(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("text")
}

/// A note over [`TEXT`] with such a signature of the known key.
fn with_signature(bytes: &[u8]) -> String {
    format!("{TEXT}\n\u{2014} {NAME} {}\n", STANDARD.encode(bytes))
}

fn signature_of(note: &str) -> Vec<u8> {
    let line = note.trim_end().rsplit(' ').next().expect("a signature");
    STANDARD.decode(line).expect("base64")
}

#[test]
fn a_signature_has_one_form_and_is_of_one_text() {
    let note = text_of(samples::note());
    let signature = signature_of(&note);
    assert!(any_bytes::note(with_signature(&signature).as_bytes()), "put together again");
    let bad = |note: &str| Note::parse(note.as_bytes()).expect("a note").signed_by(known()).unwrap_err();
    let false_one = NoteError::BadSignature { name: NAME.to_owned() };
    let of_other_text = signature_of(&text_of(samples::checkpoint()));
    assert_eq!(bad(&with_signature(&of_other_text)), false_one, "of another text");
    assert_eq!(bad(&with_signature(&signature[..67])), false_one, "a byte short");
    assert_eq!(bad(&with_signature(&[&signature[..], &[0]].concat())), false_one, "a byte more");
    assert_eq!(bad(&with_signature(&signature[..5])), false_one, "one byte");
    // Anybody can add the order of the group to the second half: the same signature in another form.
    let order = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";
    let order = hex::decode(order).expect("hex");
    let mut other = signature.clone();
    let mut carry = 0;
    for at in 0..32 {
        let sum = u16::from(other[36 + at]) + u16::from(order[at]) + carry;
        other[36 + at] = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    assert_eq!(bad(&with_signature(&other)), false_one, "its second form");
    for other in [&signature[..4], &signature[..3], &[]] {
        assert!(Note::parse(with_signature(other).as_bytes()).is_err(), "{} bytes", other.len());
    }
    let line = STANDARD.encode(&signature);
    for (other, why) in [
        (line.trim_end_matches('=').to_owned(), "without padding"),
        (format!("{line}="), "more padding"),
        (format!(" {line}"), "two spaces"),
        (format!("{line} "), "a space at the end"),
        (line.replacen('A', "-", 1).replacen('/', "_", 1).replacen('+', "-", 1), "of another alphabet"),
    ] {
        let note = format!("{TEXT}\n\u{2014} {NAME} {other}\n");
        assert!(other == line || !any_bytes::note(note.as_bytes()), "{why}");
    }
    assert!(!any_bytes::note(note.replace('\u{2014}', "-").as_bytes()), "a hyphen");
    assert!(!any_bytes::note(note.replace('\n', "\r\n").as_bytes()), "lines of another system");
}

#[test]
fn other_keys_and_other_signatures_do_not_help() {
    let sample = text_of(samples::note());
    let line = sample.strip_prefix(TEXT).expect("the text").trim_start();
    let twice = format!("{sample}{line}");
    let note = Note::parse(twice.as_bytes()).expect("a note");
    assert_eq!(note.signed_by(known()), Err(NoteError::SignedTwice { name: NAME.to_owned() }));
    for (name, seed) in [(NAME, [8; 32]), ("other.example", [7; 32]), ("LOG.example/negative", [7; 32])] {
        let other = Signer::new(name, &seed);
        let foreign = sign(TEXT, std::slice::from_ref(&other));
        let note = Note::parse(foreign.as_bytes()).expect("a note");
        assert_eq!(note.signed_by(known()), Err(NoteError::Unsigned), "{name}");
        let note = Note::parse(sample.as_bytes()).expect("a note");
        assert_eq!(note.signed_by(&[other.verifier().clone()]), Err(NoteError::Unsigned), "{name}");
        // Beside the right one they are passed over, before it and after it.
        let both = [signer().clone(), other.clone()];
        assert!(any_bytes::note(sign(TEXT, &both).as_bytes()), "{name}, after");
        assert!(any_bytes::note(sign(TEXT, &[other, signer().clone()]).as_bytes()), "{name}, before");
    }
    assert_eq!(Note::parse(sample.as_bytes()).expect("a note").signed_by(&[]), Err(NoteError::Unsigned));
    let others = |count: u8| (1..=count).map(|seed| Signer::new("other.example", &[seed; 32]));
    let many: Vec<Signer> = others(16).chain([signer().clone()]).collect();
    assert!(any_bytes::note(sign(TEXT, &many).as_bytes()), "the standard asks for 16 signatures at least");
    let many: Vec<Signer> = others(64).chain([signer().clone()]).collect();
    assert!(!any_bytes::note(sign(TEXT, &many).as_bytes()), "no end of signatures");
}

/// A verifier key with a right id, of any algorithm and any bytes.
fn key_of(algorithm: u8, key: &[u8]) -> String {
    let id = Sha256::digest([NAME.as_bytes(), b"\n", &[algorithm], key].concat());
    format!("{NAME}+{}+{}", hex::encode(&id[..4]), STANDARD.encode([&[algorithm], key].concat()))
}

#[test]
fn a_changed_key_is_refused() {
    let sample = samples::key();
    refused("a key", &sample, any_bytes::key);
    refused_with_more("a key", &sample, any_bytes::key);
    let text = text_of(sample);
    let parts: Vec<&str> = text.splitn(3, '+').collect();
    let (name, id, key) = (parts[0], parts[1], parts[2]);
    for (other, why) in [
        (format!("{id}+{name}+{key}"), "name and id swapped"),
        (format!("{name}+{key}+{id}"), "id and key swapped"),
        (format!("{name}+{}+{key}", id.to_uppercase()), "in capitals"),
        (format!("{name}+{id}"), "without the key"),
        (format!("+{id}+{key}"), "without a name"),
        (format!("{name}++{key}"), "without an id"),
        (format!("{name} +{id}+{key}"), "a space in the name"),
        (format!("{name}+00000000+{key}"), "another id"),
        (format!("{name}+{id}+{}", key.trim_end_matches('=')), "without padding"),
    ] {
        assert!(other == text || Verifier::parse(&other).is_err(), "{why}");
    }
    let bytes = STANDARD.decode(key).expect("base64");
    let point = &bytes[1..];
    assert_eq!(Verifier::parse(&key_of(1, point)).expect("put together again").to_string(), text);
    for algorithm in (0..=u8::MAX).filter(|algorithm| *algorithm != 1) {
        let why = Verifier::parse(&key_of(algorithm, point)).unwrap_err();
        assert_eq!(why, NoteError::BadKey("its algorithm is not known"), "{algorithm}");
    }
    for other in [&point[..31], &[point, &[0]].concat()[..], &[2; 32], &[]] {
        assert!(Verifier::parse(&key_of(1, other)).is_err(), "{} bytes", other.len());
    }
}

/// A key of small order verifies some signature of every text, unless the check is strict.
#[test]
fn a_key_that_believes_everything_believes_nothing() {
    let mut identity = [0; 32];
    identity[0] = 1;
    let Ok(weak) = Verifier::parse(&key_of(1, &identity)) else { return };
    let id = hex::decode(weak.id()).expect("hex");
    let note = with_signature(&[&id[..], &identity, &[0; 32]].concat());
    let why = Note::parse(note.as_bytes()).expect("a note").signed_by(&[weak]).unwrap_err();
    assert_eq!(why, NoteError::BadSignature { name: NAME.to_owned() });
}

#[test]
fn a_changed_checkpoint_is_refused() {
    let sample = samples::checkpoint();
    refused("a checkpoint", &sample, any_bytes::checkpoint);
    refused_with_more("a checkpoint", &sample, any_bytes::checkpoint);
    assert!(!any_bytes::checkpoint(&samples::note()), "another note of the same key");
}

/// The key may sign what it likes: nonsense stays nonsense.
#[test]
fn a_signed_head_that_no_log_has_is_refused() {
    let root = STANDARD.encode([9; 32]);
    let signed = |text: &str| {
        let note = sign(text, std::slice::from_ref(signer()));
        TreeHead::verified(note.as_bytes(), known())
    };
    assert!(signed(&format!("{NAME}\n9223372036854775807\n{root}\n")).is_ok(), "2^63 - 1");
    let sizes = ["9223372036854775808", "18446744073709551615", "18446744073709551616"];
    let no_numbers = ["", "00", "01", "+1", "-1", "-0", " 1", "1 ", "1.0", "1e3", "0x1", "\u{ff11}", "a"];
    for size in sizes.into_iter().chain(no_numbers) {
        let why = signed(&format!("{NAME}\n{size}\n{root}\n"));
        assert!(matches!(why, Err(CheckpointError::Malformed(_))), "{size:?}: {why:?}");
    }
    assert!(signed(&format!("{NAME}\n{}\n{root}\n", "9".repeat(100_000))).is_err());
    for length in [0, 1, 31, 33, 64, 100_000] {
        let root = STANDARD.encode(vec![9; length]);
        assert!(signed(&format!("{NAME}\n1\n{root}\n")).is_err(), "a root of {length} bytes");
    }
    for text in [
        format!("{NAME}\n{root}\n1\n"),
        format!("1\n{NAME}\n{root}\n"),
        format!("{NAME}\n1\n{}\n", root.trim_end_matches('=')),
        format!("{NAME}\n1\n"),
        format!("\n1\n{root}\n"),
        format!("{NAME}\n1\n{root}\n\nmore\n"),
        format!("{NAME} \n1\n{root}\n"),
        format!("other.example\n1\n{root}\n"),
    ] {
        assert!(signed(&text).is_err(), "{text:?}");
    }
}

fn why(proof: &Proof) -> ProofError {
    let text = proof.text();
    match Proof::parse_all(&text) {
        Ok(proofs) => proofs[0].verify(known()).expect_err("it must not hold"),
        Err(error) => error,
    }
}

#[test]
fn a_changed_proof_is_refused() {
    for index in [0, 5, 10] {
        let sample = samples::proof(index).text().into_bytes();
        refused("a proof", &sample, any_bytes::proof);
    }
    let sample = samples::proof(5).text();
    assert!(any_bytes::proof(format!("{sample}{sample}").as_bytes()), "two of them");
    for more in ["\n", "\n\n", " ", "c2sp.org/tlog-proof@v1", "c2sp.org/tlog-proof@v1\n", "\0", "a\n"] {
        assert!(!any_bytes::proof(format!("{sample}{more}").as_bytes()), "{more:?} after it");
        assert!(!any_bytes::proof(format!("{more}{sample}").as_bytes()), "{more:?} before it");
    }
    for other in ["@v2", "@v1 ", "@v1\r", "@v10", ""] {
        assert!(!any_bytes::proof(sample.replacen("@v1", other, 1).as_bytes()), "{other:?}");
    }
}

#[test]
fn a_proof_of_something_else_is_refused() {
    let sample = samples::proof(5);
    let other = samples::proof(6);
    let not_included = |index| ProofError::NotIncluded { index, size: head().size };
    assert_eq!(why(&Proof { entry: other.entry.clone(), ..sample.clone() }), not_included(5));
    assert_eq!(why(&Proof { path: other.path, ..sample.clone() }), not_included(5));
    for index in (0..20).filter(|index| *index != 5).chain([1 << 63, u64::MAX]) {
        assert_eq!(why(&Proof { index, ..sample.clone() }), not_included(index));
    }
    assert_eq!(why(&Proof { entry: None, ..sample.clone() }), ProofError::NoEntry);
    assert_eq!(why(&Proof { entry: Some(vec![0; 1 << 20]), ..sample.clone() }), not_included(5));
    assert_eq!(why(&Proof { path: vec![[1; 32]; MAX_HASHES], ..sample.clone() }), not_included(5));
    for count in [MAX_HASHES + 1, 1000] {
        let long = why(&Proof { path: vec![[1; 32]; count], ..sample.clone() });
        assert_eq!(long, ProofError::Malformed("it has too many hashes"));
    }
    // The head of a log of another size, signed by the same key: the last entry's path does not fit.
    for size in [0, 10, 12, i64::MAX as u64] {
        let forged = TreeHead { size, ..head().clone() }.sign(std::slice::from_ref(signer()));
        let proof = Proof { checkpoint: forged, ..samples::proof(10) };
        assert!(proof.verify(known()).is_err(), "size {size}");
    }
    let foreign = head().sign(&[Signer::new(NAME, &[8; 32])]);
    let unsigned = ProofError::Checkpoint(NoteError::Unsigned.into());
    assert_eq!(why(&Proof { checkpoint: foreign, ..sample.clone() }), unsigned);
    let huge = "a".repeat((64 << 20) + 1);
    assert_eq!(Proof::parse_all(&huge), Err(ProofError::Malformed("it is too long")));
}
