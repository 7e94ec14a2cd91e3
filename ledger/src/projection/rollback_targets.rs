//! `rollback_targets` (3): for every deploy of a target, whether it can be restored, and the event
//! that made it so. Which one is current or the default follows from the state.

use super::Projection;
use super::row_cache::RowCache;
use super::rows::{ProjectionError, ProjectionId, stream_part};
use super::versions::ROLLBACK_TARGETS as ID;
use crate::event::{
    AnyEvent, DeploymentKind, DeploymentRequested, DeploymentSucceeded, PruneRule, ReleaseTagged,
    TargetEvent, running_events, step_events,
};
use crate::ids::{DeploymentId, Digest, Position, ReleaseName, TargetKey, Timestamp};
use crate::log::{Recorded, Rows, RowsMut};
use crate::outcome::Failure;
use crate::release::HistoryStrategy;
use serde::{Deserialize, Serialize};

const ROW: u8 = 1;

/// A deploy as a candidate for a rollback.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CandidateRow {
    /// The release, by its deploy.
    pub release: DeploymentId,
    /// Position of the request: who and why are in its envelope.
    pub requested: Position,
    /// When it was requested, as recorded.
    pub at: Timestamp,
    /// Fingerprint of the actor.
    pub actor: String,
    /// Strategy that it was deployed with.
    pub strategy: HistoryStrategy,
    /// Requested repository and tag.
    pub reference: String,
    /// What became of the release.
    pub fate: Fate,
    /// Where its image was found lost, and why.
    pub lost: Option<(Position, Failure)>,
    /// Where a rollback left it.
    pub left: Option<Position>,
    /// Names that people gave it.
    pub names: Vec<ReleaseName>,
    /// Where it was pinned.
    pub pinned: Option<Position>,
    /// Where it was held.
    pub held: Option<Position>,
    /// Where its tag in the registry was last seen to have moved.
    pub moved: Option<Moved>,
    /// Where its registry last did not answer, unless it did since.
    pub unanswered: Option<(Position, Failure)>,
    /// When its image was last checked, and where that was recorded.
    pub checked: Option<(Timestamp, Position)>,
}

/// A tag that no longer points at what was deployed from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// Where that was recorded.
    pub at: Position,
    /// Current digest; none if the tag is gone.
    pub now: Option<Digest>,
}

/// Fate of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// In progress.
    Deploying,
    /// The deployment succeeded, first at this position.
    Good {
        /// Where it first did.
        at: Position,
    },
    /// The deployment did not succeed.
    NeverGood {
        /// Where that was recorded.
        at: Position,
        /// Why; none if it was cancelled.
        cause: Option<Failure>,
    },
    /// The release was good, and its image was removed by a rule.
    Pruned {
        /// Where the removal was planned.
        at: Position,
        /// By which rule.
        rule: PruneRule,
        /// The count in force.
        count: u16,
        /// The event that made it good, for when it is not removed after all.
        good: Position,
    },
}

#[derive(Default)]
pub(super) struct RollbackTargets {
    candidates: RowCache<CandidateRow>,
    /// The release that is current, kept to know what a rollback leaves.
    current: RowCache<DeploymentId>,
}

fn held(at: Option<Position>) -> impl FnOnce(&mut CandidateRow) {
    move |row| row.held = at
}

fn unanswered(at: Position, cause: &Failure) -> impl FnOnce(&mut CandidateRow) {
    move |row| row.unanswered = Some((at, cause.clone()))
}

fn checked(when: (Timestamp, Position)) -> impl FnOnce(&mut CandidateRow) + Copy {
    move |row| (row.checked, row.unanswered) = (Some(when), None)
}

fn pruned(at: Position, (rule, count): (PruneRule, u16)) -> impl FnOnce(&mut CandidateRow) {
    move |row| {
        // What a registry keeps is restorable without anything on the host.
        if let Fate::Good { at: good } = row.fate
            && rule != PruneRule::HostKeepsCurrent
        {
            row.fate = Fate::Pruned { at, rule, count, good };
        }
    }
}

fn not_pruned(row: &mut CandidateRow) {
    if let Fate::Pruned { good, .. } = row.fate {
        row.fate = Fate::Good { at: good };
    }
}

