//! Files of text: what is not UTF-8 is named with its line, and a byte order mark is no part of the text.

use std::path::Path;

/// Why a file is no text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// Line of the first byte that is not understood; 0 where the file cannot be read at all.
    pub line: usize,
    /// What is wrong.
    pub cause: String,
}

/// Reads a file of text.
pub fn read(path: &Path) -> Result<String, Unreadable> {
    let bytes = std::fs::read(path)
        .map_err(|error| Unreadable { line: 0, cause: format!("it cannot be read: {error}") })?;
    decode(&bytes)
}

/// Bytes as text.
pub fn decode(bytes: &[u8]) -> Result<String, Unreadable> {
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err(Unreadable { line: 1, cause: "it is in UTF-16; save it as UTF-8".to_owned() });
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.strip_prefix('\u{feff}').unwrap_or(text).to_owned()),
        Err(error) => {
            let (valid, rest) = bytes.split_at(error.valid_up_to());
            let line = valid.iter().filter(|byte| **byte == b'\n').count() + 1;
            let byte = rest.first().copied().unwrap_or_default();
            let cause = format!("the byte 0x{byte:02X} in this line is not UTF-8; save the file as UTF-8");
            Err(Unreadable { line, cause })
        }
    }
}
