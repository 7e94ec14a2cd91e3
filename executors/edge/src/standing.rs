//! How a replica stands by the checks of the edge: a fold over what was seen, without a clock.
//!
//! A replica is judged by its own past. One whose health path has answered well must go on doing so. One that
//! never did is judged elsewhere, by the HEALTHCHECK of its image or by a probe with headers that the edge
//! does not know, and only has to answer at all.

use super::limits::{CHECK_FALL, CHECK_RISE};
use haloy_ledger::event::UpstreamCause;

/// What one check saw of a replica.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// Answered with this status.
    Status(u16),
    /// Accepted a connection, and did not answer; the reason, in words.
    Silent(String),
    /// There was no connection to it.
    Unconnected,
    /// Nothing: whether a connection would have ended at it could not be shown.
    Nothing,
}

/// Whether it gets requests, as far as checks say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Stands {
    /// Passed its last check, or has not been checked yet.
    Well = 0,
    /// Failed its last check.
    Doubted = 1,
    /// Failed too many in a row, and has not passed enough since.
    Out = 2,
}

/// What checks have shown so far.
#[derive(Debug, Default)]
pub struct Standing {
    /// Whether its health path answered well once.
    shown: bool,
    /// Failed in a row.
    failed: u32,
    /// Passed in a row, while it is out.
    passed: u32,
    out: bool,
    /// What the last failed check saw.
    why: String,
}

impl Standing {
    /// Takes in what a check saw; a cause if the replica is out from now on, or back.
    pub fn learn(&mut self, seen: Seen) -> Option<UpstreamCause> {
        let cause = match seen {
            Seen::Nothing => return None,
            Seen::Status(status) if (200..400).contains(&status) => {
                self.shown = true;
                return self.pass();
            }
            Seen::Status(_) if !self.shown => return self.pass(),
            Seen::Status(status) => {
                self.why = format!("answered {status}");
                UpstreamCause::Unwell
            }
            Seen::Silent(why) => {
                self.why = why;
                UpstreamCause::Unanswered
            }
            Seen::Unconnected => {
                self.why = "was not connected to".to_owned();
                UpstreamCause::Unanswered
            }
        };
        self.failed = self.failed.saturating_add(1);
        self.passed = 0;
        let falls = !self.out && self.failed >= CHECK_FALL;
        self.out |= falls;
        falls.then_some(cause)
    }

    fn pass(&mut self) -> Option<UpstreamCause> {
        self.failed = 0;
        if !self.out {
            return None;
        }
        self.passed += 1;
        if self.passed < CHECK_RISE {
            return None;
        }
        (self.out, self.passed) = (false, 0);
        Some(UpstreamCause::Answers)
    }

    /// How it stands now.
    pub fn stands(&self) -> Stands {
        match (self.out, self.failed) {
            (true, _) => Stands::Out,
            (false, 0) => Stands::Well,
            (false, _) => Stands::Doubted,
        }
    }

    /// Why it is out, where it is: what its last failed check saw.
    pub fn out(&self) -> Option<&str> {
        self.out.then_some(self.why.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn silent() -> Seen {
        Seen::Silent("gave no answer".to_owned())
    }

    /// Folds checks; returns the standing after each, and the reports.
    fn after(seen: &[Seen]) -> (Vec<Stands>, Vec<UpstreamCause>) {
        let (mut standing, mut told) = (Standing::default(), Vec::new());
        let stood = seen.iter().map(|seen| {
            told.extend(standing.learn(seen.clone()));
            assert_eq!(standing.out().is_some(), standing.stands() == Stands::Out);
            standing.stands()
        });
        (stood.collect(), told)
    }

    #[test]
    fn it_falls_after_three_in_a_row_and_rises_after_two() {
        use Stands::{Doubted, Out, Well};
        let (stood, told) = after(&[silent(), silent(), Seen::Status(200), silent(), silent(), silent()]);
        assert_eq!(stood, [Doubted, Doubted, Well, Doubted, Doubted, Out], "one that passes begins anew");
        assert_eq!(told, [UpstreamCause::Unanswered]);
        let fall = [silent(), silent(), Seen::Unconnected];
        let back = [Seen::Status(200), silent(), Seen::Status(302), Seen::Status(200), silent()];
        let (stood, told) = after(&[&fall[..], &back[..]].concat());
        assert_eq!(stood[2..], [Out, Out, Out, Out, Well, Doubted], "one that fails begins anew");
        assert_eq!(told, [UpstreamCause::Unanswered, UpstreamCause::Answers]);
    }

    #[test]
    fn it_is_judged_by_what_it_has_shown() {
        let unwell = [Seen::Status(404), Seen::Status(500), Seen::Status(401), Seen::Status(503)];
        let (stood, told) = after(&unwell);
        assert!(stood.iter().all(|stands| *stands == Stands::Well), "it never answered well: {stood:?}");
        assert_eq!(told, []);
        let (stood, told) = after(&[&[Seen::Status(204)], &unwell[..]].concat());
        assert_eq!(stood[3..], [Stands::Out, Stands::Out]);
        assert_eq!(told, [UpstreamCause::Unwell]);
        let (stood, _) = after(&[Seen::Status(404), silent(), silent(), silent()]);
        assert_eq!(stood[3], Stands::Out, "whatever it answers, it has to answer");
    }

    #[test]
    fn what_was_not_seen_of_the_replica_changes_nothing() {
        let unseen = Seen::Nothing;
        let (stood, told) = after(&[silent(), silent(), unseen.clone(), silent(), unseen.clone()]);
        assert_eq!(stood[2..], [Stands::Doubted, Stands::Out, Stands::Out]);
        assert_eq!(told, [UpstreamCause::Unanswered]);
        let (stood, _) = after(&[silent(), silent(), silent(), Seen::Status(200), unseen, Seen::Status(200)]);
        assert_eq!(stood[4..], [Stands::Out, Stands::Well]);
    }
}
