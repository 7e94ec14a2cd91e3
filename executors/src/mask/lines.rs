//! Output that comes in chunks: masked over the borders of chunks, then split into lines.

use super::{Masker, REACH, render};
use haloy_ledger::outcome::LogTail;
use std::collections::VecDeque;
use std::sync::Arc;

/// Longest line, in bytes; a longer one is passed on in pieces, so that output without a line end takes no
/// memory.
const LONGEST: usize = 16 * 1024;

/// Masks a stream of bytes, and gives its lines.
///
/// A whole line is given at once, except where a value over several lines may have begun in it: then with the
/// bytes that decide it.
#[derive(Debug)]
pub struct Lines {
    masker: Arc<Masker>,
    /// The bytes not given yet, behind a few that were: a value may lie across.
    pub(super) held: Vec<u8>,
    given: usize,
    /// A mask was written last.
    joined: bool,
    /// Masked, and not yet a whole line.
    pub(super) line: Vec<u8>,
}

impl Lines {
    /// For the beginning of an output.
    pub fn new(masker: Arc<Masker>) -> Self {
        Self { masker, held: Vec::new(), given: 0, joined: false, line: Vec::new() }
    }

    /// Takes the next bytes; gives the lines that are whole now.
    pub fn push(&mut self, chunk: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        for chunk in chunk.chunks(LONGEST) {
            self.held.extend_from_slice(chunk);
            let until = self.decided();
            self.give(until, false, &mut lines);
        }
        lines
    }

    /// The output has ended; gives what is left.
    pub fn finish(mut self) -> Vec<String> {
        let mut lines = Vec::new();
        self.give(self.held.len(), true, &mut lines);
        if !self.line.is_empty() {
            lines.push(shown(&self.line));
        }
        lines
    }

    /// Up to where no further byte can change what is masked.
    fn decided(&self) -> usize {
        let fresh = &self.held[self.given..];
        match fresh.iter().rposition(|byte| *byte == b'\n') {
            Some(place) => {
                let end = self.given + place + 1;
                self.masker.unfinished(&self.held).map_or(end, |start| start.clamp(self.given, end))
            }
            None if fresh.len() > LONGEST => self.held.len() - REACH,
            None => self.given,
        }
    }

    fn give(&mut self, until: usize, ended: bool, lines: &mut Vec<String>) {
        if until <= self.given {
            return;
        }
        let covered = self.masker.covered(&self.held, ended);
        let mut masked = Vec::new();
        render(&self.held, self.given..until, &covered, &mut self.joined, &mut masked);
        let context = until.saturating_sub(REACH);
        self.held.drain(..context);
        self.given = until - context;
        for piece in masked.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(piece);
            if piece.ends_with(b"\n") || self.line.len() > LONGEST {
                lines.push(shown(&self.line));
                self.line.clear();
            }
        }
    }
}

fn shown(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    text.strip_suffix('\n').map_or(&*text, |text| text.strip_suffix('\r').unwrap_or(text)).to_owned()
}

/// The last lines of an output, as many as a [`LogTail`] keeps; takes no more memory than they do.
#[derive(Debug, Default)]
pub struct Tail {
    lines: VecDeque<String>,
    bytes: usize,
}

impl Tail {
    /// Takes the next line, masked.
    pub fn push(&mut self, line: String) {
        self.bytes += line.len();
        self.lines.push_back(line);
        let too_many = |tail: &Self| {
            let first = tail.lines.front().map_or(0, String::len);
            tail.lines.len() > LogTail::MAX_LINES || tail.bytes - first >= LogTail::MAX_BYTES
        };
        while too_many(self) {
            self.bytes -= self.lines.pop_front().map_or(0, |line| line.len());
        }
    }

    /// The kept text.
    pub fn text(&self) -> String {
        self.lines.iter().map(String::as_str).collect::<Vec<_>>().join("\n")
    }
}
