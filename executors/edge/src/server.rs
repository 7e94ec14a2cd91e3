//! The process: listeners, connections of clients, and the end.

use super::client::Client;
use super::connections::accept;
use super::lifecycle::Lifecycle;
use super::limits::*;
use super::listen::listen;
use super::options::{EdgeError, EdgeOptions};
use super::shared::Edge;
use super::{acme, checks, control, handoff, notify, tls};
use haloy_ledger::edge::Report;
use std::sync::Arc;
use tokio::net::TcpListener;

/// Serves until it is told to leave, by its socket, SIGTERM or SIGINT.
pub async fn run(options: EdgeOptions) -> Result<(), EdgeError> {
    // The first installation wins; everywhere in haloy it is this one.
    drop(rustls::crypto::ring::default_provider().install_default());
    as_many_files_as_allowed();
    let (listeners, before) = if options.takeover {
        let taken = handoff::take(&options.folder).map_err(|error| EdgeError::Handoff(error.to_string()))?;
        (taken.listeners, Some((taken.ready, taken.version)))
    } else {
        (listen_first(&options).await?, None)
    };
    let edge = Arc::new(Edge::new(options, &listeners)?);
    let generation = edge.routing.table().generation();
    edge.import_own();
    let mut accepting = tokio::task::JoinSet::new();
    let acceptor =
        tls::acceptor(&edge.tls, &edge.routing).map_err(|error| EdgeError::Tls(error.to_string()))?;
    for (number, listener) in listeners.into_iter().enumerate() {
        let secure = (number >= edge.options.http.len()).then(|| acceptor.clone());
        let listener = TcpListener::from_std(listener).map_err(EdgeError::copied)?;
        accepting.spawn(accept(Arc::clone(&edge), listener, secure));
    }
    // Last: until here the previous edge answers commands.
    let control = control::bind(&edge.options.folder).map_err(|source| edge.options.folder_error(source))?;
    edge.take_newer();
    let socket = tokio::spawn(control::serve(Arc::clone(&edge), control));
    let version = env!("CARGO_PKG_VERSION").to_owned();
    match before {
        Some((ready, before)) => {
            edge.lifecycle.predecessor.set(ready.tell());
            edge.observed.report(Report::Replaced { before, after: version });
        }
        None => edge.observed.report(Report::Started { version, generation }),
    }
    notify::serves();
    let certificates = tokio::spawn(acme::keep(acme::Keeper {
        store: Arc::clone(&edge.store),
        routing: Arc::clone(&edge.routing),
        tls: Arc::clone(&edge.tls),
        observed: Arc::clone(&edge.observed),
    }));
    let scraped = tokio::spawn(control::metrics_at(Arc::clone(&edge)));
    let routing = Arc::clone(&edge.routing);
    let seeing = tokio::spawn(async move { routing.see_new().await });
    let checking = tokio::spawn(checks::keep(checks::Checker {
        routing: Arc::clone(&edge.routing),
        observed: Arc::clone(&edge.observed),
        times: edge.options.checks,
    }));
    leave_requested(&edge).await;
    certificates.abort();
    scraped.abort();
    seeing.abort();
    checking.abort();
    leave(&edge.lifecycle, accepting).await;
    edge.observed.access.end();
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
        // Another edge that was started in the same moment: that is what the user has to know.
        Err(refused) => Err(match client.status().await {
            Ok(status) => EdgeError::Runs(status.pid),
            Err(_) => EdgeError::Listen { address: refused.address.to_string(), source: refused.source },
        }),
        Ok(listening) => Ok(listening),
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

async fn leave_requested(edge: &Edge) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut hang_up)) =
        (signal(SignalKind::terminate()), signal(SignalKind::hangup()))
    else {
        return edge.lifecycle.leave.cancelled().await;
    };
    loop {
        tokio::select! {
            () = edge.lifecycle.leave.cancelled() => return,
            _told = terminate.recv() => return,
            _told = tokio::signal::ctrl_c() => return,
            // Also what a terminal sends that closes: no reason to stop serving.
            _reload = hang_up.recv() => edge.reload(),
        }
    }
}

/// Lame duck: clients are told to reconnect, then the remaining requests are finished.
async fn leave(lifecycle: &Lifecycle, mut accepting: tokio::task::JoinSet<()>) {
    // By whichever signal or command.
    lifecycle.begin_to_leave();
    accepting.shutdown().await;
    // Unless another edge has them, clients are refused from now on and not left waiting.
    lifecycle.listeners().clear();
    tokio::time::sleep(LAME_DUCK).await;
    lifecycle.ending.cancel();
    lifecycle.open.close();
    // Requests in flight after that are cut off, as with every limit.
    drop(tokio::time::timeout(LEAVING, lifecycle.open.wait()).await);
    lifecycle.workers.end();
}
