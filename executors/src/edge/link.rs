//! A connection to a replica, moved along by the request that uses it.
//!
//! No task of its own: whoever waits for an answer, or reads one, moves bytes. So a request stays on one
//! thread from the client to the replica and back, and nobody has to be woken in between.

use super::body::Body;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, Response, body::Incoming};
use hyper_util::rt::TokioIo;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use tokio::net::TcpStream;

/// Moves the bytes of a connection; ends with it.
type Moving = Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>;

/// A connection to a replica.
pub struct Link {
    sender: SendRequest<Body>,
    moving: Moving,
    ended: bool,
}

/// Why there is no answer.
pub enum Unanswered {
    /// Not a byte of the request was sent.
    NotSent(Box<Request<Body>>),
    /// Nobody knows what the replica did with it.
    Lost,
}

impl Link {
    /// Over a connection that was just made.
    pub async fn new(stream: TcpStream) -> std::io::Result<Self> {
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(std::io::Error::other)?;
        Ok(Self { sender, moving: Box::pin(connection.with_upgrades()), ended: false })
    }

    /// Moves what can be moved.
    pub fn step(&mut self, cx: &mut Context<'_>) {
        if !self.ended {
            // How it ended, the request is told.
            self.ended = self.moving.as_mut().poll(cx).is_ready();
        }
    }

    /// Whether another request can be sent now: nothing is left of the one before, and the replica has
    /// not closed it.
    pub fn ready(&mut self) -> bool {
        let mut nobody = Context::from_waker(Waker::noop());
        self.step(&mut nobody);
        !self.ended && matches!(self.sender.poll_ready(&mut nobody), Poll::Ready(Ok(())))
    }

    /// Sends a request and waits for the head of its answer.
    pub async fn ask(&mut self, request: Request<Body>) -> Result<Response<Incoming>, Unanswered> {
        let mut answer = pin!(self.sender.try_send_request(request));
        let answer = poll_fn(|cx| {
            if !self.ended {
                self.ended = self.moving.as_mut().poll(cx).is_ready();
            }
            answer.as_mut().poll(cx)
        });
        answer.await.map_err(|mut error| match error.take_message() {
            Some(unsent) => Unanswered::NotSent(Box::new(unsent)),
            None => Unanswered::Lost,
        })
    }

    /// For what is no longer HTTP: to be awaited beside it.
    pub async fn rest(self) {
        if !self.ended {
            drop(self.moving.await);
        }
    }
}
