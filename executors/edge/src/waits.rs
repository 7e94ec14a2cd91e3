//! Services that this process waits for, and how long they have been silent.
//!
//! A caller that waits for an outside service notes it here for as long as it waits; the progress display
//! reads it. Both hold a clone.

use haloy_ledger::locks::locked;
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// What is waited for.
#[derive(Debug, Clone, Default)]
pub struct Waits(Arc<Mutex<Table>>);

#[derive(Debug, Default)]
struct Table {
    next: u64,
    rows: BTreeMap<u64, (String, Instant)>,
}

/// A service that is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silent {
    /// The same for as long as this wait lasts.
    pub number: u64,
    /// Name: `Docker`, `registry ghcr.io`.
    pub whom: String,
    /// For how long nothing has been heard.
    pub silent: Duration,
}

/// A wait; it ends when this goes.
#[derive(Debug)]
pub struct Wait {
    waits: Waits,
    number: u64,
}

impl Waits {
    fn table(&self) -> MutexGuard<'_, Table> {
        locked(&self.0)
    }

    /// Notes that a service is waited for.
    pub fn begin(&self, whom: impl Into<String>) -> Wait {
        let mut table = self.table();
        table.next += 1;
        let number = table.next;
        table.rows.insert(number, (whom.into(), Instant::now()));
        Wait { waits: self.clone(), number }
    }

    /// Waits for an answer.
    pub async fn during<T>(&self, whom: impl Into<String>, answer: impl Future<Output = T>) -> T {
        let _waiting = self.begin(whom);
        answer.await
    }

    /// Services that have been silent for at least this long.
    pub fn silent(&self, least: Duration) -> Vec<Silent> {
        let table = self.table();
        let rows = table.rows.iter().map(|(number, (whom, since))| Silent {
            number: *number,
            whom: whom.clone(),
            silent: since.elapsed(),
        });
        rows.filter(|row| row.silent >= least).collect()
    }
}

impl Wait {
    /// Something was heard.
    pub fn heard(&self) {
        if let Some((_, since)) = self.waits.table().rows.get_mut(&self.number) {
            *since = Instant::now();
        }
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.waits.table().rows.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_silent_is_known_until_it_is_heard_or_no_longer_waited_for() {
        let waits = Waits::default();
        let all = || waits.silent(Duration::ZERO).into_iter().map(|row| row.whom).collect::<Vec<_>>();
        let engine = waits.begin("Docker");
        let registry = waits.begin("registry ghcr.io");
        assert_eq!(all(), ["Docker", "registry ghcr.io"]);
        drop(registry);
        assert_eq!(all(), ["Docker"]);
        std::thread::sleep(Duration::from_millis(30));
        assert_eq!(waits.silent(Duration::from_millis(25)).len(), 1);
        engine.heard();
        assert!(waits.silent(Duration::from_millis(25)).is_empty(), "it was heard just now");
        drop(engine);
        assert!(all().is_empty());
    }
}
