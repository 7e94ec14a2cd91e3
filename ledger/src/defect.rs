//! Planted defects for the simulation, which must find each of them. None of this is compiled without the
//! cargo feature `defects`, which no release enables.

/// A mistake that a developer could make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Defect {
    /// An outcome of an older deployment is taken for that of the running one.
    LateOutcome,
    /// A failed deployment uses up a place, so that a good release is pruned for it.
    FailedEvicts,
    /// A pin or a hold does not keep a release beyond the count.
    ForgetsPins,
    /// An old replica is retired before the new one is well.
    EarlyRetire,
    /// A replica gets requests before it is known to be well.
    RouteUnhealthy,
    /// A replica is stopped while the edge still sends it requests.
    StopRouted,
    /// A domain that another target has is claimed all the same.
    DomainTwice,
    /// A row that a batch puts several times has the position of the first of those events, not of the last.
    FirstStamp,
    /// A rollout that was never admitted ends like one that has nothing left to do.
    ProposedConcludes,
    /// What is stored is shown to readers before it is under a signed head.
    ShowsUnsealed,
    /// A target is driven by several at once.
    TwoDrivers,
    /// One part of an answer is read from a later instant than the rest.
    SecondSnapshot,
}

/// A step of sealing and publishing that writes to disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// A head is written over the older one.
    HeadWritten,
    /// The head is made durable.
    HeadSynced,
    /// A published file is written beside its place, and made durable.
    FileWritten,
    /// The file is moved to its place.
    FileMoved,
    /// A folder is made durable.
    FolderSynced,
    /// A batch of an upgrade from an older format is written.
    Upgraded,
}

/// Does a step that writes to disk. Tests make one of them fail, before or after it was done.
#[cfg(not(feature = "defects"))]
#[inline]
pub(crate) fn step<T>(_step: Step, act: impl FnOnce() -> std::io::Result<T>) -> std::io::Result<T> {
    act()
}

/// Rows of one batch of an upgrade: as many as usual, or fewer in a test.
#[cfg(not(feature = "defects"))]
#[inline]
pub(crate) fn at_once(usual: usize) -> usize {
    usual
}

#[cfg(feature = "defects")]
pub use steps::*;

#[cfg(feature = "defects")]
mod steps {
    use super::Step;
    use crate::locks::locked;
    use std::collections::BTreeMap;
    use std::io;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Mutex, MutexGuard};

    /// Which step fails: the n-th occurrence of a kind, and whether the step was done all the same.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Failing {
        /// Kind of step.
        pub step: Step,
        /// The first is 1.
        pub number: usize,
        /// What was reported as failed is on disk.
        pub persisted: bool,
    }

    #[derive(Default)]
    struct Steps {
        failing: Option<Failing>,
        counts: BTreeMap<Step, usize>,
    }

    /// Looks at the disk after each step.
    pub type Look = Box<dyn FnMut(Step) + Send>;

    static STEPS: Mutex<Option<Steps>> = Mutex::new(None);
    static LOOK: Mutex<Option<Look>> = Mutex::new(None);
    static AT_ONCE: AtomicUsize = AtomicUsize::new(usize::MAX);

    /// Looks at the disk after each step of the whole process from now on, or no more.
    pub fn look(each: Option<Look>) {
        *locked(&LOOK) = each;
    }

    /// Makes every batch of an upgrade as small as this.
    pub fn small_batches(rows: usize) {
        AT_ONCE.store(rows, Ordering::Relaxed);
    }

    /// Rows of one batch of an upgrade.
    pub(crate) fn at_once(usual: usize) -> usize {
        usual.min(AT_ONCE.load(Ordering::Relaxed))
    }

    fn steps() -> MutexGuard<'static, Option<Steps>> {
        locked(&STEPS)
    }

    /// Counts the steps of the whole process from now on, and makes one of them fail.
    pub fn watch(failing: Option<Failing>) {
        *steps() = Some(Steps { failing, ..Steps::default() });
    }

    /// How many steps of each kind there were; nothing is watched any more.
    pub fn watched() -> BTreeMap<Step, usize> {
        steps().take().unwrap_or_default().counts
    }

    /// Does a step that writes to disk, unless it is the one that fails.
    pub(crate) fn step<T>(step: Step, act: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let failing = match &mut *steps() {
            Some(watched) => {
                let count = watched.counts.entry(step).or_default();
                *count += 1;
                watched.failing.filter(|failing| failing.step == step && failing.number == *count)
            }
            None => None,
        };
        let done = match failing {
            Some(Failing { persisted: true, .. }) => {
                act().and(Err(io::Error::other("planted: reported as failed, and done")))
            }
            Some(_) => Err(io::Error::other("planted: failed")),
            None => act(),
        };
        if let Some(look) = &mut *locked(&LOOK) {
            look(step);
        }
        done
    }
}

#[cfg(feature = "defects")]
thread_local! {
    static PLANTED: std::cell::Cell<Option<Defect>> = const { std::cell::Cell::new(None) };
}

/// Plants a defect for this thread, or takes it out.
#[cfg(feature = "defects")]
pub fn plant(defect: Option<Defect>) {
    PLANTED.with(|planted| planted.set(defect));
}

/// The defect of this thread, for one that it starts.
#[cfg(feature = "defects")]
pub(crate) fn inherited() -> impl FnOnce() + Send + 'static {
    let defect = PLANTED.with(std::cell::Cell::get);
    move || plant(defect)
}

/// The defect of this thread, for one that it starts: there is none in a program that people use.
#[cfg(not(feature = "defects"))]
pub(crate) const fn inherited() -> impl FnOnce() + Send + 'static {
    || {}
}

/// Whether a defect is planted.
#[cfg(feature = "defects")]
pub fn planted(defect: Defect) -> bool {
    PLANTED.with(std::cell::Cell::get) == Some(defect)
}

/// Whether a defect is planted: never, in a program that people use.
#[cfg(not(feature = "defects"))]
pub const fn planted(_defect: Defect) -> bool {
    false
}
