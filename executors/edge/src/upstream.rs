//! Connections to replicas: kept, counted, and passed over for a while where they cannot be made.

use super::identity::{Doubt, Inspector, Looked, Subject};
use super::limits::*;
use super::link::Link;
use super::standing::{Seen, Standing, Stands};
use super::verify::{Identity, Unconnected};
use super::workers;
use haloy_ledger::event::UpstreamCause;
use haloy_ledger::ids::ReplicaId;
use haloy_ledger::locks::locked;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;
use tokio_util::sync::CancellationToken;

/// A replica: a container, wherever it is.
pub struct Upstream {
    identity: Identity,
    /// Id of its container, for the access log.
    pub container: Option<Arc<str>>,
    port: u16,
    /// Address at its start, from the newest table.
    recorded: Mutex<IpAddr>,
    in_flight: AtomicU32,
    marked_until_ms: AtomicU64,
    /// By worker: a connection is used where it was made.
    idle: Box<[Mutex<Vec<Unused>>]>,
    started: Instant,
    /// Whether the last attempt to connect failed.
    down: AtomicBool,
    /// Health check of the replica, from the newest table.
    check: Mutex<Option<Check>>,
    /// What checks have shown.
    standing: Mutex<Standing>,
    /// The same in short, for each request to look at.
    stands: AtomicU8,
    /// Whether a task checks it.
    watched: AtomicBool,
    /// Whether it was last reported as getting no requests.
    told_down: AtomicBool,
    /// Whether it has to go.
    gone: AtomicBool,
    /// Set when tunnels through it have to end.
    pub cut: CancellationToken,
}

/// Health check of a replica.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// A domain that it answers for.
    pub host: String,
    /// The health path of its release.
    pub path: String,
}

/// A connection, and since when it is unused.
struct Unused(Link, Instant);

/// A request in flight through a replica; counted while it lives.
pub struct InFlight(pub Arc<Upstream>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Upstream {
    fn new(subject: Subject, port: u16, recorded: IpAddr, inspector: Arc<dyn Inspector>) -> Self {
        Self {
            container: subject.container.as_deref().map(Arc::from),
            identity: Identity::new(subject, inspector),
            port,
            recorded: Mutex::new(recorded),
            in_flight: AtomicU32::new(0),
            marked_until_ms: AtomicU64::new(0),
            idle: (0..workers::count()).map(|_| Mutex::default()).collect(),
            started: Instant::now(),
            down: AtomicBool::new(false),
            check: Mutex::default(),
            standing: Mutex::default(),
            stands: AtomicU8::new(Stands::Well as u8),
            watched: AtomicBool::new(false),
            told_down: AtomicBool::new(false),
            gone: AtomicBool::new(false),
            cut: CancellationToken::new(),
        }
    }

    /// The container.
    pub fn subject(&self) -> &Subject {
        self.identity.subject()
    }

    /// Where it was when it started.
    pub fn recorded(&self) -> SocketAddr {
        SocketAddr::new(*locked(&self.recorded), self.port)
    }

    /// Where it is as far as is known, and why no request is sent there, if so.
    pub fn seen(&self) -> (Option<SocketAddr>, Option<Doubt>) {
        let (at, doubt) = self.identity.seen(*locked(&self.recorded));
        (at.map(|at| SocketAddr::new(at, self.port)), doubt)
    }

    /// Looks where it is now.
    pub async fn verify_now(&self) -> Looked {
        self.identity.verify_now().await
    }

    /// Stops new requests: tunnels end, and connections are not kept.
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

    /// Requests in flight.
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Acquire)
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Whether the last attempt to connect failed.
    pub fn marked(&self) -> bool {
        self.marked_until_ms.load(Ordering::Relaxed) > 0
    }

    /// Notes whether a connection could be made.
    pub fn turned(&self, down: bool) {
        self.down.store(down, Ordering::Relaxed);
    }

    /// Whether it should get requests and gets none, or gets them again, if that was not reported yet.
    pub fn news(&self) -> Option<bool> {
        let down = self.down.load(Ordering::Relaxed) || self.stands() == Stands::Out;
        (self.told_down.swap(down, Ordering::Relaxed) != down).then_some(down)
    }

    /// Health check; none where the table has none.
    pub fn check(&self) -> Option<Check> {
        locked(&self.check).clone()
    }

    /// Marks it as checked; false if another task already checks it.
    pub fn watch(&self) -> bool {
        !self.watched.swap(true, Ordering::AcqRel)
    }

    /// Ends the checks.
    pub fn unwatch(&self) {
        self.watched.store(false, Ordering::Release);
    }

    /// Takes in what a check saw; a cause if it is out of the route from now on, or back.
    pub fn learn(&self, seen: Seen) -> Option<UpstreamCause> {
        let mut standing = locked(&self.standing);
        let turned = standing.learn(seen);
        self.stands.store(standing.stands() as u8, Ordering::Relaxed);
        drop(standing);
        if turned.is_some() {
            // Neither connections from before its fall nor those from before its return may be used.
            self.forget_idle();
        }
        turned
    }

    /// How it stands by its checks.
    pub fn stands(&self) -> Stands {
        match self.stands.load(Ordering::Relaxed) {
            0 => Stands::Well,
            1 => Stands::Doubted,
            _out => Stands::Out,
        }
    }

    /// Whether it should get a request as long as there are others: any that can be repeated, and one that
    /// can be sent only `once` not while the last check failed.
    pub fn passes(&self, once: bool) -> bool {
        !once || self.stands() == Stands::Well
    }

    /// Nothing is known against it.
    pub fn well(&self) -> bool {
        self.stands() == Stands::Well && !self.down.load(Ordering::Relaxed) && !self.marked()
    }

    /// Why checks keep it out of the route, if they do.
    pub fn out(&self) -> Option<String> {
        let path = self.check().map_or_else(|| "/".to_owned(), |check| check.path);
        let standing = locked(&self.standing);
        standing.out().map(|why| format!("{why}, when the edge asked for GET {path}"))
    }

    /// Whether it should get a request: not while it is marked, except for one request after each pause,
    /// which finds out whether it is back.
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

    /// Passes it over for a while: its connections are good, and new ones cannot be made.
    pub fn pass_over(&self) {
        self.marked_until_ms.store(self.now_ms() + MARKED_MS, Ordering::Relaxed);
    }

    /// The same, and its connections are unreliable.
    pub fn mark(&self) {
        self.pass_over();
        self.forget_idle();
    }

    fn mine(&self) -> MutexGuard<'_, Vec<Unused>> {
        locked(&self.idle[workers::number() % self.idle.len()])
    }

    /// A connection that was used a moment ago and is still open, if there is one. A request that must not be
    /// repeated uses one that the replica has hardly had time to close.
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

    /// Kept connections are unreliable.
    pub fn forget_idle(&self) {
        self.idle.iter().for_each(|idle| locked(idle).clear());
    }

    /// Keeps a connection whose answer was read to its end.
    pub fn keep(&self, mut link: Link) {
        // Answered before its request was read to the end: nothing would move the rest.
        if !link.ready() {
            return;
        }
        let mut idle = self.mine();
        if idle.len() < IDLE && !self.gone.load(Ordering::Relaxed) {
            idle.push(Unused(link, Instant::now()));
        }
    }

    /// A new connection, which was shown to end at its container.
    pub async fn connect(&self) -> Result<Link, Unconnected> {
        let recorded = *locked(&self.recorded);
        let stream = self.identity.connect(recorded, self.port).await?;
        self.marked_until_ms.store(0, Ordering::Relaxed);
        // A connection whose network was removed gets no answer, and nothing else would report that.
        let unheard = u32::try_from(UNHEARD.as_millis()).unwrap_or(u32::MAX);
        let _without_it = rustix::net::sockopt::set_tcp_user_timeout(&stream, unheard);
        let at = stream.peer_addr().and_then(|at| stream.set_nodelay(true).map(|()| at));
        let Ok(at) = at else { return Err(Unconnected::Refused) };
        Link::new(stream, at).await.map_err(|_| Unconnected::Refused)
    }
}

