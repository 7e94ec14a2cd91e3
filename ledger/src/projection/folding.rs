//! Read models folded anew, beside the live ones.
//!
//! Folding takes about as long as reading and decoding; so where there are many events it happens on a
//! thread of its own.

use super::fold::{CATCH_UP_EVENTS, Projections};
use super::rows::ProjectionId;
use crate::ids::Position;
use crate::log::{
    InBatch, LogError, MapRows, Overlay, Recorded, RowSum, Rows, RowsError, RowsMut, Scratch, ScratchRow,
};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

/// Events handed over at once: few enough to stay in the caches of a processor.
pub const AT_ONCE: usize = 512;
/// Such portions that wait to be folded.
const AHEAD: usize = 4;

/// Which rows are kept to be compared.
#[derive(Debug, Clone, Copy)]
pub enum Keep {
    /// Every one: it takes longer, and tells each row that differs.
    Every,
    /// Of projections that put each row once and never read it while folding, only a sum under this key,
    /// which is to be drawn anew each time.
    Sums([u8; 32]),
}

/// Where the rows are.
enum Place {
    Memory(MapRows),
    /// What was put since the last write is beside it.
    Disk(Scratch, BTreeMap<Vec<u8>, Option<Vec<u8>>>),
}

/// Every read model, folded anew.
pub(super) struct Fold {
    projections: Projections,
    place: Place,
    pub(super) next: Position,
    pending: usize,
    /// Projections of whose rows only the sum is kept.
    pub(super) summed: Vec<(ProjectionId, RowSum)>,
}

impl Fold {
    fn event(&mut self, event: &Recorded) -> Result<(), LogError> {
        let (projections, summed) = (&mut self.projections, &mut self.summed);
        match &mut self.place {
            Place::Memory(rows) => projections.apply(event, &mut Summing { rows, summed })?,
            Place::Disk(scratch, writes) => scratch.read(|rows| {
                let rows = &mut Overlay::new(rows, writes);
                projections.apply(event, &mut Summing { rows, summed })
            })?,
        }
        self.next = event.head.position.next();
        self.pending += 1;
        if self.pending >= CATCH_UP_EVENTS { self.finish() } else { Ok(()) }
    }

    fn events(mut self, portions: &Receiver<Vec<Recorded>>) -> Result<Self, LogError> {
        for portion in portions {
            portion.iter().try_for_each(|event| self.event(event))?;
        }
        Ok(self)
    }

    /// Puts what was held back.
    pub(super) fn finish(&mut self) -> Result<(), LogError> {
        self.pending = 0;
        match &mut self.place {
            Place::Memory(rows) => self.projections.finish(rows),
            Place::Disk(scratch, writes) => {
                let projections = &mut self.projections;
                scratch.read(|rows| projections.finish(&mut Overlay::new(rows, writes)))?;
                scratch.write(std::mem::take(writes))
            }
        }
    }

    pub(super) fn ids(&self) -> Vec<ProjectionId> {
        self.projections.ids()
    }

    /// Every row but those that are summed, in order of key.
    pub(super) fn rows(&self) -> Box<dyn Iterator<Item = ScratchRow> + '_> {
        match &self.place {
            Place::Memory(rows) => {
                Box::new(rows.0.iter().map(|(key, value)| Ok((key.clone(), value.clone()))))
            }
            Place::Disk(scratch, _) => Box::new(scratch.rows()),
        }
    }
}

/// Rows, some of which are only added up.
struct Summing<'a> {
    rows: &'a mut dyn RowsMut,
    summed: &'a mut [(ProjectionId, RowSum)],
}

impl Rows for Summing<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, RowsError> {
        self.rows.get(key)
    }

    fn scan(
        &self,
        prefix: &[u8],
        reverse: bool,
        after: Option<&[u8]>,
        each: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), RowsError> {
        self.rows.scan(prefix, reverse, after, each)
    }
}

impl RowsMut for Summing<'_> {
    fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        match self.summed.iter_mut().find(|(id, _)| id.has_row(&key)) {
            Some((_, sum)) => sum.add(&key, &value),
            None => self.rows.put(key, value),
        }
    }

    fn delete(&mut self, key: Vec<u8>) {
        self.rows.delete(key);
    }
}

/// Folds the events that it is given, in order.
pub struct Folding {
    waiting: Vec<Recorded>,
    at: At,
}

enum At {
    /// Few events yet.
    Here(Box<Fold>),
    /// On a thread of its own.
    Beside(SyncSender<Vec<Recorded>>, JoinHandle<Result<Fold, LogError>>),
    /// It could not go on, and said why.
    Ended,
}

impl Folding {
    /// With its rows in memory.
    pub fn in_memory(keep: Keep) -> Self {
        Self::at(Place::Memory(MapRows::default()), keep)
    }

    /// With its rows in a folder: for logs whose read models may be too large for memory.
    pub fn on_disk(folder: &Path, keep: Keep) -> Result<Self, LogError> {
        Ok(Self::at(Place::Disk(Scratch::new(folder)?, BTreeMap::new()), keep))
    }

    fn at(place: Place, keep: Keep) -> Self {
        let projections = Projections::default();
        let summed = match keep {
            Keep::Every => Vec::new(),
            Keep::Sums(key) => projections.put_once().into_iter().map(|id| (id, RowSum::new(key))).collect(),
        };
        let fold = Fold { projections, place, next: Position(0), pending: 0, summed };
        Self { waiting: Vec::new(), at: At::Here(Box::new(fold)) }
    }

    /// The next event. An error may be of one before.
    pub fn event(&mut self, event: Recorded) -> Result<(), LogError> {
        self.waiting.push(event);
        if self.waiting.len() < AT_ONCE {
            return Ok(());
        }
        let portion = std::mem::replace(&mut self.waiting, Vec::with_capacity(AT_ONCE));
        let (portions, fold) = match std::mem::replace(&mut self.at, At::Ended) {
            At::Here(fold) => {
                let (portions, waiting) = sync_channel(AHEAD);
                (portions, std::thread::spawn(move || fold.events(&waiting)))
            }
            At::Beside(portions, fold) => (portions, fold),
            At::Ended => return Err(ended()),
        };
        if portions.send(portion).is_err() {
            return joined(fold).and(Err(ended()));
        }
        self.at = At::Beside(portions, fold);
        Ok(())
    }

    /// All that was folded.
    pub(super) fn done(self) -> Result<Fold, LogError> {
        let mut fold = match self.at {
            At::Here(fold) => *fold,
            At::Beside(portions, fold) => {
                drop(portions);
                joined(fold)?
            }
            At::Ended => return Err(ended()),
        };
        self.waiting.iter().try_for_each(|event| fold.event(event))?;
        fold.finish()?;
        Ok(fold)
    }
}

fn joined(fold: JoinHandle<Result<Fold, LogError>>) -> Result<Fold, LogError> {
    fold.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn ended() -> LogError {
    LogError::Store("folding the read models has ended before".to_owned())
}
