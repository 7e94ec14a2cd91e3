//! Challenges of an authority that are being answered, and what came of those before.

use super::renewal::Renewals;
use super::terms::Terms;
use haloy_ledger::ids::Timestamp;
use haloy_ledger::locks::locked;
use std::collections::HashMap;
use std::sync::Mutex;
use tokio::sync::Notify;

/// Challenges that are being answered, and when what failed is tried again.
#[derive(Default)]
pub struct Acme {
    pub(super) tokens: Mutex<HashMap<String, String>>,
    pub(super) failures: Mutex<HashMap<String, Failed>>,
    pub(super) renewals: Renewals,
    /// Terms under which certificates are issued.
    pub terms: Terms,
    /// Something changed: look now.
    pub look: Notify,
}

/// The last attempts for a domain came to nothing.
#[derive(Debug, Clone)]
pub struct Failed {
    attempts: u32,
    /// When the next one is made.
    pub next_try: Timestamp,
    /// Why, in the words of the authority.
    pub why: String,
}

/// Wait after the first failure; doubles with each further one.
const WAIT: i64 = 30_000_000_000;
/// Longest wait: authorities limit failures per hour.
const LONGEST_WAIT: i64 = 6 * 3600 * 1_000_000_000;

impl Acme {
    /// The answer to a challenge, if it is one of ours.
    pub fn answer(&self, path: &str) -> Option<String> {
        let token = path.strip_prefix("/.well-known/acme-challenge/")?;
        locked(&self.tokens).get(token).cloned()
    }

    /// These challenges need no answer any more.
    pub(super) fn forget(&self, tokens: &[String]) {
        let mut answering = locked(&self.tokens);
        answering.retain(|token, _| !tokens.contains(token));
    }

    /// Domains that have no certificate, or an old one, because the last attempt failed.
    pub fn failures(&self) -> Vec<(String, Failed)> {
        let failures = locked(&self.failures);
        let mut all: Vec<_> =
            failures.iter().map(|(domain, failed)| (domain.clone(), failed.clone())).collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    }

    pub(super) fn waits(&self, domain: &str, now: Timestamp) -> bool {
        let failures = locked(&self.failures);
        failures.get(domain).is_some_and(|failed| now < failed.next_try)
    }

    /// Takes note of a failure; when to try again.
    pub(super) fn failed(&self, domain: &str, now: Timestamp, why: &str) -> Timestamp {
        let mut failures = locked(&self.failures);
        let attempts = failures.get(domain).map_or(0, |failed| failed.attempts);
        let wait = WAIT.saturating_mul(1 << attempts.min(20)).min(LONGEST_WAIT);
        let next_try = Timestamp(now.0.saturating_add(wait));
        let failed = Failed { attempts: attempts + 1, next_try, why: why.to_owned() };
        failures.insert(domain.to_owned(), failed);
        next_try
    }
}
