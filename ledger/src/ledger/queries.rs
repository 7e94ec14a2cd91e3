//! What can be asked of a ledger. Answers are as of one instant.

use super::{EventFilter, EventView, Ledger, view};
use crate::deployment::event::PruneRule;
use crate::deployment::retention as rules;
use crate::deployment::state::TargetState;
use crate::ids::*;
use crate::integrity::verify::entries::IN_MEMORY;
use crate::log::{LogError, LogHead, Rows};
use crate::outcome::Failure;
use crate::private::FieldNumber;
use crate::projection::*;
use crate::release::{HistoryStrategy, ReleaseRecord, TaggedImage, field as release_field};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A deploy as a candidate for a rollback, with what follows from the state of its target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Candidate {
    /// The facts.
    pub row: CandidateRow,
    /// Whether it can be restored.
    pub verdict: Verdict,
    /// A rollback without an id restores it.
    pub default: bool,
    /// What it is the same as, in image and configuration; a rollback without an id passes it over then.
    pub same: Option<SameAs>,
    /// Its own tag, while it has one.
    pub tagged: Option<TaggedImage>,
}

/// What a release is the same as, in image and configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SameAs {
    /// What runs now: going back to it changes nothing.
    Current,
    /// What a rollback left: going back to it goes forward into the fault.
    Left,
}

/// Whether a release can be restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It runs.
    Current,
    /// It can.
    Ready,
    /// It cannot.
    NotRestorable(Why),
}

/// Why a release cannot be restored, and the event that made it so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "why")]
pub enum Why {
    /// Still on its way.
    Deploying {
        /// Its request.
        at: Position,
    },
    /// Its deployment did not succeed.
    NeverGood {
        /// Where that was recorded.
        at: Position,
        /// Why; none if it was cancelled.
        cause: Option<Failure>,
    },
    /// Its image was removed by a rule.
    Pruned {
        /// Where that was planned.
        at: Position,
        /// Which rule.
        rule: PruneRule,
        /// The count in force.
        count: u16,
    },
    /// Its image was removed by somebody else.
    Lost {
        /// Where that was recorded.
        at: Position,
        /// What was seen.
        cause: Failure,
    },
    /// Values that it needs were erased.
    Redacted {
        /// The event that says so.
        at: Position,
    },
    /// It was deployed with strategy `none`.
    StrategyNone {
        /// Its request.
        at: Position,
    },
}

impl Ledger {
    /// Reads rows, and turns an unreadable one into an error of the log.
    pub(super) fn rows<T>(
        &self,
        read: impl Fn(&dyn Rows) -> Result<T, ProjectionError>,
    ) -> Result<T, LogError> {
        let mut answer = None;
        self.log.read_rows(&mut |rows| answer = Some(read(rows)))?;
        let answer = answer.ok_or_else(|| LogError::Store("the read models were not read".to_owned()))?;
        answer.map_err(|error| LogError::Store(error.to_string()))
    }

    pub(super) fn target_row(&self, key: &TargetKey) -> Result<Option<TargetRow>, LogError> {
        self.rows(|rows| read::target(rows, key))
    }

    /// The state of a target; that of an unused one if it was never used.
    pub fn state(&self, key: &TargetKey) -> Result<TargetState, LogError> {
        let row = self.target_row(key)?;
        Ok(row.map_or_else(|| TargetState::new(key.clone()), |row| row.state))
    }

    /// Every target that was ever used.
    pub fn targets(&self) -> Result<Vec<TargetState>, LogError> {
        Ok(self.rows(read::targets)?.into_iter().map(|row| row.state).collect())
    }

    /// Targets that owe something.
    pub fn pending(&self) -> Result<Vec<PendingRow>, LogError> {
        self.rows(read::pending)
    }

    /// Deployments of a target, newest first.
    pub fn deployments(&self, key: &TargetKey, page: &Page) -> Result<Vec<DeploymentRow>, LogError> {
        self.rows(|rows| read::newest(rows, key, page))
    }

    /// One deployment.
    pub fn deployment(&self, id: DeploymentId) -> Result<Option<DeploymentRow>, LogError> {
        self.rows(|rows| read::deployment(rows, id))
    }

    /// Deployments by the start of their id, `dep_` in front accepted and ignored.
    pub fn find_deployment(&self, prefix: &str, within: Option<&TargetKey>) -> Result<Found, LogError> {
        let prefix = prefix.strip_prefix("dep_").unwrap_or(prefix).to_ascii_lowercase();
        self.rows(|rows| read::by_prefix(rows, &prefix, within))
    }

