//! Serving threads, each with an event loop of its own: a connection of a client stays on one of them, and so
//! do the connections to replicas that its requests use.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::runtime::{Builder, Handle};
use tokio_util::sync::CancellationToken;

thread_local! {
    static NUMBER: Cell<usize> = const { Cell::new(0) };
}

/// Number of the worker that this runs on; 0 elsewhere.
pub fn number() -> usize {
    NUMBER.get()
}

/// As many as there are cores.
pub fn count() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The threads.
pub struct Workers {
    handles: Vec<Handle>,
    next: AtomicUsize,
    ended: CancellationToken,
}

impl Workers {
    /// Starts them.
    pub fn start() -> std::io::Result<Self> {
        let ended = CancellationToken::new();
        let started: std::io::Result<Vec<Handle>> =
            (0..count()).map(|number| start(number, &ended)).collect();
        Ok(Self { handles: started?, next: AtomicUsize::new(0), ended })
    }

    /// Ends them, whatever they have left.
    pub fn end(&self) {
        self.ended.cancel();
    }

    /// The next one in turn.
    pub fn next(&self) -> &Handle {
        &self.handles[self.next.fetch_add(1, Ordering::Relaxed) % self.handles.len()]
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.end();
    }
}

fn start(number: usize, ended: &CancellationToken) -> std::io::Result<Handle> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let (handle, ended) = (runtime.handle().clone(), ended.clone());
    std::thread::Builder::new().name(format!("edge-{number}")).spawn(move || {
        NUMBER.set(number);
        runtime.block_on(ended.cancelled());
        // A task that does not end must not hold up the process.
        runtime.shutdown_background();
    })?;
    Ok(handle)
}
