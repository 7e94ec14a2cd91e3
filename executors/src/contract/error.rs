//! Why an attempt failed, and when another one can help.

use haloy_ledger::outcome::{Failure, FailureCode, FailureReport, Words};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// When another attempt can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Retry {
    /// Another attempt cannot help.
    Never,
    /// At any time: at the dispatcher's own pace.
    Now,
    /// Not before so much time has passed.
    After(Duration),
}

impl Retry {
    /// Now, where another attempt can help at all.
    pub fn now_if(helps: bool) -> Self {
        if helps { Self::Now } else { Self::Never }
    }

    /// Whether another attempt can help at all.
    pub fn helps(self) -> bool {
        match self {
            Self::Never => false,
            Self::Now | Self::After(_) => true,
        }
    }

    /// How long to wait before the next attempt: as long as the pace says, or longer where the service
    /// demands that, but then not longer than `most`.
    pub fn wait(self, pace: Duration, most: Duration) -> Duration {
        match self {
            Self::Never | Self::Now => pace,
            Self::After(asked) => pace.max(asked.min(most)),
        }
    }
}

/// What others wrote, behind our own words: for people, never for the log.
fn said(detail: &str) -> String {
    if detail.is_empty() { String::new() } else { format!(": {detail}") }
}

/// Why an attempt failed. The place of its creation decides whether another attempt can help.
#[derive(Debug, Clone, thiserror::Error, Serialize, Deserialize)]
#[error("{cause}{}", said(detail))]
pub struct ExecutorError {
    /// Our own words; goes into the log.
    pub cause: Failure,
    /// What others wrote, secrets masked; goes into the log as a private value.
    pub detail: String,
    /// When another attempt can help.
    pub retry: Retry,
}

impl ExecutorError {
    /// A failure in our own words. Another attempt does not help.
    pub fn new(code: FailureCode, words: impl Into<Words>) -> Self {
        Self { cause: Failure::new(code, words), detail: String::new(), retry: Retry::Never }
    }

    /// The effect is no longer owed, and was abandoned.
    pub fn cancelled() -> Self {
        Self::new(FailureCode::Cancelled, "cancelled")
    }

    /// The deadline of the effect passed; the next attempt has another one.
    pub fn late() -> Self {
        Self::new(FailureCode::TimedOut, "the deadline passed").retry(Retry::Now)
    }

    /// The effect is of another role, or one that this executor cannot perform; the words say which.
    pub fn not_supported(words: impl Into<Words>) -> Self {
        Self::new(FailureCode::NotSupported, words)
    }

    /// The same with what others wrote about it; private wherever it is recorded.
    pub fn saying(self, detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), ..self }
    }

    /// The same, saying when another attempt can help.
    pub fn retry(self, retry: Retry) -> Self {
        Self { retry, ..self }
    }
}

impl From<FailureReport> for ExecutorError {
    /// What was found out before the attempt: another one does not help.
    fn from(report: FailureReport) -> Self {
        let FailureReport { cause, detail } = report;
        Self { cause, detail, retry: Retry::Never }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_that_was_asked_for_lengthens_the_pace_and_has_an_end() {
        let seconds = Duration::from_secs;
        let (pace, most) = (seconds(2), seconds(60));
        for (retry, wait) in [
            (Retry::Never, 2),
            (Retry::Now, 2),
            (Retry::After(seconds(1)), 2),
            (Retry::After(seconds(30)), 30),
            (Retry::After(seconds(3600)), 60),
        ] {
            assert_eq!(retry.wait(pace, most), seconds(wait), "{retry:?}");
        }
        // The pace itself is the dispatcher's own, whatever the bound.
        assert_eq!(Retry::After(seconds(9)).wait(seconds(5), seconds(1)), seconds(5));
    }
}
