//! Text files: a line that is not UTF-8 is named, and a byte order mark is not part of the text.

use std::io::Read;
use std::path::Path;

/// Most bytes of a configuration, or of a `.env` file.
pub const MOST: u64 = 4 << 20;

/// Why a file is not text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// Line of the first byte that is not understood; 0 where the file cannot be read at all.
    pub line: usize,
    /// What is wrong.
    pub cause: String,
}

/// Reads a text file of at most this many bytes. The reported size of the file is ignored: a device has none.
pub fn read(path: &Path, most: u64) -> Result<String, Unreadable> {
    let failed = |cause: String| Unreadable { line: 0, cause };
    let unread = |error: std::io::Error| failed(format!("it cannot be read: {error}"));
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(unread)?;
    file.take(most + 1).read_to_end(&mut bytes).map_err(unread)?;
    if bytes.len() as u64 > most {
        return Err(failed(format!("it is larger than the {most} bytes that it may have")));
    }
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
