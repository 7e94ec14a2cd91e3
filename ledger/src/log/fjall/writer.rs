//! The one writer: drains what waits, checks, writes one batch, fsyncs, seals, tells everybody.

use super::super::batch::{Batch, Store};
use super::super::keys::{Key, Keyspace};
use super::errors::{plain, store_error};
use super::open::Spaces;
use super::queue::{Job, Jobs};
use super::read::RowsView;
use super::rest::Rest;
use super::visible::Visible;
use super::*;
use crate::defect::{Defect, planted};
use crate::log::batch::Tail;
use crate::ports::Clock;
use ::fjall::PersistMode;

pub(super) struct Writer {
    pub(super) store: Arc<Spaces>,
    pub(super) visible: Arc<Visible>,
    pub(super) rest: Arc<Rest>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) policy: ClockPolicy,
    pub(super) in_batch: Box<dyn InBatch>,
    pub(super) seal: Box<dyn Seal>,
    pub(super) compactor: super::bundles::BundleCompactor,
    /// The first failure to persist; the reason given to everybody after it.
    pub(super) broken: Option<String>,
}

impl Writer {
    pub(super) fn run(mut self, jobs: &Jobs) {
        // What arrived during the last fsync is the next group: no need to wait for more.
        let rest = Arc::clone(&self.rest);
        while let Some(group) = jobs.group() {
            let _writing = rest.write();
            self.commit(group);
        }
    }

    fn commit(&mut self, group: Vec<Job>) {
        if let Some(reason) = &self.broken {
            for job in group {
                (job.done)(Err(AppendError::Broken(reason.clone())));
            }
            return;
        }
        let view = StoreView { store: &self.store, rows: RowsView::now(&self.store) };
        let mut batch = Batch::new(self.visible.tail());
        let now = self.clock.now();
        let mut planned = Vec::with_capacity(group.len());
        for Job { request, stage, done } in group {
            let result = batch.add(&view, self.in_batch.as_mut(), request, now, self.policy);
            planned.push((result, stage, done));
        }
        let written = match batch.finish(&view, self.in_batch.as_mut()) {
            Ok(()) => self.write(batch),
            Err(error) => Err(AppendError::Log(error)),
        };
        if written.is_err() {
            self.in_batch.abandon();
        }
        for (result, stage, done) in planned {
            match (&written, result) {
                (Ok(_), Ok(appended)) if stage == Stage::Published => {
                    let tell = move |published: Result<(), LogError>| {
                        done(published.map(|()| appended).map_err(AppendError::from));
                    };
                    self.seal.when_published(appended.next, Box::new(tell));
                }
                (Ok(_), result) => done(result),
                (Err(error), result) => done(result.and_then(|_| Err(error.clone()))),
            }
        }
        if let Ok(next) = written {
            self.compactor.start_if_due(next);
        }
    }

    /// Gives the position up to which everything is sealed.
    fn write(&mut self, batch: Batch) -> Result<Position, AppendError> {
        if batch.entries.is_empty() {
            return Ok(batch.first);
        }
        let mut write = self.store.db.batch().durability(Some(PersistMode::SyncData));
        let space = |keyspace| self.store.get(keyspace);
        if batch.first == Position(0) {
            write.insert(space(Keyspace::Index), Key::Format.encode(), FORMAT.to_be_bytes());
        }
        for (entry, position) in batch.entries.iter().zip(batch.first.0..) {
            write.insert(space(Keyspace::Entries), Key::Entry(Position(position)).encode(), entry.as_slice());
        }
        for (key, value) in batch.index {
            match value {
                Some(value) => write.insert(space(Keyspace::Index), key, value),
                None => write.remove(space(Keyspace::Index), key),
            }
        }
        for (key, value) in batch.private {
            write.insert(space(Keyspace::Private), key, value);
        }
        for (key, value) in batch.rows {
            match value {
                Some(value) => write.insert(space(Keyspace::Rows), key, value),
                None => write.remove(space(Keyspace::Rows), key),
            }
        }
        let persisted = self.store.commit(write).map_err(|error| plain(&error));
        if planted(Defect::ShowsUnsealed) {
            self.show(batch.tail);
        }
        let sealed = persisted.and_then(|()| self.seal(batch.first, &batch.entries));
        if let Err(reason) = sealed {
            // Whether it is on disk is not known: nothing may be acknowledged any more.
            self.broken = Some(reason.clone());
            self.store.not_clean();
            return Err(AppendError::Broken(reason));
        }
        self.show(batch.tail);
        Ok(batch.tail.next)
    }
}

impl Writer {
    /// Decoded states first: a reader takes one only if it is not newer than the rows that the reader has.
    fn show(&mut self, tail: Tail) {
        self.in_batch.sealed();
        self.visible.show(&self.store, tail);
    }

