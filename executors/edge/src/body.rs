//! Bodies, of whatever kind.

use bytes::Bytes;
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};

/// Why a body broke off.
pub type Broken = Box<dyn std::error::Error + Send + Sync>;
/// Any body.
pub type Body = UnsyncBoxBody<Bytes, Broken>;

/// No body.
pub fn empty() -> Body {
    http_body_util::Empty::new().map_err(|never| match never {}).boxed_unsync()
}

/// A text.
pub fn text(text: String) -> Body {
    http_body_util::Full::new(Bytes::from(text)).map_err(|never| match never {}).boxed_unsync()
}

/// What asking a body for its next piece brings.
pub type Polled = Poll<Option<Result<Frame<Bytes>, Broken>>>;

/// What is done with a body on its way through the edge.
pub trait Passing<Inner> {
    /// Asks the body for its next piece, and sees or changes what comes.
    fn poll(&mut self, inner: &mut Inner, cx: &mut Context<'_>) -> Polled;

    /// The body is let go of, whether it ended or not.
    fn let_go(&mut self, _inner: &Inner) {}
}

/// A body on its way through.
pub struct Passed<Inner, By: Passing<Inner>> {
    inner: Inner,
    by: By,
}

impl<Inner, By: Passing<Inner>> Passed<Inner, By> {
    /// A body, and what is done with it.
    pub fn new(inner: Inner, by: By) -> Self {
        Self { inner, by }
    }
}

impl<Inner: HttpBody + Unpin, By: Passing<Inner> + Unpin> HttpBody for Passed<Inner, By> {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Polled {
        let Self { inner, by } = &mut *self;
        by.poll(inner, cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl<Inner, By: Passing<Inner>> Drop for Passed<Inner, By> {
    fn drop(&mut self) {
        self.by.let_go(&self.inner);
    }
}
