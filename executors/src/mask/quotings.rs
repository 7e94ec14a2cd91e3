//! How others write a value: escaped, quoted, encoded.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use std::collections::BTreeSet;

/// Bytes of the shortest value, and of the shortest line of one, that is masked.
pub const MIN_VALUE: usize = 4;
/// A line of a value that is at least this long is found in every quoting of the whole value; a shorter one
/// has quotings of its own.
const LONG_LINE: usize = 32;

/// Every form of a value, of its lines, and of the password where it is an address.
pub fn forms(value: &str) -> BTreeSet<Vec<u8>> {
    let mut forms = BTreeSet::new();
    if usable(value) {
        quoted(value, &mut forms);
    }
    for part in parts(value).into_iter().filter(|part| usable(part)) {
        if part.len() < LONG_LINE {
            quoted(part, &mut forms);
        }
        forms.insert(part.as_bytes().to_vec());
    }
    forms.retain(|form| form.len() >= MIN_VALUE);
    forms
}

fn usable(text: &str) -> bool {
    text.len() >= MIN_VALUE && !text.chars().all(|c| c.is_whitespace() || c.is_control())
}

/// Lines, also those of a value that writes its line ends as `\n`; what lies between control characters,
/// which others replace or end a text at; a password in an address.
fn parts(value: &str) -> Vec<&str> {
    let mut parts: Vec<&str> = value.split(char::is_control).flat_map(|line| line.split("\\n")).collect();
    parts.extend(parts.clone().into_iter().flat_map(|line| line.split("\\r")));
    if let Some((_, rest)) = value.split_once("://") {
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        parts.extend(authority.rsplit_once('@').and_then(|(user, _)| Some(user.split_once(':')?.1)));
    }
    parts.into_iter().map(str::trim).collect()
}

fn quoted(value: &str, forms: &mut BTreeSet<Vec<u8>>) {
    let mut texts: BTreeSet<String> = backslashes(value).into_iter().collect();
    // An error in an error: the quoting is quoted.
    let again: Vec<String> = texts.iter().map(|text| json(text, Json::default())).collect();
    texts.extend(again);
    texts.extend(shell(value));
    texts.extend(percent(value));
    texts.extend(markup(value));
    texts.insert(value.to_owned());
    forms.extend(texts.into_iter().map(String::into_bytes));
    forms.extend(encoded(value.as_bytes()));
}

fn each(value: &str, mut write: impl FnMut(char, &mut String)) -> String {
    let mut out = String::with_capacity(value.len());
    value.chars().for_each(|c| write(c, &mut out));
    out
}

fn backslashes(value: &str) -> Vec<String> {
    let mut texts = Vec::new();
    for upper in [false, true] {
        for (ascii, html) in [(false, false), (true, false), (false, true), (true, true)] {
            texts.push(json(value, Json { ascii, html, upper }));
        }
    }
    // PHP and others.
    texts.push(json(value, Json::default()).replace('/', "\\/"));
    texts.extend([go(value, false), go(value, true)]);
    // Rust's two ways.
    let debug = format!("{value:?}");
    texts.push(debug[1..debug.len() - 1].to_owned());
    texts.push(value.escape_default().to_string());
    // C, bytes of Python; then without the quotes escaped.
    let bytes = value.as_bytes().escape_ascii().to_string();
    texts.push(bytes.replace("\\\"", "\"").replace("\\'", "'"));
    texts.push(bytes.replace("\\\"", "\""));
    texts.push(bytes);
    texts.extend([python(value, false), python(value, true), octal(value), caret(value)]);
    // What becomes of control characters where a text must be one line.
    let controls =
        |to: &str| each(value, |c, out| if c.is_control() { out.push_str(to) } else { out.push(c) });
    texts.extend(["", " ", "?", "\u{fffd}"].map(controls));
    texts
}

#[derive(Clone, Copy, Default)]
struct Json {
    /// Only ASCII (Python).
    ascii: bool,
    /// Without what HTML knows (Go).
    html: bool,
    /// Upper-case hex digits (.NET).
    upper: bool,
}

fn json(value: &str, how: Json) -> String {
    let unit = |unit: u16, out: &mut String| {
        out.push_str(&if how.upper { format!("\\u{unit:04X}") } else { format!("\\u{unit:04x}") });
    };
    each(value, |c, out| match c {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        '<' | '>' | '&' | '\u{2028}' | '\u{2029}' if how.html => unit(c as u16, out),
        c if c < ' ' || how.ascii && !c.is_ascii() => {
            c.encode_utf16(&mut [0; 2]).iter().for_each(|half| unit(*half, out));
        }
        c => out.push(c),
    })
}

