//! What one comparison comes to, and how much of it is run.

use std::sync::OnceLock;

/// The least that meets all code; set once, before anything runs.
pub static SMOKE: OnceLock<bool> = OnceLock::new();

/// Whether nothing is measured.
pub fn smoke() -> bool {
    SMOKE.get().copied().unwrap_or(false)
}

/// How many there are of something: so many where it is measured, few where it is only to run.
pub fn sized<T>(measured: T, smoke_round: T) -> T {
    if smoke() { smoke_round } else { measured }
}

/// Interleaved rounds of every comparison.
pub fn rounds() -> usize {
    sized(5, 1)
}

/// What one comparison came to.
pub struct Line {
    /// What was compared, and with what.
    pub name: String,
    /// Ratios, one per round, haloy to competitor.
    pub ratios: Vec<f64>,
    /// The goal, and whether a ratio meets it.
    pub goal: &'static str,
    /// Whether the median meets the goal.
    pub met: bool,
    /// Absolute figures of the median round, for the curious.
    pub figures: String,
}

/// The middle one.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

impl Line {
    /// With a goal for the median.
    pub fn new(
        name: impl Into<String>,
        ratios: Vec<f64>,
        goal: (&'static str, bool),
        figures: String,
    ) -> Self {
        Self { name: name.into(), ratios, goal: goal.0, met: goal.1, figures }
    }
}
