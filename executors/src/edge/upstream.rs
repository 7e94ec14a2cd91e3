//! Connections to replicas: kept, counted, and passed over for a while where none is accepted.

use super::limits::*;
use super::link::Link;
use super::workers;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio_util::sync::CancellationToken;

/// One replica, as an address.
pub struct Upstream {
    /// Where it listens.
    pub address: SocketAddr,
    in_flight: AtomicU32,
    marked_until_ms: AtomicU64,
    /// By worker: a connection is used where it was made.
    idle: Box<[Mutex<Vec<Unused>>]>,
    started: Instant,
    /// It has to go.
    gone: AtomicBool,
    /// Set when tunnels through it have to end.
    pub cut: CancellationToken,
}

/// A connection, and since when nobody uses it.
struct Unused(Link, Instant);

/// A request on its way through a replica; counted while it lives.
pub struct InFlight(pub Arc<Upstream>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::AcqRel);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic elsewhere leaves plain data, which is still what it was.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Upstream {
    fn new(address: SocketAddr) -> Self {
        Self {
            address,
            in_flight: AtomicU32::new(0),
            marked_until_ms: AtomicU64::new(0),
            idle: (0..workers::count()).map(|_| Mutex::default()).collect(),
            started: Instant::now(),
            gone: AtomicBool::new(false),
            cut: CancellationToken::new(),
        }
    }

    /// It gets no more requests: tunnels through it end, and connections are not kept.
    pub fn leave(&self) {
        self.gone.store(true, Ordering::Relaxed);
        self.cut.cancel();
        self.forget_idle();
    }

    /// Counts a request.
    pub fn enter(self: &Arc<Self>) -> InFlight {
        self.in_flight.fetch_add(1, Ordering::AcqRel);
        InFlight(Arc::clone(self))
    }

    /// Requests on their way.
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Acquire)
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// It did not accept a connection when it was last tried.
    pub fn marked(&self) -> bool {
        self.marked_until_ms.load(Ordering::Relaxed) > 0
    }

    /// Whether a request is to be sent there: not while it is marked, but for one request after each
    /// while, which tells whether it is back.
    pub fn usable(&self) -> bool {
        let until = self.marked_until_ms.load(Ordering::Relaxed);
        let now = self.now_ms();
        let tries = || {
            self.marked_until_ms.compare_exchange(
                until,
                now + MARKED_MS,
                Ordering::Relaxed,
                Ordering::Relaxed,
            )
        };
        until == 0 || (until <= now && tries().is_ok())
    }

    /// Passes it over for a while.
    pub fn mark(&self) {
        self.marked_until_ms.store(self.now_ms() + MARKED_MS, Ordering::Relaxed);
        self.forget_idle();
    }

    fn mine(&self) -> MutexGuard<'_, Vec<Unused>> {
        lock(&self.idle[workers::number() % self.idle.len()])
    }

    /// A connection that was used a moment ago and is still open, if there is one. What must not be asked
    /// twice goes over one that the replica has hardly had time to close.
    pub fn idle(&self, safe: bool) -> Option<Link> {
        let mut idle = self.mine();
        if idle.last().is_some_and(|unused| unused.1.elapsed() > IDLE_TIME) {
            // The last was used last.
            idle.clear();
        }
        while let Some(Unused(mut link, _)) = idle.pop_if(|unused| safe || unused.1.elapsed() <= IDLE_UNSAFE)
        {
            if link.ready() {
                return Some(link);
            }
        }
        None
    }

    /// Connections that were kept are not to be relied on.
    pub fn forget_idle(&self) {
        self.idle.iter().for_each(|idle| lock(idle).clear());
    }

    /// Keeps a connection whose answer was read to its end.
    pub fn keep(&self, mut link: Link) {
        // Answered before its request was read to the end: nobody would move the rest.
        if !link.ready() {
            return;
        }
        let mut idle = self.mine();
        if idle.len() < IDLE && !self.gone.load(Ordering::Relaxed) {
            idle.push(Unused(link, Instant::now()));
        }
    }

    /// A new connection.
    pub async fn connect(&self) -> std::io::Result<Link> {
        let connecting = tokio::net::TcpStream::connect(self.address);
        let stream = tokio::time::timeout(CONNECT_TIME, connecting).await??;
        self.marked_until_ms.store(0, Ordering::Relaxed);
        stream.set_nodelay(true)?;
        Link::new(stream).await
    }
}

/// Every replica that is or was routed and still has requests.
#[derive(Default)]
pub struct Upstreams(Mutex<HashMap<SocketAddr, Arc<Upstream>>>);

impl Upstreams {
    /// The replica at an address; made if it is new, or if it was told to end.
    pub fn get(&self, address: SocketAddr) -> Arc<Upstream> {
        let mut known = lock(&self.0);
        let found = known.entry(address).or_insert_with(|| Arc::new(Upstream::new(address)));
        if found.cut.is_cancelled() {
            *found = Arc::new(Upstream::new(address));
        }
        Arc::clone(found)
    }

    /// The replica at an address, where it is known.
    pub fn find(&self, address: SocketAddr) -> Option<Arc<Upstream>> {
        lock(&self.0).get(&address).cloned()
    }

    /// Forgets those that are in no table and have no requests.
    pub fn forget_unused(&self) {
        lock(&self.0).retain(|_, upstream| Arc::strong_count(upstream) > 1 || upstream.in_flight() > 0);
    }

    /// All of them, by address.
    pub fn all(&self) -> Vec<Arc<Upstream>> {
        let mut all: Vec<_> = lock(&self.0).values().cloned().collect();
        all.sort_by_key(|upstream| upstream.address);
        all
    }
}
