//! Lines from the pieces of the engine: it cuts a line after 16 KiB, and gives each piece a timestamp of its
//! own.

use crate::limits::LOG_LINE;
use std::collections::BTreeMap;

/// Where an app wrote to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// A line, or as much of one as is given at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Assembled {
    pub(super) at: Option<jiff::Timestamp>,
    pub(super) stream: LogStream,
    pub(super) line: Vec<u8>,
    pub(super) goes_on: bool,
}

/// Unfinished lines of one container. Both streams are written to at once.
#[derive(Debug, Default)]
pub(super) struct Pieces(BTreeMap<LogStream, Begun>);

#[derive(Debug)]
struct Begun {
    at: Option<jiff::Timestamp>,
    line: Vec<u8>,
}

impl Pieces {
    /// Takes a piece with its timestamp; gives the lines that are whole now.
    pub(super) fn push(&mut self, stream: LogStream, piece: &[u8]) -> Vec<Assembled> {
        let (at, rest) = stamped(piece);
        let mut whole = Vec::new();
        for part in rest.split_inclusive(|byte| *byte == b'\n') {
            let ended = part.last() == Some(&b'\n');
            let begun = self.0.entry(stream).or_insert_with(|| Begun { at, line: Vec::new() });
            let mut part = part.strip_suffix(b"\n").unwrap_or(part);
            while begun.line.len() + part.len() > LOG_LINE {
                let (now, later) = part.split_at(LOG_LINE - begun.line.len());
                begun.line.extend_from_slice(now);
                let line = std::mem::take(&mut begun.line);
                whole.push(Assembled { at: begun.at, stream, line, goes_on: true });
                part = later;
            }
            begun.line.extend_from_slice(part);
            if ended {
                whole.extend(self.end(stream));
            }
        }
        whole
    }

    /// The log has ended; gives what has no line end.
    pub(super) fn finish(&mut self) -> Vec<Assembled> {
        let streams: Vec<LogStream> = self.0.keys().copied().collect();
        streams.into_iter().filter_map(|stream| self.end(stream)).collect()
    }

    fn end(&mut self, stream: LogStream) -> Option<Assembled> {
        let Begun { at, mut line } = self.0.remove(&stream)?;
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Some(Assembled { at, stream, line, goes_on: false })
    }
}

/// The timestamp in front of a piece, and the rest.
fn stamped(piece: &[u8]) -> (Option<jiff::Timestamp>, &[u8]) {
    let Some(space) = piece.iter().position(|byte| *byte == b' ') else { return (None, piece) };
    let stamp = std::str::from_utf8(&piece[..space]).ok().and_then(|text| text.parse().ok());
    match stamp {
        Some(at) => (Some(at), &piece[space + 1..]),
        None => (None, piece),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(second: u8, text: &[u8]) -> Vec<u8> {
        [format!("2026-11-02T12:00:{second:02}.123456789Z ").as_bytes(), text].concat()
    }

    #[test]
    fn a_line_in_pieces_is_one_line_with_the_time_at_which_it_began() {
        let mut pieces = Pieces::default();
        let long = vec![b'x'; 16 * 1024];
        assert_eq!(pieces.push(LogStream::Stdout, &piece(1, &long)), []);
        assert_eq!(pieces.push(LogStream::Stdout, &piece(2, &long)), []);
        let other = pieces.push(LogStream::Stderr, &piece(3, b"in between\n"));
        assert_eq!(other[0].line, b"in between");
        let whole = pieces.push(LogStream::Stdout, &piece(4, b"end\r\n"));
        let [Assembled { at, stream, line, goes_on }] = whole.as_slice() else { panic!("{}", whole.len()) };
        assert_eq!(at.map(|at| at.to_string()).as_deref(), Some("2026-11-02T12:00:01.123456789Z"));
        assert_eq!((*stream, line.len(), *goes_on), (LogStream::Stdout, 2 * 16 * 1024 + 3, false));
        assert!(line.ends_with(b"xend"));
    }

    #[test]
    fn bytes_stay_as_they_are_and_what_has_no_end_is_given_at_the_end() {
        let mut pieces = Pieces::default();
        let given = pieces.push(LogStream::Stdout, &piece(1, b"\xff\x1b[2J a\n"));
        assert_eq!(given[0].line, b"\xff\x1b[2J a");
        assert_eq!(pieces.push(LogStream::Stdout, &piece(2, b"\n"))[0].line, b"");
        assert_eq!(pieces.push(LogStream::Stdout, &piece(3, b"no end")), []);
        assert_eq!(pieces.finish()[0].line, b"no end");
        assert_eq!(pieces.finish(), []);
        // From an engine that gives none.
        let given = pieces.push(LogStream::Stdout, b"no stamp\n");
        assert_eq!((given[0].at, given[0].line.as_slice()), (None, b"no stamp".as_slice()));
    }

    #[test]
    fn a_line_without_end_takes_no_more_memory_than_the_limit() {
        let mut pieces = Pieces::default();
        let (mut given, mut most) = (0, 0);
        let block = vec![b'x'; 16 * 1024];
        for _block in 0..300 {
            for line in pieces.push(LogStream::Stdout, &piece(1, &block)) {
                assert!(line.goes_on && line.line.len() == LOG_LINE);
                given += line.line.len();
            }
            most = most.max(pieces.0.values().map(|begun| begun.line.len()).sum());
        }
        let rest = pieces.finish();
        assert_eq!((rest.len(), rest[0].goes_on), (1, false));
        assert_eq!(given + rest[0].line.len(), 300 * block.len(), "nothing is lost");
        assert!(most <= LOG_LINE, "{most}");
    }
}
