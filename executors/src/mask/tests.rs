//! What is hidden, and that nothing else is.

use super::*;
use std::sync::Arc;

/// A value of several kinds of trouble: quotes, a line end, a NUL, what is not ASCII, what addresses escape.
const HARD: &str = "k3y-\u{0}\u{1b}é\"q'u\\o$t`e %<&>/+?=\nsecond line of it\tend";

fn pem() -> String {
    let lines: Vec<String> = (0..20).map(|line| format!("{:x}", md(line)).repeat(2)).collect();
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"))
}

/// Digits without a pattern.
fn md(seed: u64) -> u128 {
    let hash = blake3::hash(&seed.to_le_bytes());
    hash.as_bytes().iter().take(16).fold(1, |all, byte| all << 8 | u128::from(*byte)) | 1 << 127
}

fn masked(values: &[&str], text: &str) -> String {
    Masker::new(values.iter().copied()).text(text)
}

/// The value as others write it, by other code than that of the masker where there is some.
fn written(value: &str) -> Vec<String> {
    let json = serde_json::to_string(value).expect("JSON");
    let again = serde_json::to_string(&format!("error: {json}")).expect("JSON");
    let standard = base64::engine::general_purpose::STANDARD;
    let base64 = |text: String| base64::Engine::encode(&standard, text);
    let url = base64::engine::general_purpose::URL_SAFE;
    vec![
        value.to_owned(),
        json,
        again,
        format!("{value:?}"),
        value.escape_default().to_string(),
        value.as_bytes().escape_ascii().to_string(),
        base64(value.to_owned()),
        base64(format!("u{value}")),
        base64(format!("us{value}&more")),
        base64(format!("user:{value}")),
        base64::Engine::encode(&url, value),
        hex::encode(value),
        value.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>().replace("%2E", "."),
        format!("'{}'", value.replace('\'', "'\\''")),
    ]
}

/// Whether a text still shows a long enough piece of a value: of its clear form only.
fn shows(text: &str, value: &str) -> bool {
    value.as_bytes().windows(8).any(|piece| text.as_bytes().windows(8).any(|window| window == piece))
}

#[test]
fn a_value_is_hidden_as_others_write_it() {
    let pem = pem();
    for value in [HARD, "s3cr3t-canary-value", "p@ss", "pässwörd-ü", &pem, "two\nsix\nten"] {
        let masker = Masker::new([value]);
        for text in written(value) {
            // Encoded, all of the text is the value but for what is around it.
            let text = format!("before {text} behind");
            let masked = masker.text(&text);
            assert!(!shows(&masked, value), "{text:?} -> {masked:?}");
            assert!(masked.len() < text.len() / 2 + 40 || value.len() < 20, "{text:?} -> {masked:?}");
            assert!(masked.starts_with("before ") && masked.ends_with(" behind"), "{masked:?}");
        }
    }
}

#[test]
fn every_byte_escaped_differently_is_hidden() {
    // How the engine writes a NUL, as in the error that quotes an environment.
    let value = "canary-of-nul\u{0}and-behind-it";
    for text in [
        r#"invalid env "KEY=canary-of-nul\x00and-behind-it""#,
        r#"{"message":"invalid env \"KEY=canary-of-nul\\x00and-behind-it\""}"#,
        r"KEY=canary-of-nul\u0000and-behind-it",
        r"KEY=canary-of-nul\0and-behind-it",
        r"KEY=canary-of-nul\000and-behind-it",
        "KEY=canary-of-nul^@and-behind-it",
        "KEY=canary-of-nul and-behind-it",
        "KEY=canary-of-nul%00and-behind-it",
        "KEY=canary-of-nul",
    ] {
        let masked = masked(&[value], text);
        assert!(!masked.contains("canary") && !masked.contains("behind"), "{text} -> {masked}");
    }
}

#[test]
fn what_is_longer_goes_first_and_what_overlaps_goes_whole() {
    assert_eq!(masked(&["abcdef", "defghi"], "-abcdefghi-"), "-***-");
    assert_eq!(masked(&["pass", "password"], "password pass passable"), "*** *** ***able");
    assert_eq!(masked(&["aaaa"], &"a".repeat(7)), "***");
}

#[test]
fn short_values_and_blanks_are_left_alone() {
    assert_eq!(
        masked(&["123", "", "    ", "\n\n\n\n"], "code 123,     and\n\n\n\nmore"),
        "code 123,     and\n\n\n\nmore"
    );
    assert_eq!(masked(&["1234"], "pin 1234"), "pin ***");
}

#[test]
fn each_line_of_a_value_is_hidden_alone() {
    let value = "first-line-of-it\r\n  short\nthe last line";
    for line in ["first-line-of-it", "    short", "the last line"] {
        assert_eq!(masked(&[value], &format!("{line}!")).trim(), "***!");
    }
    assert_eq!(
        masked(&["-----BEGIN KEY-----\\nMIIabcdef\\n"], "MIIabcdef"),
        "***",
        "line ends written as two characters"
    );
    assert_eq!(masked(&["postgres://app:pa55w0rd@db/app"], "bad password pa55w0rd"), "bad password ***");
}

