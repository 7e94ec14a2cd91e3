//! `state` (1): one row per target, folded by `evolve`; what a command reads.

use super::Projection;
use super::rows::{ProjectionError, ProjectionId, get, put, stream_part};
use crate::deployment::{TargetState, evolve};
use crate::ids::{AppName, Revision, StreamId, TargetName, slug};
use crate::log::{Recorded, Rows};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const ID: ProjectionId = ProjectionId { name: "state", number: 1, version: 2 };
const ROW: u8 = 1;
const SLUG: u8 = 2;
/// Most decoded states kept between batches.
const CACHED: usize = 512;

/// The state of a target and the revision of its stream that it is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetRow {
    /// Revision of the last event folded.
    pub revision: Revision,
    /// The state.
    pub state: TargetState,
}

/// Folds states; decoded ones stay at hand, since encoding after every event would cost most.
#[derive(Default)]
pub(super) struct State {
    cached: BTreeMap<StreamId, TargetRow>,
    changed: Vec<StreamId>,
}

impl Projection for State {
    fn id(&self) -> ProjectionId {
        ID
    }

    fn apply(&mut self, event: &Recorded, rows: &mut dyn Rows) -> Result<(), ProjectionError> {
        let stream = &event.envelope.stream;
        let StreamId::Target { app, target } = stream else { return Ok(()) };
        let row = match self.cached.remove(stream) {
            Some(row) => Some(row),
            None => get(rows, &key(stream))?,
        };
        let state = match row {
            Some(row) => row.state,
            None => {
                put(rows, ID.key(SLUG, &[slug(app.as_str()).as_bytes()]), app)?;
                TargetState::new(app.clone(), target.clone())
            }
        };
        let row = TargetRow { revision: event.head.revision, state: evolve(state, &event.event) };
        self.cached.insert(stream.clone(), row);
        if !self.changed.contains(stream) {
            self.changed.push(stream.clone());
        }
        Ok(())
    }

    fn finish(&mut self, rows: &mut dyn Rows) -> Result<(), ProjectionError> {
        for stream in std::mem::take(&mut self.changed) {
            if let Some(row) = self.cached.get(&stream) {
                put(rows, key(&stream), row)?;
            }
        }
        if self.cached.len() > CACHED {
            self.cached.clear();
        }
        Ok(())
    }

    fn abandon(&mut self) {
        self.cached.clear();
        self.changed.clear();
    }
}

fn key(stream: &StreamId) -> Vec<u8> {
    ID.key(ROW, &[&stream_part(stream)])
}

/// The row of a target, where it has ever been used.
pub fn target(
    rows: &dyn Rows,
    app: &AppName,
    target: &TargetName,
) -> Result<Option<TargetRow>, ProjectionError> {
    get(rows, &key(&StreamId::Target { app: app.clone(), target: target.clone() }))
}

/// Every target that was ever used, by name.
pub fn targets(rows: &dyn Rows) -> Result<Vec<TargetRow>, ProjectionError> {
    super::rows::all(rows, &ID.key(ROW, &[]))
}

/// The app that has this slug, where one has.
pub fn slug_owner(rows: &dyn Rows, slug: &str) -> Result<Option<AppName>, ProjectionError> {
    get(rows, &ID.key(SLUG, &[slug.as_bytes()]))
}
