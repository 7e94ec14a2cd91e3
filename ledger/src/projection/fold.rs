//! All projections together: in the append's batch, catching up, and rebuilt for comparison.

use super::rows::{ProjectionError, ProjectionId, get, put};
use super::{Projection, audit, deployments, erased, pending, retention, rollback_targets, state, status};
use crate::ids::Position;
use crate::log::{EventLog, InBatch, LogError, Recorded, Rows, RowsError};
use std::collections::BTreeMap;

/// Most events folded between two writes while a projection catches up.
pub const CATCH_UP_EVENTS: usize = 10_000;

/// Every projection, as it takes part in an append.
pub struct Projections {
    all: Vec<Box<dyn Projection>>,
    next: Option<Position>,
}

impl Default for Projections {
    fn default() -> Self {
        let all: Vec<Box<dyn Projection>> = vec![
            Box::new(state::State::default()),
            Box::new(deployments::Deployments),
            Box::new(rollback_targets::RollbackTargets),
            Box::new(status::Status),
            Box::new(retention::Retention),
            Box::new(pending::Pending),
            Box::new(audit::Audit),
            Box::new(erased::Erased),
        ];
        Self { all, next: None }
    }
}

fn failed(projection: ProjectionId, position: Position, error: &ProjectionError) -> LogError {
    LogError::Projection { projection: projection.name, position, cause: error.to_string() }
}

impl Projections {
    /// Only these: for one that is built anew, and for tests.
    pub fn only(all: Vec<Box<dyn Projection>>) -> Self {
        Self { all, next: None }
    }

    /// Identity of each.
    pub fn ids(&self) -> Vec<ProjectionId> {
        self.all.iter().map(|projection| projection.id()).collect()
    }

    /// Projections that have not read up to `next`: new ones, and changed versions.
    pub fn behind(&self, rows: &dyn Rows, next: Position) -> Result<Vec<Behind>, ProjectionError> {
        let mut behind = Vec::new();
        for id in self.ids() {
            let from = get::<Position>(rows, &id.checkpoint())?.unwrap_or(Position(0));
            if from < next {
                behind.push(Behind { id, from });
            }
        }
        Ok(behind)
    }

    /// Keeps only the named one.
    pub fn keep(mut self, id: ProjectionId) -> Self {
        self.all.retain(|projection| projection.id() == id);
        self
    }
}

/// A projection that has to catch up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Behind {
    /// Which one.
    pub id: ProjectionId,
    /// The first event that it has not read.
    pub from: Position,
}

impl InBatch for Projections {
    fn apply(&mut self, event: &Recorded, rows: &mut dyn Rows) -> Result<(), LogError> {
        let at = event.head.position;
        for projection in &mut self.all {
            projection.apply(event, rows).map_err(|error| failed(projection.id(), at, &error))?;
        }
        self.next = Some(at.next());
        Ok(())
    }

    fn finish(&mut self, rows: &mut dyn Rows) -> Result<(), LogError> {
        let Some(next) = self.next.take() else { return Ok(()) };
        for projection in &mut self.all {
            let id = projection.id();
            let done = projection.finish(rows).and_then(|()| put(rows, id.checkpoint(), &next));
            done.map_err(|error| failed(id, next, &error))?;
        }
        Ok(())
    }

    fn abandon(&mut self) {
        self.next = None;
        for projection in &mut self.all {
            projection.abandon();
        }
    }
}

/// Rows that are being rebuilt, in memory.
#[derive(Default)]
struct Rebuilt(BTreeMap<Vec<u8>, Vec<u8>>);

impl Rows for Rebuilt {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, RowsError> {
        Ok(self.0.get(key).cloned())
    }

    fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.0.insert(key, value);
    }

    fn delete(&mut self, key: Vec<u8>) {
        self.0.remove(&key);
    }

    fn scan(
        &self,
        prefix: &[u8],
        reverse: bool,
        after: Option<&[u8]>,
        each: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), RowsError> {
        let mut rows: Vec<_> = (self.0.range(prefix.to_vec()..))
            .take_while(|(key, _)| key.starts_with(prefix))
            .filter(|(key, _)| {
                after
                    .is_none_or(|after| if reverse { key.as_slice() < after } else { key.as_slice() > after })
            })
            .collect();
        if reverse {
            rows.reverse();
        }
        for (key, value) in rows {
            if !each(key, value) {
                break;
            }
        }
        Ok(())
    }
}

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

/// Folds the whole log anew and compares with the live rows, byte for byte.
pub fn rebuild(log: &dyn EventLog, progress: &mut dyn FnMut(Position)) -> Result<RebuildReport, LogError> {
    let mut folding = Folding::default();
    loop {
        let events = log.read_all(folding.next, CATCH_UP_EVENTS)?;
        if events.is_empty() {
            break;
        }
        events.iter().try_for_each(|event| folding.event(event))?;
        progress(folding.next);
    }
    let mut live = BTreeMap::new();
    let mut failed = Ok(());
    log.read_rows(&mut |rows| {
        for id in Projections::default().ids() {
            let scanned = rows.scan(&id.prefix(), false, None, &mut |key, value| {
                live.insert(key.to_vec(), value.to_vec());
                true
            });
            failed = failed.clone().and(scanned.map_err(LogError::from));
        }
    })?;
    failed?;
    folding.compare(&live)
}

/// Every read model, folded anew in memory, beside the live ones.
pub struct Folding {
    projections: Projections,
    rebuilt: Rebuilt,
    next: Position,
    pending: usize,
}

impl Default for Folding {
    fn default() -> Self {
        let (projections, rebuilt) = (Projections::default(), Rebuilt::default());
        Self { projections, rebuilt, next: Position(0), pending: 0 }
    }
}

impl Folding {
    /// The next event.
    pub fn event(&mut self, event: &Recorded) -> Result<(), LogError> {
        self.projections.apply(event, &mut self.rebuilt)?;
        self.next = event.head.position.next();
        self.pending += 1;
        if self.pending >= CATCH_UP_EVENTS { self.finish() } else { Ok(()) }
    }

    fn finish(&mut self) -> Result<(), LogError> {
        self.pending = 0;
        self.projections.finish(&mut self.rebuilt)
    }

    /// Compares with live rows; rows of no projection of this program are passed over.
    pub fn compare(mut self, live: &BTreeMap<Vec<u8>, Vec<u8>>) -> Result<RebuildReport, LogError> {
        self.finish()?;
        Ok(compare(&self.projections.ids(), self.next, &self.rebuilt.0, live))
    }
}

fn compare(
    ids: &[ProjectionId],
    next: Position,
    rebuilt: &BTreeMap<Vec<u8>, Vec<u8>>,
    live: &BTreeMap<Vec<u8>, Vec<u8>>,
) -> RebuildReport {
    let missing = rebuilt.iter().filter_map(|(key, value)| match live.get(key) {
        None => Some((key, "missing")),
        Some(stored) if stored != value => Some((key, "different")),
        Some(_) => None,
    });
    let unexpected = live.keys().filter(|key| !rebuilt.contains_key(*key)).map(|key| (key, "unexpected"));
    let name =
        |key: &[u8]| ids.iter().find(|id| key.starts_with(&id.prefix())).map_or("unknown", |id| id.name);
    let differences = missing.chain(unexpected).take(LISTED).map(|(key, what)| Difference {
        projection: name(key).to_owned(),
        key: key.iter().map(|byte| format!("{byte:02x}")).collect(),
        what,
    });
    let mut digest = blake3::Hasher::new();
    for (key, value) in rebuilt {
        digest.update(&(key.len() as u64).to_be_bytes()).update(key);
        digest.update(&(value.len() as u64).to_be_bytes()).update(value);
    }
    RebuildReport {
        events: next.0,
        rows: rebuilt.len() as u64,
        digest: digest.finalize().to_hex().to_string(),
        differences: differences.collect(),
    }
}