    /// The bytes that the store gives back are hashed, and must be the intended ones: a bit that flipped in
    /// memory is found here.
    fn seal(&mut self, first: Position, meant: &[Vec<u8>]) -> Result<(), String> {
        let entries = self.store.get(Keyspace::Entries);
        for (entry, position) in meant.iter().zip(first.0..) {
            let stored =
                entries.get(Key::Entry(Position(position)).encode()).map_err(|error| plain(&error))?;
            if stored.as_deref() != Some(entry.as_slice()) {
                return Err(format!("the entry at {position} is not stored as it was meant"));
            }
        }
        self.seal.seal(first, meant).map_err(|error| error.to_string())
    }
}

/// Rows without an event: a projection that catches up, before anything is appended.
pub(super) fn put_rows(store: &Spaces, rows: Vec<(Vec<u8>, Option<Vec<u8>>)>) -> Result<(), LogError> {
    let mut write = store.db.batch().durability(Some(PersistMode::SyncData));
    for (key, value) in rows {
        match value {
            Some(value) => write.insert(store.get(Keyspace::Rows), key, value),
            None => write.remove(store.get(Keyspace::Rows), key),
        }
    }
    store.commit(write).map_err(store_error)
}

struct StoreView<'a> {
    store: &'a Spaces,
    rows: RowsView<'a>,
}

impl Store for StoreView<'_> {
    fn index(&self, key: &Key) -> Result<Option<Vec<u8>>, LogError> {
        let value = self.store.get(key.keyspace()).get(key.encode()).map_err(store_error)?;
        Ok(value.map(|value| value.to_vec()))
    }

    fn rows(&self) -> &dyn Rows {
        &self.rows
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::samples::{self, Slow};
    use super::super::*;
    use crate::ports::SystemClock;
    use std::sync::mpsc::channel;

    /// Counts consecutive events that it holds until the batch ends, and refuses those of one tool.
    #[derive(Default)]
    struct Picky(Option<u8>);

    impl InBatch for Picky {
        fn apply(&mut self, event: &Recorded, rows: &mut dyn RowsMut) -> Result<(), LogError> {
            let stored = || Ok(rows.get(b"count")?.and_then(|row| row.first().copied()).unwrap_or(0));
            let before = self.0.map_or_else(stored, Ok::<_, LogError>)?;
            self.0 = Some(before + 1);
            rows.put(format!("seen {}", event.envelope.event_id).into_bytes(), Vec::new());
            if event.envelope.event_id == "refused" {
                let (position, cause) = (event.head.position, "it is refused".to_owned());
                return Err(LogError::Projection { projection: "picky", position, cause });
            }
            Ok(())
        }

        fn finish(&mut self, rows: &mut dyn RowsMut) -> Result<(), LogError> {
            self.0.into_iter().for_each(|count| rows.put(b"count".to_vec(), vec![count]));
            Ok(())
        }

        fn abandon(&mut self) {
            self.0 = None;
        }
    }

    #[test]
    fn an_event_that_a_read_model_refuses_fails_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let (seal, groups, go) = Slow::new();
        let options = FjallOptions {
            clock: Arc::new(SystemClock),
            policy: ClockPolicy::default(),
            in_batch: Box::<Picky>::default(),
            seal: Box::new(seal),
            frozen: None,
            bundle_after: BUNDLE_AFTER,
            progress: no_progress(),
        };
        let log = FjallLog::open(&folder.path().join("log"), options).expect("a log");
        let (told, results) = channel();
        let submit = |name: &'static str| {
            let mut write = samples::write(1);
            write.events[0].envelope.event_id = name.to_owned();
            let told = told.clone();
            let done = move |result: Result<Appended, AppendError>| {
                told.send((name, result.is_ok())).expect("it is waited for");
            };
            log.submit(vec![write], None, Stage::Durable, Box::new(done));
        };
        submit("first");
        groups.recv().expect("the writer is busy");
        // These are one group.
        ["before", "refused", "after"].into_iter().for_each(submit);
        go.send(()).expect("it waits");
        assert_eq!(groups.recv().expect("a group"), 2);
        drop(go);
        let told: Vec<_> = results.iter().take(4).collect();
        assert_eq!(told, [("first", true), ("before", true), ("refused", false), ("after", true)]);
        let mut rows = Vec::new();
        let read = log.read_rows(&mut |view| {
            let scanned = view.scan(b"", false, None, &mut |key, value| {
                rows.push((String::from_utf8_lossy(key).into_owned(), value.to_vec()));
                true
            });
            assert!(scanned.is_ok());
        });
        read.expect("rows");
        let seen = ["seen after", "seen before", "seen first"].map(|key| (key.to_owned(), Vec::new()));
        assert_eq!(rows, [&[("count".to_owned(), vec![3])][..], &seen].concat());
    }
}
