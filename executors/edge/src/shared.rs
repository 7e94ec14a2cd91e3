//! The edge, as its connections and its socket see it.

use super::access_log::Access;
use super::certs::{Cert, Certs};
use super::challenges::Acme;
use super::changes::Changes;
use super::clients::Clients;
use super::handoff::Other;
use super::metrics::Metrics;
use super::options::{EdgeError, EdgeOptions};
use super::requests::Requests;
use super::store::Store;
use super::table::{Refused, Table};
use super::upstream::Upstreams;
use super::workers::Workers;
use arc_swap::ArcSwap;
use haloy_ledger::edge::{Report, RouteSnapshot};
use haloy_ledger::ports::{Clock, Entropy, SystemClock, SystemEntropy};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The edge, as its connections and its socket see it.
pub struct Edge {
    /// How it was started.
    pub options: EdgeOptions,
    table: ArcSwap<Table>,
    /// Certificates.
    pub certs: Certs,
    /// Certificates that are being asked for.
    pub acme: Acme,
    applying: Mutex<()>,
    /// Replicas.
    pub upstreams: Upstreams,
    /// Counters.
    pub metrics: Metrics,
    /// What is kept on disk.
    pub store: Store,
    /// Connections of clients.
    pub clients: Clients,
    /// Names of requests.
    pub requests: Requests,
    /// The access log.
    pub access: Access,
    /// The edge that this one took over from, for as long as it still has requests.
    pub before: Other,
    /// The edge that took over from this one.
    pub next: Other,
    /// Changes of replicas that were told to the log.
    pub changes: Changes,
    /// There are routes, maybe to replicas that nobody has seen.
    pub(super) routed: Notify,
    /// Another edge put its socket of commands in the place of this one's, and is gone.
    pub socket_lost: Notify,
    /// Copies, to hand over. As long as there are any, clients can connect.
    listeners: Mutex<Vec<std::net::TcpListener>>,
    pub(super) leaving: AtomicBool,
    /// Threads that serve clients.
    pub workers: Workers,
    /// Connections and tunnels.
    pub open: TaskTracker,
    /// Set when connections have to end, each after the request that it has.
    pub ending: CancellationToken,
    /// Set when it is to leave.
    pub leave: CancellationToken,
}

impl Edge {
    /// With what its folder keeps.
    pub(super) fn new(options: EdgeOptions, listeners: &[std::net::TcpListener]) -> Result<Self, EdgeError> {
        let store = Store::open(&options.folder).map_err(|source| options.folder_error(source))?;
        let certs = Certs::open(&options.folder).map_err(|source| options.folder_error(source))?;
        let access = Access::open(&options.access_log).map_err(EdgeError::AccessLog)?;
        let copies: Result<Vec<_>, _> = listeners.iter().map(std::net::TcpListener::try_clone).collect();
        let workers = Workers::start().map_err(EdgeError::Threads)?;
        let upstreams = Upstreams::new(Arc::clone(&options.inspector));
        let table = store.snapshot().map(|snapshot| Table::new(snapshot, &upstreams)).unwrap_or_default();
        Ok(Self {
            table: ArcSwap::from_pointee(table),
            certs,
            acme: Acme::default(),
            applying: Mutex::new(()),
            upstreams,
            metrics: Metrics::default(),
            store,
            clients: Clients::default(),
            requests: Requests::new(),
            access,
            before: Other::default(),
            next: Other::default(),
            changes: Changes::default(),
            routed: Notify::new(),
            socket_lost: Notify::new(),
            listeners: Mutex::new(copies.map_err(EdgeError::copied)?),
            leaving: AtomicBool::new(false),
            workers,
            open: TaskTracker::new(),
            ending: CancellationToken::new(),
            leave: CancellationToken::new(),
            options,
        })
    }

    /// The table in force.
    pub fn table(&self) -> Arc<Table> {
        self.table.load_full()
    }

    /// A short look at the table in force: cheaper than to have it.
    pub fn look(&self) -> arc_swap::Guard<Arc<Table>> {
        self.table.load()
    }

    /// Whether a table is still the one in force.
    pub fn in_force(&self, table: &Arc<Table>) -> bool {
        Arc::ptr_eq(table, &self.table.load())
    }

    /// It no longer takes connections.
    pub fn leaving(&self) -> bool {
        self.leaving.load(Ordering::Relaxed)
    }

    /// Its listening sockets, to hand over.
    pub fn listeners(&self) -> MutexGuard<'_, Vec<std::net::TcpListener>> {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The port that clients have to name; none if it is the usual one.
    pub fn public_port(&self, secure: bool) -> Option<u16> {
        let usual = if secure { 443 } else { 80 };
        let listens = if secure { &self.options.https } else { &self.options.http };
        listens.first().map(SocketAddr::port).filter(|port| *port != usual)
    }

    /// Puts a table in force: kept on disk first, then swapped in one step.
    pub fn apply(&self, snapshot: RouteSnapshot) -> Result<Arc<Table>, Refused> {
        let _one_at_a_time = self.applying.lock().unwrap_or_else(PoisonError::into_inner);
        self.table().admits(&snapshot)?;
        self.store.keep_snapshot(&snapshot).map_err(|error| Refused::NotKept(error.to_string()))?;
        let table = Arc::new(Table::new(snapshot, &self.upstreams));
        self.table.store(Arc::clone(&table));
        self.upstreams.forget_unused();
        self.acme.look.notify_one();
        self.routed.notify_one();
        Ok(table)
    }

    /// Routes that the edge before took while this one was starting.
    pub(super) fn take_newer(&self) {
        if let Some(newer) =
            self.store.snapshot().filter(|kept| Some(kept.generation) > self.table().generation())
            && let Err(error) = self.apply(newer)
        {
            eprintln!("haloy edge: {error}");
        }
    }

    /// Takes note of something for the log.
    pub fn report(&self, what: Report) {
        let at = SystemClock.now();
        let entropy: &dyn Entropy = &SystemEntropy;
        let key = haloy_ledger::ids::DeploymentId::from_parts(at.unix_ms(), entropy.ulid_bits());
        if let Err(error) = self.store.report(at, format!("edge/{key}"), what) {
            eprintln!("haloy edge: a report cannot be kept: {error}");
        }
    }

    /// Clients believe the certificate of this name, and there is somewhere to present it.
    pub fn believed(&self, name: &str) -> bool {
        let valid = |cert: &Cert| SystemClock.now() < cert.not_after;
        !self.options.https.is_empty() && self.certs.get(name).is_some_and(|cert| valid(&cert))
    }

    /// One certificate is for both names.
    pub fn same_certificate(&self, one: &str, other: &str) -> bool {
        match (self.certs.get(one), self.certs.get(other)) {
            (Some(one), Some(other)) => Arc::ptr_eq(&one, &other),
            (_, _) => false,
        }
    }

    /// Takes over what changed on disk: certificates, and an access log that was moved away.
    pub fn reload(&self) {
        self.import_own();
        self.access.open_anew();
    }

    /// Reads certificates anew, and says which of the user's own are served.
    pub(super) fn import_own(&self) {
        let before: Vec<String> = self.certs.all().iter().map(|cert| cert.serial.clone()).collect();
        for cert in self.certs.load().iter().filter(|cert| !before.contains(&cert.serial)) {
            let (names, serial) = (cert.names.clone(), cert.serial.clone());
            self.report(Report::Imported { names, serial, not_after: cert.not_after });
        }
    }
}
