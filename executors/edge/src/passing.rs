//! Bodies on their way through: counted, limited, and giving their connection back at the end.

use super::body::{Passed, Passing, Polled};
use super::headers;
use super::limits::{BODY_BYTES, BODY_PAUSE};
use super::link::Link;
use super::upstream::InFlight;
use bytes::Bytes;
use hyper::HeaderMap;
use hyper::body::{Body as _, Frame, Incoming};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use tokio::time::{Instant, Sleep};

/// A piece of a body; where it is its trailers, with a change to them.
fn with_trailers(frame: Frame<Bytes>, change: impl FnOnce(&mut HeaderMap)) -> Frame<Bytes> {
    match frame.into_trailers() {
        Ok(mut trailers) => {
            change(&mut trailers);
            Frame::trailers(trailers)
        }
        Err(piece) => piece,
    }
}

/// The body of a client: not too long, and not too slow.
pub struct FromClient {
    pieces: Arc<AtomicU64>,
    left: u64,
    pause: Pin<Box<Sleep>>,
}

impl FromClient {
    /// Of a request; counts the pieces that were passed on.
    pub fn body(inner: Incoming, pieces: Arc<AtomicU64>) -> Passed<Incoming, Self> {
        let pause = Box::pin(tokio::time::sleep(BODY_PAUSE));
        Passed::new(inner, Self { pieces, left: BODY_BYTES, pause })
    }
}

impl Passing<Incoming> for FromClient {
    fn poll(&mut self, inner: &mut Incoming, cx: &mut Context<'_>) -> Polled {
        match Pin::new(inner).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                let frame = with_trailers(frame, |trailers| {
                    headers::strip(trailers);
                    headers::without_claims(trailers);
                });
                let length = frame.data_ref().map_or(0, |data| data.len() as u64);
                self.pause.as_mut().reset(Instant::now() + BODY_PAUSE);
                self.pieces.fetch_add(1, Ordering::Relaxed);
                match self.left.checked_sub(length) {
                    Some(left) => {
                        self.left = left;
                        Poll::Ready(Some(Ok(frame)))
                    }
                    None => Poll::Ready(Some(Err("the body is larger than the edge takes".into()))),
                }
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(error.into()))),
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => match std::future::Future::poll(self.pause.as_mut(), cx) {
                Poll::Ready(()) => Poll::Ready(Some(Err("the client stopped sending".into()))),
                Poll::Pending => Poll::Pending,
            },
        }
    }
}

/// The body of a replica's answer; the request counts until it was read to its end, or dropped.
pub struct FromUpstream {
    way: Option<(InFlight, Link)>,
}

impl FromUpstream {
    /// Of an answer that came over this connection.
    pub fn body(inner: Incoming, in_flight: InFlight, link: Link) -> Passed<Incoming, Self> {
        let mut passing = Self { way: Some((in_flight, link)) };
        if inner.is_end_stream() {
            passing.ended();
        }
        Passed::new(inner, passing)
    }

    fn ended(&mut self) {
        if let Some((in_flight, link)) = self.way.take() {
            in_flight.0.keep(link);
        }
    }
}

impl Passing<Incoming> for FromUpstream {
    fn poll(&mut self, inner: &mut Incoming, cx: &mut Context<'_>) -> Polled {
        let mut polled = Pin::new(&mut *inner).poll_frame(cx);
        if let (Poll::Pending, Some((_, link))) = (&polled, &mut self.way) {
            link.step(cx);
            polled = Pin::new(&mut *inner).poll_frame(cx);
        }
        let ended = match &polled {
            Poll::Ready(None) => true,
            Poll::Ready(Some(Ok(_))) => inner.is_end_stream(),
            Poll::Ready(Some(Err(_))) | Poll::Pending => false,
        };
        if ended {
            self.ended();
        }
        let stripped = |frame| with_trailers(frame, headers::strip);
        polled.map(|frame| frame.map(|frame| frame.map(stripped).map_err(Into::into)))
    }
}
