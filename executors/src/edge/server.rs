//! The process: listeners, connections of clients, and the way out.

use super::access_log::{Access, AccessLog};
use super::acme::{self, Acme, AcmeOptions};
use super::certs::Certs;
use super::changes::Changes;
use super::checks::{self, CheckTimes};
use super::client::Client;
use super::connections::{Clients, accept};
use super::control;
use super::handoff::{self, Other};
use super::identity::Inspector;
use super::limits::*;
use super::listen::listen;
use super::metrics::Metrics;
use super::notify;
use super::requests::Requests;
use super::store::Store;
use super::table::{Refused, Table};
use super::tls;
use super::upstream::Upstreams;
use super::workers::Workers;
use arc_swap::ArcSwap;
use haloy_ledger::edge::{Report, RouteSnapshot};
use haloy_ledger::ports::{Clock, Entropy, SystemClock, SystemEntropy};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What an edge is started with.
#[derive(Debug, Clone)]
pub struct EdgeOptions {
    /// Folder of its socket and what it keeps.
    pub folder: PathBuf,
    /// Addresses for http.
    pub http: Vec<SocketAddr>,
    /// Addresses for https.
    pub https: Vec<SocketAddr>,
    /// Where certificates come from.
    pub acme: AcmeOptions,
    /// Address for Prometheus; none = only the socket.
    pub metrics: Option<SocketAddr>,
    /// How long a client may take to send the head of a request, and stay idle between two.
    pub patience: Duration,
    /// How long a replica may take to begin its answer, from the last piece of the request on.
    pub answer: Duration,
    /// How often replicas are checked.
    pub checks: CheckTimes,
    /// Takes over from the edge that runs in this folder.
    pub takeover: bool,
    /// Where a line for each request goes.
    pub access_log: AccessLog,
    /// Says where containers are.
    pub inspector: Arc<dyn Inspector>,
}

/// Why an edge does not run.
#[derive(Debug, thiserror::Error)]
pub enum EdgeError {
    /// An address cannot be listened at.
    #[error("cannot listen at {address}: {source}")]
    Listen {
        /// Which.
        address: String,
        /// Why.
        source: std::io::Error,
    },
    /// The folder cannot be used.
    #[error("the folder {folder} cannot be used: {source}")]
    Folder {
        /// Which.
        folder: String,
        /// Why.
        source: std::io::Error,
    },
    /// The access log cannot be written to.
    #[error("the access log cannot be opened: {0}")]
    AccessLog(std::io::Error),
    /// The machine gives no more threads.
    #[error("no threads to serve with: {0}")]
    Threads(std::io::Error),
    /// Another one serves here.
    #[error("an edge runs here already, process {0}")]
    Runs(u32),
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
    /// The one that runs did not hand over.
    #[error("the edge that runs did not hand over: {0}")]
    Handoff(String),
}

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
    routed: Notify,
    /// Another edge put its socket of commands in the place of this one's, and is gone.
    pub socket_lost: Notify,
    /// Copies, to hand over. As long as there are any, clients can connect.
    listeners: Mutex<Vec<std::net::TcpListener>>,
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

impl EdgeOptions {
    fn folder_error(&self, source: std::io::Error) -> EdgeError {
        EdgeError::Folder { folder: self.folder.display().to_string(), source }
    }
}