fn pinned(at: Option<Position>) -> impl FnOnce(&mut CandidateRow) {
    move |row| row.pinned = at
}

impl Projection for RollbackTargets {
    fn id(&self) -> ProjectionId {
        ID
    }

    fn begin(&mut self, at: Position) {
        self.candidates.begin(at);
        self.current.begin(at);
    }

    fn apply(&mut self, event: &Recorded, rows: &mut dyn RowsMut) -> Result<(), ProjectionError> {
        let AnyEvent::Target(happened) = &event.event else { return Ok(()) };
        let at = event.head.position;
        let stream = stream_part(&event.envelope.stream);
        let key = |id: DeploymentId| ID.key(ROW, &[&stream, id.to_string().as_bytes()]);
        // A rollback that fails says nothing about the release: only its own deploy does.
        let never_good = |cause: Option<&Failure>| {
            let cause = cause.cloned();
            move |row: &mut CandidateRow| {
                if row.fate == Fate::Deploying {
                    row.fate = Fate::NeverGood { at, cause };
                }
            }
        };
        let all = &mut self.candidates;
        match happened {
            TargetEvent::DeploymentRequested(e) => self.requested(event, e, key(e.id)),
            TargetEvent::DeploymentSucceeded(e) => self.succeeded(event, e, &stream, rows),
            TargetEvent::DeploymentRefused(e) => all.change(rows, key(e.id), never_good(Some(&e.cause))),
            TargetEvent::DeploymentFailed(e) => all.change(rows, key(e.id), never_good(Some(&e.cause))),
            TargetEvent::DeploymentRolledBack(e) => all.change(rows, key(e.id), never_good(Some(&e.cause))),
            TargetEvent::DeploymentCancelled(e) => all.change(rows, key(e.id), never_good(None)),
            TargetEvent::DeploymentInterrupted(e) => all.change(rows, key(e.id), never_good(Some(&e.cause))),
            // What becomes of a volume says nothing about the image.
            TargetEvent::PrunePlanned(e) if e.artefact.is_volume() => Ok(()),
            TargetEvent::PruneFailed(e) if e.artefact.is_volume() => Ok(()),
            TargetEvent::PrunePlanned(e) => all.change(rows, key(e.rel), pruned(at, (e.rule, e.count))),
            TargetEvent::PruneFailed(e) => all.change(rows, key(e.rel), not_pruned),
            TargetEvent::ImageLost(e) => {
                all.change(rows, key(e.rel), |row| row.lost = Some((at, e.cause.clone())))
            }
            TargetEvent::RetentionChanged(e) => (e.dropped.iter())
                .try_for_each(|rel| all.change(rows, key(*rel), |row| dropped(row, at, e.count))),
            TargetEvent::TagMoved(e) => all.change(rows, key(e.rel), |row| {
                let moved = Moved { at, now: e.now.clone() };
                row.moved = Some(moved).filter(|_| e.now.as_ref() != Some(&e.recorded));
            }),
            TargetEvent::RegistryUnreachable(e) => all.change(rows, key(e.rel), unanswered(at, &e.cause)),
            TargetEvent::ImagesChecked(e) => {
                let checked = checked((event.head.recorded, at));
                e.releases.iter().try_for_each(|rel| all.change(rows, key(*rel), checked))
            }
            TargetEvent::ReleaseTagged(e) => self.named(e, key, rows),
            TargetEvent::ReleaseUntagged(e) => {
                all.change(rows, key(e.before), |row| row.names.retain(|name| *name != e.name))
            }
            TargetEvent::ReleasePinned(e) => all.change(rows, key(e.rel), pinned(Some(at))),
            TargetEvent::ReleaseUnpinned(e) => all.change(rows, key(e.rel), pinned(None)),
            TargetEvent::HoldPlaced(e) => all.change(rows, key(e.rel), held(Some(at))),
            TargetEvent::HoldReleased(e) => all.change(rows, key(e.rel), held(None)),
            TargetEvent::ImageFound(e) => all.change(rows, key(e.rel), |row| row.lost = None),
            step_events!()
            | running_events!()
            | TargetEvent::ImageResolved(_)
            | TargetEvent::ImageBuilt(_)
            | TargetEvent::ImagePulled(_)
            | TargetEvent::ImageTagged(_)
            | TargetEvent::EffectFailed(_)
            | TargetEvent::ImagePushed(_)
            | TargetEvent::ArtefactPruned(_)
            | TargetEvent::TargetStopped(_)
            | TargetEvent::ExecRun(_) => Ok(()),
        }
    }