#[test]
fn a_cut_value_is_hidden() {
    let value: String = format!("{:x}{:x}", md(1), md(2));
    let masker = Masker::new([value.as_str()]);
    for from in 0..value.len() - REACH {
        for to in from + REACH..=value.len() {
            let text = format!("it says {}…", &value[from..to]);
            assert_eq!(masker.text(&text), "it says ***…", "{from}..{to}");
        }
    }
    // At the end of a text, where engines cut.
    for to in MIN_VALUE..value.len() {
        assert_eq!(masker.text(&format!("it says {}", &value[..to])), "it says ***", "{to}");
    }
    // Wrapped, as `base64` does it.
    let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, pem());
    let wrapped: Vec<&str> =
        encoded.as_bytes().chunks(76).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    let masked = Masker::new([pem().as_str()]).text(&wrapped.join("\n"));
    assert!(masked.lines().all(|line| line.len() < 8), "{masked}");
}

#[test]
fn bytes_that_are_no_text_are_taken() {
    let masker = Masker::new(["canary-value"]);
    let masked = masker.bytes(b"\xff\xfecanary-value\x80");
    assert_eq!(masked, b"\xff\xfe***\x80");
}

fn streamed(masker: &Arc<Masker>, text: &[u8], mut size: impl FnMut() -> usize) -> Vec<String> {
    let mut lines = Lines::new(Arc::clone(masker));
    let (mut out, mut rest) = (Vec::new(), text);
    while !rest.is_empty() {
        let (chunk, behind) = rest.split_at(size().clamp(1, rest.len()));
        out.extend(lines.push(chunk));
        rest = behind;
    }
    out.extend(lines.finish());
    out
}

#[test]
fn chunks_of_any_size_are_masked_as_the_whole() {
    let pem = pem();
    let values = [HARD, &pem, "two\nsix\nten", "plain-value"];
    let masker = Arc::new(Masker::new(values));
    let mut text = String::from("start\n");
    for value in values {
        for written in written(value) {
            text += &format!("line with {written} in it\n");
        }
    }
    let whole: Vec<String> = masker.text(&text).lines().map(str::to_owned).collect();
    for size in [1, 2, 3, 7, 16, 23, 64, 1000, 100_000] {
        assert_eq!(streamed(&masker, text.as_bytes(), || size), whole, "chunks of {size}");
    }
}

#[test]
fn a_whole_line_does_not_wait_and_one_without_end_takes_no_memory() {
    let masker = Arc::new(Masker::new(["first\nsecond", "canary-that-is-long-enough-to-be-cut"]));
    let mut lines = Lines::new(Arc::clone(&masker));
    assert_eq!(lines.push(b"migrating...\n"), ["migrating..."]);
    assert_eq!(lines.push(b"half a li"), [""; 0]);
    assert_eq!(lines.push(b"ne\r\nfirst\n"), ["half a line", "***"].map(str::to_owned)[..1]);
    assert_eq!(lines.push(b"other\n"), ["***", "other"]);
    let long = "x".repeat(1000) + "canary-that-is-long-enough-to-be-cut";
    let (mut bytes, mut most) = (0, 0);
    for _ in 0..2000 {
        for piece in lines.push(long.as_bytes()) {
            assert!(!piece.contains("canary") && !piece.contains("to-be-cut"), "{piece}");
            bytes += piece.len();
        }
        most = most.max(lines.held.capacity() + lines.line.capacity());
    }
    assert!(bytes > 1_900_000 && most < 200_000, "{bytes} bytes came, {most} were held");
}

#[test]
fn large_values_take_little_time_and_text_of_one_letter_none() {
    let large: String = (0..3200).map(|seed| format!("{:x}", md(seed))).collect();
    assert!(large.len() > 100_000);
    let same = "a".repeat(100_000);
    let started = std::time::Instant::now();
    let masker = Masker::new([large.as_str(), same.as_str()]);
    let text = "a".repeat(1 << 20) + &large + &"a".repeat(99_000);
    assert_eq!(masker.text(&text), "***");
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}

#[test]
fn a_tail_keeps_the_last_lines() {
    let mut tail = Tail::default();
    (0..1000).for_each(|number| tail.push(format!("line {number}")));
    assert!(tail.text().ends_with("line 999") && tail.text().lines().count() == 50);
    (0..100).for_each(|_| tail.push("x".repeat(16_000)));
    assert!(tail.text().len() < 40_000);
}

#[test]
fn names_tell_of_secrets() {
    assert!(names_a_secret("DB_PASSWORD") && names_a_secret("github_token") && !names_a_secret("PORT"));
}
