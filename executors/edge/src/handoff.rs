//! From one edge to the next without a pause: the listening sockets themselves are passed on, so that
//! not even a connection that waits to be accepted is lost.

use super::options::{AccessLog, EdgeOptions};
use haloy_ledger::locks::locked;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};
use std::io::{Error, IoSlice, IoSliceMut, Read, Result, Write};
use std::mem::MaybeUninit;
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How long the next edge may take to serve.
pub const PATIENCE: Duration = Duration::from_secs(15);
const SOCKET: &str = "handoff.sock";
const MOST: usize = 64;

/// What the next edge got.
pub struct Taken {
    /// Listening sockets.
    pub listeners: Vec<TcpListener>,
    /// Version of the previous edge.
    pub version: String,
    /// Tells the previous edge that this one serves.
    pub ready: Ready,
}

/// Message owed to the previous edge.
pub struct Ready(UnixStream);

impl Ready {
    /// This edge serves: the previous one may leave. The connection stays until it has.
    pub fn tell(mut self) -> Option<UnixStream> {
        // If the previous edge is already gone, it has left.
        let told = self.0.write_all(b"ready").and_then(|()| self.0.set_nonblocking(true));
        told.is_ok().then_some(self.0)
    }
}

/// The previous or the next edge. As long as the previous edge lives, it may have requests of replicas that
/// this one no longer routes to.
#[derive(Default)]
pub struct PeerEdge(Mutex<Option<UnixStream>>);

impl PeerEdge {
    /// There is one, and its end of this connection closes when it has left.
    pub fn set(&self, connection: Option<UnixStream>) {
        *locked(&self.0) = connection;
    }

    /// Whether it is still there.
    pub fn lives(&self) -> bool {
        let mut connection = locked(&self.0);
        let Some(stream) = connection.as_mut() else { return false };
        let lives = matches!(stream.read(&mut [0]), Err(e) if e.kind() == std::io::ErrorKind::WouldBlock);
        if !lives {
            *connection = None;
        }
        lives
    }
}

/// Starts the program that takes over and waits until it serves. If it does not, nothing has changed. Keep
/// the returned connection for as long as this edge has requests.
pub fn hand_over(options: &EdgeOptions, listeners: &[TcpListener], program: &Path) -> Result<UnixStream> {
    let path = options.folder.join(SOCKET);
    drop(std::fs::remove_file(&path));
    let socket = UnixListener::bind(&path)?;
    socket.set_nonblocking(true)?;
    let mut command = std::process::Command::new(program);
    command.args(["edge", "run", "--takeover", "--folder"]).arg(&options.folder);
    for address in &options.http {
        command.arg("--http").arg(address.to_string());
    }
    for address in &options.https {
        command.arg("--https").arg(address.to_string());
    }
    if let Some(address) = &options.metrics {
        command.arg("--metrics").arg(address.to_string());
    }
    if let Some(directory) = &options.acme.directory {
        command.arg("--acme-directory").arg(directory);
    }
    if let Some(root) = &options.acme.root {
        command.arg("--acme-ca").arg(root);
    }
    match &options.access_log {
        AccessLog::Off => {}
        AccessLog::Stdout => drop(command.args(["--access-log", "stdout"])),
        AccessLog::File(path) => drop(command.arg("--access-log").arg(path)),
    }
    let mut next = command.stdin(std::process::Stdio::null()).spawn()?;
    let served = wait_for(&socket, &mut next).and_then(|stream| give(stream, listeners));
    drop(std::fs::remove_file(&path));
    if served.is_err() {
        // The new edge must not serve beside this one.
        drop(next.kill());
    }
    served
}

fn wait_for(socket: &UnixListener, next: &mut std::process::Child) -> Result<UnixStream> {
    let until = Instant::now() + PATIENCE;
    loop {
        match socket.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false)?;
                return Ok(stream);
            }
            Err(error) if error.kind() != std::io::ErrorKind::WouldBlock => return Err(error),
            Err(_none_yet) => {}
        }
        if let Some(status) = next.try_wait()? {
            return Err(Error::other(format!("the next edge ended at once, {status}")));
        }
        if Instant::now() > until {
            return Err(Error::other("the next edge did not answer in time"));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn give(mut stream: UnixStream, listeners: &[TcpListener]) -> Result<UnixStream> {
    let fds: Vec<_> = listeners.iter().take(MOST).map(AsFd::as_fd).collect();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !control.push(SendAncillaryMessage::ScmRights(&fds)) {
        return Err(Error::other("too many listeners to pass on"));
    }
    let version = env!("CARGO_PKG_VERSION").as_bytes();
    sendmsg(&stream, &[IoSlice::new(version)], &mut control, SendFlags::empty())?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut ready = [0; 5];
    stream.read_exact(&mut ready)?;
    if &ready == b"ready" { Ok(stream) } else { Err(Error::other("the next edge is not ready")) }
}

/// Takes the listeners of the edge that started this one.
pub fn take(folder: &Path) -> Result<Taken> {
    let stream = UnixStream::connect(folder.join(SOCKET))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut version = [0; 64];
    let received =
        recvmsg(&stream, &mut [IoSliceMut::new(&mut version)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
    let mut listeners = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(fds) = message {
            listeners.extend(fds.map(TcpListener::from));
        }
    }
    for listener in &listeners {
        listener.set_nonblocking(true)?;
    }
    let version = String::from_utf8_lossy(&version[..received.bytes]).into_owned();
    Ok(Taken { listeners, version, ready: Ready(stream) })
}
