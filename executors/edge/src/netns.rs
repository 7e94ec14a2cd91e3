//! The kernel as a witness: which connections are in the network namespace of a process. Anybody may read
//! that, so it needs no engine and no rights; it is what identity is shown by while the engine is away.
//!
//! A connection of two sockets on one machine is listed at both ends. Where ours is listed on the far side
//! among those of the container's namespace, it ends there, whatever has happened to addresses meanwhile.

use super::identity::Process;
use std::io::Read;
use std::net::{IpAddr, SocketAddr};

/// Most that is read of a list of connections, in bytes: about 200,000 of them.
const LIST_BYTES: u64 = 32 << 20;
/// States of a connection whose client has been answered: established, or about to be. From the kernel's
/// `include/net/tcp_states.h`.
const CONNECTED: [&str; 2] = ["01", "03"];

/// When a process began, in ticks since the machine started: field 22 of proc_pid_stat(5). None if it does
/// not exist, or is not visible.
pub fn began(process: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name of the program may hold anything, blanks and parentheses as well.
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(19)?.parse().ok()
}

/// Whether a connection is among those of the network namespace of a process that still runs.
pub fn holds(process: Process, theirs: SocketAddr, ours: SocketAddr) -> bool {
    let alive = || began(process.id) == Some(process.began);
    if !alive() {
        return false;
    }
    let listed = ["tcp", "tcp6"].iter().any(|list| {
        let Ok(file) = std::fs::File::open(format!("/proc/{}/net/{list}", process.id)) else { return false };
        let mut text = String::new();
        file.take(LIST_BYTES).read_to_string(&mut text).is_ok() && lists(&text, theirs, ours)
    });
    // Also afterwards: the number was this process's all the while.
    listed && alive()
}

/// Whether a list of connections has this one, of IPv4 or IPv6.
fn lists(text: &str, theirs: SocketAddr, ours: SocketAddr) -> bool {
    let ends = [written(theirs), written(ours)];
    // A server that listens for both kinds has connections of IPv4 in the list of IPv6.
    let mapped = [written_mapped(theirs), written_mapped(ours)];
    text.lines().any(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let (Some(theirs), Some(ours), Some(state)) = (fields.next(), fields.next(), fields.next()) else {
            return false;
        };
        let is = |ends: &[String; 2]| ends[0] == theirs && ends[1] == ours;
        (is(&ends) || is(&mapped)) && CONNECTED.contains(&state)
    })
}

/// An end of a connection as the kernel writes it: words of four bytes in the order of the machine.
fn written(end: SocketAddr) -> String {
    match end.ip() {
        IpAddr::V4(address) => format!("{:08X}:{:04X}", word(address.octets()), end.port()),
        IpAddr::V6(address) => of_v6(address, end.port()),
    }
}

fn written_mapped(end: SocketAddr) -> String {
    match end.ip() {
        IpAddr::V4(address) => of_v6(address.to_ipv6_mapped(), end.port()),
        IpAddr::V6(address) => of_v6(address, end.port()),
    }
}

fn of_v6(address: std::net::Ipv6Addr, port: u16) -> String {
    let bytes = address.octets();
    let words = bytes.chunks_exact(4).map(|four| match four {
        [a, b, c, d] => format!("{:08X}", word([*a, *b, *c, *d])),
        _others => String::new(),
    });
    format!("{}:{port:04X}", words.collect::<String>())
}

fn word(bytes: [u8; 4]) -> u32 {
    u32::from_ne_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    fn me() -> Process {
        let id = std::process::id();
        Process { id, began: began(id).expect("this process runs") }
    }

    #[test]
    fn a_connection_is_found_in_the_namespace_where_it_ends() {
        for at in ["127.0.0.1:0", "[::1]:0", "[::]:0"] {
            let Ok(listener) = TcpListener::bind(at) else { continue };
            let mut to = listener.local_addr().expect("an address");
            if to.ip().is_unspecified() {
                // Listed as IPv6, though it is a connection of IPv4.
                to.set_ip(IpAddr::from([127, 0, 0, 1]));
            }
            let stream = TcpStream::connect(to).expect("connected");
            let ours = stream.local_addr().expect("an address");
            assert!(holds(me(), to, ours), "{at}, not accepted yet");
            let _accepted = listener.accept().expect("accepted");
            assert!(holds(me(), to, ours), "{at}, accepted");
            let other = SocketAddr::new(ours.ip(), ours.port() ^ 1);
            assert!(!holds(me(), to, other), "{at}, of another client");
        }
    }

    #[test]
    fn a_number_that_came_to_another_process_shows_nothing() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let to = listener.local_addr().expect("an address");
        let stream = TcpStream::connect(to).expect("connected");
        let ours = stream.local_addr().expect("an address");
        let before = Process { began: me().began - 1, ..me() };
        assert!(!holds(before, to, ours));
    }

    #[test]
    fn a_connection_that_has_ended_is_not_held() {
        // Seen on a machine: an established connection, one that the server has closed, a listening socket.
        let list = "  sl  local_address rem_address   st tx_queue rx_queue\n   0: 0200000A:1F90 0100000A:D431 01 00000000:00000000\n   1: 0200000A:1F90 0100000A:D432 05 00000000:00000000\n   2: 00000000:1F90 00000000:0000 0A 00000000:00000000\n";
        let theirs = SocketAddr::from(([10, 0, 0, 2], 8080));
        let ours = |port| SocketAddr::from(([10, 0, 0, 1], port));
        if cfg!(target_endian = "little") {
            assert!(lists(list, theirs, ours(0xd431)));
            assert!(!lists(list, theirs, ours(0xd432)));
            assert!(!lists(list, ours(0xd431), theirs));
        }
    }
}
