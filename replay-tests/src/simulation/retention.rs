//! What retention must never do, judged from the log alone by a model of its own: it knows nothing
//! of the state that the rules are computed from.

use super::invariants::Broken;
use haloy_ledger::event::{AnyEvent, DeploymentKind, PruneRule, TargetEvent};
use haloy_ledger::ids::{DeploymentId, StreamId};
use haloy_ledger::log::Recorded;
use haloy_ledger::release::HistoryStrategy;
use std::collections::{BTreeMap, BTreeSet};

/// Recorded state of one target, as far as retention needs it.
#[derive(Default)]
struct Seen {
    /// The rollout in progress, and the release that it makes live.
    rolling: Option<(DeploymentId, DeploymentId)>,
    current: Option<DeploymentId>,
    /// Good releases, last made live last.
    good: Vec<DeploymentId>,
    /// Good releases whose image is known to be gone, or was given up.
    gone: BTreeSet<DeploymentId>,
    /// Releases with strategy `none`: never restorable, whatever becomes of their tags.
    never: BTreeSet<DeploymentId>,
    pinned: BTreeSet<DeploymentId>,
    held: BTreeSet<DeploymentId>,
}

/// What is known of every target.
#[derive(Default)]
pub(super) struct Retention(BTreeMap<StreamId, Seen>);

impl Retention {
    /// Whether the next event removes nothing that must stay.
    pub(super) fn next(&mut self, recorded: &Recorded) -> Result<(), Broken> {
        let AnyEvent::Target(event) = &recorded.event else { return Ok(()) };
        let seen = self.0.entry(recorded.envelope.stream.clone()).or_default();
        seen.judge(event).map_err(|what| format!("{}: {what}", recorded.head.position))?;
        seen.learn(event);
        Ok(())
    }
}

impl Seen {
    fn last_good(&self) -> Option<DeploymentId> {
        let earlier = self.good.iter().rev().filter(|id| Some(**id) != self.current);
        earlier.copied().find(|id| !self.gone.contains(id) && !self.never.contains(id))
    }

    fn judge(&self, event: &TargetEvent) -> Result<(), String> {
        match event {
            TargetEvent::PrunePlanned(e) if e.artefact.is_volume() => Ok(()),
            TargetEvent::PrunePlanned(e) => self.may_go(e.rel, e.rule == PruneRule::HostKeepsCurrent),
            TargetEvent::RetentionChanged(e) => e.dropped.iter().try_for_each(|rel| self.may_go(*rel, false)),
            _other => Ok(()),
        }
    }

    fn may_go(&self, rel: DeploymentId, only_from_host: bool) -> Result<(), String> {
        let rolling = self.rolling.is_some_and(|(_, release)| release == rel);
        let reasons = [
            (self.current == Some(rel), "current"),
            (rolling, "in progress"),
            (self.pinned.contains(&rel), "pinned"),
            (self.held.contains(&rel), "held"),
            (!only_from_host && self.last_good() == Some(rel), "the last good one"),
        ];
        match reasons.iter().find(|(stays, _)| *stays) {
            Some((_, why)) => Err(format!("release {rel} is scheduled for removal, and is {why}")),
            None => Ok(()),
        }
    }

    fn learn(&mut self, event: &TargetEvent) {
        match event {
            TargetEvent::DeploymentRequested(e) => {
                let release = match &e.ask {
                    DeploymentKind::Deploy { release } => {
                        if release.config.retention.strategy == HistoryStrategy::None {
                            self.never.insert(e.id);
                        }
                        e.id
                    }
                    DeploymentKind::Rollback { restores, .. } => *restores,
                };
                self.rolling = Some((e.id, release));
            }
            TargetEvent::DeploymentSucceeded(e) => {
                self.good.retain(|id| *id != e.rel);
                self.good.push(e.rel);
                (self.current, self.rolling) = (Some(e.rel), None);
            }
            TargetEvent::DeploymentFailed(_)
            | TargetEvent::DeploymentRolledBack(_)
            | TargetEvent::DeploymentCancelled(_)
            | TargetEvent::DeploymentInterrupted(_) => self.rolling = None,
            TargetEvent::PrunePlanned(e)
                if !e.artefact.is_volume() && e.rule != PruneRule::HostKeepsCurrent =>
            {
                self.gone.insert(e.rel);
            }
            TargetEvent::PruneFailed(e) if !e.artefact.is_volume() => drop(self.gone.remove(&e.rel)),
            TargetEvent::RetentionChanged(e) => self.gone.extend(&e.dropped),
            TargetEvent::ImageLost(e) => drop(self.gone.insert(e.rel)),
            TargetEvent::ImageFound(e) => drop(self.gone.remove(&e.rel)),
            TargetEvent::ReleasePinned(e) => drop(self.pinned.insert(e.rel)),
            TargetEvent::ReleaseUnpinned(e) => drop(self.pinned.remove(&e.rel)),
            TargetEvent::HoldPlaced(e) => drop(self.held.insert(e.rel)),
            TargetEvent::HoldReleased(e) => drop(self.held.remove(&e.rel)),
            _other => {}
        }
    }
}
