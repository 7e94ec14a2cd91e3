//! When a certificate is renewed: when its authority says so (ARI, RFC 9773), or else at two thirds of
//! its life.

use super::certs::Cert;
use haloy_ledger::ids::Timestamp;
use haloy_ledger::locks::locked;
use haloy_ledger::ports::Entropy;
use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

/// Shortest and longest wait between two questions (RFC 9773, 4.3.2 and 4.3.3).
const ASK_AGAIN: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(24 * 3600));
/// Wait after a question that got no answer (RFC 9773, 4.3.3).
const NO_ANSWER: Duration = Duration::from_secs(6 * 3600);

/// Nanoseconds for which a certificate is new. Some authorities date it back by an hour.
const NEW: i64 = 2 * 3600 * 1_000_000_000;

/// A span of time.
pub type Window = (Timestamp, Timestamp);

/// What authorities advise, by serial number.
#[derive(Default)]
pub struct Renewals(Mutex<HashMap<String, Advice>>);

#[derive(Clone, Copy)]
struct Advice {
    /// The window, and the time in it that was drawn.
    renew: Option<(Window, Timestamp)>,
    ask_again: Timestamp,
}

impl Renewals {
    fn advice(&self, cert: &Cert) -> Option<Advice> {
        locked(&self.0).get(&cert.serial).copied()
    }

    /// Whether a certificate should be renewed now.
    pub fn due(&self, cert: &Cert, now: Timestamp) -> bool {
        let advised = self.advice(cert).and_then(|advice| advice.renew).map(|(_, at)| at);
        match advised.filter(|at| *at < cert.not_after) {
            Some(at) => now >= at.max(settled(cert)),
            None => cert.due(now),
        }
    }

    /// Whether its authority gave advice: it wants to know which certificate a new one replaces.
    pub fn advised(&self, cert: &Cert) -> bool {
        self.advice(cert).is_some_and(|advice| advice.renew.is_some())
    }

    /// Whether to ask its authority now.
    pub fn to_ask(&self, cert: &Cert, now: Timestamp) -> bool {
        self.advice(cert).is_none_or(|advice| now >= advice.ask_again)
    }

    /// What the authority said, and how long it wants not to be asked again; none if it said nothing.
    pub fn record_advice(
        &self,
        cert: &Cert,
        said: Option<(Window, Duration)>,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) {
        let mut all = locked(&self.0);
        let before = all.get(&cert.serial).and_then(|advice| advice.renew);
        let (renew, wait) = match said {
            Some((window, wait)) => {
                // Drawn once: else asking often would mean renewing early.
                let known = before.filter(|(known, _)| *known == window);
                let drawn = known.unwrap_or_else(|| (window, draw(window, entropy)));
                (Some(drawn), wait.clamp(ASK_AGAIN.0, ASK_AGAIN.1))
            }
            None => (before, NO_ANSWER),
        };
        let wait = i64::try_from(wait.as_nanos()).unwrap_or(i64::MAX);
        let ask_again = Timestamp(now.0.saturating_add(wait));
        all.insert(cert.serial.clone(), Advice { renew, ask_again });
    }

    /// Only these are served.
    pub fn keep_only(&self, serials: &[String]) {
        locked(&self.0).retain(|serial, _| serials.contains(serial));
    }
}

/// Until then a certificate is new, whatever its authority advises: a mistaken authority must not be asked
/// for another one again and again.
fn settled(cert: &Cert) -> Timestamp {
    let life = cert.not_after.0.saturating_sub(cert.not_before.0);
    Timestamp(cert.not_before.0.saturating_add(NEW.min(life / 3)))
}

/// Any time of the window, all as likely: so that not all clients come at once.
fn draw((start, end): Window, entropy: &dyn Entropy) -> Timestamp {
    let mut random = [0; 8];
    entropy.fill(&mut random);
    let span = u64::try_from(end.0.saturating_sub(start.0)).unwrap_or(0);
    let step = u64::from_le_bytes(random) % span.saturating_add(1);
    Timestamp(start.0.saturating_add(i64::try_from(step).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use haloy_ledger::ports::SystemEntropy;

    const DAY: i64 = 86_400 * 1_000_000_000;

    /// Lives for nine days.
    fn cert() -> Cert {
        let made = rcgen::generate_simple_self_signed(vec!["a.example".to_owned()]).expect("made");
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), format!("{}{}", made.cert.pem(), made.signing_key.serialize_pem()))
            .expect("written");
        let read = Cert::read(file.path(), false).expect("read");
        Cert { not_before: Timestamp(0), not_after: Timestamp(9 * DAY), ..read }
    }

    #[test]
    fn without_advice_two_thirds_of_its_life_count() {
        let (renewals, cert) = (Renewals::default(), cert());
        assert!(renewals.to_ask(&cert, Timestamp(0)));
        renewals.record_advice(&cert, None, Timestamp(0), &SystemEntropy);
        assert!(!renewals.due(&cert, Timestamp(6 * DAY - 1)) && renewals.due(&cert, Timestamp(6 * DAY)));
        assert!(!renewals.to_ask(&cert, Timestamp(DAY / 5)) && renewals.to_ask(&cert, Timestamp(DAY / 4)));
        assert!(!renewals.advised(&cert));
    }

    #[test]
    fn advice_counts_stays_and_can_change() {
        let (renewals, cert) = (Renewals::default(), cert());
        let tell = |from: i64, to: i64, now: i64| {
            let window = (Timestamp(from * DAY), Timestamp(to * DAY));
            renewals.record_advice(&cert, Some((window, Duration::ZERO)), Timestamp(now), &SystemEntropy);
            renewals.advice(&cert).and_then(|advice| advice.renew).expect("told").1
        };
        let first = tell(7, 8, 0);
        assert!((7 * DAY..=8 * DAY).contains(&first.0) && renewals.advised(&cert));
        assert!(!renewals.due(&cert, Timestamp(7 * DAY - 1)) && renewals.due(&cert, first));
        assert_eq!(tell(7, 8, DAY), first, "the same window does not draw again");
        assert!(
            !renewals.to_ask(&cert, Timestamp(DAY + 59_000_000_000)),
            "not more often than once a minute"
        );
        // The authority wants to revoke it: at once.
        tell(0, 0, DAY);
        assert!(renewals.due(&cert, Timestamp(DAY)));
        assert!(!renewals.due(&cert, Timestamp(NEW - 1)), "but not again and again");
        // Advice that comes to nothing is none.
        tell(20, 21, DAY);
        assert!(renewals.due(&cert, Timestamp(6 * DAY)));
    }
}
