//! Connections of clients: their number by client, and the limits of the edge.

use super::limits::{CONNECTIONS, PER_ADDRESS};
use haloy_ledger::locks::locked;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard};

/// Number of connections by client.
#[derive(Default)]
pub struct Clients(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    all: usize,
    of: HashMap<IpAddr, usize>,
}

/// An accepted connection; counted while it lives, as a tunnel too.
pub struct Admitted {
    clients: Arc<Clients>,
    who: IpAddr,
}

/// Key by which clients are counted: an IPv4 address, or the /64 that a provider gives to one customer.
fn who(client: IpAddr) -> IpAddr {
    match client {
        IpAddr::V4(_) => client,
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !0 << 64)),
    }
}

impl Clients {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        locked(&self.0)
    }

    /// Counts a connection; none if there are too many.
    pub fn enter(self: &Arc<Self>, client: IpAddr) -> Option<Arc<Admitted>> {
        let who = who(client);
        let mut counts = self.counts();
        let count = counts.of.get(&who).copied().unwrap_or(0);
        if count >= PER_ADDRESS || counts.all >= CONNECTIONS {
            return None;
        }
        counts.all += 1;
        counts.of.insert(who, count + 1);
        Some(Arc::new(Admitted { clients: Arc::clone(self), who }))
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut counts = self.clients.counts();
        counts.all -= 1;
        match counts.of.get_mut(&self.who) {
            Some(count) if *count > 1 => *count -= 1,
            Some(_) | None => drop(counts.of.remove(&self.who)),
        }
    }
}
