//! Moments at which the writer is idle: what is stored, what is under a signed head and what readers see are the same.

use crate::locks::{locked, locked_again};
use std::sync::{Condvar, Mutex};

/// Keeps the writer idle while somebody looks. Those who wait to look go first: a writer that always has something to
/// do would never let them.
#[derive(Default)]
pub(super) struct Rest {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    writing: bool,
    waiting: usize,
}

/// The writer is busy for as long as this lives.
pub(super) struct Writing<'a>(&'a Rest);

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        locked(&self.0.state).writing = false;
        self.0.changed.notify_all();
    }
}

impl Rest {
    /// Begins to write, once nobody looks or waits to look.
    pub(super) fn write(&self) -> Writing<'_> {
        let mut state = locked(&self.state);
        while state.waiting > 0 {
            state = locked_again(&self.changed, state);
        }
        state.writing = true;
        drop(state);
        Writing(self)
    }

    /// Looks while nothing is written.
    pub(super) fn look<T>(&self, look: impl FnOnce() -> T) -> T {
        let mut state = locked(&self.state);
        state.waiting += 1;
        while state.writing {
            state = locked_again(&self.changed, state);
        }
        // The lock keeps the writer idle; whatever becomes of the look, nobody waits any more.
        state.waiting -= 1;
        let looked = look();
        drop(state);
        self.changed.notify_all();
        looked
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    #[test]
    fn who_looks_sees_nothing_half_done_and_is_not_kept_waiting() {
        let (rest, half, ended) = (Arc::<Rest>::default(), AtomicBool::new(false), AtomicBool::new(false));
        let written = AtomicUsize::new(0);
        let mut seen = 0;
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !ended.load(Ordering::SeqCst) {
                    let _writing = rest.write();
                    half.store(true, Ordering::SeqCst);
                    std::thread::yield_now();
                    half.store(false, Ordering::SeqCst);
                    written.fetch_add(1, Ordering::SeqCst);
                }
            });
            for looks in 0..1000 {
                // Somebody writes between any two looks.
                while written.load(Ordering::SeqCst) <= looks {
                    std::thread::yield_now();
                }
                seen += usize::from(rest.look(|| half.load(Ordering::SeqCst)));
            }
            ended.store(true, Ordering::SeqCst);
        });
        assert_eq!(seen, 0, "of 1000 looks");
    }

    #[test]
    fn a_writer_that_panics_keeps_nobody() {
        let rest = Arc::<Rest>::default();
        let writer = Arc::clone(&rest);
        let panicked = std::thread::spawn(move || {
            let _writing = writer.write();
            panic!("as planned");
        });
        assert!(panicked.join().is_err());
        assert_eq!(rest.look(|| 7), 7);
    }
}
