//! Marks: copies of the row of a target, or of the edge, that are put once and stay as they are. A state as of
//! an earlier instant is folded from the newest mark before it, not from the first event; and rows that are
//! rebuilt are compared at each of them.
//!
//! What a row leaves to the rows beside it is in the mark, since those change later; configurations never do,
//! and are not. Where marks lie follows from the stream alone, whatever its batches were.

use super::edge_row::EdgeRow;
use super::kept_row::StoredRelease;
use super::rows::{ProjectionError, decode, put, stream_part};
use super::target_row::{Beside, Image, InRows, ROW, Stored, TargetRow, joined, missing, stored};
use super::versions::STATE as ID;
use crate::deployment::state::RetainedRelease;
use crate::ids::{DeploymentId, Position, Revision, TargetKey};
use crate::log::{Rows, RowsMut};
use crate::release::ReleaseSpec;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Stream, position → [`Mark`].
const TARGET: u8 = 4;
/// Position → [`EdgeRow`].
const EDGE: u8 = 5;
/// Fewest events of a stream from one mark to the next.
const FEWEST: u64 = 64;
/// Most events of a stream from one mark to the next, where something is on its way all the time.
const MOST: u64 = 256;

/// Whether a mark is put for this event of a stream.
pub(super) fn due(revision: Revision, marked: Revision, settled: bool) -> bool {
    let since = revision.0 - marked.0;
    since >= MOST || since >= FEWEST && settled
}

/// Whether a mark was put for the last event folded. None is put for the first of a stream.
pub(super) fn put_for(revision: Revision, marked: Revision) -> bool {
    marked == revision && revision != Revision(0)
}

/// The row of a target, and what it leaves out.
#[derive(Serialize, Deserialize)]
struct Mark<'a> {
    row: Stored<'a>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    kept: Vec<StoredRelease<'a>>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    images: BTreeMap<DeploymentId, Image<'a>>,
}

/// In the mark; configurations in the rows beside the live row.
struct InMark<'a> {
    kept: BTreeMap<DeploymentId, RetainedRelease>,
    images: BTreeMap<DeploymentId, Image<'static>>,
    rows: InRows<'a>,
}

impl Beside for InMark<'_> {
    fn spec(&self, id: DeploymentId) -> Result<Arc<ReleaseSpec>, ProjectionError> {
        self.rows.spec(id)
    }

    fn image(&self, id: DeploymentId) -> Result<Image<'static>, ProjectionError> {
        self.images.get(&id).cloned().ok_or_else(|| missing("the image", id))
    }

    fn kept(&self, id: DeploymentId) -> Result<RetainedRelease, ProjectionError> {
        self.kept.get(&id).cloned().ok_or_else(|| missing("what is kept", id))
    }
}

/// Puts the mark of a target; its row is under `key`.
pub(super) fn put_target(
    rows: &mut dyn RowsMut,
    key: &[u8],
    at: Position,
    row: &TargetRow,
) -> Result<(), ProjectionError> {
    let state = &row.state;
    let live =
        state.current.iter().map(|live| (live.deployment, Image::of(Some(&live.image), Some(&live.tagged))));
    let begun = state
        .rollout
        .iter()
        .chain(&state.proposed)
        .map(|rollout| (rollout.deployment, Image::of(rollout.image.as_ref(), rollout.tagged.as_ref())));
    let mark = Mark {
        row: stored(row),
        kept: state.releases.iter().map(StoredRelease::from).collect(),
        images: live.chain(begun).collect(),
    };
    let stream = key.get(ID.key(ROW, &[]).len()..).unwrap_or_default();
    put(rows, ID.key(TARGET, &[stream, &at.0.to_be_bytes()]), at, &mark)
}

/// Puts the mark of the edge.
pub(super) fn put_edge(rows: &mut dyn RowsMut, at: Position, row: &EdgeRow) -> Result<(), ProjectionError> {
    put(rows, ID.key(EDGE, &[&at.0.to_be_bytes()]), at, row)
}

/// The newest mark of a target before `at`: the position of its event, and the row after that event.
pub fn target_mark(
    rows: &dyn Rows,
    target: &TargetKey,
    at: Position,
) -> Result<Option<(Position, TargetRow)>, ProjectionError> {
    let stream = stream_part(&target.stream());
    let Some((position, value)) = newest(rows, &ID.key(TARGET, &[&stream]), at)? else { return Ok(None) };
    let Mark { row, kept, images }: Mark<'static> = decode(&value)?;
    let key = ID.key(ROW, &[&stream]);
    let kept = kept.into_iter().map(RetainedRelease::from).map(|kept| (kept.release, kept)).collect();
    let row = joined(row, &InMark { kept, images, rows: InRows { rows, key: &key } })?;
    Ok(Some((position, row)))
}

/// The newest mark of the edge before `at`: the position of its event, and the row after that event.
pub fn edge_mark(rows: &dyn Rows, at: Position) -> Result<Option<(Position, EdgeRow)>, ProjectionError> {
    let found = newest(rows, &ID.key(EDGE, &[]), at)?;
    found.map(|(position, value)| Ok((position, decode(&value)?))).transpose()
}

/// The newest row under a prefix whose key ends with a position before `at`.
fn newest(
    rows: &dyn Rows,
    prefix: &[u8],
    at: Position,
) -> Result<Option<(Position, Vec<u8>)>, ProjectionError> {
    let before = [prefix, &at.0.to_be_bytes()].concat();
    let mut found = None;
    rows.scan(prefix, true, Some(&before), &mut |key, value| {
        let position = key.last_chunk().map(|position| Position(u64::from_be_bytes(*position)));
        found = position.map(|position| (position, value.to_vec()));
        false
    })?;
    Ok(found)
}
