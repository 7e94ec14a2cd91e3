//! A future that is polled step by step, and dropped after a number of steps: the place of a crash.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Polls `inner` at most `left` times; `None` if that was not enough.
pub struct Steps<'a, T> {
    /// What runs.
    pub inner: Pin<&'a mut (dyn Future<Output = T> + 'a)>,
    /// Polls until it is stopped.
    pub left: usize,
    /// Looks after every poll.
    pub look: &'a mut dyn FnMut(),
}

impl<T> Future for Steps<'_, T> {
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let this = &mut *self;
        let polled = this.inner.as_mut().poll(cx);
        (this.look)();
        match polled {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending if this.left == 0 => Poll::Ready(None),
            Poll::Pending => {
                this.left -= 1;
                Poll::Pending
            }
        }
    }
}
