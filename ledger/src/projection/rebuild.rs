//! Read models folded again beside the live ones, and compared with them row by row.

use super::fold::Projections;
use super::folding::{AT_ONCE, Folding};
use super::rows::ProjectionId;
use crate::ids::Position;
use crate::log::{EventLog, LogError, ScratchRow};
use std::iter::Peekable;

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

/// A row that does not follow from the log.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Difference {
    /// Name of the projection.
    pub projection: String,
    /// Key of the row, in hex.
    pub key: String,
    /// `missing`, `unexpected` or `different`.
    pub what: &'static str,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { projection, key, what } = self;
        write!(f, "a row of `{projection}` is {what} (key {key})")
    }
}

/// Most differences that are listed.
const LISTED: usize = 20;

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

impl Folding {
    /// Compares with live rows, which `live` tells in order of key; rows of no projection of this program
    /// are passed over.
    pub fn compare(self, live: &mut LiveRows<'_>) -> Result<RebuildReport, LogError> {
        let fold = self.done()?;
        let mut comparison = Comparison {
            ids: fold.ids(),
            rebuilt: fold.rows().peekable(),
            digest: blake3::Hasher::new(),
            rows: 0,
            differences: Vec::new(),
        };
        live(&mut |key, value| comparison.live(key, value))?;
        comparison.end()?;
        Ok(RebuildReport {
            events: fold.next.0,
            rows: comparison.rows,
            digest: comparison.digest.finalize().to_hex().to_string(),
            differences: comparison.differences,
        })
    }
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
        self.counted(&key, &value);
        Ok(Some((key, value)))
    }

    fn counted(&mut self, key: &[u8], value: &[u8]) {
        self.rows += 1;
        self.digest.update(&(key.len() as u64).to_be_bytes()).update(key);
        self.digest.update(&(value.len() as u64).to_be_bytes()).update(value);
    }

    fn differs(&mut self, key: &[u8], what: &'static str) {
        if self.differences.len() < LISTED {
            let of = self.ids.iter().find(|id| key.starts_with(&id.prefix()));
            self.differences.push(Difference {
                projection: of.map_or("unknown", |id| id.name).to_owned(),
                key: hex::encode(key),
                what,
            });
        }
    }
}

/// Folds the whole log again and compares with the live rows.
pub fn rebuild(
    log: &dyn EventLog,
    mut folding: Folding,
    progress: &mut dyn FnMut(Position),
) -> Result<RebuildReport, LogError> {
    let mut next = Position(0);
    loop {
        let events = log.read_all(next, AT_ONCE)?;
        let Some(last) = events.last() else { break };
        next = last.head.position.next();
        events.into_iter().try_for_each(|event| folding.event(event))?;
        progress(next);
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
