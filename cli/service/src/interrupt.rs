//! How a caller interrupts a request.
//!
//! Work that can go back cleanly registers itself ([`Work`]): an interruption makes it go back, and its end
//! is recorded. Everything else may be left at once, as the next command settles what is not finished.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::watch;

/// A caller's running work that must not just stop, and whether it was interrupted. Clones share one state.
#[derive(Debug, Clone, Default)]
pub struct Interrupt(Arc<State>);

#[derive(Debug, Default)]
struct State {
    asked: watch::Sender<bool>,
    works: AtomicUsize,
    writes: AtomicUsize,
}

impl Interrupt {
    /// Interrupts running work; returns whether this is the first time.
    pub fn ask(&self) -> bool {
        !self.0.asked.send_replace(true)
    }

    /// Whether work is running that goes back cleanly.
    pub fn has_work(&self) -> bool {
        self.0.works.load(Ordering::SeqCst) > 0
    }

    /// Whether the ledger is open for writing.
    pub fn has_writing(&self) -> bool {
        self.0.writes.load(Ordering::SeqCst) > 0
    }

    /// Registers work that goes back cleanly on an interruption; it ends when the returned value is dropped.
    pub fn work(&self) -> Work {
        self.0.works.fetch_add(1, Ordering::SeqCst);
        Work(self.clone())
    }

    /// The ledger is written from here on, until the returned value is dropped: work that is cut off is
    /// reported when it is settled.
    pub fn writing(&self) -> Writing {
        self.0.writes.fetch_add(1, Ordering::SeqCst);
        Writing(self.clone())
    }
}

/// Work that goes back cleanly on an interruption.
#[derive(Debug)]
pub struct Work(Interrupt);

impl Work {
    /// Whether it was interrupted.
    pub fn is_interrupted(&self) -> bool {
        *self.0.0.asked.borrow()
    }

    /// Returns once it is interrupted.
    pub async fn asked(&self) {
        let mut asked = self.0.0.asked.subscribe();
        if asked.wait_for(|asked| *asked).await.is_err() {
            std::future::pending().await
        }
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.0.0.works.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The ledger is open for writing.
#[derive(Debug)]
pub struct Writing(Interrupt);

impl Drop for Writing {
    fn drop(&mut self) {
        self.0.0.writes.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_caller_is_interrupted_and_no_other() {
        let (mine, other) = (Interrupt::default(), Interrupt::default());
        let (work, untouched) = (mine.work(), other.work());
        assert!(mine.has_work() && !mine.has_writing());
        let writing = mine.clone().writing();
        assert!(mine.has_writing());
        assert!(mine.ask() && !mine.ask(), "the second time is not the first");
        work.asked().await;
        assert!(work.is_interrupted() && !untouched.is_interrupted());
        drop((work, writing));
        assert!(!mine.has_work() && !mine.has_writing() && other.has_work());
    }
}
