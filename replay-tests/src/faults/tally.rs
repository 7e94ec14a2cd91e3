//! Counts outcomes by kind of damage, and keeps those that must not occur.

use super::oracle::Outcome;
use std::collections::BTreeMap;

/// Outcomes by kind of file or fault.
#[derive(Debug, Default)]
pub struct Tally {
    counts: BTreeMap<(String, String), usize>,
    bad: Vec<String>,
}

/// Bad outcomes that are reported one by one.
const TOLD: usize = 20;

impl Tally {
    /// One trial: what was damaged, where exactly, and the result.
    pub fn add(&mut self, kind: &str, place: &str, outcome: &Outcome) {
        let name = match outcome {
            Outcome::Same => "same state".to_owned(),
            Outcome::Mended => "mended".to_owned(),
            Outcome::Recorded => "repaired and recorded".to_owned(),
            Outcome::Verify(code) => format!("verify names {code}"),
            Outcome::Refused(code) => format!("refused: {code}"),
            Outcome::Unreadable(_) => "UNREADABLE".to_owned(),
            Outcome::Unnamed(_) => "UNNAMED".to_owned(),
            Outcome::Silent(_) => "SILENT".to_owned(),
            Outcome::Panicked(_) => "PANIC".to_owned(),
        };
        *self.counts.entry((kind.to_owned(), name)).or_default() += 1;
        if !outcome.allowed() {
            self.bad.push(format!("{place}: {outcome:?}"));
        }
    }

    /// Adds what another thread counted.
    pub fn join(&mut self, other: Self) {
        for (key, count) in other.counts {
            *self.counts.entry(key).or_default() += count;
        }
        self.bad.extend(other.bad);
    }

    /// All trials.
    pub fn trials(&self) -> usize {
        self.counts.values().sum()
    }

    /// Prints the table.
    ///
    /// # Panics
    /// If there is an outcome that must not be.
    pub fn conclude(&self, what: &str) {
        println!("{what}: {} trials", self.trials());
        for ((kind, outcome), count) in &self.counts {
            println!("  {kind:<20} {outcome:<34} {count:>7}");
        }
        let told: Vec<&String> = self.bad.iter().take(TOLD).collect();
        assert!(self.bad.is_empty(), "{} trials must not end so; the first: {told:#?}", self.bad.len());
    }
}
