//! `state` (1): one row per target and one for the edge, folded by `evolve`; what a command reads. What the
//! row of a target leaves out is in `target_row`.

use super::Projection;
use super::edge_row::EdgeRow;
use super::marks;
use super::row_cache::{Row, RowCache};
use super::rows::{ProjectionError, ProjectionId, get, get_plain, put, stream_part};
use super::states::{Fresh, States};
use super::target_row::{ROW, TargetRow, changes_kept, put_beside};
use super::versions::STATE as ID;
use crate::deployment::{TargetState, evolve};
use crate::event::{AnyEvent, TargetEvent};
use crate::ids::{AppName, Position, Revision, StreamId, TargetKey, slug};
use crate::log::{Recorded, Rows, RowsMut};
use std::sync::Arc;

const SLUG: u8 = 2;
const EDGE: u8 = 3;

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

impl State {
    fn of_edge(&mut self, event: &Recorded, rows: &mut dyn RowsMut) -> Result<(), ProjectionError> {
        let (revision, at) = (event.head.revision, event.head.position);
        let key = ID.key(EDGE, &[]);
        self.edge.update(rows, key.clone(), |row| {
            let (marked, before) = row.map(|row| (row.marked, row.state)).unwrap_or_default();
            let state = match &event.event {
                AnyEvent::Edge(happened) => crate::edge::evolve(before, happened),
                AnyEvent::Ledger(_) | AnyEvent::Target(_) => before,
            };
            let marked = if marks::due(revision, marked, true) { revision } else { marked };
            Some(EdgeRow { revision, marked, state })
        })?;
        match self.edge.get(rows, key)? {
            Some(row) if marks::put_for(revision, row.marked) => marks::put_edge(rows, at, row),
            Some(_) | None => Ok(()),
        }
    }

    fn of_target(
        &mut self,
        target: &TargetKey,
        event: &Recorded,
        rows: &mut dyn RowsMut,
    ) -> Result<(), ProjectionError> {
        let stream = &event.envelope.stream;
        let (revision, at) = (event.head.revision, event.head.position);
        if revision == Revision(0) {
            put(rows, ID.key(SLUG, &[slug(target.app.as_str()).as_bytes()]), at, &target.app)?;
        }
        // No rule writes an event of another stream here; as an event of the stream it counts all the same.
        let happened = match &event.event {
            AnyEvent::Target(happened) => Some(happened),
            AnyEvent::Ledger(_) | AnyEvent::Edge(_) => None,
        };
        let key = row_key(stream);
        let before = self.targets.get(rows, key.clone())?;
        if let Some(TargetEvent::DeploymentRequested(asked)) = happened
            && before.is_some_and(|row| row.state.rollout.is_some() || row.state.proposed.is_some())
        {
            return Err(ProjectionError::Overlaps(asked.id.to_string()));
        }
        let kept = happened
            .is_some_and(changes_kept)
            .then(|| before.map_or_else(Vec::new, |row| row.state.releases.clone()));
        self.targets.update(rows, key.clone(), |row| {
            let (marked, before) = row.map_or_else(
                || (Revision(0), TargetState::new(target.clone())),
                |row| (row.marked, row.state),
            );
            let state = match happened {
                Some(happened) => evolve(before, happened),
                None => before,
            };
            let marked = if marks::due(revision, marked, settled(&state)) { revision } else { marked };
            Some(TargetRow { revision, marked, state })
        })?;
        let Some(row) = self.targets.get(rows, key.clone())? else { return Ok(()) };
        if let Some(happened) = happened {
            put_beside(rows, &key, (at, happened), kept.as_deref(), &row.state)?;
        }
        if marks::put_for(revision, row.marked) { marks::put_target(rows, &key, at, row) } else { Ok(()) }
    }
}

/// Whether nothing is on its way at a target.
fn settled(state: &TargetState) -> bool {
    let rollout = state.rollout.is_some() || state.proposed.is_some();
    !rollout && state.stop.is_none() && state.restart.is_none() && state.naming.is_none()
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
        match &event.envelope.stream {
            StreamId::Target(target) => self.of_target(target, event, rows),
            StreamId::Edge => self.of_edge(event, rows),
            StreamId::Ledger
            | StreamId::Access
            | StreamId::Fleet
            | StreamId::Witness
            | StreamId::Governance
            | StreamId::Newer(_) => Ok(()),
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
