//! The thread that publishes: behind the seal, several heads at once, so that an append waits for its
//! seal alone.

use super::checkpoint::TreeHead;
use super::publish::Publisher;
use crate::log::{LogError, Published};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long heads are collected before they are published: a deploy makes several a second.
const COLLECT: Duration = Duration::from_millis(50);

/// Messages to the thread.
enum Message {
    /// A head was signed.
    Head(TreeHead, String),
    /// A caller waits for everything below a position.
    Wait(u64, Published),
}

/// A publisher on a thread of its own. Dropping it publishes what is left.
pub struct Background {
    messages: Option<Sender<Message>>,
    thread: Option<JoinHandle<()>>,
}

impl Background {
    /// Starts the thread.
    pub fn start(publisher: Publisher) -> Result<Self, LogError> {
        let (messages, waiting) = channel();
        let thread = std::thread::Builder::new()
            .name("ledger-publisher".to_owned())
            .spawn(move || Worker { publisher, head: None, waiters: Vec::new() }.run(&waiting))
            .map_err(|error| LogError::Store(error.to_string()))?;
        Ok(Self { messages: Some(messages), thread: Some(thread) })
    }

    /// A head was signed: publish it soon.
    pub fn head(&self, head: TreeHead, checkpoint: String) {
        self.send(Message::Head(head, checkpoint));
    }

    /// Tells when everything below `next` is published.
    pub fn wait(&self, next: u64, done: Published) {
        self.send(Message::Wait(next, done));
    }

    /// Waits until everything below `next`, whose head was signed, is published.
    ///
    /// # Errors
    /// Why it could not be.
    pub fn published(&self, next: u64) -> Result<(), LogError> {
        let (tell, told) = sync_channel(1);
        self.wait(next, Box::new(move |done| drop(tell.send(done))));
        told.recv().unwrap_or_else(|_| Err(LogError::Store("nothing is published any more".to_owned())))
    }

    fn send(&self, message: Message) {
        let left = match &self.messages {
            Some(messages) => messages.send(message).err().map(|error| error.0),
            None => Some(message),
        };
        if let Some(Message::Wait(_, done)) = left {
            done(Err(LogError::Store("nothing is published any more".to_owned())));
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        drop(self.messages.take());
        if let Some(thread) = self.thread.take() {
            // A panic was reported when it happened; the next open publishes what is missing.
            drop(thread.join());
        }
    }
}

struct Worker {
    publisher: Publisher,
    head: Option<(TreeHead, String)>,
    waiters: Vec<(u64, Published)>,
}

impl Worker {
    fn run(mut self, messages: &Receiver<Message>) {
        while let Ok(message) = messages.recv() {
            self.take(message);
            let since = Instant::now();
            while self.waiters.is_empty()
                && let Some(left) = COLLECT.checked_sub(since.elapsed())
            {
                match messages.recv_timeout(left) {
                    Ok(message) => self.take(message),
                    Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
                }
            }
            messages.try_iter().for_each(|message| self.take(message));
            self.publish();
        }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Head(head, checkpoint) => self.head = Some((head, checkpoint)),
            Message::Wait(next, done) => self.waiters.push((next, done)),
        }
    }

    fn publish(&mut self) {
        // What fails is tried again with the next head, and at the next open: nothing is lost by it.
        let result = match self.head.take() {
            Some((head, checkpoint)) => self.publisher.publish(&head, &checkpoint),
            None => Ok(()),
        };
        let published = self.publisher.published();
        for (next, done) in self.waiters.drain(..) {
            match &result {
                Ok(()) if next <= published => done(Ok(())),
                Ok(()) => done(Err(LogError::Store(format!("only {published} entries are published")))),
                Err(error) => done(Err(error.clone())),
            }
        }
    }
}
