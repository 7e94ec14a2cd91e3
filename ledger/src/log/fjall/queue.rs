//! Appends that wait for the writer, bounded by their events: who appends faster than the disk takes it
//! waits, instead of filling memory.

use super::super::batch::Request;
use crate::locks::{locked, locked_again};
use crate::log::{Done, MAX_APPEND_EVENTS, Stage};
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

/// Most events of one group commit.
pub(super) const GROUP_EVENTS: usize = MAX_APPEND_EVENTS;
/// Most events that wait, apart from a single append.
const WAITING_EVENTS: usize = 4 * GROUP_EVENTS;

/// An append in the queue.
pub(super) struct Job {
    pub(super) request: Request,
    pub(super) stage: Stage,
    pub(super) done: Done,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    events: usize,
    closed: bool,
}

#[derive(Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    /// There is something to take, or room, or the end.
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        locked(&self.waiting)
    }

    fn wait<'a>(&self, waiting: MutexGuard<'a, Waiting>) -> MutexGuard<'a, Waiting> {
        locked_again(&self.changed, waiting)
    }
}

/// Where appends are handed in. Dropped, it lets the writer end what waits, and then end itself.
pub(super) struct Queue(Arc<Shared>);

/// Where the writer takes them from.
pub(super) struct Jobs(Arc<Shared>);

pub(super) fn queue() -> (Queue, Jobs) {
    let shared = Arc::<Shared>::default();
    (Queue(Arc::clone(&shared)), Jobs(shared))
}

impl Queue {
    /// Queues an append, as soon as there is room; gives it back if the writer is gone.
    pub(super) fn push(&self, job: Job) -> Result<(), Job> {
        let events = job.request.events();
        let mut waiting = self.0.lock();
        while !waiting.closed && !waiting.jobs.is_empty() && waiting.events + events > WAITING_EVENTS {
            waiting = self.0.wait(waiting);
        }
        if waiting.closed {
            return Err(job);
        }
        waiting.events += events;
        waiting.jobs.push_back(job);
        self.0.changed.notify_all();
        Ok(())
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.changed.notify_all();
    }
}

impl Jobs {
    /// The next group: the first append that waits, and those after it that fit. None once the queue is empty
    /// and closed.
    pub(super) fn group(&self) -> Option<Vec<Job>> {
        let mut waiting = self.0.lock();
        while waiting.jobs.is_empty() {
            if waiting.closed {
                return None;
            }
            waiting = self.0.wait(waiting);
        }
        let (mut group, mut events) = (Vec::new(), 0);
        while let Some(next) = waiting.jobs.front().map(|job| job.request.events()) {
            if !group.is_empty() && events + next > GROUP_EVENTS {
                break;
            }
            events += next;
            group.extend(waiting.jobs.pop_front());
        }
        waiting.events = waiting.events.saturating_sub(events);
        self.0.changed.notify_all();
        Some(group)
    }
}

impl Drop for Jobs {
    /// The writer has ended, perhaps by a panic: queued appends are not written, and their callers are
    /// released.
    fn drop(&mut self) {
        let mut waiting = self.0.lock();
        waiting.closed = true;
        let left = std::mem::take(&mut waiting.jobs);
        drop(waiting);
        self.0.changed.notify_all();
        drop(left);
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::samples::{self, Slow};
    use super::super::*;
    use super::*;
    use crate::ports::SystemClock;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::time::Duration;

    fn slow(folder: &std::path::Path) -> (FjallLog, Receiver<usize>, Sender<()>) {
        let (seal, told, go) = Slow::new();
        let options = FjallOptions {
            clock: Arc::new(SystemClock),
            policy: ClockPolicy::default(),
            in_batch: Box::new(crate::projection::Projections::only(Vec::new())),
            seal: Box::new(seal),
            frozen: None,
            bundle_after: u64::MAX,
            progress: no_progress(),
        };
        (FjallLog::open(&folder.join("log"), options).expect("a log"), told, go)
    }

    #[test]
    fn a_group_has_at_most_so_many_events_and_who_is_faster_than_the_disk_waits() {
        const EACH: usize = 300;
        let folder = tempfile::tempdir().expect("a folder");
        let (log, groups, go) = slow(folder.path());
        let handed_in = AtomicUsize::new(0);
        let mut written = 0;
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..100 {
                    let done = Box::new(|result: Result<_, _>| assert!(result.is_ok(), "{result:?}"));
                    log.submit(vec![samples::write(EACH)], None, Stage::Durable, done);
                    handed_in.fetch_add(1, Ordering::SeqCst);
                }
            });
            let first = groups.recv_timeout(Duration::from_secs(20)).expect("a group");
            // The writer is busy with the first group: what can be handed in is handed in by now.
            let mut before = 0;
            for _ in 0..200 {
                std::thread::sleep(Duration::from_millis(20));
                let now = handed_in.load(Ordering::SeqCst);
                if now == std::mem::replace(&mut before, now) && now > 1 {
                    break;
                }
            }
            let most = first / EACH + WAITING_EVENTS / EACH;
            assert!(before <= most, "{before} appends of {EACH} events were taken, at most {most} may be");
            let mut size = first;
            loop {
                assert!(size <= GROUP_EVENTS, "a group of {size} events");
                written += size;
                if written == 100 * EACH {
                    break;
                }
                go.send(()).expect("the writer waits");
                size = groups.recv_timeout(Duration::from_secs(20)).expect("a group");
            }
            drop(go);
        });
    }

    #[test]
    fn a_writer_that_ended_lets_those_go_who_wait() {
        let (queue, jobs) = queue();
        let job = || {
            let (told, result) = channel();
            let done: Done = Box::new(move |result| drop(told.send(result)));
            let request = Request { writes: vec![samples::write(WAITING_EVENTS)], once: None };
            (Job { request, stage: Stage::Durable, done }, result)
        };
        let (first, told) = job();
        assert!(queue.push(first).is_ok());
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| queue.push(job().0).is_err());
            std::thread::sleep(Duration::from_millis(50));
            drop(jobs);
            assert!(waits.join().expect("joined"), "it is given back");
        });
        assert!(told.recv().is_err(), "what waited is dropped, and not acknowledged");
    }
}
