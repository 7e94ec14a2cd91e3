//! Read models folded again, beside the live ones.
//!
//! Folding takes about as long as reading and decoding; so where there are many events it happens on a
//! thread of its own.

use super::fold::{CATCH_UP_EVENTS, Projections};
use super::rows::ProjectionId;
use crate::ids::Position;
use crate::log::{InBatch, LogError, MapRows, Overlay, Recorded, Scratch, ScratchRow};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

/// Events handed over at once: few enough to stay in the caches of a processor.
pub const AT_ONCE: usize = 512;
/// Number of portions that may wait to be folded.
const AHEAD: usize = 4;

/// Where the rows are.
enum Place {
    Memory(MapRows),
    /// What was put since the last write is beside it.
    Disk(Scratch, BTreeMap<Vec<u8>, Option<Vec<u8>>>),
}

/// Every read model, folded again.
pub(super) struct Fold {
    projections: Projections,
    place: Place,
    pub(super) next: Position,
    pending: usize,
}

impl Fold {
    fn event(&mut self, event: &Recorded) -> Result<(), LogError> {
        let projections = &mut self.projections;
        match &mut self.place {
            Place::Memory(rows) => projections.apply(event, rows)?,
            Place::Disk(scratch, writes) => {
                scratch.read(|rows| projections.apply(event, &mut Overlay::new(rows, writes)))?
            }
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

    /// Every row, in order of key.
    pub(super) fn rows(&self) -> Box<dyn Iterator<Item = ScratchRow> + '_> {
        match &self.place {
            Place::Memory(rows) => {
                Box::new(rows.0.iter().map(|(key, value)| Ok((key.clone(), value.clone()))))
            }
            Place::Disk(scratch, _) => Box::new(scratch.rows()),
        }
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
    /// Folding stopped, and gave the reason.
    Ended,
}

impl Folding {
    /// With their rows in memory.
    pub fn in_memory(projections: Projections) -> Self {
        Self::at(Place::Memory(MapRows::default()), projections)
    }

    /// With their rows in a folder: for logs whose read models may be too large for memory.
    pub fn on_disk(folder: &Path, projections: Projections) -> Result<Self, LogError> {
        Ok(Self::at(Place::Disk(Scratch::new(folder)?, BTreeMap::new()), projections))
    }

    fn at(place: Place, projections: Projections) -> Self {
        let fold = Fold { projections, place, next: Position(0), pending: 0 };
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
    LogError::Store("folding the read models has already ended".to_owned())
}
