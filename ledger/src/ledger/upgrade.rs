//! Read models of a version that a store does not have are built when a ledger is opened for writing, and the
//! rows of old versions are removed. The index is upgraded before: `log/fjall/upgrade.rs`.
//!
//! Each read model has its checkpoint, which is written with its rows; so does what is removed: the
//! checkpoint of a version goes last. Whatever is cut off goes on with the next open.

use crate::defect::{self, Step};
use crate::ids::Position;
use crate::log::{EventLog, InBatch, LogError, Overlay, Recorded};
use crate::projection::{CATCH_UP_EVENTS, ProjectionId, Projections, gone};
use std::collections::BTreeMap;

type Writes = Vec<(Vec<u8>, Option<Vec<u8>>)>;

/// Most rows that are removed at once.
const REMOVED_AT_ONCE: usize = 10_000;

/// Builds read models that are new or of a changed version, beside the old ones. Those that have come
/// equally far are folded together: reading the log takes longer than folding it.
pub(super) fn build(log: &dyn EventLog, progress: &dyn Fn(u64, u64)) -> Result<(), LogError> {
    let next = log.head().next;
    let mut behind = Ok(Vec::new());
    log.read_rows(&mut |rows| behind = Projections::default().behind(rows, next))?;
    let behind = behind.map_err(|error| LogError::Store(error.to_string()))?;
    let mut together: BTreeMap<Position, Vec<ProjectionId>> = BTreeMap::new();
    behind
        .into_iter()
        .for_each(|projection| together.entry(projection.from).or_default().push(projection.id));
    let mut fold = |(from, ids): (Position, Vec<ProjectionId>)| {
        fold(log, Projections::default().keep(&ids), (from, next), progress)
    };
    together.into_iter().try_for_each(&mut fold)
}

fn fold(
    log: &dyn EventLog,
    mut projections: Projections,
    (mut from, next): (Position, Position),
    progress: &dyn Fn(u64, u64),
) -> Result<(), LogError> {
    while from < next {
        let events = log.read_all(from, defect::at_once(CATCH_UP_EVENTS))?;
        let Some(last) = events.last() else { break };
        from = last.head.position.next();
        put(log, fold_rows(log, &mut projections, &events)?)?;
        progress(from.0, next.0);
    }
    Ok(())
}

fn fold_rows(
    log: &dyn EventLog,
    projections: &mut Projections,
    events: &[Recorded],
) -> Result<Writes, LogError> {
    let mut result = Ok(Vec::new());
    log.read_rows(&mut |rows| {
        let mut writes = BTreeMap::new();
        let mut overlay = Overlay::new(rows, &mut writes);
        let folded = events.iter().try_for_each(|event| projections.apply(event, &mut overlay));
        result =
            folded.and_then(|()| projections.finish(&mut overlay)).map(|()| writes.into_iter().collect());
    })?;
    result
}

/// Removes rows that only older programs read. None of those writes the store any more.
pub(super) fn remove_gone(log: &dyn EventLog) -> Result<(), LogError> {
    gone().try_for_each(|id| remove(log, id))
}

fn remove(log: &dyn EventLog, id: ProjectionId) -> Result<(), LogError> {
    let (checkpoint, at_once) = (id.checkpoint(), defect::at_once(REMOVED_AT_ONCE));
    let mut there = Ok(false);
    log.read_rows(&mut |rows| there = rows.get(&checkpoint).map(|row| row.is_some()))?;
    if !there? {
        return Ok(());
    }
    // Behind the last one that was removed: there is nothing to walk over.
    let mut after = checkpoint.clone();
    loop {
        let mut keys: Vec<Vec<u8>> = Vec::new();
        let mut scanned = Ok(());
        log.read_rows(&mut |rows| {
            scanned = rows.scan(&id.prefix(), false, Some(&after), &mut |key, _| {
                keys.push(key.to_vec());
                keys.len() < at_once
            });
        })?;
        scanned?;
        let more = keys.len() == at_once;
        match keys.last() {
            Some(last) if more => after.clone_from(last),
            Some(_) | None => keys.push(checkpoint.clone()),
        }
        put(log, keys.into_iter().map(|key| (key, None)).collect())?;
        if !more {
            return Ok(());
        }
    }
}

/// Writes a batch.
fn put(log: &dyn EventLog, writes: Writes) -> Result<(), LogError> {
    let mut put = Ok(());
    let step = defect::step(Step::Upgraded, || {
        put = log.put_rows(writes);
        Ok(())
    });
    put.and(step.map_err(|error| LogError::Store(error.to_string())))
}
