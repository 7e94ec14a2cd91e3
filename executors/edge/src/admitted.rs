//! Connections of clients that the edge took, and how many it takes.

use super::limits::{CONNECTIONS, PER_ADDRESS};
use super::shared::Edge;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, PoisonError};

/// One connection; counted while it lives, as a tunnel too.
pub struct Admitted {
    pub(super) edge: Arc<Edge>,
    who: IpAddr,
}

/// Who is counted as one: an IPv4 address, or the /64 that a provider gives to one customer.
fn who(client: IpAddr) -> IpAddr {
    match client {
        IpAddr::V4(_) => client,
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !0 << 64)),
    }
}

pub(super) fn enter(edge: &Arc<Edge>, client: IpAddr) -> Option<Arc<Admitted>> {
    let who = who(client);
    let mut counts = edge.clients.0.lock().unwrap_or_else(PoisonError::into_inner);
    let count = counts.of.get(&who).copied().unwrap_or(0);
    if count >= PER_ADDRESS || counts.all >= CONNECTIONS {
        return None;
    }
    counts.all += 1;
    counts.of.insert(who, count + 1);
    Some(Arc::new(Admitted { edge: Arc::clone(edge), who }))
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut counts = self.edge.clients.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.all -= 1;
        match counts.of.get_mut(&self.who) {
            Some(count) if *count > 1 => *count -= 1,
            Some(_) | None => drop(counts.of.remove(&self.who)),
        }
    }
}
