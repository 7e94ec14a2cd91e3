//! Seeded clock, randomness and projections, and a ledger with them.

use haloy_ledger::Ledger;
use haloy_ledger::ids::Timestamp;
use haloy_ledger::ledger::Parts;
use haloy_ledger::locks::locked;
use haloy_ledger::log::*;
use haloy_ledger::ports::{Clock, Entropy};
use haloy_ledger::projection::{Projections, States};
use haloy_ledger::secrets::Keys;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

/// splitmix64: small and seeded.
#[derive(Debug, Clone)]
pub struct Random(pub u64);

impl Random {
    /// The next number.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.draw() % end.max(1) as u64).unwrap_or(0)
    }

    /// True in so many of a hundred cases.
    pub fn percent(&mut self, chance: u64) -> bool {
        self.draw() % 100 < chance
    }
}

/// A clock that goes on by a millisecond with each look, and now and then back.
pub struct SimClock {
    now: AtomicI64,
    looks: AtomicI64,
}

impl SimClock {
    /// Starts a day after this program was built.
    pub fn new() -> Self {
        Self { now: AtomicI64::new(BUILT.0 + 86_400_000_000_000), looks: AtomicI64::new(0) }
    }
}

impl Default for SimClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        let looks = self.looks.fetch_add(1, Ordering::Relaxed);
        let step = if looks % 997 == 996 { -3_000_000_000 } else { 1_000_000 };
        Timestamp(self.now.fetch_add(step, Ordering::Relaxed) + step)
    }
}

/// Randomness from a seed.
pub struct SimEntropy(pub Mutex<Random>);

impl Entropy for SimEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        let mut random = locked(&self.0);
        for chunk in bytes.chunks_mut(8) {
            let next = random.draw().to_be_bytes();
            chunk.copy_from_slice(&next[..chunk.len()]);
        }
    }
}

/// A defect that is planted from outside of the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sabotage {
    /// The read models miss every 50th event.
    ProjectionOffByOne,
    /// What a crash finds on disk is one append short: effects ran before their intent was stored.
    EffectBeforeIntent,
}

/// Projections that miss events, where sabotaged.
pub struct Sloppy {
    inner: Projections,
    sabotaged: bool,
}

impl Sloppy {
    /// The real ones, sabotaged or not.
    pub fn new(states: Arc<States>, sabotaged: bool) -> Self {
        Self { inner: Projections::published_in(states), sabotaged }
    }
}

impl InBatch for Sloppy {
    fn apply(&mut self, event: &Recorded, rows: &mut dyn RowsMut) -> Result<(), LogError> {
        if self.sabotaged && event.head.position.0 % 50 == 49 {
            return Ok(());
        }
        self.inner.apply(event, rows)
    }

    fn finish(&mut self, rows: &mut dyn RowsMut) -> Result<(), LogError> {
        self.inner.finish(rows)
    }

    fn sealed(&mut self) {
        self.inner.sealed();
    }

    fn abandon(&mut self) {
        self.inner.abandon();
    }
}

/// A ledger over what a disk has, and its log.
pub(super) fn open(
    store: MemoryStore,
    clock: &Arc<SimClock>,
    entropy: &Arc<SimEntropy>,
    keys: &Keys,
    sabotage: Option<Sabotage>,
) -> (Arc<MemoryLog>, Arc<Ledger>) {
    let states = Arc::<States>::default();
    let sloppy = Sloppy::new(Arc::clone(&states), sabotage == Some(Sabotage::ProjectionOffByOne));
    let clock: Arc<dyn Clock> = Arc::<SimClock>::clone(clock);
    let log = MemoryLog::open(
        store,
        Arc::clone(&clock),
        ClockPolicy::default(),
        Box::new(sloppy),
        Box::new(Unsealed),
    );
    let log = Arc::new(log.expect("a store that was written by this program"));
    let entropy: Arc<dyn Entropy> = Arc::<SimEntropy>::clone(entropy);
    let parts = Parts {
        log: Arc::<MemoryLog>::clone(&log),
        states,
        clock,
        entropy,
        keys: keys.clone(),
        vault: PathBuf::from("/nonexistent"),
        tool: "simulation".to_owned(),
    };
    (log, Arc::new(Ledger::with(parts).expect("a ledger in memory")))
}
