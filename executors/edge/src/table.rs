//! The table of routes: from a name to the replicas that answer for it.

use super::identity::Subject;
use super::limits::{NAMES, SNAPSHOT_BYTES};
use super::standing::Stands;
use super::upstream::{Check, Upstream, Upstreams};
use haloy_ledger::edge::RouteSnapshot;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Why a table is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The bytes are not a table.
    #[error("the routes cannot be read: {0}")]
    Unreadable(String),
    /// A newer one is in force.
    #[error("generation {given} is older than {current}, which is in force")]
    Stale {
        /// What was given.
        given: u64,
        /// What is in force.
        current: u64,
    },
    /// The same generation must mean the same routes.
    #[error("generation {0} is in force with other routes")]
    Different(u64),
    /// One edge serves one ledger.
    #[error("this edge serves ledger {0}")]
    OtherLedger(String),
    /// The table could not be stored, so it is not in force either.
    #[error("the routes cannot be kept: {0}")]
    NotKept(String),
}

/// Reads a table and sees whether it can be served at all.
pub fn decode(bytes: &[u8]) -> Result<RouteSnapshot, Refused> {
    let unreadable = |text: String| Err(Refused::Unreadable(text));
    if bytes.len() > SNAPSHOT_BYTES {
        return unreadable(format!("they have more than {SNAPSHOT_BYTES} bytes"));
    }
    let snapshot: RouteSnapshot = match serde_json::from_slice(bytes) {
        Ok(snapshot) => snapshot,
        Err(error) => return unreadable(error.to_string()),
    };
    let mut names = std::collections::BTreeSet::new();
    for route in &snapshot.routes {
        for name in std::iter::once(&route.domain).chain(&route.aliases) {
            if !well_formed(name) {
                return unreadable(format!("`{name}` is not a valid host name"));
            }
            if !names.insert(name) {
                return unreadable(format!("{name} is in it twice"));
            }
        }
        for backend in &route.backends {
            if backend.address.parse::<IpAddr>().is_err() || backend.port == 0 {
                return unreadable(format!("`{}:{}` is not a valid address", backend.address, backend.port));
            }
        }
    }
    if names.len() > NAMES {
        return unreadable(format!("they have more than {NAMES} names"));
    }
    Ok(snapshot)
}

fn well_formed(name: &str) -> bool {
    let label = |label: &str| {
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
        !label.is_empty() && label.len() <= 63 && label.chars().all(inner)
    };
    name.len() <= 253 && name.split('.').all(label)
}

/// What a name means.
pub enum Named {
    /// Replicas of this site answer.
    Route(Arc<Site>),
    /// Redirects to this domain.
    Alias(String),
}

/// A domain.
pub struct Site {
    /// The domain.
    pub domain: String,
    /// App and target, for people.
    pub owner: String,
    /// Replicas that are well.
    pub upstreams: Vec<Arc<Upstream>>,
    next: AtomicUsize,
}

impl Site {
    /// The next replica in turn that is not among `tried`. One that recently did not accept, or that checks
    /// keep out of the route, is picked only if there is no other: checks alone never leave a request without
    /// a replica. A request that can be sent `once` goes to one that failed its last check only if no other
    /// is well.
    pub fn pick(&self, tried: &[Arc<Upstream>], once: bool) -> Option<Arc<Upstream>> {
        let start = self.next.fetch_add(1, Ordering::Relaxed);
        let count = self.upstreams.len();
        let turn = (0..count).map(|step| &self.upstreams[(start + step) % count]);
        let left: Vec<_> = turn.filter(|upstream| !is_among(upstream, tried)).collect();
        let first = |is: &dyn Fn(&Upstream) -> bool| left.iter().find(|upstream| is(upstream));
        let inside = |upstream: &Upstream| upstream.stands() != Stands::Out;
        let picked = first(&|upstream| inside(upstream) && upstream.passes(once) && upstream.usable());
        let picked = picked.or_else(|| first(&|upstream| inside(upstream) && upstream.usable()));
        let picked = picked.or_else(|| first(&inside)).or_else(|| first(&Upstream::usable)).or(left.first());
        picked.map(|upstream| Arc::clone(upstream))
    }

    /// Whether a replica is well that is not among `tried`.
    pub fn well_but_for(&self, tried: &[Arc<Upstream>]) -> bool {
        self.upstreams.iter().any(|upstream| upstream.well() && !is_among(upstream, tried))
    }
}

fn is_among(upstream: &Arc<Upstream>, others: &[Arc<Upstream>]) -> bool {
    others.iter().any(|other| Arc::ptr_eq(other, upstream))
}

/// Everything that is routed, at one generation.
#[derive(Default)]
pub struct Table {
    names: HashMap<String, Named>,
    /// Source of the table; none before the first.
    pub snapshot: Option<RouteSnapshot>,
    /// Digest of that.
    pub digest: String,
}

impl Table {
    /// Builds a table; known replicas keep their connections and counts.
    pub fn new(snapshot: RouteSnapshot, upstreams: &Upstreams) -> Self {
        let mut names = HashMap::new();
        for route in &snapshot.routes {
            let found = route.backends.iter().filter_map(|backend| {
                let subject = Subject {
                    ledger: snapshot.ledger,
                    app: route.app.clone(),
                    target: route.target.clone(),
                    replica: backend.replica,
                    container: backend.container.clone(),
                };
                let asked = |path: &String| Check { host: route.domain.clone(), path: path.clone() };
                let check = backend.health.as_ref().map(asked);
                Some(upstreams.get(subject, backend.port, backend.address.parse().ok()?, check))
            });
            let site = Site {
                domain: route.domain.clone(),
                owner: format!("{}/{}", route.app, route.target),
                upstreams: found.collect(),
                next: AtomicUsize::new(0),
            };
            names.insert(route.domain.clone(), Named::Route(Arc::new(site)));
            for alias in &route.aliases {
                names.insert(alias.clone(), Named::Alias(route.domain.clone()));
            }
        }
        Self { names, digest: snapshot.digest(), snapshot: Some(snapshot) }
    }

    /// What a name means.
    pub fn get(&self, name: &str) -> Option<&Named> {
        self.names.get(name)
    }

    /// Every replica of every domain; more than once if it has several.
    pub fn upstreams(&self) -> impl Iterator<Item = &Arc<Upstream>> {
        let sites = self.names.values().filter_map(|named| match named {
            Named::Route(site) => Some(site),
            Named::Alias(_) => None,
        });
        sites.flat_map(|site| &site.upstreams)
    }

    /// Whether a replica gets requests.
    pub fn routes_to(&self, upstream: &Arc<Upstream>) -> bool {
        self.upstreams().any(|routed| Arc::ptr_eq(routed, upstream))
    }

    /// Generation in force; none before the first.
    pub fn generation(&self) -> Option<u64> {
        self.snapshot.as_ref().map(|snapshot| snapshot.generation)
    }

    /// Whether another table may replace this one.
    pub fn admits(&self, next: &RouteSnapshot) -> Result<(), Refused> {
        let Some(current) = &self.snapshot else { return Ok(()) };
        if current.ledger != next.ledger {
            return Err(Refused::OtherLedger(current.ledger.to_string()));
        }
        match next.generation.cmp(&current.generation) {
            std::cmp::Ordering::Less => {
                Err(Refused::Stale { given: next.generation, current: current.generation })
            }
            // The same log may be read by a version that records more.
            std::cmp::Ordering::Equal if !next.same_but_for_unsaid(current) => {
                Err(Refused::Different(current.generation))
            }
            std::cmp::Ordering::Equal | std::cmp::Ordering::Greater => Ok(()),
        }
    }
}