    /// What is known of a release.
    pub fn release(&self, release: DeploymentId) -> Result<Option<ReleaseRow>, LogError> {
        self.rows(|rows| read::release(rows, release))
    }

    /// What a rollback needs of a release; `None` if it was never resolved to an image.
    pub fn release_record(&self, release: DeploymentId) -> Result<Option<ReleaseRecord>, LogError> {
        let Some(row) = self.release(release)? else { return Ok(None) };
        let Some(image) = row.image else { return Ok(None) };
        Ok(Some(ReleaseRecord { release, spec: row.spec, image, tagged: row.tagged }))
    }

    /// Every deploy of a target, newest first, and whether it can be restored.
    pub fn candidates(&self, key: &TargetKey) -> Result<Vec<Candidate>, LogError> {
        self.rows(|rows| {
            let state = read::target(rows, key)?;
            judged(rows, state, read::candidates(rows, key)?)
        })
    }

    /// The deploys of a target that are kept, newest first: as many as its retention says, however
    /// long its history is.
    pub fn kept_candidates(&self, key: &TargetKey) -> Result<Vec<Candidate>, LogError> {
        self.rows(|rows| {
            let state = read::target(rows, key)?;
            let kept = state.iter().flat_map(|row| &row.state.releases);
            let found = kept.map(|kept| read::candidate(rows, key, kept.release));
            let mut found = found.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect::<Vec<_>>();
            found.sort_by_key(|row| std::cmp::Reverse(row.requested));
            judged(rows, state, found)
        })
    }

    /// One deploy of a target, and whether it can be restored.
    pub fn candidate(&self, key: &TargetKey, release: DeploymentId) -> Result<Option<Candidate>, LogError> {
        let found = self.rows(|rows| {
            let state = read::target(rows, key)?;
            judged(rows, state, read::candidate(rows, key, release)?.into_iter().collect())
        })?;
        Ok(found.into_iter().next())
    }

    /// The release that a rollback without an id restores.
    pub fn default_target(&self, key: &TargetKey) -> Result<Option<DeploymentId>, LogError> {
        let found = self.kept_candidates(key)?;
        Ok(found.into_iter().find(|candidate| candidate.default).map(|candidate| candidate.row.release))
    }

    /// Where rollbacks without an id may go from here on (D5), nearest first, whether or not they can be had.
    pub fn steps_back(&self, key: &TargetKey) -> Result<Vec<DeploymentId>, LogError> {
        self.rows(|rows| {
            let Some(TargetRow { state, .. }) = read::target(rows, key)? else {
                return Ok(Vec::new());
            };
            let same = same(rows, &state)?;
            let passed = |release| same.contains_key(&release);
            Ok(rules::steps_back(&state, &passed).map(|kept| kept.release).collect())
        })
    }

    /// What a target does, in short.
    pub fn status(&self, key: &TargetKey) -> Result<StatusRow, LogError> {
        Ok(self.rows(|rows| read::status(rows, key))?.unwrap_or_default())
    }

    /// Every artefact that a target ever had.
    pub fn artefacts(&self, key: &TargetKey) -> Result<Vec<ArtefactRow>, LogError> {
        self.rows(|rows| read::artefacts(rows, key))
    }

    /// Events that match, oldest first, private values joined.
    pub fn events(&self, filter: &EventFilter) -> Result<Vec<EventView>, LogError> {
        view::events(self.log.as_ref(), self.newer.is_some(), filter)
    }

    /// Private fields of an event that were erased.
    pub fn erased(&self, position: Position) -> Result<Vec<FieldNumber>, LogError> {
        self.rows(|rows| read::erased(rows, position))
    }

    /// Where the log stands.
    pub fn head(&self) -> LogHead {
        self.log.head()
    }

    /// Folds the whole log anew and compares with the live rows.
    pub fn replay(&self, progress: &mut dyn FnMut(Position)) -> Result<RebuildReport, LogError> {
        // Where there are many events, their read models do not fit into memory.
        let large = self.head().next.0 > IN_MEMORY;
        let models = Projections::default();
        let folding = match self.places.as_ref().filter(|_| large) {
            Some(places) => Folding::on_disk(places.scratch(), models)?,
            None => Folding::in_memory(models),
        };
        rebuild(self.log.as_ref(), folding, progress)
    }
}

