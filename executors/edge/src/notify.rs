//! Tells systemd who serves, so that a unit outlives the process that it started: after an upgrade the
//! main process of the unit is the one that took over. The protocol is that of sd_notify(3).

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Tells systemd that this process serves, and is the main one of its unit. Does nothing without a unit.
pub fn serves() {
    let Some(socket) = std::env::var_os("NOTIFY_SOCKET") else { return };
    let told = send(socket.as_encoded_bytes(), &format!("READY=1\nMAINPID={}", std::process::id()));
    if let Err(error) = told {
        eprintln!("haloy edge: systemd cannot be told that it serves: {error}");
    }
}

fn send(socket: &[u8], text: &str) -> std::io::Result<()> {
    use std::os::unix::ffi::OsStrExt;
    // A name that begins with @ is an abstract one, which is not a file.
    let address = match socket.strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(std::ffi::OsStr::from_bytes(socket))?,
    };
    UnixDatagram::unbound()?.send_to_addr(text.as_bytes(), &address).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_abstract_names_are_reached() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("notify");
        let name = format!("@haloy-test-{}", std::process::id());
        let listens = [
            UnixDatagram::bind(&path).expect("bound"),
            UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name[1..]).expect("a name"))
                .expect("bound"),
        ];
        let names = [path.as_os_str().as_encoded_bytes(), name.as_bytes()];
        for (listens, socket) in listens.iter().zip(names) {
            send(socket, "READY=1").expect("sent");
            let mut received = [0; 64];
            let count = listens.recv(&mut received).expect("received");
            assert_eq!(&received[..count], b"READY=1");
        }
    }
}
