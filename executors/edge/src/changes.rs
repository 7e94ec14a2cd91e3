//! Replicas that should get requests and get none, and those that get them again: reported to the log a few
//! times an hour for each target, and otherwise counted.

use super::limits::{CHANGES, CHANGES_WITHIN};
use haloy_ledger::edge::Report;
use haloy_ledger::ids::{AppName, TargetName};
use haloy_ledger::locks::locked;
use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;
use std::time::Instant;

/// Reports of each target.
#[derive(Default)]
pub struct Changes {
    told: Mutex<HashMap<(AppName, TargetName), Reported>>,
    /// Reports to write, in their order.
    pub(super) waiting: Mutex<VecDeque<Report>>,
    /// Held by the task that writes.
    pub(super) writing: Mutex<()>,
}

#[derive(Default)]
struct Reported {
    at: Vec<Instant>,
    /// Changes since that were only counted.
    more: u32,
}

impl Changes {
    /// Whether a change of a target should be reported now, and if so how many others were only counted
    /// before.
    pub(super) fn tell(&self, of: (AppName, TargetName), now: Instant) -> Option<u32> {
        let mut known = locked(&self.told);
        let told = known.entry(of).or_default();
        told.at.retain(|at| now.saturating_duration_since(*at) < CHANGES_WITHIN);
        if told.at.len() >= CHANGES {
            told.more = told.more.saturating_add(1);
            return None;
        }
        told.at.push(now);
        Some(std::mem::take(&mut told.more))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_target_is_told_of_a_few_times_an_hour_and_the_rest_is_counted() {
        let changes = Changes::default();
        let name = |app: &str| (AppName::new(app).expect("a name"), TargetName::new("t").expect("a name"));
        let now = Instant::now();
        let told: Vec<_> = (0..20).filter_map(|_| changes.tell(name("web"), now)).collect();
        assert_eq!(told, [0; CHANGES]);
        assert_eq!(changes.tell(name("other"), now), Some(0), "each target for itself");
        assert_eq!(changes.tell(name("web"), now + CHANGES_WITHIN - Duration::from_secs(1)), None);
        assert_eq!(changes.tell(name("web"), now + CHANGES_WITHIN), Some(15), "those that were only counted");
        assert_eq!(changes.tell(name("web"), now + CHANGES_WITHIN), Some(0));
    }
}
