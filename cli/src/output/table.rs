//! Aligned columns without borders, headers in upper case. On a terminal a row stays on its line.

use super::foreign::{self, BOLD, PLAIN};
use std::borrow::Cow;
use std::io::IsTerminal;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// No column is narrower than this.
const NARROWEST: usize = 8;
/// Nor the first, which identifies a row: as much of an id as is unique.
const FIRST: usize = 11;
/// Where a cell was cut.
const CUT: char = '…';

/// A table, row by row.
pub struct Table {
    header: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// With these headers.
    pub fn new(header: &[&'static str]) -> Self {
        Self { header: header.to_vec(), rows: Vec::new() }
    }

    /// Adds a row, as wide as the header. A cell stays in its line, whatever its text.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().map(|cell| foreign::line(&cell).into_owned()).collect());
    }

    /// The text, indented by `indent` spaces; as wide as the terminal at most, and whole anywhere else.
    pub fn text(&self, indent: usize, colour: bool) -> String {
        let stdout = std::io::stdout();
        let columns = stdout.is_terminal().then(|| terminal_size::terminal_size_of(&stdout)).flatten();
        self.within(columns.map(|(width, _)| usize::from(width.0)), indent, colour)
    }

    fn within(&self, columns: Option<usize>, indent: usize, colour: bool) -> String {
        let mut widths: Vec<usize> = (0..self.header.len())
            .map(|column| {
                let cells = self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width());
                cells.chain([self.header[column].width()]).max().unwrap_or(0)
            })
            .collect();
        if let Some(columns) = columns {
            narrow(&mut widths, columns.saturating_sub(indent));
        }
        let line = |cells: &mut dyn Iterator<Item = &str>| {
            let mut line = " ".repeat(indent);
            for (cell, width) in cells.zip(&widths) {
                let cell = cut(cell, *width);
                line.push_str(&cell);
                line.push_str(&" ".repeat(width - cell.width() + 2));
            }
            line.trim_end().to_owned()
        };
        let header = line(&mut self.header.iter().copied());
        let mut text = if colour { format!("{BOLD}{header}{PLAIN}\n") } else { header + "\n" };
        for row in &self.rows {
            text.push_str(&line(&mut row.iter().map(String::as_str)));
            text.push('\n');
        }
        text
    }
}

/// Takes from the widest column, and then from whichever is the widest, until all fit; from the first one last.
fn narrow(widths: &mut [usize], room: usize) {
    let between = 2 * widths.len().saturating_sub(1);
    while widths.iter().sum::<usize>() + between > room {
        let Some((first, others)) = widths.split_first_mut() else { return };
        let widest = others.iter_mut().max_by_key(|width| **width).filter(|width| **width > NARROWEST);
        match widest {
            Some(widest) => *widest -= 1,
            None if *first > FIRST => *first -= 1,
            None => return,
        }
    }
}

/// A cell as wide as its column at most.
fn cut(cell: &str, width: usize) -> Cow<'_, str> {
    if cell.width() <= width {
        return Cow::Borrowed(cell);
    }
    let mut kept = String::new();
    let mut room = width.saturating_sub(1);
    for c in cell.chars() {
        let needs = c.width().unwrap_or(0);
        if needs > room {
            break;
        }
        room -= needs;
        kept.push(c);
    }
    kept.push(CUT);
    Cow::Owned(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(&["ID", "WHAT", "WHY"]);
        table.row([
            "01k99q0xv7".to_owned(),
            "registry.example/a/very/long/name:v1".to_owned(),
            "x".repeat(70),
        ]);
        table.row(["2".to_owned(), "日本語".repeat(9), "one\nline".to_owned()]);
        table
    }

    #[test]
    fn on_a_terminal_the_widest_columns_give_way_and_every_row_fits() {
        for columns in [40, 60, 79, 80, 120] {
            let text = table().within(Some(columns), 2, false);
            assert_eq!(text.lines().count(), 3);
            for line in text.lines() {
                assert!(line.width() <= columns, "{columns}: {} in {line}", line.width());
            }
            assert!(text.contains("01k99q0xv7 "), "the narrow column is whole: {text}");
        }
        let mut ids = Table::new(&["ID", "WHAT"]);
        ids.row(["01k99q0xv74s3h8r0z8z44vf3y".to_owned(), "x".repeat(40)]);
        assert_eq!(
            ids.within(Some(36), 0, false),
            format!("ID{}WHAT\n01k99q0xv74s3h8r0z8z44vf3y  {}…\n", " ".repeat(26), "x".repeat(7))
        );
        assert!(ids.within(Some(10), 0, false).contains("01k99q0xv7…  "), "the time of the id stays");
        let text = table().within(Some(60), 2, false);
        assert!(text.contains('…') && !text.contains(&"x".repeat(40)), "{text}");
        // A wide character that has no room is left out as a whole.
        assert_eq!(cut("日本語日本語", 8), "日本語…");
        assert_eq!(cut("日本語日本語", 9), "日本語日…");
    }

    #[test]
    fn in_a_pipe_nothing_is_cut() {
        let text = table().within(None, 0, false);
        assert!(text.contains(&"x".repeat(70)) && text.contains(&"日本語".repeat(9)), "{text}");
        // A terminal that is narrower than anything can be: nothing is lost but the room.
        assert!(table().within(Some(3), 0, false).lines().count() == 3);
    }
}
