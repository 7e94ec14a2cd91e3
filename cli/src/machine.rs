//! The machine that a command runs on: its clock, its randomness, its name and its engine.
//!
//! With the cargo feature `failpoints`, which no release has, a test replaces it: `HALOY_SIMULATED=FILE` is a
//! simulated engine whose world lies in that file, and `HALOY_SIMULATED_AT=TIME` stops the clock there and
//! makes randomness, from that time. So the same commands print the same text on every machine.

use crate::error::Error;
use haloy_executors::SimulatedExecutor;
use haloy_ledger::ids::Timestamp;
use haloy_ledger::ports::{Clock, Entropy, SystemClock, SystemEntropy};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What time it is.
pub fn now() -> Timestamp {
    clock().now()
}

/// Where time comes from.
pub fn clock() -> Arc<dyn Clock> {
    #[cfg(feature = "failpoints")]
    if let Some(clock) = simulated::clock() {
        return Arc::new(clock);
    }
    Arc::new(SystemClock)
}

/// Source of randomness; `what` is the use, so that one use cannot shift what another gets in a test.
pub fn entropy(what: &'static str) -> Arc<dyn Entropy> {
    #[cfg(feature = "failpoints")]
    if let Some(entropy) = simulated::entropy(what) {
        return entropy;
    }
    let _only_tests_care = what;
    Arc::new(SystemEntropy)
}

/// The name of this machine.
pub fn host() -> String {
    #[cfg(feature = "failpoints")]
    if simulated::clock().is_some() {
        return "server-1".to_owned();
    }
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Number of the user that this process has.
pub fn uid() -> u32 {
    #[cfg(feature = "failpoints")]
    if simulated::clock().is_some() {
        return 1000;
    }
    rustix::process::getuid().as_raw()
}

/// A folder in memory, for what is needed while a ledger is read; none where the user says where such folders are to
/// lie (`TMPDIR`), or the machine has none.
pub fn memory() -> Option<PathBuf> {
    let said = std::env::var_os("TMPDIR").is_some_and(|folder| !folder.is_empty());
    let shared = Path::new("/dev/shm");
    (!said && shared.is_dir()).then(|| shared.to_owned())
}

/// Targets of one command at once. One in a test: what comes first is the same each time then.
pub fn at_once() -> usize {
    #[cfg(feature = "failpoints")]
    if simulated::clock().is_some() {
        return 1;
    }
    4
}

/// The simulated engine in the place of Docker, if a test put one there.
pub fn engine() -> Option<Result<SimulatedExecutor, Error>> {
    #[cfg(feature = "failpoints")]
    return simulated::engine();
    #[cfg(not(feature = "failpoints"))]
    None
}

#[cfg(feature = "failpoints")]
mod simulated {
    use super::*;
    use crate::error::Kind;
    use std::collections::BTreeMap;
    use std::path::Path;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// A clock that stands still: whatever is done meanwhile, and in whichever order.
    #[derive(Clone, Copy)]
    pub struct Stopped(Timestamp);

    impl Clock for Stopped {
        fn now(&self) -> Timestamp {
            self.0
        }
    }

    pub fn clock() -> Option<Stopped> {
        let at: jiff::Timestamp = std::env::var("HALOY_SIMULATED_AT").ok()?.parse().ok()?;
        Some(Stopped(Timestamp(i64::try_from(at.as_nanosecond()).ok()?)))
    }

    /// Numbers derived from their use, the time, and how many were drawn before.
    struct Counted {
        seed: String,
        asked: AtomicU64,
    }

    impl Entropy for Counted {
        fn fill(&self, bytes: &mut [u8]) {
            let asked = self.asked.fetch_add(1, Ordering::Relaxed);
            let mut hasher = blake3::Hasher::new();
            hasher.update(format!("{} {asked}", self.seed).as_bytes());
            hasher.finalize_xof().fill(bytes);
        }
    }

    pub fn entropy(what: &'static str) -> Option<Arc<dyn Entropy>> {
        static ALL: Mutex<BTreeMap<&str, Arc<Counted>>> = Mutex::new(BTreeMap::new());
        let Stopped(at) = clock()?;
        let mut all = haloy_ledger::locks::locked(&ALL);
        let counted = all.entry(what).or_insert_with(|| {
            Arc::new(Counted { seed: format!("{what} {}", at.0), asked: AtomicU64::new(0) })
        });
        Some(Arc::<Counted>::clone(counted))
    }

    pub fn engine() -> Option<Result<SimulatedExecutor, Error>> {
        let file = std::env::var_os("HALOY_SIMULATED")?;
        let engine = SimulatedExecutor::kept_in(Path::new(&file));
        Some(engine.map_err(|error| Error::new(Kind::Usage, format!("HALOY_SIMULATED: {error}"))))
    }
}
