//! Secrets never leave: foreign text is masked here, as bytes and as a whole, before it is cut, split or
//! kept.
//!
//! A value is recognized in clear, line by line, and in the quotings that engines, builders, shells and
//! registries write (`quotings`). It is recognized in part, too, where it was cut: a piece of [`REACH`] bytes
//! is enough, anywhere in it. Credentials that are not known here are recognized by their surroundings
//! (`shapes`). Output that comes in chunks goes through [`Lines`].
//!
//! Values of fewer than [`MIN_VALUE`] bytes are not masked: they would blank out ordinary words.

mod boundary;
mod known;
mod lines;
mod quotings;
mod shapes;

pub use boundary::MaskedProgress;
pub use known::Mask;
pub use lines::{Lines, Tail};
pub use quotings::MIN_VALUE;

use std::collections::{BTreeSet, HashMap};

/// What stands in place of a value.
const MASKED: &[u8] = b"***";
/// Bytes by which a place in a text is looked up, for forms that are at least as long.
const WINDOW: usize = 16;
/// Every how many bytes of a form a window begins.
const STRIDE: usize = 8;
/// A cut-out of a form of this many bytes holds a whole window, wherever it was cut.
pub const REACH: usize = WINDOW + STRIDE - 1;

/// Whether a variable holds a secret, by its name: a value written in the file is masked then, too.
pub fn names_a_secret(name: &str) -> bool {
    const SIGNS: [&str; 5] = ["PASSWORD", "SECRET", "TOKEN", "PRIVATE_KEY", "API_KEY"];
    let name = name.to_ascii_uppercase();
    SIGNS.iter().any(|sign| name.contains(sign))
}

/// Where a window lies: in which form, from which byte.
#[derive(Clone, Copy)]
struct Place {
    form: usize,
    offset: usize,
}

/// Hides a set of values. Linear in the text: a lookup by two bytes rules out nearly every place.
#[derive(Default)]
pub struct Masker {
    /// Every form of every value, sorted.
    forms: Vec<Box<[u8]>>,
    /// Lengths of the forms that are shorter than a window.
    lengths: BTreeSet<usize>,
    /// Windows of the others.
    windows: HashMap<[u8; WINDOW], Place>,
    /// First bytes of forms that go over several lines, sorted.
    over_lines: Vec<Box<[u8]>>,
    /// One bit for each pair of bytes that a form or a window begins with.
    begins: Vec<u64>,
}

impl std::fmt::Debug for Masker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Masker").finish_non_exhaustive()
    }
}

