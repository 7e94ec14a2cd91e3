//! A connection to a replica, moved along by the request that uses it.
//!
//! No task of its own: the caller that waits for an answer, or reads one, moves bytes. So a request stays on
//! one thread from the client to the replica and back, and no other task has to be woken in between.

use super::body::Body;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, Response, body::Incoming};
use hyper_util::rt::TokioIo;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use tokio::net::TcpStream;

/// Moves the bytes of a connection; ends with it.
type Moving = Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>;

/// A connection to a replica.
pub struct Link {
    /// Where it ends.
    pub at: SocketAddr,
    sender: SendRequest<Body>,
    /// None once it has ended: what it still had is abandoned, and reported as failed.
    moving: Option<Moving>,
}

/// Why there is no answer.
pub enum Unanswered {
    /// Not a byte of the request was sent.
    NotSent(Box<Request<Body>>),
    /// What the replica did with it is unknown.
    Lost,
}

impl Link {
    /// Over a connection that was just made.
    pub async fn new(stream: TcpStream, at: SocketAddr) -> std::io::Result<Self> {
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(std::io::Error::other)?;
        Ok(Self { at, sender, moving: Some(Box::pin(connection.with_upgrades())) })
    }

    /// Moves what can be moved.
    pub fn step(&mut self, cx: &mut Context<'_>) {
        step(&mut self.moving, cx);
    }

    /// Whether another request can be sent now: nothing is left of the previous one, and the replica has not
    /// closed the connection.
    pub fn ready(&mut self) -> bool {
        let mut nobody = Context::from_waker(Waker::noop());
        self.step(&mut nobody);
        self.moving.is_some() && matches!(self.sender.poll_ready(&mut nobody), Poll::Ready(Ok(())))
    }

    /// Sends a request and waits for the head of its answer.
    pub async fn ask(&mut self, request: Request<Body>) -> Result<Response<Incoming>, Unanswered> {
        let mut answer = pin!(self.sender.try_send_request(request));
        let answer = poll_fn(|cx| {
            step(&mut self.moving, cx);
            answer.as_mut().poll(cx)
        });
        answer.await.map_err(|mut error| match error.take_message() {
            Some(unsent) => Unanswered::NotSent(Box::new(unsent)),
            None => Unanswered::Lost,
        })
    }

    /// For a connection that is no longer HTTP: to be awaited beside it.
    pub async fn rest(self) {
        if let Some(moving) = self.moving {
            // How it ended, both sides see.
            drop(moving.await);
        }
    }
}

fn step(moving: &mut Option<Moving>, cx: &mut Context<'_>) {
    // The request receives the cause of the end.
    if moving.as_mut().is_some_and(|moving| moving.as_mut().poll(cx).is_ready()) {
        *moving = None;
    }
}
