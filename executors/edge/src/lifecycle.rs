//! From the first connection to the last: what the edge listens at, who serves, and how it leaves.

use super::clients::Clients;
use super::handoff::PeerEdge;
use super::options::EdgeError;
use super::workers::Workers;
use haloy_ledger::locks::locked;
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What an edge has open, and whether it stays.
pub struct Lifecycle {
    /// Connections of clients.
    pub clients: Arc<Clients>,
    /// The previous edge, for as long as it still has requests.
    pub predecessor: PeerEdge,
    /// The edge that took over from this one.
    pub successor: PeerEdge,
    /// Another edge replaced this one's command socket, and is gone.
    pub socket_lost: Notify,
    /// Copies, to hand over. As long as there are any, clients can connect.
    listeners: Mutex<Vec<TcpListener>>,
    leaving: AtomicBool,
    /// Threads that serve clients.
    pub workers: Workers,
    /// Connections and tunnels.
    pub open: TaskTracker,
    /// Set when connections have to end, each after the request that it has.
    pub ending: CancellationToken,
    /// Set when it is to leave.
    pub leave: CancellationToken,
}

impl Lifecycle {
    /// Starts the threads.
    pub fn new(listeners: &[TcpListener]) -> Result<Self, EdgeError> {
        let copies: Result<Vec<_>, _> = listeners.iter().map(TcpListener::try_clone).collect();
        Ok(Self {
            clients: Arc::default(),
            predecessor: PeerEdge::default(),
            successor: PeerEdge::default(),
            socket_lost: Notify::new(),
            listeners: Mutex::new(copies.map_err(EdgeError::copied)?),
            leaving: AtomicBool::new(false),
            workers: Workers::start().map_err(EdgeError::Threads)?,
            open: TaskTracker::new(),
            ending: CancellationToken::new(),
            leave: CancellationToken::new(),
        })
    }

    /// Whether it no longer takes connections.
    pub fn leaving(&self) -> bool {
        self.leaving.load(Ordering::Relaxed)
    }

    /// From now on it takes no connections; commands that would change something are refused, too.
    pub fn begin_to_leave(&self) {
        self.leave.cancel();
        self.leaving.store(true, Ordering::Relaxed);
    }

    /// Listening sockets, to hand over.
    pub fn listeners(&self) -> MutexGuard<'_, Vec<TcpListener>> {
        locked(&self.listeners)
    }
}
