//! Foreign text for a terminal: reasons, names, paths, arguments, output of an engine or an app. A terminal
//! obeys some characters; none of them gets there, they are shown instead.

use std::borrow::Cow;

/// Haloy's own escape sequences for a terminal, and no others: everything else in a text is shown.
pub const BOLD: &str = "\u{1b}[1m";
/// End of a style.
pub const PLAIN: &str = "\u{1b}[0m";

/// Longest line of a message, in characters: a value that is shown with a mistake may be very long.
const LONGEST: usize = 2_000;

/// Whether a terminal would obey it, or hide it, or put what follows in another order.
fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}'
                | '\u{200b}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

fn shown(text: &str, keep: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(|c| is_obeyed(c) && !keep(c)) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_obeyed(c) && !keep(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// A text that must stay on its line, whatever is in it.
pub fn line(text: &str) -> Cow<'_, str> {
    shown(text, |_| false)
}

/// A text that has lines of its own, and what [`table`](super::table) makes bold.
pub fn lines(text: &str) -> String {
    let keep = |c| c == '\n' || c == '\t';
    let mut told = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let bold = line.strip_prefix(BOLD).and_then(|line| line.trim_end().strip_suffix(PLAIN));
        match bold {
            Some(header) => told.push_str(&format!("{BOLD}{}{PLAIN}\n", shown(header, keep))),
            None => told.push_str(&shown(line, keep)),
        }
    }
    told
}

/// A message, on its line and of a length that can be read.
pub fn message(text: &str) -> String {
    let told = line(text);
    match told.char_indices().nth(LONGEST) {
        None => told.into_owned(),
        Some((end, _)) => format!("{}... ({} characters)", &told[..end], told.chars().count()),
    }
}

/// A JSON text, whose strings must be the same to programs: JSON has its own escapes.
pub fn json(text: &str) -> Cow<'_, str> {
    let keep = |c| c == '\n';
    if !text.chars().any(|c| is_obeyed(c) && !keep(c)) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_obeyed(c) && !keep(c) {
            let mut units = [0; 2];
            shown.extend(c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// A line that an app wrote, for a terminal: with its colours, and nothing else that is obeyed.
pub fn log_line(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_obeyed) {
        return Cow::Borrowed(text);
    }
    let (mut told, mut rest, mut coloured) = (String::new(), text, false);
    while let Some(start) = rest.find('\u{1b}') {
        told.push_str(&shown(&rest[..start], |c| c == '\t'));
        rest = &rest[start..];
        let length = colour(rest).unwrap_or(0);
        told.push_str(&rest[..length]);
        coloured |= length > 0;
        if length == 0 {
            told.push_str("\\u{1b}");
        }
        rest = &rest[length.max(1)..];
    }
    told.push_str(&shown(rest, |c| c == '\t'));
    if coloured {
        told.push_str(PLAIN);
    }
    Cow::Owned(told)
}

/// Length of the colour that a text begins with: `ESC [ 1 ; 31 m`.
fn colour(text: &str) -> Option<usize> {
    let inner = text.strip_prefix("\u{1b}[")?;
    let end = inner.find(|c: char| !c.is_ascii_digit() && c != ';')?;
    inner[end..].starts_with('m').then_some("\u{1b}[".len() + end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "a\u{1b}[2Jb\rc\u{7}d\u{9b}e\u{202e}f\u{feff}g\0h\ni\tj\u{e0041}";

    #[test]
    fn nothing_that_is_obeyed_gets_through_and_the_rest_is_as_it_was() {
        assert_eq!(line("plain äöü 日本語 👩\u{200d}🚀"), "plain äöü 日本語 👩\u{200d}🚀");
        let told = line(HOSTILE);
        assert!(!told.chars().any(is_obeyed), "{told}");
        assert_eq!(told, r"a\u{1b}[2Jb\rc\u{7}d\u{9b}e\u{202e}f\u{feff}g\u{0}h\ni\tj\u{e0041}");
        assert!(lines(HOSTILE).contains("\\u{0}h\ni\tj"));
    }

    #[test]
    fn json_reads_as_it_was() {
        let text = serde_json::to_string_pretty(&[HOSTILE]).expect("JSON");
        let told = json(&text);
        assert!(!told.chars().any(|c| is_obeyed(c) && c != '\n'), "{told}");
        let read: Vec<String> = serde_json::from_str(&told).expect("JSON");
        assert_eq!(read, [HOSTILE]);
    }

    #[test]
    fn a_message_is_short_and_says_how_long_it_was() {
        let told = message(&"x".repeat(100_000));
        assert!(told.len() < 3_000 && told.ends_with("... (100000 characters)"), "{}", told.len());
        assert_eq!(message("a\nhint: b"), "a\\nhint: b");
    }

    #[test]
    fn an_app_may_use_colours_and_nothing_else() {
        assert_eq!(log_line("a\tb\u{1b}[1;31mc"), "a\tb\u{1b}[1;31mc\u{1b}[0m");
        assert_eq!(log_line("\u{1b}[2J\u{1b}]0;x\u{7}\u{1b}"), r"\u{1b}[2J\u{1b}]0;x\u{7}\u{1b}");
        assert_eq!(log_line("\u{1b}[31"), r"\u{1b}[31");
    }
}
