//! Names and their replicas: the current table, and how the next one replaces it.

use super::identity::Inspector;
use super::store::Store;
use super::table::{Refused, Table};
use super::upstream::Upstreams;
use arc_swap::ArcSwap;
use haloy_ledger::edge::RouteSnapshot;
use haloy_ledger::locks::locked;
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;

/// The table in force and its replicas.
pub struct Routing {
    store: Arc<Store>,
    table: ArcSwap<Table>,
    applying: Mutex<()>,
    /// Replicas.
    pub upstreams: Upstreams,
    /// There are routes, maybe to replicas that were never located.
    pub routed: Notify,
}

impl Routing {
    /// With the table that the folder keeps.
    pub fn new(store: Arc<Store>, inspector: Arc<dyn Inspector>) -> Self {
        let upstreams = Upstreams::new(inspector);
        let table = store.snapshot().map(|snapshot| Table::new(snapshot, &upstreams)).unwrap_or_default();
        let (table, applying) = (ArcSwap::from_pointee(table), Mutex::new(()));
        Self { store, table, applying, upstreams, routed: Notify::new() }
    }

    /// The table in force.
    pub fn table(&self) -> Arc<Table> {
        self.table.load_full()
    }

    /// A short look at the table in force: cheaper than to have it.
    pub fn table_guard(&self) -> arc_swap::Guard<Arc<Table>> {
        self.table.load()
    }

    /// Whether a table is still the one in force.
    pub fn in_force(&self, table: &Arc<Table>) -> bool {
        Arc::ptr_eq(table, &self.table.load())
    }

    /// Puts a table in force: kept on disk first, then swapped in one step.
    pub fn apply(&self, snapshot: RouteSnapshot) -> Result<Arc<Table>, Refused> {
        let _one_at_a_time = locked(&self.applying);
        self.table().admits(&snapshot)?;
        self.store.keep_snapshot(&snapshot).map_err(|error| Refused::NotKept(error.to_string()))?;
        let table = Arc::new(Table::new(snapshot, &self.upstreams));
        self.table.store(Arc::clone(&table));
        self.upstreams.forget_unused();
        self.routed.notify_one();
        Ok(table)
    }

    /// Locates every replica soon after it came into the routes. Never returns.
    pub async fn see_new(&self) {
        loop {
            self.upstreams.see_new().await;
            self.routed.notified().await;
        }
    }
}