impl Edge {
    /// With what its folder keeps.
    fn new(options: EdgeOptions, listeners: &[std::net::TcpListener]) -> Result<Self, EdgeError> {
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
            listeners: Mutex::new(copies.map_err(copied)?),
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
    fn take_newer(&self) {
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
        let valid = |cert: &super::certs::Cert| SystemClock.now() < cert.not_after;
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
    fn import_own(&self) {
        let before: Vec<String> = self.certs.all().iter().map(|cert| cert.serial.clone()).collect();
        for cert in self.certs.load().iter().filter(|cert| !before.contains(&cert.serial)) {
            let (names, serial) = (cert.names.clone(), cert.serial.clone());
            self.report(Report::Imported { names, serial, not_after: cert.not_after });
        }
    }
}

/// Serves until it is told to leave, by its socket, SIGTERM or SIGINT.
pub async fn run(options: EdgeOptions) -> Result<(), EdgeError> {
    // The first to ask wins; anywhere in haloy it is this one.
    drop(rustls::crypto::ring::default_provider().install_default());
    as_many_files_as_allowed();
    let (listeners, before) = if options.takeover {
        let taken = handoff::take(&options.folder).map_err(|error| EdgeError::Handoff(error.to_string()))?;
        (taken.listeners, Some((taken.ready, taken.version)))
    } else {
        (listen_first(&options).await?, None)
    };
    let edge = Arc::new(Edge::new(options, &listeners)?);
    let generation = edge.table().generation();
    edge.import_own();
    let mut accepting = tokio::task::JoinSet::new();
    let acceptor = tls::acceptor(&edge).map_err(|error| EdgeError::Tls(error.to_string()))?;
    for (number, listener) in listeners.into_iter().enumerate() {
        let secure = (number >= edge.options.http.len()).then(|| acceptor.clone());
        let listener = TcpListener::from_std(listener).map_err(copied)?;
        accepting.spawn(accept(Arc::clone(&edge), listener, secure));
    }
    // Last: until here the edge before answers commands.
    let control = control::bind(&edge.options.folder).map_err(|source| edge.options.folder_error(source))?;
    edge.take_newer();
    let socket = tokio::spawn(control::serve(Arc::clone(&edge), control));
    let version = env!("CARGO_PKG_VERSION").to_owned();
    match before {
        Some((ready, before)) => {
            edge.before.set(ready.tell());
            edge.report(Report::Replaced { before, after: version });
        }
        None => edge.report(Report::Started { version, generation }),
    }
    notify::serves();
    let certificates = tokio::spawn(acme::keep(Arc::clone(&edge)));
    let scraped = tokio::spawn(control::metrics_at(Arc::clone(&edge)));
    let seeing = tokio::spawn(see(Arc::clone(&edge)));
    let checking = tokio::spawn(checks::keep(Arc::clone(&edge)));
    told_to_leave(&edge).await;
    certificates.abort();
    scraped.abort();
    seeing.abort();
    checking.abort();
    leave(&edge, accepting).await;
    socket.abort();
    Ok(())
}

/// The addresses, unless another edge of this folder serves at them.
async fn listen_first(options: &EdgeOptions) -> Result<Vec<std::net::TcpListener>, EdgeError> {
    let client = Client::new(&options.folder);
    if let Ok(status) = client.status().await {
        return Err(EdgeError::Runs(status.pid));
    }
    match listen(options.http.iter().chain(&options.https)).await {
        // One that was started in the same moment: that is what the user has to know.
        Err(refused) => Err(match client.status().await {
            Ok(status) => EdgeError::Runs(status.pid),
            Err(_) => EdgeError::Listen { address: refused.address.to_string(), source: refused.source },
        }),
        Ok(listening) => Ok(listening),
    }
}

/// Has every replica seen soon after it came into the routes.
async fn see(edge: Arc<Edge>) {
    loop {
        edge.upstreams.see_new().await;
        edge.routed.notified().await;
    }
}

/// A connection is a file, and the usual limit is far below what the edge can serve.
fn as_many_files_as_allowed() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, ..limit };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        eprintln!("haloy edge: serves at most {:?} connections: {error}", limit.current);
    }
}

fn copied(source: std::io::Error) -> EdgeError {
    EdgeError::Listen { address: "an address that it listens at already".to_owned(), source }
}

async fn told_to_leave(edge: &Edge) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut hang_up)) =
        (signal(SignalKind::terminate()), signal(SignalKind::hangup()))
    else {
        return edge.leave.cancelled().await;
    };
    loop {
        tokio::select! {
            () = edge.leave.cancelled() => return,
            _told = terminate.recv() => return,
            _told = tokio::signal::ctrl_c() => return,
            // Also what a terminal sends that closes: no reason to stop serving.
            _reload = hang_up.recv() => edge.reload(),
        }
    }
}

/// Lame duck: clients are asked to come back on a new connection, then what is left is ended.
async fn leave(edge: &Edge, mut accepting: tokio::task::JoinSet<()>) {
    // However it was told: commands that would change something are refused from now on.
    edge.leave.cancel();
    edge.leaving.store(true, Ordering::Relaxed);
    accepting.shutdown().await;
    // Unless another edge has them, clients are refused from now on and not left waiting.
    edge.listeners().clear();
    tokio::time::sleep(LAME_DUCK).await;
    edge.ending.cancel();
    edge.open.close();
    // What is still on its way after that is cut off, as every limit says.
    drop(tokio::time::timeout(LEAVING, edge.open.wait()).await);
    edge.workers.end();
    edge.access.end();
}
