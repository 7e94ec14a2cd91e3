//! Time for people and for programs.

use haloy_ledger::ids::Timestamp;

/// RFC 3339, UTC, to the millisecond.
pub fn rfc3339(at: Timestamp) -> String {
    let time = jiff::Timestamp::from_millisecond(at.0 / 1_000_000).unwrap_or_default();
    format!("{time:.3}")
}

/// `2 minutes ago`.
pub fn ago(at: Timestamp, now: Timestamp) -> String {
    let seconds = (now.0.saturating_sub(at.0) / 1_000_000_000).max(0);
    let (number, unit) = match seconds {
        0..=4 => return "just now".to_owned(),
        5..=59 => (seconds, "second"),
        60..=3_599 => (seconds / 60, "minute"),
        3_600..=86_399 => (seconds / 3_600, "hour"),
        _longer => (seconds / 86_400, "day"),
    };
    format!("{number} {unit}{} ago", if number == 1 { "" } else { "s" })
}

/// `1.2 s`, `3 min 5 s`.
pub fn took(ms: u64) -> String {
    match ms {
        0..=999 => format!("{ms} ms"),
        1_000..=59_999 => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
        _longer => format!("{} min {} s", ms / 60_000, ms % 60_000 / 1000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_well() {
        let now = Timestamp(10_000_000_000_000_000);
        let before = |seconds: i64| ago(Timestamp(now.0 - seconds * 1_000_000_000), now);
        assert_eq!(before(0), "just now");
        assert_eq!(before(61), "1 minute ago");
        assert_eq!(before(7_300), "2 hours ago");
        assert_eq!(before(200_000), "2 days ago");
        assert_eq!(took(950), "950 ms");
        assert_eq!(took(1_250), "1.2 s");
        assert_eq!(took(185_000), "3 min 5 s");
        assert_eq!(rfc3339(Timestamp(0)), "1970-01-01T00:00:00.000Z");
    }
}
