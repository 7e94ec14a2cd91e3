//! The access log: one line of JSON for each request, once its answer has ended.
//!
//! Requests never wait for it: a thread of its own writes, and what it cannot take is counted.

use super::body::{Body, Passed, Passing, Polled};
use super::client_origin::ClientOrigin;
use super::limits::LOG_LINES;
use super::options::AccessLog;
use haloy_ledger::locks::locked;
use haloy_ledger::ports::{Clock, SystemClock};
use http_body_util::BodyExt;
use hyper::body::Body as _;
use hyper::header::{self, HeaderValue};
use hyper::{Request, Response};
use std::io::{BufWriter, Write};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Instant;

/// The replica that answered; travels with a response to the log.
#[derive(Debug, Clone)]
pub struct ServedBy {
    /// Where the connection that was used ends.
    pub at: SocketAddr,
    /// Id of the container; none where the routes do not say.
    pub container: Option<Arc<str>>,
}

enum Line {
    Text(String),
    OpenAnew,
    End,
}

/// The log of a running edge.
pub struct Access {
    lines: Option<SyncSender<Line>>,
    lost: Arc<AtomicU64>,
    writer: Mutex<Option<std::thread::JoinHandle<()>>>,
}

impl Access {
    /// Opens it. Fails where the file cannot be written to.
    pub fn open(to: &AccessLog) -> std::io::Result<Self> {
        let lost = Arc::<AtomicU64>::default();
        let Some(writer) = open(to)? else {
            return Ok(Self { lines: None, lost, writer: Mutex::new(None) });
        };
        let (lines, received) = sync_channel(LOG_LINES);
        let (to, count) = (to.clone(), Arc::clone(&lost));
        let thread = std::thread::Builder::new().name("access-log".to_owned());
        let thread = thread.spawn(move || write(&to, writer, &received, &count))?;
        Ok(Self { lines: Some(lines), lost, writer: Mutex::new(Some(thread)) })
    }

    /// Whether anybody wants to know.
    pub fn wanted(&self) -> bool {
        self.lines.is_some()
    }

    /// Lines that could not be written.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Opens the file anew: the old one was moved away.
    pub fn open_anew(&self) {
        if let Some(lines) = &self.lines {
            // Too busy to be told: the next time.
            drop(lines.try_send(Line::OpenAnew));
        }
    }

    /// Writes what waits. Requests that end later are not logged.
    pub fn end(&self) {
        let thread = locked(&self.writer).take();
        if let (Some(lines), Some(thread)) = (&self.lines, thread) {
            // Only a writer that ended by itself takes no line, and then there is nothing to wait for.
            drop(lines.send(Line::End));
            drop(thread.join());
        }
    }

    /// Logs a request once its answer has ended, or broke off.
    pub fn follow(&self, mut entry: Entry, response: Response<Body>) -> Response<Body> {
        let Some(lines) = self.lines.clone() else { return response };
        entry.status = response.status().as_u16();
        entry.replica = response.extensions().get::<ServedBy>().cloned();
        let lost = Arc::clone(&self.lost);
        let followed = Followed { entry, lines, lost, bytes: 0, whole: false };
        response.map(|inner| Passed::new(inner, followed).boxed_unsync())
    }
}

fn open(to: &AccessLog) -> std::io::Result<Option<Box<dyn Write + Send>>> {
    use std::os::unix::fs::OpenOptionsExt;
    Ok(match to {
        AccessLog::Off => None,
        AccessLog::Stdout => Some(Box::new(std::io::stdout())),
        // Addresses of clients: for this user only.
        AccessLog::File(path) => {
            Some(Box::new(std::fs::OpenOptions::new().append(true).create(true).mode(0o600).open(path)?))
        }
    })
}

fn write(to: &AccessLog, writer: Box<dyn Write + Send>, lines: &Receiver<Line>, lost: &AtomicU64) {
    let mut writer = BufWriter::new(writer);
    while let Ok(first) = lines.recv() {
        let mut next = Ok(first);
        // Everything that waits, then one flush.
        while let Ok(line) = next {
            match line {
                Line::Text(text) => {
                    if writer.write_all(text.as_bytes()).is_err() {
                        lost.fetch_add(1, Ordering::Relaxed);
                    }
                }
                Line::OpenAnew => {
                    drop(writer.flush());
                    match open(to) {
                        Ok(Some(anew)) => writer = BufWriter::new(anew),
                        Ok(None) => {}
                        Err(error) => eprintln!("haloy edge: the access log cannot be opened anew: {error}"),
                    }
                }
                Line::End => return drop(writer.flush()),
            }
            next = lines.try_recv();
        }
        // A full disk, or nobody reads any more: requests are served all the same.
        drop(writer.flush());
        if matches!(next, Err(TryRecvError::Disconnected)) {
            return;
        }
    }
}

/// What is known of a request when it comes. Never its query: people put secrets there.
pub struct Entry {
    began: Instant,
    at: i64,
    id: HeaderValue,
    client: std::net::IpAddr,
    scheme: &'static str,
    method: String,
    host: String,
    path: String,
    protocol: hyper::Version,
    status: u16,
    replica: Option<ServedBy>,
}

impl Entry {
    /// Of a request.
    pub fn new<T>(from: ClientOrigin, id: &HeaderValue, request: &Request<T>) -> Self {
        let host = request.uri().authority().map(hyper::http::uri::Authority::as_str);
        let host = host.or_else(|| request.headers().get(header::HOST)?.to_str().ok());
        Self {
            began: Instant::now(),
            at: SystemClock.now().0,
            id: id.clone(),
            client: from.client,
            scheme: from.scheme(),
            method: request.method().to_string(),
            host: host.unwrap_or("").to_owned(),
            path: request.uri().path().to_owned(),
            protocol: request.version(),
            status: 0,
            replica: None,
        }
    }

    fn line(&self, bytes: u64, whole: bool) -> String {
        let time = jiff::Timestamp::from_nanosecond(i128::from(self.at)).unwrap_or_default();
        let line = serde_json::json!({
            "time": format!("{time:.6}"),
            "request_id": self.id.to_str().unwrap_or(""),
            "client": self.client.to_string(),
            "scheme": self.scheme,
            "method": self.method,
            "host": self.host,
            "path": self.path,
            "protocol": format!("{:?}", self.protocol),
            "status": self.status,
            "replica": self.replica.as_ref().map(|by| by.at.to_string()),
            "container": self.replica.as_ref().and_then(|by| by.container.as_deref()),
            "bytes": bytes,
            "complete": whole,
            "took_us": u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX),
        });
        format!("{line}\n")
    }
}

/// A body that is logged when it is let go of.
struct Followed {
    entry: Entry,
    lines: SyncSender<Line>,
    lost: Arc<AtomicU64>,
    bytes: u64,
    whole: bool,
}

impl Passing<Body> for Followed {
    fn poll(&mut self, inner: &mut Body, cx: &mut Context<'_>) -> Polled {
        let polled = Pin::new(inner).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                self.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
            }
            Poll::Ready(None) => self.whole = true,
            Poll::Ready(Some(Err(_))) | Poll::Pending => {}
        }
        polled
    }

    fn let_go(&mut self, inner: &Body) {
        // A body that is known to have ended is not asked again.
        let whole = self.whole || inner.is_end_stream();
        let line = self.entry.line(self.bytes, whole);
        if self.lines.try_send(Line::Text(line)).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}