fn judged(
    rows: &dyn Rows,
    state: Option<TargetRow>,
    candidates: Vec<CandidateRow>,
) -> Result<Vec<Candidate>, ProjectionError> {
    let Some(TargetRow { mut state, .. }) = state else { return Ok(Vec::new()) };
    // The rules know nothing of private values: for them, a release without is one whose image is gone.
    let mut redacted = Vec::new();
    for kept in &mut state.releases {
        let row = read::candidate(rows, &state.key, kept.release)?;
        if let Some(at) = row.map(|row| values_redacted(rows, &row)).transpose()?.flatten() {
            kept.lost = true;
            redacted.push((kept.release, at));
        }
    }
    let same = same(rows, &state)?;
    let passed = |release| same.contains_key(&release);
    let default = rules::default_target(&state, &passed).map(|kept| kept.release);
    let judged = candidates.into_iter().map(|row| {
        let erased = redacted.iter().find(|(release, _)| *release == row.release);
        Candidate {
            verdict: match (verdict(&state, &row), erased) {
                (Verdict::Ready, Some((_, at))) => Verdict::NotRestorable(Why::Redacted { at: *at }),
                (verdict, _) => verdict,
            },
            default: default == Some(row.release),
            same: same.get(&row.release).copied(),
            tagged: state.kept(row.release).and_then(|kept| kept.tagged.clone()),
            row,
        }
    });
    Ok(judged.collect())
}

/// Good releases that are what another one is.
fn same(rows: &dyn Rows, state: &TargetState) -> Result<BTreeMap<DeploymentId, SameAs>, ProjectionError> {
    let current = state.current_release();
    let (mut runs, mut left, mut others) = (None, Vec::new(), Vec::new());
    for kept in state.releases.iter().filter(|kept| kept.good) {
        let Some(makes) = makes(rows, kept.release)? else { continue };
        if Some(kept.release) == current {
            runs = Some(makes);
        } else if rules::was_left(state, kept) {
            left.push((kept.release, makes));
        } else {
            others.push((kept.release, makes));
        }
    }
    let as_current = left.iter().chain(&others).filter(|(_, makes)| Some(makes) == runs.as_ref());
    let as_left = others.iter().filter(|(_, other)| left.iter().any(|(_, makes)| makes == other));
    // What runs now counts more.
    let as_left = as_left.map(|(release, _)| (*release, SameAs::Left));
    Ok(as_left.chain(as_current.map(|(release, _)| (*release, SameAs::Current))).collect())
}

/// What a release makes live: its configuration and its image.
fn makes(rows: &dyn Rows, release: DeploymentId) -> Result<Option<(String, Digest)>, ProjectionError> {
    let Some(row) = read::release(rows, release)? else { return Ok(None) };
    let image = row.tagged.map(|tagged| tagged.image_id).or(row.image.and_then(|image| image.digest));
    Ok(image.map(|image| (row.spec.config_digest, image)))
}

/// The event that erased a value of the configuration of a release, where one did.
fn values_redacted(rows: &dyn Rows, row: &CandidateRow) -> Result<Option<Position>, ProjectionError> {
    let needed = |field: &&FieldNumber| **field >= release_field::CREDENTIAL;
    let erased = read::erased(rows, row.requested)?;
    match erased.iter().find(needed) {
        Some(field) => read::erasure(rows, row.requested, *field),
        None => Ok(None),
    }
}

fn verdict(state: &TargetState, row: &CandidateRow) -> Verdict {
    if state.current_release() == Some(row.release) {
        return Verdict::Current;
    }
    let why = match &row.fate {
        Fate::Deploying => Why::Deploying { at: row.requested },
        Fate::NeverGood { at, cause } => Why::NeverGood { at: *at, cause: cause.clone() },
        Fate::Good { .. } | Fate::Pruned { .. } if row.strategy == HistoryStrategy::None => {
            Why::StrategyNone { at: row.requested }
        }
        Fate::Pruned { at, rule, count, .. } => Why::Pruned { at: *at, rule: *rule, count: *count },
        Fate::Good { .. } => match &row.lost {
            Some((at, cause)) => Why::Lost { at: *at, cause: cause.clone() },
            None => return Verdict::Ready,
        },
    };
    Verdict::NotRestorable(why)
}
