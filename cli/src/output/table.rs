//! Aligned columns without borders, headers in upper case.

use super::foreign;
use unicode_width::UnicodeWidthStr;

/// What haloy itself says to a terminal, and nothing else: everything else of a text is shown.
pub const BOLD: &str = "\u{1b}[1m";
/// The end of it.
pub const PLAIN: &str = "\u{1b}[0m";

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

    /// Adds a row, as wide as the header. A cell stays in its line, whoever wrote it.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().map(|cell| foreign::line(&cell).into_owned()).collect());
    }

    /// The text, indented by `indent` spaces.
    pub fn text(&self, indent: usize, colour: bool) -> String {
        let widths: Vec<usize> = (0..self.header.len())
            .map(|column| {
                let cells = self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width());
                cells.chain([self.header[column].width()]).max().unwrap_or(0)
            })
            .collect();
        let line = |cells: &mut dyn Iterator<Item = &str>| {
            let mut line = " ".repeat(indent);
            for (cell, width) in cells.zip(&widths) {
                line.push_str(cell);
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
