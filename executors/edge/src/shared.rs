//! The edge, as its connections and its socket see it: four parts, of which most files use one or two.

use super::lifecycle::Lifecycle;
use super::observed::Observed;
use super::options::{EdgeError, EdgeOptions};
use super::routing::Routing;
use super::store::Store;
use super::table::{Refused, Table};
use super::tls::Tls;
use haloy_ledger::edge::{Report, RouteSnapshot};
use std::net::TcpListener;
use std::sync::Arc;

/// The edge, as its connections and its socket see it.
pub struct Edge {
    /// How it was started.
    pub options: EdgeOptions,
    /// What is kept on disk.
    pub store: Arc<Store>,
    /// Replicas by name.
    pub routing: Arc<Routing>,
    /// Certificates.
    pub tls: Arc<Tls>,
    /// What is open, and whether it stays.
    pub lifecycle: Lifecycle,
    /// Reports of its work.
    pub observed: Arc<Observed>,
}

impl Edge {
    /// With what its folder keeps.
    pub fn new(options: EdgeOptions, listeners: &[TcpListener]) -> Result<Self, EdgeError> {
        let store = Store::open(&options.folder).map_err(|source| options.folder_error(source))?;
        let store = Arc::new(store);
        let tls = Tls::open(&options).map_err(|source| options.folder_error(source))?;
        let observed = Observed::new(Arc::clone(&store), &options.access_log)?;
        let lifecycle = Lifecycle::new(listeners)?;
        let routing = Routing::new(Arc::clone(&store), Arc::clone(&options.inspector));
        let (routing, tls, observed) = (Arc::new(routing), Arc::new(tls), Arc::new(observed));
        Ok(Self { options, store, routing, tls, lifecycle, observed })
    }

    /// Puts a table in force, and looks whether its names need certificates.
    pub fn apply(&self, snapshot: RouteSnapshot) -> Result<Arc<Table>, Refused> {
        let table = self.routing.apply(snapshot)?;
        self.tls.acme.look.notify_one();
        Ok(table)
    }

    /// Takes routes that the previous edge received while this one was starting.
    pub fn take_newer(&self) {
        let in_force = self.routing.table().generation();
        if let Some(newer) = self.store.snapshot().filter(|kept| Some(kept.generation) > in_force)
            && let Err(error) = self.apply(newer)
        {
            eprintln!("haloy edge: {error}");
        }
    }

    /// Takes over what changed on disk: certificates, and an access log that was moved away.
    pub fn reload(&self) {
        self.import_own();
        self.observed.access.open_anew();
    }

    /// Reads certificates again, and reports which of the user's own are served.
    pub fn import_own(&self) {
        let certs = &self.tls.certs;
        let before: Vec<String> = certs.all().iter().map(|cert| cert.serial.clone()).collect();
        for cert in certs.load().iter().filter(|cert| !before.contains(&cert.serial)) {
            let (names, serial) = (cert.names.clone(), cert.serial.clone());
            self.observed.report(Report::Imported { names, serial, not_after: cert.not_after });
        }
    }
}
