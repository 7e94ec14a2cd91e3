//! Requests over one connection of HTTP/2: hyper has no time limit for a connection without any.

use super::body::{Body, Passed, Passing, Polled};
use http_body_util::BodyExt;
use hyper::Response;
use hyper::body::Body as _;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::Context;
use std::time::Duration;

/// How many there are, and how many there were.
#[derive(Default)]
pub struct Open {
    now: AtomicUsize,
    ever: AtomicU64,
}

/// One request, until its answer has ended.
pub struct One(Arc<Open>);

impl Open {
    /// Another request.
    pub fn enter(self: &Arc<Self>) -> One {
        self.now.fetch_add(1, Ordering::Relaxed);
        self.ever.fetch_add(1, Ordering::Relaxed);
        One(Arc::clone(self))
    }

    /// Waits until there was no request for so long, or up to twice that.
    pub async fn nothing_for(&self, limit: Duration) {
        let mut before = u64::MAX;
        loop {
            let ever = self.ever.load(Ordering::Relaxed);
            let idle = self.now.load(Ordering::Relaxed) == 0;
            // None now, and none came since the last look; the first look is when it began.
            if idle && ever == before {
                return;
            }
            before = if idle { ever } else { u64::MAX };
            tokio::time::sleep(limit).await;
        }
    }
}

impl Drop for One {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::Relaxed);
    }
}

impl One {
    /// Counts until the body of the answer has ended.
    pub fn until_end(self, response: Response<Body>) -> Response<Body> {
        response.map(|inner| Passed::new(inner, self).boxed_unsync())
    }
}

/// Counted as long as the body is there.
impl Passing<Body> for One {
    fn poll(&mut self, inner: &mut Body, cx: &mut Context<'_>) -> Polled {
        Pin::new(inner).poll_frame(cx)
    }
}
