//! Read models folded anew beside the live ones, and compared with them row by row.

use super::fold::{CATCH_UP_EVENTS, Projections};
use super::rows::ProjectionId;
use crate::ids::Position;
use crate::log::{EventLog, InBatch, LogError, MapRows, Overlay, Recorded, Scratch, ScratchRow};
use std::collections::BTreeMap;
use std::iter::Peekable;
use std::path::Path;

/// Key and value.
type Row = (Vec<u8>, Vec<u8>);

/// What a rebuild found.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct RebuildReport {
    /// Events folded.
    pub events: u64,
    /// Rows compared.
    pub rows: u64,
    /// BLAKE3 over all rebuilt rows in order of key, in hex: the state digest.
    pub digest: String,
    /// The first few rows that differ; none if rebuilt equals live.
    pub differences: Vec<Difference>,
}

/// A row that is not what the log says.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Difference {
    /// Which projection.
    pub projection: String,
    /// Key of the row, in hex.
    pub key: String,
    /// `missing`, `unexpected` or `different`.
    pub what: &'static str,
}

/// Most differences that are listed.
const LISTED: usize = 20;

/// Where the rebuilt rows are.
enum Place {
    Memory(MapRows),
    /// What was put since the last write is beside it.
    Disk(Scratch, BTreeMap<Vec<u8>, Option<Vec<u8>>>),
}

/// Every read model, folded anew beside the live ones.
pub struct Folding {
    projections: Projections,
    place: Place,
    next: Position,
    pending: usize,
}

impl Default for Folding {
    fn default() -> Self {
        Self::at(Place::Memory(MapRows::default()))
    }
}

impl Folding {
    fn at(place: Place) -> Self {
        Self { projections: Projections::default(), place, next: Position(0), pending: 0 }
    }

    /// With its rows in a folder: for logs whose read models may be too large for memory.
    pub fn on_disk(folder: &Path) -> Result<Self, LogError> {
        Ok(Self::at(Place::Disk(Scratch::new(folder)?, BTreeMap::new())))
    }

    /// The next event.
    pub fn event(&mut self, event: &Recorded) -> Result<(), LogError> {
        match &mut self.place {
            Place::Memory(rebuilt) => self.projections.apply(event, rebuilt)?,
            Place::Disk(scratch, writes) => {
                let projections = &mut self.projections;
                scratch.read(|rows| projections.apply(event, &mut Overlay::new(rows, writes)))?;
            }
        }
        self.next = event.head.position.next();
        self.pending += 1;
        if self.pending >= CATCH_UP_EVENTS { self.finish() } else { Ok(()) }
    }

    fn finish(&mut self) -> Result<(), LogError> {
        self.pending = 0;
        match &mut self.place {
            Place::Memory(rebuilt) => self.projections.finish(rebuilt),
            Place::Disk(scratch, writes) => {
                let projections = &mut self.projections;
                scratch.read(|rows| projections.finish(&mut Overlay::new(rows, writes)))?;
                scratch.write(std::mem::take(writes))
            }
        }
    }

    /// Compares with live rows, which `live` tells in order of key; rows of no projection of this program
    /// are passed over.
    pub fn compare(mut self, live: &mut LiveRows<'_>) -> Result<RebuildReport, LogError> {
        self.finish()?;
        let ids = self.projections.ids();
        let rebuilt: Box<dyn Iterator<Item = ScratchRow>> = match &self.place {
            Place::Memory(rows) => {
                Box::new(rows.0.iter().map(|(key, value)| Ok((key.clone(), value.clone()))))
            }
            Place::Disk(scratch, _) => Box::new(scratch.rows()),
        };
        let mut comparison = Comparison {
            ids,
            rebuilt: rebuilt.peekable(),
            digest: blake3::Hasher::new(),
            rows: 0,
            differences: Vec::new(),
        };
        live(&mut |key, value| comparison.live(key, value))?;
        comparison.end()?;
        Ok(RebuildReport {
            events: self.next.0,
            rows: comparison.rows,
            digest: comparison.digest.finalize().to_hex().to_string(),
            differences: comparison.differences,
        })
    }
}

/// Tells every live row, in order of key.
pub type LiveRows<'a> =
    dyn FnMut(&mut dyn FnMut(&[u8], &[u8]) -> Result<(), LogError>) -> Result<(), LogError> + 'a;

/// Both sides in order of key, side by side.
struct Comparison<I: Iterator<Item = ScratchRow>> {
    ids: Vec<ProjectionId>,
    rebuilt: Peekable<I>,
    digest: blake3::Hasher,
    rows: u64,
    differences: Vec<Difference>,
}

impl<I: Iterator<Item = ScratchRow>> Comparison<I> {
    fn live(&mut self, key: &[u8], value: &[u8]) -> Result<(), LogError> {
        if !self.ids.iter().any(|id| key.starts_with(&id.prefix())) {
            return Ok(());
        }
        while let Some((before, _)) = self.next_if(|rebuilt| rebuilt < key)? {
            self.differs(&before, "missing");
        }
        match self.next_if(|rebuilt| rebuilt == key)? {
            Some((_, rebuilt)) if rebuilt == value => {}
            Some(_) => self.differs(key, "different"),
            None => self.differs(key, "unexpected"),
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), LogError> {
        while let Some((left, _)) = self.next_if(|_| true)? {
            self.differs(&left, "missing");
        }
        Ok(())
    }

    /// The next rebuilt row, if its key is such; counted, and part of the digest.
    fn next_if(&mut self, wanted: impl Fn(&[u8]) -> bool) -> Result<Option<Row>, LogError> {
        let taken = self.rebuilt.next_if(|row| row.as_ref().map_or(true, |(key, _)| wanted(key)));
        let Some((key, value)) = taken.transpose()? else { return Ok(None) };
        self.rows += 1;
        self.digest.update(&(key.len() as u64).to_be_bytes()).update(&key);
        self.digest.update(&(value.len() as u64).to_be_bytes()).update(&value);
        Ok(Some((key, value)))
    }

    fn differs(&mut self, key: &[u8], what: &'static str) {
        if self.differences.len() < LISTED {
            let of = self.ids.iter().find(|id| key.starts_with(&id.prefix()));
            self.differences.push(Difference {
                projection: of.map_or("unknown", |id| id.name).to_owned(),
                key: key.iter().map(|byte| format!("{byte:02x}")).collect(),
                what,
            });
        }
    }
}

/// Folds the whole log anew and compares with the live rows, byte for byte.
pub fn rebuild(
    log: &dyn EventLog,
    mut folding: Folding,
    progress: &mut dyn FnMut(Position),
) -> Result<RebuildReport, LogError> {
    loop {
        let events = log.read_all(folding.next, CATCH_UP_EVENTS)?;
        if events.is_empty() {
            break;
        }
        events.iter().try_for_each(|event| folding.event(event))?;
        progress(folding.next);
    }
    let mut prefixes: Vec<Vec<u8>> = Projections::default().ids().iter().map(|id| id.prefix()).collect();
    prefixes.sort();
    folding.compare(&mut |each| {
        let mut told = Ok(());
        log.read_rows(&mut |rows| {
            for prefix in &prefixes {
                let scanned = rows.scan(prefix, false, None, &mut |key, value| {
                    told = each(key, value);
                    told.is_ok()
                });
                told = told.clone().and(scanned.map_err(LogError::from));
            }
        })?;
        told
    })
}