/// Go's `%q`, and `%+q`.
fn go(value: &str, ascii: bool) -> String {
    each(value, |c, out| match c {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\u{7}' => out.push_str("\\a"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{b}' => out.push_str("\\v"),
        c if c.is_ascii_control() => out.push_str(&format!("\\x{:02x}", c as u32)),
        c if c.is_control() || ascii && !c.is_ascii() => out.push_str(&match c as u32 {
            small if small < 0x10000 => format!("\\u{small:04x}"),
            large => format!("\\U{large:08x}"),
        }),
        c => out.push(c),
    })
}

/// Python's `repr`, where it takes the quotes that need no escape and where it does not.
fn python(value: &str, quotes: bool) -> String {
    each(value, |c, out| match c {
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\'' if quotes => out.push_str("\\'"),
        c if c.is_control() => out.push_str(&format!("\\x{:02x}", c as u32)),
        c => out.push(c),
    })
}

/// `\000`, as `ls`, `git` and protobuf write it.
fn octal(value: &str) -> String {
    let mut out = Vec::new();
    for byte in value.bytes() {
        match byte {
            b'"' => out.extend(b"\\\""),
            b'\\' => out.extend(b"\\\\"),
            b'\n' => out.extend(b"\\n"),
            b'\r' => out.extend(b"\\r"),
            b'\t' => out.extend(b"\\t"),
            byte if byte.is_ascii_graphic() || byte == b' ' => out.push(byte),
            byte => out.extend(format!("\\{byte:03o}").into_bytes()),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// `^@`, as terminals and `cat -v` write it.
fn caret(value: &str) -> String {
    each(value, |c, out| {
        if c.is_ascii_control() {
            out.extend(['^', char::from(c as u8 ^ 0x40)]);
        } else {
            out.push(c);
        }
    })
}

fn shell(value: &str) -> [String; 5] {
    let plain = |c: char| c.is_alphanumeric() || "_@%+=:,./-".contains(c);
    let ansi: String = value.as_bytes().escape_ascii().to_string().replace("\\\"", "\"");
    [
        value.replace('\'', "'\\''"),
        value.replace('\'', "'\"'\"'"),
        each(value, |c, out| {
            if "\"\\$`".contains(c) {
                out.push('\\');
            }
            out.push(c);
        }),
        each(value, |c, out| {
            if !plain(c) {
                out.push('\\');
            }
            out.push(c);
        }),
        ansi,
    ]
}

/// Percent-encoding: what is left as it is differs between a query, a path, a user name and whole addresses.
fn percent(value: &str) -> Vec<String> {
    const LEFT: [&str; 6] = ["-._~", "-._*", "-_.!~*'()", "-_.~$&+=:@", "-_.~$&+,;=", "-_.!~*'();,/?:@&=+$#"];
    let mut texts = Vec::new();
    for (left, upper) in LEFT.iter().flat_map(|left| [(left, true), (left, false)]) {
        let mut out = String::new();
        for byte in value.bytes() {
            match byte {
                byte if byte.is_ascii_alphanumeric() || left.as_bytes().contains(&byte) => {
                    out.push(char::from(byte));
                }
                byte if upper => out.push_str(&format!("%{byte:02X}")),
                byte => out.push_str(&format!("%{byte:02x}")),
            }
        }
        texts.push(out.replace("%20", "+"));
        texts.push(out);
    }
    texts
}

/// HTML and XML, which write quotes in several ways.
fn markup(value: &str) -> [String; 3] {
    let text = value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    [
        text.replace('"', "&#34;").replace('\'', "&#39;"),
        text.replace('"', "&quot;").replace('\'', "&#x27;"),
        text,
    ]
}

/// Hex, `\x` or `%` before each byte, and base64 of both alphabets wherever in a text the value may begin.
fn encoded(value: &[u8]) -> Vec<Vec<u8>> {
    let lower = |front: &str| value.iter().map(|byte| format!("{front}{byte:02x}")).collect();
    let upper = |front: &str| value.iter().map(|byte| format!("{front}{byte:02X}")).collect();
    let mut all = vec![hex::encode(value), hex::encode_upper(value)];
    all.extend(["\\x", "%"].iter().flat_map(|front| [lower(front), upper(front)]));
    for before in 0..3 {
        let shifted: Vec<u8> = [&b"\0\0"[..before], value].concat();
        // Characters that also hold bits of what stands before or behind are left out.
        let (from, to) = ((before * 8).div_ceil(6), shifted.len() * 8 / 6);
        all.push(STANDARD_NO_PAD.encode(&shifted)[from..to].to_owned());
        all.push(URL_SAFE_NO_PAD.encode(&shifted)[from..to].to_owned());
    }
    all.into_iter().map(String::into_bytes).collect()
}
