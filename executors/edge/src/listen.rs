//! The addresses that an edge listens at.

use super::limits::{ADDRESS_AGAIN, ADDRESS_FREED};
use std::io::{Error, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::time::Instant;

/// An address that cannot be listened at.
#[derive(Debug)]
pub struct NotListening {
    /// The address.
    pub address: SocketAddr,
    /// Why.
    pub source: Error,
}

/// Listens at each. A process that was killed keeps its addresses until the last of its threads is gone:
/// who starts an edge in that moment is not refused for it.
pub async fn listen<'a>(
    addresses: impl Iterator<Item = &'a SocketAddr>,
) -> Result<Vec<TcpListener>, NotListening> {
    let until = Instant::now() + ADDRESS_FREED;
    let mut listening = Vec::new();
    for address in addresses {
        listening.push(patiently(*address, until).await?);
    }
    Ok(listening)
}

async fn patiently(address: SocketAddr, until: Instant) -> Result<TcpListener, NotListening> {
    loop {
        match bind(address) {
            Err(error) if error.kind() == ErrorKind::AddrInUse && Instant::now() < until => {
                tokio::time::sleep(ADDRESS_AGAIN).await;
            }
            bound => {
                return bound.map_err(|source| NotListening { address, source });
            }
        }
    }
}

fn bind(address: SocketAddr) -> Result<TcpListener, Error> {
    // SO_REUSEADDR is what std sets on Unix: a restart does not wait for old connections.
    let listener = match TcpListener::bind(address) {
        // A machine without IPv6: every address of the other kind is what was meant.
        Err(error) if address.ip() == Ipv6Addr::UNSPECIFIED && no_ipv6(&error) => {
            TcpListener::bind((Ipv4Addr::UNSPECIFIED, address.port()))?
        }
        bound => bound?,
    };
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn no_ipv6(error: &Error) -> bool {
    use rustix::io::Errno;
    let none = [Errno::AFNOSUPPORT, Errno::ADDRNOTAVAIL].map(|errno| errno.raw_os_error());
    error.raw_os_error().is_some_and(|code| none.contains(&code))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;
    use std::time::Duration;

    fn somewhere() -> TcpListener {
        TcpListener::bind((IpAddr::V4(Ipv4Addr::LOCALHOST), 0)).expect("an address is free")
    }

    #[tokio::test]
    async fn an_address_that_is_freed_meanwhile_is_waited_for() {
        let dying = somewhere();
        let address = dying.local_addr().expect("bound");
        let freed = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(150)).await;
            drop(dying);
        });
        listen([address].iter()).await.expect("listens");
        freed.await.expect("freed");
    }

    #[tokio::test]
    async fn one_that_stays_taken_is_an_error_that_names_it() {
        let other = somewhere();
        let address = other.local_addr().expect("bound");
        let error = listen([address].iter()).await.expect_err("taken");
        assert_eq!((error.address, error.source.kind()), (address, ErrorKind::AddrInUse));
    }
}