    fn finish(&mut self, rows: &mut dyn RowsMut) -> Result<(), ProjectionError> {
        self.candidates.finish(rows)?;
        self.current.finish(rows)
    }

    fn abandon(&mut self) {
        self.candidates.abandon();
        self.current.abandon();
    }
}

impl RollbackTargets {
    fn requested(
        &mut self,
        event: &Recorded,
        e: &DeploymentRequested,
        key: Vec<u8>,
    ) -> Result<(), ProjectionError> {
        let DeploymentKind::Deploy { release } = &e.ask else { return Ok(()) };
        let row = CandidateRow {
            release: e.id,
            requested: event.head.position,
            at: event.head.recorded,
            actor: event.envelope.actor.id.clone(),
            strategy: release.config.retention.strategy,
            reference: release.config.image.reference.to_string(),
            fate: Fate::Deploying,
            lost: None,
            left: None,
            names: Vec::new(),
            pinned: None,
            held: None,
            moved: None,
            unanswered: None,
            checked: None,
        };
        self.candidates.put(key, row);
        Ok(())
    }

    fn named(
        &mut self,
        e: &ReleaseTagged,
        key: impl Fn(DeploymentId) -> Vec<u8>,
        rows: &dyn Rows,
    ) -> Result<(), ProjectionError> {
        if let Some(before) = e.before {
            self.candidates.change(rows, key(before), |row| row.names.retain(|name| *name != e.name))?;
        }
        self.candidates.change(rows, key(e.after), |row| {
            if !row.names.contains(&e.name) {
                row.names.push(e.name.clone());
            }
        })
    }

    fn succeeded(
        &mut self,
        event: &Recorded,
        e: &DeploymentSucceeded,
        stream: &[u8],
        rows: &dyn Rows,
    ) -> Result<(), ProjectionError> {
        let at = event.head.position;
        if e.rel != e.id {
            self.mark_left(rows, stream, at)?;
        }
        self.current.put(current_key(stream), e.rel);
        let key = ID.key(ROW, &[stream, e.rel.to_string().as_bytes()]);
        self.candidates.change(rows, key, |row| {
            if row.fate == Fate::Deploying {
                row.fate = Fate::Good { at };
            }
            row.left = None;
        })
    }

    fn mark_left(&mut self, rows: &dyn Rows, stream: &[u8], at: Position) -> Result<(), ProjectionError> {
        if let Some(left) = self.current.get(rows, current_key(stream))? {
            let key = ID.key(ROW, &[stream, left.to_string().as_bytes()]);
            self.candidates.change(rows, key, |row| row.left = Some(at))?;
        }
        Ok(())
    }
}

/// A release in a registry lost its place; what is on the engine has its own event.
fn dropped(row: &mut CandidateRow, at: Position, count: u16) {
    if let (HistoryStrategy::Registry, Fate::Good { at: good }) = (row.strategy, &row.fate) {
        let good = *good;
        row.fate = Fate::Pruned { at, rule: PruneRule::BeyondCount, count, good };
    }
}

/// Key of the release that is current.
fn current_key(stream: &[u8]) -> Vec<u8> {
    ID.key(2, &[stream])
}

/// Reads a deploy of a target.
pub fn candidate(
    rows: &dyn Rows,
    key: &TargetKey,
    release: DeploymentId,
) -> Result<Option<CandidateRow>, ProjectionError> {
    super::rows::get(rows, &ID.key(ROW, &[&stream_part(&key.stream()), release.to_string().as_bytes()]))
}

/// Every deploy of a target, newest first.
pub fn candidates(rows: &dyn Rows, key: &TargetKey) -> Result<Vec<CandidateRow>, ProjectionError> {
    let mut found: Vec<CandidateRow> = super::rows::all(rows, &ID.key(ROW, &[&stream_part(&key.stream())]))?;
    found.sort_by_key(|row| std::cmp::Reverse(row.requested));
    Ok(found)
}
