//! Last lines of what a program wrote.

use serde::{Deserialize, Serialize};

/// Cuts a text to at most `max` bytes, at a character.
pub fn cut(mut text: String, max: usize) -> String {
    if text.len() > max {
        let mut at = max.saturating_sub('…'.len_utf8());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        text.truncate(at);
        text.push('…');
    }
    text
}

/// Last lines of a container or hook, at most 50 lines and 8 KiB. The text must have been masked as a whole
/// before: a secret that was cut in two would no longer be found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LogTail(pub String);

impl LogTail {
    /// Most lines kept.
    pub const MAX_LINES: usize = 50;
    /// Most bytes kept.
    pub const MAX_BYTES: usize = 8 * 1024;

    /// Keeps the last lines within both limits.
    pub fn new(text: &str) -> Self {
        let lines: Vec<&str> = text.lines().collect();
        let mut kept = lines[lines.len().saturating_sub(Self::MAX_LINES)..].join("\n");
        if kept.len() > Self::MAX_BYTES {
            let mut at = kept.len() - Self::MAX_BYTES;
            while !kept.is_char_boundary(at) {
                at += 1;
            }
            kept = kept.split_off(at);
        }
        Self(kept)
    }
}
