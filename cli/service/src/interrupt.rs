//! How a caller ends what was asked for.
//!
//! Work that can go back cleanly says so while it goes on ([`Work`]): whoever interrupts asks it to, and it is
//! recorded how it ended. Everything else may be left at once, as what is not finished is settled by the next
//! command.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::watch;

/// What a caller has under way that must not just stop, and whether it was asked to end. Clones are one.
#[derive(Debug, Clone, Default)]
pub struct Interrupt(Arc<State>);

#[derive(Debug, Default)]
struct State {
    asked: watch::Sender<bool>,
    works: AtomicUsize,
    writes: AtomicUsize,
}

impl Interrupt {
    /// Asks what is under way to go back; whether that is asked for the first time.
    pub fn ask(&self) -> bool {
        !self.0.asked.send_replace(true)
    }

    /// Whether something is under way that goes back cleanly.
    pub fn has_work(&self) -> bool {
        self.0.works.load(Ordering::SeqCst) > 0
    }

    /// Whether the ledger is open to be written.
    pub fn has_writing(&self) -> bool {
        self.0.writes.load(Ordering::SeqCst) > 0
    }

    /// Work begins that goes back cleanly when it is asked to; it ends when the answer is dropped.
    pub fn work(&self) -> Work {
        self.0.works.fetch_add(1, Ordering::SeqCst);
        Work(self.clone())
    }

    /// The ledger is written from here on, until the answer is dropped: what is cut off is told where it is settled.
    pub fn writing(&self) -> Writing {
        self.0.writes.fetch_add(1, Ordering::SeqCst);
        Writing(self.clone())
    }
}

/// Work that goes back cleanly when it is asked to.
#[derive(Debug)]
pub struct Work(Interrupt);

impl Work {
    /// Whether it was asked to go back.
    pub fn is_asked(&self) -> bool {
        *self.0.0.asked.borrow()
    }

    /// Returns once it is asked to go back.
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

/// The ledger is open to be written.
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
        assert!(work.is_asked() && !untouched.is_asked());
        drop((work, writing));
        assert!(!mine.has_work() && !mine.has_writing() && other.has_work());
    }
}
