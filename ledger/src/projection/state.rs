//! `state` (1): one row per target and one for the edge, folded by `evolve`; what a command reads.

use super::Projection;
use super::held::Held;
use super::rows::{ProjectionError, ProjectionId, get, get_plain, put, stream_part};
use super::versions::STATE as ID;
use crate::deployment::{Event, TargetState, evolve};
use crate::edge::EdgeState;
use crate::ids::{AppName, Position, Revision, StreamId, TargetName, slug};
use crate::log::{Recorded, Rows, RowsMut};
use serde::{Deserialize, Serialize};

const ROW: u8 = 1;
const SLUG: u8 = 2;
const EDGE: u8 = 3;

/// The state of a target and the revision of its stream that it is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetRow {
    /// Revision of the last event folded.
    pub revision: Revision,
    /// The state.
    pub state: TargetState,
}

/// The state of the edge and the revision of its stream that it is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EdgeRow {
    /// Revision of the last event folded.
    pub revision: Revision,
    /// The state.
    pub state: EdgeState,
}

#[derive(Default)]
pub(super) struct State {
    targets: Held<TargetRow>,
    edge: Held<EdgeRow>,
}

impl Projection for State {
    fn id(&self) -> ProjectionId {
        ID
    }

    fn apply(&mut self, event: &Recorded, rows: &mut dyn RowsMut) -> Result<(), ProjectionError> {
        let stream = &event.envelope.stream;
        let (revision, at) = (event.head.revision, event.head.position);
        let (app, target) = match stream {
            StreamId::Target { app, target } => (app, target),
            StreamId::Edge => {
                return self.edge.fold(at).update(rows, ID.key(EDGE, &[]), |row| {
                    let before = row.map(|row| row.state).unwrap_or_default();
                    Some(EdgeRow { revision, state: crate::edge::evolve(before, &event.event) })
                });
            }
            StreamId::Ledger
            | StreamId::Access
            | StreamId::Fleet
            | StreamId::Witness
            | StreamId::Governance
            | StreamId::Newer(_) => return Ok(()),
        };
        if revision == Revision(0) {
            put(rows, ID.key(SLUG, &[slug(app.as_str()).as_bytes()]), at, app)?;
        }
        if let Event::DeploymentRequested(asked) = &event.event
            && self.targets.get(rows, key(stream))?.is_some_and(|row| row.state.rollout.is_some())
        {
            return Err(ProjectionError::Overlaps(asked.id.to_string()));
        }
        self.targets.fold(at).update(rows, key(stream), |row| {
            let state = row.map_or_else(|| TargetState::new(app.clone(), target.clone()), |row| row.state);
            Some(TargetRow { revision, state: evolve(state, &event.event) })
        })
    }

    fn finish(&mut self, rows: &mut dyn RowsMut) -> Result<(), ProjectionError> {
        self.targets.finish(rows)?;
        self.edge.finish(rows)
    }

    fn abandon(&mut self) {
        self.targets.abandon();
        self.edge.abandon();
    }
}

/// The row of the edge, where anything ever happened there.
pub fn edge(rows: &dyn Rows) -> Result<Option<EdgeRow>, ProjectionError> {
    get(rows, &ID.key(EDGE, &[]))
}

/// Size of the log that the rows were folded from.
pub fn folded(rows: &dyn Rows) -> Result<Position, ProjectionError> {
    Ok(get_plain(rows, &ID.checkpoint())?.unwrap_or(Position(0)))
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
