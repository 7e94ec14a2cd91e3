//! `state` (1): one row per target and one for the edge, folded by `evolve`; what a command reads. What the
//! row of a target leaves out is in `target_row`.

use super::Projection;
use super::row_cache::{Row, RowCache};
use super::rows::{ProjectionError, ProjectionId, get, get_plain, put, stream_part};
use super::states::{Fresh, States};
use super::target_row::{ROW, TargetRow, changes_kept, put_beside};
use super::versions::STATE as ID;
use crate::deployment::{TargetState, evolve};
use crate::edge::EdgeState;
use crate::event::{AnyEvent, TargetEvent};
use crate::ids::{AppName, Position, Revision, StreamId, TargetKey, slug};
use crate::log::{Recorded, Rows, RowsMut};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

const SLUG: u8 = 2;
const EDGE: u8 = 3;

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
    targets: RowCache<TargetRow>,
    edge: RowCache<EdgeRow>,
    /// Where decoded states go once they are sealed; none where nobody reads them.
    states: Option<Arc<States>>,
    /// Those that are put and not sealed.
    fresh: Vec<Fresh>,
}

impl State {
    /// Hands decoded states on.
    pub fn published_in(states: Arc<States>) -> Self {
        Self { states: Some(states), ..Self::default() }
    }
}

impl Projection for State {
    fn id(&self) -> ProjectionId {
        ID
    }

    fn begin(&mut self, at: Position) {
        self.targets.begin(at);
        self.edge.begin(at);
    }

    fn apply(&mut self, event: &Recorded, rows: &mut dyn RowsMut) -> Result<(), ProjectionError> {
        let stream = &event.envelope.stream;
        let (revision, at) = (event.head.revision, event.head.position);
        let target = match stream {
            StreamId::Target(target) => target,
            StreamId::Edge => {
                return self.edge.update(rows, ID.key(EDGE, &[]), |row| {
                    let before = row.map(|row| row.state).unwrap_or_default();
                    let state = match &event.event {
                        AnyEvent::Edge(happened) => crate::edge::evolve(before, happened),
                        AnyEvent::Ledger(_) | AnyEvent::Target(_) => before,
                    };
                    Some(EdgeRow { revision, state })
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
            put(rows, ID.key(SLUG, &[slug(target.app.as_str()).as_bytes()]), at, &target.app)?;
        }
        let key = row_key(stream);
        let AnyEvent::Target(happened) = &event.event else {
            // No rule writes such an event here; as an event of the stream it counts all the same.
            return self.targets.update(rows, key, |row| {
                let state = row.map_or_else(|| TargetState::new(target.clone()), |row| row.state);
                Some(TargetRow { revision, state })
            });
        };
        let before = self.targets.get(rows, key.clone())?;
        if let TargetEvent::DeploymentRequested(asked) = happened
            && before.is_some_and(|row| row.state.rollout.is_some() || row.state.proposed.is_some())
        {
            return Err(ProjectionError::Overlaps(asked.id.to_string()));
        }
        let kept =
            changes_kept(happened).then(|| before.map_or_else(Vec::new, |row| row.state.releases.clone()));
        self.targets.update(rows, key.clone(), |row| {
            let state = row.map_or_else(|| TargetState::new(target.clone()), |row| row.state);
            Some(TargetRow { revision, state: evolve(state, happened) })
        })?;
        match self.targets.get(rows, key.clone())? {
            Some(row) => put_beside(rows, &key, (at, happened), kept.as_deref(), &row.state),
            None => Ok(()),
        }
    }

    fn finish(&mut self, rows: &mut dyn RowsMut) -> Result<(), ProjectionError> {
        let (wanted, fresh) = (self.states.is_some(), &mut self.fresh);
        self.targets.finish_each(rows, |key, put, row| {
            if wanted {
                fresh.push(Fresh { key: key.to_vec(), put, row: Arc::new(row.clone()) });
            }
        })?;
        self.edge.finish(rows)
    }

    fn sealed(&mut self) {
        if let Some(states) = &self.states {
            states.publish(self.fresh.drain(..));
        }
    }

    fn abandon(&mut self) {
        self.fresh.clear();
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

fn row_key(stream: &StreamId) -> Vec<u8> {
    ID.key(ROW, &[&stream_part(stream)])
}

/// The row of a target as of `at`, where it has ever been used: decoded before, or read.
pub fn fresh(
    rows: &dyn Rows,
    states: &States,
    target: &TargetKey,
    at: Position,
) -> Result<Option<Arc<TargetRow>>, ProjectionError> {
    let key = row_key(&target.stream());
    match states.get(&key, at) {
        Some(row) => Ok(Some(row)),
        None => Ok(TargetRow::load(rows, &key)?.map(Arc::new)),
    }
}

/// The row of a target, where it has ever been used.
pub fn target(rows: &dyn Rows, target: &TargetKey) -> Result<Option<TargetRow>, ProjectionError> {
    TargetRow::load(rows, &row_key(&target.stream()))
}

/// The app that has this slug, where one has.
pub fn slug_owner(rows: &dyn Rows, slug: &str) -> Result<Option<AppName>, ProjectionError> {
    get(rows, &ID.key(SLUG, &[slug.as_bytes()]))
}