impl Masker {
    /// A masker of these values; those that are too short are left out.
    pub fn new<'a>(values: impl IntoIterator<Item = &'a str>) -> Self {
        let values: BTreeSet<&str> = values.into_iter().collect();
        let forms: BTreeSet<Vec<u8>> = values.into_iter().flat_map(quotings::forms).collect();
        let forms: Vec<Box<[u8]>> = forms.into_iter().map(Vec::into_boxed_slice).collect();
        let mut masker = Self { begins: vec![0; 1 << 10], ..Self::default() };
        for (place, form) in forms.iter().enumerate() {
            masker.take(place, form);
        }
        masker.over_lines.sort();
        masker.forms = forms;
        masker
    }

    fn take(&mut self, place: usize, form: &[u8]) {
        if form.contains(&b'\n') {
            self.over_lines.push(form[..form.len().min(REACH)].into());
        }
        if form.len() < WINDOW {
            self.lengths.insert(form.len());
            self.begin(form);
            return;
        }
        let last = form.len() - WINDOW;
        for offset in (0..last).step_by(STRIDE).chain([last]) {
            if let Some(window) = form[offset..].first_chunk::<WINDOW>() {
                self.windows.entry(*window).or_insert(Place { form: place, offset });
                self.begin(window);
            }
        }
    }

    fn begin(&mut self, bytes: &[u8]) {
        let (word, bit) = pair(bytes);
        self.begins[word] |= bit;
    }

    /// The text with every value masked. Line breaks stay, also those of a value over several lines.
    pub fn bytes(&self, text: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(text.len());
        render(text, 0..text.len(), &self.covered(text, true), &mut false, &mut out);
        out
    }

    /// The same for text.
    pub fn text(&self, text: &str) -> String {
        String::from_utf8_lossy(&self.bytes(text.as_bytes())).into_owned()
    }

    /// Ranges to hide, in order, without repetition. A text that has `ended` may have been cut there: a tail
    /// that begins like a value is hidden, too.
    fn covered(&self, text: &[u8], ended: bool) -> Vec<(usize, usize)> {
        let mut found: Vec<(usize, usize)> = shapes::credentials(text);
        if !self.forms.is_empty() {
            found.extend((0..text.len()).filter_map(|at| self.found_at(text, at)));
            let tails = text.len().saturating_sub(WINDOW)..(text.len() + 1).saturating_sub(MIN_VALUE);
            found.extend(
                tails.filter(|at| ended && begins(&self.forms, &text[*at..])).map(|at| (at, text.len())),
            );
        }
        found.sort_unstable();
        let mut merged: Vec<(usize, usize)> = Vec::new();
        for (start, end) in found {
            match merged.last_mut() {
                Some(last) if start <= last.1 => last.1 = last.1.max(end),
                Some(_) | None => merged.push((start, end)),
            }
        }
        merged
    }

    /// The longest range to hide that begins at `at`.
    fn found_at(&self, text: &[u8], at: usize) -> Option<(usize, usize)> {
        let here = &text[at..];
        if here.len() < MIN_VALUE {
            return None;
        }
        let (word, bit) = pair(here);
        if self.begins[word] & bit == 0 {
            return None;
        }
        if let Some(place) = here.first_chunk::<WINDOW>().and_then(|window| self.windows.get(window)) {
            return Some(self.widened(text, at, *place));
        }
        let whole = |length: &&usize| {
            let here = here.get(..**length);
            here.is_some_and(|here| self.forms.binary_search_by(|form| (**form).cmp(here)).is_ok())
        };
        self.lengths.iter().rev().find(whole).map(|length| (at, at + length))
    }

    /// A window with what belongs to its form beside it, as far as no other window reaches.
    fn widened(&self, text: &[u8], at: usize, place: Place) -> (usize, usize) {
        let form = &self.forms[place.form];
        let before = text[..at].iter().rev().zip(form[..place.offset].iter().rev());
        let behind = text[at + WINDOW..].iter().zip(&form[place.offset + WINDOW..]);
        let before = before.take(STRIDE - 1).take_while(|(a, b)| a == b).count();
        let behind = behind.take(STRIDE - 1).take_while(|(a, b)| a == b).count();
        (at - before, at + WINDOW + behind)
    }

    /// Where a value over several lines may begin that the end of the text cuts off.
    fn unfinished(&self, text: &[u8]) -> Option<usize> {
        (text.len().saturating_sub(REACH - 1)..text.len()).find(|at| begins(&self.over_lines, &text[*at..]))
    }
}

/// Whether one of the sorted forms begins with these bytes.
fn begins(forms: &[Box<[u8]>], bytes: &[u8]) -> bool {
    let first = forms.partition_point(|form| **form < *bytes);
    forms.get(first).is_some_and(|form| form.starts_with(bytes))
}

fn pair(bytes: &[u8]) -> (usize, u64) {
    let pair = usize::from(bytes[0]) << 8 | usize::from(bytes[1]);
    (pair >> 6, 1 << (pair & 63))
}

/// Writes a part of a text with what is covered masked; `joined` says whether a mask was written last.
fn render(
    text: &[u8],
    part: std::ops::Range<usize>,
    covered: &[(usize, usize)],
    joined: &mut bool,
    out: &mut Vec<u8>,
) {
    let mut at = part.start;
    let show = |from: usize, to: usize, joined: &mut bool, out: &mut Vec<u8>| {
        if from < to {
            out.extend_from_slice(&text[from..to]);
            *joined = false;
        }
    };
    for (start, end) in covered {
        let (start, end) = ((*start).max(at), (*end).min(part.end));
        if start >= end {
            continue;
        }
        show(at, start, joined, out);
        for (number, line) in text[start..end].split(|byte| *byte == b'\n').enumerate() {
            if number > 0 {
                out.push(b'\n');
                *joined = false;
            }
            if !line.is_empty() && !*joined {
                out.extend_from_slice(MASKED);
                *joined = true;
            }
        }
        at = end;
    }
    show(at, part.end, joined, out);
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod properties;
