//! What can be restored, what cannot, and the event that caused it: from the state of a target, its deploys,
//! what each of them makes live, and what was erased.

use super::View;
use crate::deployment::restorable::is_restorable;
use crate::deployment::retention as rules;
use crate::deployment::state::{ImageSeen, TargetState};
use crate::event::PruneRule;
use crate::ids::*;
use crate::log::{LogError, Rows};
use crate::outcome::Failure;
use crate::private::FieldNumber;
use crate::projection::*;
use crate::release::{HistoryStrategy, TaggedImage, field as release_field};
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
    /// What it equals in image and configuration; a rollback without an id then passes it over.
    pub same: Option<SameAs>,
    /// Own tag, while there is one.
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
    /// The release runs.
    Current,
    /// The release can be restored.
    Ready,
    /// The release cannot be restored.
    NotRestorable(NotRestorableReason),
}

/// Why a release cannot be restored, and the event that made it so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "why")]
pub enum NotRestorableReason {
    /// The deployment is still in progress.
    Deploying {
        /// Position of its request.
        at: Position,
    },
    /// The deployment did not succeed.
    NeverGood {
        /// Where that was recorded.
        at: Position,
        /// Why; none if it was cancelled.
        cause: Option<Failure>,
    },
    /// The image was removed by a rule.
    Pruned {
        /// Where that was planned.
        at: Position,
        /// The rule.
        rule: PruneRule,
        /// The count in force.
        count: u16,
    },
    /// The tag on the engine is being removed; once that is done the release can be restored again.
    BeingPruned {
        /// Where that was planned.
        at: Position,
    },
    /// The image was removed by others.
    Lost {
        /// Where that was recorded.
        at: Position,
        /// What was seen.
        cause: Failure,
    },
    /// Values that it needs were erased.
    Redacted {
        /// The event that records it.
        at: Position,
    },
    /// The release was deployed with strategy `none`.
    StrategyNone {
        /// Position of its request.
        at: Position,
    },
}

impl View<'_> {
    /// Every deploy of a target, newest first, and whether it can be restored.
    pub fn candidates(&self, key: &TargetKey) -> Result<Vec<Candidate>, LogError> {
        let found = read::candidates(self.rows, key)?;
        self.judged(key, found)
    }

    /// The deploys of a target that are kept, newest first: as many as its retention says, however
    /// long its history is.
    pub fn kept_candidates(&self, key: &TargetKey) -> Result<Vec<Candidate>, LogError> {
        let state = self.state(key)?;
        let kept = state.releases.iter().map(|kept| read::candidate(self.rows, key, kept.release));
        let mut found = kept.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect::<Vec<_>>();
        found.sort_by_key(|row| std::cmp::Reverse(row.requested));
        self.judged(key, found)
    }

    /// A deploy of a target, and whether it can be restored.
    pub fn candidate(&self, key: &TargetKey, release: DeploymentId) -> Result<Option<Candidate>, LogError> {
        let found = read::candidate(self.rows, key, release)?;
        Ok(self.judged(key, found.into_iter().collect())?.pop())
    }

    /// The release that a rollback without an id restores.
    pub fn default_target(&self, key: &TargetKey) -> Result<Option<DeploymentId>, LogError> {
        let found = self.kept_candidates(key)?;
        Ok(found.into_iter().find(|candidate| candidate.default).map(|candidate| candidate.row.release))
    }

    /// Where rollbacks without an id may go from here on (D5), nearest first, whether or not they can be
    /// restored.
    pub fn steps_back(&self, key: &TargetKey) -> Result<Vec<DeploymentId>, LogError> {
        let state = self.state(key)?;
        let same = same(self.rows, &state)?;
        let passed = |release| same.contains_key(&release);
        Ok(rules::steps_back(&state, &passed).map(|kept| kept.release).collect())
    }

    fn judged(&self, key: &TargetKey, candidates: Vec<CandidateRow>) -> Result<Vec<Candidate>, LogError> {
        Ok(judged(self.rows, self.state(key)?, candidates)?)
    }
}

fn judged(
    rows: &dyn Rows,
    mut state: TargetState,
    candidates: Vec<CandidateRow>,
) -> Result<Vec<Candidate>, ProjectionError> {
    // The rules know nothing of private values: for them, a release without values is one whose image is
    // gone.
    let mut redacted = Vec::new();
    for kept in &mut state.releases {
        let row = read::candidate(rows, &state.key, kept.release)?;
        if let Some(at) = row.map(|row| values_redacted(rows, &row)).transpose()?.flatten() {
            kept.image = ImageSeen::Lost;
            redacted.push((kept.release, at));
        }
    }
    let same = same(rows, &state)?;
    let passed = |release| same.contains_key(&release);
    let default = rules::default_target(&state, &passed).map(|kept| kept.release);
    let judged = candidates.into_iter().map(|row| {
        let erased = redacted.iter().find(|(release, _)| *release == row.release).map(|(_, at)| *at);
        let going = || going(rows, &state.key, row.release);
        Ok(Candidate {
            verdict: verdict(&state, &row, erased, going)?,
            default: default == Some(row.release),
            same: same.get(&row.release).copied(),
            tagged: state.kept(row.release).and_then(|kept| kept.tagged.clone()),
            row,
        })
    });
    judged.collect()
}

/// Good releases that are what another one is.
fn same(rows: &dyn Rows, state: &TargetState) -> Result<BTreeMap<DeploymentId, SameAs>, ProjectionError> {
    let current = state.current_release();
    let (mut runs, mut left, mut others) = (None, Vec::new(), Vec::new());
    for kept in state.releases.iter().filter(|kept| kept.was_good()) {
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
    // The running release takes precedence.
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

/// Where the removal of what a release has on the engine was planned.
fn going(
    rows: &dyn Rows,
    key: &TargetKey,
    release: DeploymentId,
) -> Result<Option<Position>, ProjectionError> {
    let artefact = read::artefact(rows, key, release)?;
    Ok(artefact.and_then(|artefact| artefact.planned).map(|(_, at)| at))
}

/// The rules decide whether; the row has the cause.
fn verdict(
    state: &TargetState,
    row: &CandidateRow,
    erased: Option<Position>,
    going: impl FnOnce() -> Result<Option<Position>, ProjectionError>,
) -> Result<Verdict, ProjectionError> {
    if state.current_release() == Some(row.release) {
        return Ok(Verdict::Current);
    }
    if state.kept(row.release).is_some_and(is_restorable) {
        return Ok(Verdict::Ready);
    }
    Ok(Verdict::NotRestorable(match &row.fate {
        Fate::Deploying => NotRestorableReason::Deploying { at: row.requested },
        Fate::NeverGood { at, cause } => NotRestorableReason::NeverGood { at: *at, cause: cause.clone() },
        Fate::Good { .. } | Fate::Pruned { .. } if row.strategy == HistoryStrategy::None => {
            NotRestorableReason::StrategyNone { at: row.requested }
        }
        Fate::Pruned { at, rule, count, .. } => {
            NotRestorableReason::Pruned { at: *at, rule: *rule, count: *count }
        }
        Fate::Good { at } => match (&row.lost, erased) {
            (Some((at, cause)), _) => NotRestorableReason::Lost { at: *at, cause: cause.clone() },
            (None, Some(at)) => NotRestorableReason::Redacted { at },
            (None, None) => NotRestorableReason::BeingPruned { at: going()?.unwrap_or(*at) },
        },
    }))
}
