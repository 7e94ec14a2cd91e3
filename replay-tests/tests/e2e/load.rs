//! Clients that never retry: every request that is not answered well is counted.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How clients use connections.
#[derive(Clone, Copy)]
pub enum Way {
    /// One connection for as long as the server allows.
    KeepAlive,
    /// A new one for each request.
    Fresh,
}

/// One answer: status, whether the server wants the connection closed, body.
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

/// Sends a request over an open connection and reads one whole answer.
pub fn ask(stream: &mut TcpStream, host: &str, path: &str) -> std::io::Result<Answer> {
    ask_by(stream, "GET", host, path)
}

fn ask_by(stream: &mut TcpStream, method: &str, host: &str, path: &str) -> std::io::Result<Answer> {
    let request = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    answer(stream)
}

/// Reads one whole answer, by its Content-Length.
pub fn answer(stream: &mut TcpStream) -> std::io::Result<Answer> {
    let (mut bytes, mut chunk) = (Vec::new(), [0; 4096]);
    let broken = |what: &str| std::io::Error::other(what.to_owned());
    loop {
        let head = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        if let Some(end) = head {
            let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
            let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
            let length: usize = length.and_then(|text| text.trim().parse().ok()).unwrap_or(0);
            if bytes.len() >= end + 4 + length {
                let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
                let body = String::from_utf8_lossy(&bytes[end + 4..end + 4 + length]).into_owned();
                return Ok(Answer { status, head, body });
            }
        }
        match stream.read(&mut chunk)? {
            0 => return Err(broken(if bytes.is_empty() { "closed unanswered" } else { CUT_OFF })),
            count => bytes.extend_from_slice(&chunk[..count]),
        }
    }
}

/// Why a request failed of which a first byte was answered.
pub const CUT_OFF: &str = "cut off";

/// A connection with limits.
pub fn connect(at: SocketAddr) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&at, Duration::from_secs(5))?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A failed request: when it began, and why.
pub type Failed = (Instant, String);

/// Clients at work.
pub struct Load {
    stop: Arc<AtomicBool>,
    done: Arc<AtomicUsize>,
    failed: Arc<Mutex<Vec<Failed>>>,
    threads: Vec<std::thread::JoinHandle<()>>,
}

impl Load {
    /// Starts so many clients of a host.
    pub fn start(at: SocketAddr, host: &str, clients: usize, way: Way) -> Self {
        Self::with(at, host, clients, way, "GET")
    }

    /// The same, of any method.
    pub fn with(at: SocketAddr, host: &str, clients: usize, way: Way, method: &'static str) -> Self {
        let (stop, done, failed) =
            (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default(), Arc::<Mutex<Vec<_>>>::default());
        let threads = (0..clients).map(|_| {
            let (stop, done, failed) = (Arc::clone(&stop), Arc::clone(&done), Arc::clone(&failed));
            let host = host.to_owned();
            std::thread::spawn(move || {
                let mut kept: Option<TcpStream> = None;
                while !stop.load(Ordering::Relaxed) {
                    let began = Instant::now();
                    let mut once = || {
                        let mut stream = match kept.take() {
                            Some(stream) => stream,
                            None => connect(at)?,
                        };
                        let answer = ask_by(&mut stream, method, &host, "/")?;
                        if answer.status != 200 {
                            return Err(std::io::Error::other(format!("{}: {}", answer.status, answer.body)));
                        }
                        let close = answer.head.contains("connection: close");
                        kept = Some(stream).filter(|_| matches!(way, Way::KeepAlive) && !close);
                        Ok(())
                    };
                    match once() {
                        Ok(()) => drop(done.fetch_add(1, Ordering::Relaxed)),
                        Err(error) => {
                            failed.lock().expect("not poisoned").push((began, error.to_string()));
                        }
                    }
                    std::thread::sleep(Duration::from_millis(5));
                }
            })
        });
        let threads = threads.collect();
        Self { stop, done, failed, threads }
    }

    /// Requests answered well, and those that were not.
    pub fn end(self) -> (usize, Vec<Failed>) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().expect("it asked");
        }
        let failed = std::mem::take(&mut *self.failed.lock().expect("not poisoned"));
        (self.done.load(Ordering::Relaxed), failed)
    }
}
