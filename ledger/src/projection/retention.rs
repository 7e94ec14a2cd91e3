//! `retention` (5): what each release keeps on an engine, its bytes, and by which rule it went.

use super::Projection;
use super::row_cache::RowCache;
use super::rows::{ProjectionError, ProjectionId, stream_part};
use super::versions::RETENTION as ID;
use crate::event::{
    AnyEvent, ImageTagged, PruneRule, TargetEvent, hold_events, is_own_tag, registry_events, running_events,
    step_events,
};
use crate::ids::{DeploymentId, Position, TargetKey};
use crate::log::{Recorded, Rows, RowsMut};
use crate::outcome::Failure;
use serde::{Deserialize, Serialize};

const ROW: u8 = 1;
const SIZE: u8 = 2;

/// Artefact of a release on the engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtefactRow {
    /// The release.
    pub release: DeploymentId,
    /// Tag.
    pub tag: String,
    /// Bytes of the image, where known; layers may be shared with others.
    pub bytes: Option<u64>,
    /// Where it was tagged.
    pub tagged: Position,
    /// Why it is to go, and where that was planned.
    pub planned: Option<(PruneRule, Position)>,
    /// Where it went, and what that gave back.
    pub pruned: Option<(Position, u64)>,
    /// Why the last removal failed.
    pub failed: Option<(Position, Failure)>,
}

#[derive(Default)]
pub(super) struct Retention {
    artefacts: RowCache<ArtefactRow>,
    sizes: RowCache<Option<u64>>,
}

impl Retention {
    fn tagged(
        &mut self,
        at: Position,
        e: &ImageTagged,
        (artefact, size): (Vec<u8>, Vec<u8>),
        rows: &dyn Rows,
    ) -> Result<(), ProjectionError> {
        // A rollback only makes sure of a tag that is there.
        if self.artefacts.get(rows, artefact.clone())?.is_some_and(|row| row.pruned.is_none()) {
            return Ok(());
        }
        let bytes = self.sizes.get(rows, size)?.copied().flatten();
        let (release, tag) = (e.rel, e.local_tag.clone());
        let (planned, pruned, failed) = (None, None, None);
        let row = ArtefactRow { release, tag, bytes, tagged: at, planned, pruned, failed };
        self.artefacts.put(artefact, row);
        Ok(())
    }
}

impl Projection for Retention {
    fn id(&self) -> ProjectionId {
        ID
    }

    fn begin(&mut self, at: Position) {
        self.artefacts.begin(at);
        self.sizes.begin(at);
    }

    fn apply(&mut self, event: &Recorded, rows: &mut dyn RowsMut) -> Result<(), ProjectionError> {
        let AnyEvent::Target(happened) = &event.event else { return Ok(()) };
        let at = event.head.position;
        let stream = stream_part(&event.envelope.stream);
        let key = |rel: DeploymentId| ID.key(ROW, &[&stream, rel.to_string().as_bytes()]);
        let size = |id: DeploymentId| ID.key(SIZE, &[&stream, id.to_string().as_bytes()]);
        match happened {
            TargetEvent::ImageResolved(e) => {
                self.sizes.put(size(e.id), e.image.size);
                Ok(())
            }
            TargetEvent::ImageBuilt(e) => {
                self.sizes.put(size(e.id), e.size);
                Ok(())
            }
            TargetEvent::ImageTagged(e) if !is_own_tag(&e.local_tag, e.rel) => Ok(()),
            TargetEvent::ImageTagged(e) => self.tagged(at, e, (key(e.rel), size(e.id)), rows),
            // A volume is no artefact of a release: its row is of the release's tag.
            TargetEvent::PrunePlanned(e) if e.artefact.is_volume() => Ok(()),
            TargetEvent::PruneFailed(e) if e.artefact.is_volume() => Ok(()),
            TargetEvent::PrunePlanned(e) => self.artefacts.change(rows, key(e.rel), |row| {
                row.planned = Some((e.rule, at));
                row.failed = None;
            }),
            TargetEvent::ArtefactPruned(e) if !e.artefact.is_own(e.rel) => Ok(()),
            TargetEvent::ArtefactPruned(e) => {
                self.artefacts.change(rows, key(e.rel), |row| row.pruned = Some((at, e.freed)))
            }
            TargetEvent::PruneFailed(e) => self.artefacts.change(rows, key(e.rel), |row| {
                row.planned = None;
                row.failed = Some((at, e.cause.clone()));
            }),
            step_events!()
            | running_events!()
            | registry_events!()
            | hold_events!()
            | TargetEvent::DeploymentRequested(_)
            | TargetEvent::ImagePulled(_)
            | TargetEvent::EffectFailed(_)
            | TargetEvent::ImagePushed(_)
            | TargetEvent::ReleaseTagged(_)
            | TargetEvent::ReleaseUntagged(_)
            | TargetEvent::DeploymentSucceeded(_)
            | TargetEvent::DeploymentFailed(_)
            | TargetEvent::DeploymentRolledBack(_)
            | TargetEvent::DeploymentCancelled(_)
            | TargetEvent::DeploymentInterrupted(_)
            | TargetEvent::ImageLost(_)
            | TargetEvent::ImageFound(_)
            | TargetEvent::RetentionChanged(_)
            | TargetEvent::DeploymentRefused(_)
            | TargetEvent::TargetStopped(_)
            | TargetEvent::ExecRun(_) => Ok(()),
        }
    }

    fn finish(&mut self, rows: &mut dyn RowsMut) -> Result<(), ProjectionError> {
        self.artefacts.finish(rows)?;
        self.sizes.finish(rows)
    }

    fn abandon(&mut self) {
        self.artefacts.abandon();
        self.sizes.abandon();
    }
}

/// What a release has or had on the engine.
pub fn artefact(
    rows: &dyn Rows,
    key: &TargetKey,
    release: DeploymentId,
) -> Result<Option<ArtefactRow>, ProjectionError> {
    super::rows::get(rows, &ID.key(ROW, &[&stream_part(&key.stream()), release.to_string().as_bytes()]))
}

/// Every artefact that a target ever had, by release.
pub fn artefacts(rows: &dyn Rows, key: &TargetKey) -> Result<Vec<ArtefactRow>, ProjectionError> {
    super::rows::all(rows, &ID.key(ROW, &[&stream_part(&key.stream())]))
}
