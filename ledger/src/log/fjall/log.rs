//! The log itself: a store, and the writer of it.

use super::bundles::BundleCompactor;
use super::open::{FjallOptions, Spaces};
use super::queue::{Job, Queue, queue};
use super::rest::Rest;
use super::store::{Cut, FjallStore, FjallStored};
use super::visible::Visible;
use super::{read, upgrade, writer};
use crate::defect::inherited;
use crate::locks::{locked_to_read, locked_to_write};
use crate::log::batch::{Request, Tail};
use crate::log::overlay::Over;
use crate::log::*;
use crate::private::PrivateRow;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, RwLock};
use std::thread::JoinHandle;

/// The append log on disk: one writer thread, group commit, fsync before anything is acknowledged.
pub struct FjallLog {
    pub(super) store: Arc<Spaces>,
    visible: Arc<Visible>,
    rest: Arc<Rest>,
    queue: Option<Queue>,
    writer: Option<JoinHandle<()>>,
    folder: PathBuf,
    newer: Option<LogError>,
    frozen: Option<(&'static str, String)>,
    /// Rows of a frozen log that caught up: it is not written, so they lie in memory.
    beside: RwLock<BTreeMap<Vec<u8>, Option<Vec<u8>>>>,
}

impl FjallLog {
    /// Opens the store in a folder, creating it where there is none, and starts the writer.
    ///
    /// # Errors
    /// [`LogError::Locked`] if another process has it, [`LogError::Io`] if the folder cannot be
    /// used. A store of a newer format opens: entries are read, and everything else is refused.
    pub fn open(folder: &std::path::Path, options: FjallOptions) -> Result<Self, LogError> {
        Self::start(FjallStore::open(folder)?, options)
    }

    /// Starts the writer of a store that was opened, and perhaps read, before. The index of an older format
    /// is upgraded first, unless nothing may be written.
    pub fn start(store: FjallStore, options: FjallOptions) -> Result<Self, LogError> {
        let FjallOptions { clock, policy, in_batch, seal, frozen, bundle_after, progress } = options;
        let FjallStore { spaces: store, folder, newer, .. } = store;
        if newer.is_none() && frozen.is_none() {
            upgrade::index(&store, progress.as_ref()).inspect_err(|_| store.not_clean())?;
        }
        let visible = Arc::new(Visible::all(&store, tail(&store)?));
        let rest = Arc::<Rest>::default();
        let (queue, jobs) = queue();
        let planted = inherited();
        let writer = writer::Writer {
            store: Arc::clone(&store),
            visible: Arc::clone(&visible),
            rest: Arc::clone(&rest),
            clock,
            policy,
            in_batch,
            seal,
            compactor: BundleCompactor::new(Arc::clone(&store), bundle_after),
            broken: None,
        };
        let writer = std::thread::Builder::new()
            .name("ledger-writer".to_owned())
            .spawn(move || {
                planted();
                writer.run(&jobs);
            })
            .map_err(|error| LogError::Io { path: folder.clone(), cause: error.to_string() })?;
        let beside = RwLock::default();
        let (queue, writer) = (Some(queue), Some(writer));
        Ok(Self { store, visible, rest, queue, writer, folder, newer, frozen, beside })
    }

    /// Folder of the store.
    pub fn folder(&self) -> &std::path::Path {
        &self.folder
    }

    /// Why the log is read, and not written: a newer haloy has it.
    pub fn newer(&self) -> Option<&LogError> {
        self.newer.as_ref()
    }
}

impl Drop for FjallLog {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(writer) = self.writer.take() {
            // A panic of the writer was reported when it happened; the store is then not as it should be.
            if writer.join().is_err() {
                self.store.not_clean();
            }
        }
        if self.newer.is_none() {
            self.store.is_written();
        }
    }
}

impl EventLog for FjallLog {
    fn submit(&self, writes: Vec<StreamWrite>, once: Option<IdempotencyKey>, stage: Stage, done: Done) {
        if let Some((code, cause)) = &self.frozen {
            return done(Err(AppendError::Frozen { code, cause: cause.clone() }));
        }
        if let Some(newer) = &self.newer {
            return done(Err(newer.clone().into()));
        }
        let Some(queue) = &self.queue else { return done(Err(AppendError::Closed)) };
        if let Err(refused) = queue.push(Job { request: Request { writes, once }, stage, done }) {
            (refused.done)(Err(AppendError::Closed));
        }
    }

    fn read_stream(
        &self,
        stream: &StreamId,
        from: Revision,
        limit: usize,
    ) -> Result<Vec<Recorded>, LogError> {
        let end = self.visible.tail().next;
        let entries = read::stream(&self.store, stream, from, limit)?;
        let mut events = entries.iter().map(|entry| codec::decode(entry)).collect::<Result<Vec<_>, _>>()?;
        events.retain(|event| event.head.position < end);
        Ok(events)
    }

    fn read_all(&self, from: Position, limit: usize) -> Result<Vec<Recorded>, LogError> {
        read::events(&self.store, from, self.visible.tail().within(from, limit))
    }

    fn read_entries(&self, from: Position, limit: usize) -> Result<Vec<Vec<u8>>, LogError> {
        read::exact(&self.store, from, self.visible.tail().within(from, limit))
    }

    fn read_private(&self, position: Position) -> Result<Vec<PrivateRow>, LogError> {
        if position >= self.visible.tail().next {
            return Ok(Vec::new());
        }
        read::private(&self.store, position)
    }

    fn find_key(&self, once: &IdempotencyKey) -> Result<Option<Appended>, AppendError> {
        let end = self.visible.tail().next;
        Ok(read::key(&self.store, once)?.filter(|known| known.next <= end))
    }

    fn head(&self) -> LogHead {
        self.visible.tail().head()
    }

    fn put_rows(&self, rows: Vec<(Vec<u8>, Option<Vec<u8>>)>) -> Result<(), LogError> {
        if let Some(newer) = &self.newer {
            return Err(newer.clone());
        }
        if self.frozen.is_some() {
            locked_to_write(&self.beside).extend(rows);
            return Ok(());
        }
        writer::put_rows(&self.store, rows)?;
        // Rows are put before anything is appended: nothing unsealed is shown with them.
        self.visible.show(&self.store, self.visible.tail());
        Ok(())
    }

    fn at_rest(&self, look: &mut dyn FnMut(Option<Arc<dyn Stored>>)) {
        self.rest.look(|| {
            let (tail, rows) = self.visible.instant();
            let cut = Some(Cut { next: tail.next, rows });
            let (spaces, newer) = (Arc::clone(&self.store), self.newer.clone());
            look(Some(Arc::new(FjallStored { spaces, newer, cut })));
        });
    }

    fn distrust(&self) {
        self.store.not_clean();
    }

    fn read_rows(&self, read: &mut dyn FnMut(&dyn Rows)) -> Result<(), LogError> {
        let stored = read::RowsView::at(&self.store, self.visible.rows());
        let beside = locked_to_read(&self.beside);
        match beside.is_empty() {
            true => read(&stored),
            false => read(&Over { base: &stored, writes: &beside }),
        }
        Ok(())
    }
}

/// Where the log ends, and when its last event was recorded.
fn tail(store: &Spaces) -> Result<Tail, LogError> {
    let Some((last, entry)) = read::last(store)? else { return Ok(Tail::empty()) };
    read::tail_after(last, &entry)
}