/// Every replica that is or was routed and still has requests.
pub struct Upstreams {
    known: Mutex<HashMap<(Subject, u16), Arc<Upstream>>>,
    inspector: Arc<dyn Inspector>,
}

impl Upstreams {
    /// None yet; `inspector` locates containers.
    pub fn new(inspector: Arc<dyn Inspector>) -> Self {
        Self { known: Mutex::default(), inspector }
    }

    /// A replica; made if it is new, or if it was told to end. `recorded` is its address when it started.
    pub fn get(&self, subject: Subject, port: u16, recorded: IpAddr, check: Option<Check>) -> Arc<Upstream> {
        let make = || {
            let inspector = Arc::clone(&self.inspector);
            Arc::new(Upstream::new(subject.clone(), port, recorded, inspector))
        };
        let mut known = locked(&self.known);
        let found = known.entry((subject.clone(), port)).or_insert_with(make);
        if found.cut.is_cancelled() {
            *found = make();
        }
        *locked(&found.recorded) = recorded;
        *locked(&found.check) = check;
        Arc::clone(found)
    }

    /// Every known upstream of a replica: also those of an older table with fewer facts.
    pub fn of(&self, replica: ReplicaId) -> Vec<Arc<Upstream>> {
        let known = locked(&self.known);
        known.values().filter(|upstream| upstream.subject().replica == replica).cloned().collect()
    }

    /// Forgets those that are in no table and have no requests.
    pub fn forget_unused(&self) {
        locked(&self.known).retain(|_, upstream| Arc::strong_count(upstream) > 1 || upstream.in_flight() > 0);
    }

    /// Every replica, by app, target and id.
    pub fn all(&self) -> Vec<Arc<Upstream>> {
        let mut all: Vec<_> = locked(&self.known).values().cloned().collect();
        let key = |upstream: &Arc<Upstream>| {
            let subject = upstream.subject();
            (subject.app.clone(), subject.target.clone(), subject.replica, upstream.port)
        };
        all.sort_by_key(key);
        all
    }

    /// Locates every replica that was never seen: a container that was seen can be shown to be the end of a
    /// connection even while the engine is away.
    pub async fn see_new(&self) {
        for upstream in self.all().into_iter().filter(|upstream| !upstream.identity.sighted()) {
            upstream.verify_now().await;
        }
    }
}
