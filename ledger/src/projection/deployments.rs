//! `deployments` (2): every deployment there ever was, and the release record of each, of any age.

use super::Projection;
use super::row_cache::RowCache;
use super::rows::{Page, ProjectionError, ProjectionId, decode, get, stamped, stream_part};
use super::versions::DEPLOYMENTS as ID;
use crate::deployment::state::Ending;
use crate::event::{
    AnyEvent, CiFacts, DeploymentKind, DeploymentRequested, GitFacts, TargetEvent, hold_events, is_own_tag,
    registry_events, running_events, step_events,
};
use crate::ids::*;
use crate::log::{Recorded, Rows, RowsMut};
use crate::outcome::Failure;
use crate::release::{HistoryStrategy, ReleaseSpec, ResolvedImage, TaggedImage};
use serde::{Deserialize, Serialize};

/// Stream, position → [`DeploymentRow`].
const ROW: u8 = 1;
/// Deployment id → key of its row.
const BY_ID: u8 = 2;
/// Deployment id of a deploy → [`ReleaseRow`].
const RELEASE: u8 = 3;

/// A deployment, as history lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeploymentRow {
    /// Id of the deployment.
    pub id: DeploymentId,
    /// The app.
    pub app: AppName,
    /// The target.
    pub target: TargetName,
    /// The release that it makes live; its own id for a deploy.
    pub release: DeploymentId,
    /// The release that a rollback left.
    pub leaves: Option<DeploymentId>,
    /// Position of the request: who and why are in its envelope.
    pub requested: Position,
    /// Revision of the request in its stream, where its events start.
    pub first: Revision,
    /// When it was requested, as recorded.
    pub at: Timestamp,
    /// Fingerprint of the actor.
    pub actor: String,
    /// Requested repository and tag.
    pub reference: String,
    /// Digest that it was resolved to, where a registry knows one.
    pub digest: Option<Digest>,
    /// Strategy that it was deployed with.
    pub strategy: HistoryStrategy,
    /// Digest of the configuration.
    pub config_digest: String,
    /// The working tree that it came from.
    pub git: Option<GitFacts>,
    /// The CI job that gave the command.
    pub ci: Option<CiFacts>,
    /// How it is.
    pub status: DeploymentStatus,
}

impl DeploymentRow {
    /// The target that it is of.
    pub fn key(&self) -> TargetKey {
        TargetKey { app: self.app.clone(), target: self.target.clone() }
    }
}

/// How a deployment is, or ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeploymentStatus {
    /// In progress, or interrupted and not settled.
    Running,
    /// Ended.
    Ended {
        /// How.
        ending: Ending,
        /// Where that was recorded.
        at: Position,
        /// Revision of that event in its stream, where its events end.
        last: Revision,
        /// Milliseconds from request to end, by recorded time.
        took_ms: u64,
        /// Why, where it did not succeed.
        cause: Option<Failure>,
        /// What ran before runs unchanged; none for a success.
        target_unchanged: Option<bool>,
    },
}

/// What is known of a release, of any age.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseRow {
    /// The deploy that made it.
    pub release: DeploymentId,
    /// The app.
    pub app: AppName,
    /// The target.
    pub target: TargetName,
    /// Position of its request: private literals are kept under it.
    pub requested: Position,
    /// Configuration, without private values.
    pub spec: ReleaseSpec,
    /// Image, once resolved.
    pub image: Option<ResolvedImage>,
    /// Own tag, once made.
    pub tagged: Option<TaggedImage>,
}

#[derive(Default)]
pub(super) struct Deployments {
    deployments: RowCache<DeploymentRow>,
    releases: RowCache<ReleaseRow>,
}

impl Projection for Deployments {
    fn id(&self) -> ProjectionId {
        ID
    }

    fn begin(&mut self, at: Position) {
        self.deployments.begin(at);
        self.releases.begin(at);
    }

    fn apply(&mut self, event: &Recorded, rows: &mut dyn RowsMut) -> Result<(), ProjectionError> {
        let AnyEvent::Target(happened) = &event.event else { return Ok(()) };
        match happened {
            TargetEvent::DeploymentRequested(e) => self.requested(event, e, rows),
            TargetEvent::ImageResolved(e) => {
                self.deployment(rows, e.id, |row| row.digest = e.image.digest.clone())?;
                self.release(rows, e.id, |row| row.image = Some(e.image.clone()))
            }
            TargetEvent::ImageBuilt(e) => self.release(rows, e.id, |row| {
                row.image = Some(e.image(row.spec.config.image.reference.clone()));
            }),
            TargetEvent::ImagePulled(e) => self.release(rows, e.id, |row| {
                if let Some(image) = &mut row.image {
                    image.image_id = Some(e.image_id.clone());
                }
            }),
            TargetEvent::ImagePushed(e) => self.release(rows, e.id, |row| {
                if let Some(image) = &mut row.image {
                    image.digest.get_or_insert_with(|| e.digest.clone());
                }
            }),
            TargetEvent::ImageTagged(e) if !is_own_tag(&e.local_tag, e.rel) => Ok(()),
            TargetEvent::ImageTagged(e) => self.release(rows, e.rel, |row| {
                let (local_tag, image_id, engine_id) =
                    (e.local_tag.clone(), e.image_id.clone(), e.engine_id.clone());
                row.tagged = Some(TaggedImage { local_tag, image_id, engine_id });
            }),
            TargetEvent::DeploymentSucceeded(e) => {
                self.ended(event, rows, e.id, (Ending::Succeeded, None, None))
            }
            TargetEvent::DeploymentRefused(e) => {
                self.ended(event, rows, e.id, (Ending::Refused, Some(&e.cause), Some(true)))
            }
            TargetEvent::DeploymentFailed(e) => {
                self.ended(event, rows, e.id, (Ending::Failed, Some(&e.cause), Some(e.target_unchanged)))
            }
            TargetEvent::DeploymentRolledBack(e) => {
                self.ended(event, rows, e.id, (Ending::RolledBack, Some(&e.cause), Some(false)))
            }
            TargetEvent::DeploymentCancelled(e) => {
                self.ended(event, rows, e.id, (Ending::Cancelled, None, Some(e.target_unchanged)))
            }
            TargetEvent::DeploymentInterrupted(e) => {
                self.ended(event, rows, e.id, (Ending::Interrupted, Some(&e.cause), Some(e.target_unchanged)))
            }
            step_events!()
            | running_events!()
            | registry_events!()
            | hold_events!()
            | TargetEvent::EffectFailed(_)
            | TargetEvent::ReleaseTagged(_)
            | TargetEvent::ReleaseUntagged(_)
            | TargetEvent::PrunePlanned(_)
            | TargetEvent::ArtefactPruned(_)
            | TargetEvent::PruneFailed(_)
            | TargetEvent::ImageLost(_)
            | TargetEvent::ImageFound(_)
            | TargetEvent::RetentionChanged(_)
            | TargetEvent::TargetStopped(_)
            | TargetEvent::ExecRun(_) => Ok(()),
        }
    }

    fn finish(&mut self, rows: &mut dyn RowsMut) -> Result<(), ProjectionError> {
        self.deployments.finish(rows)?;
        self.releases.finish(rows)
    }

    fn abandon(&mut self) {
        self.deployments.abandon();
        self.releases.abandon();
    }
}

fn id_key(id: DeploymentId) -> Vec<u8> {
    ID.key(BY_ID, &[id.to_string().as_bytes()])
}

/// Key of the row of a deployment.
fn key_of(rows: &dyn Rows, id: DeploymentId) -> Result<Option<Vec<u8>>, ProjectionError> {
    let value = rows.get(&id_key(id))?;
    value.map(|value| stamped(&value).map(|(_, key)| key.to_vec())).transpose()
}

fn release_key(id: DeploymentId) -> Vec<u8> {
    ID.key(RELEASE, &[id.to_string().as_bytes()])
}

impl Deployments {
    /// Changes a deployment; nothing if it is not there.
    fn deployment(
        &mut self,
        rows: &dyn Rows,
        id: DeploymentId,
        change: impl FnOnce(&mut DeploymentRow),
    ) -> Result<(), ProjectionError> {
        match key_of(rows, id)? {
            Some(key) => self.deployments.change(rows, key, change),
            None => Ok(()),
        }
    }

    /// Changes a release; nothing if it is not there.
    fn release(
        &mut self,
        rows: &dyn Rows,
        id: DeploymentId,
        change: impl FnOnce(&mut ReleaseRow),
    ) -> Result<(), ProjectionError> {
        self.releases.change(rows, release_key(id), change)
    }

    fn requested(
        &mut self,
        event: &Recorded,
        e: &DeploymentRequested,
        rows: &mut dyn RowsMut,
    ) -> Result<(), ProjectionError> {
        let StreamId::Target(key) = &event.envelope.stream else {
            return Err(ProjectionError::Missing(format!("the target of deployment {}", e.id)));
        };
        let (release, leaves, spec, digest) = match &e.ask {
            DeploymentKind::Deploy { release } => (e.id, None, release, None),
            DeploymentKind::Rollback { restores, leaves, release, image, .. } => {
                (*restores, *leaves, release, image.digest.clone())
            }
        };
        let requested = event.head.position;
        let TargetKey { app, target } = key.clone();
        if release == e.id {
            let spec = ReleaseSpec {
                config: spec.config.without_private(),
                config_digest: spec.config_digest.clone(),
            };
            let row = ReleaseRow {
                release,
                app: app.clone(),
                target: target.clone(),
                requested,
                spec,
                image: None,
                tagged: None,
            };
            self.releases.put(release_key(release), row);
        }
        let row = DeploymentRow {
            id: e.id,
            app,
            target,
            release,
            leaves,
            requested,
            first: event.head.revision,
            at: event.head.recorded,
            actor: event.envelope.actor.id.clone(),
            reference: spec.config.image.reference.to_string(),
            digest,
            strategy: spec.config.retention.strategy,
            config_digest: spec.config_digest.clone(),
            git: e.git.clone(),
            ci: e.ci.clone(),
            status: DeploymentStatus::Running,
        };
        let key = ID.key(ROW, &[&stream_part(&event.envelope.stream), &requested.0.to_be_bytes()]);
        rows.put(id_key(e.id), [&requested.0.to_be_bytes()[..], &key].concat());
        self.deployments.put(key, row);
        Ok(())
    }

    fn ended(
        &mut self,
        event: &Recorded,
        rows: &dyn Rows,
        id: DeploymentId,
        (ending, cause, target_unchanged): (Ending, Option<&Failure>, Option<bool>),
    ) -> Result<(), ProjectionError> {
        self.deployment(rows, id, |row| {
            row.status = DeploymentStatus::Ended {
                ending,
                at: event.head.position,
                last: event.head.revision,
                took_ms: event.head.recorded.ms_since(row.at),
                cause: cause.cloned(),
                target_unchanged,
            };
        })
    }
}

/// What a prefix of an id stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeploymentMatch {
    /// Exactly one.
    One(Box<DeploymentRow>),
    /// More than one; the first few.
    Several(Vec<DeploymentId>),
    /// None.
    None,
}

/// Deployments whose id starts with `prefix`, of one target where given.
pub fn by_prefix(
    rows: &dyn Rows,
    prefix: &str,
    within: Option<&TargetKey>,
) -> Result<DeploymentMatch, ProjectionError> {
    /// Enough to show that a prefix is not unique.
    const SHOWN: usize = 5;
    let mut keys: Vec<Vec<u8>> = Vec::new();
    let within = within.map(|key| ID.key(ROW, &[&stream_part(&key.stream())]));
    rows.scan(&ID.key(BY_ID, &[prefix.as_bytes()]), false, None, &mut |_, value| {
        let Ok((_, key)) = stamped(value) else { return true };
        if within.as_ref().is_none_or(|within| key.starts_with(within)) {
            keys.push(key.to_vec());
        }
        keys.len() < SHOWN
    })?;
    let mut found = Vec::new();
    for key in keys {
        found.extend(get::<DeploymentRow>(rows, &key)?);
    }
    Ok(match found.len() {
        0 => DeploymentMatch::None,
        1 => DeploymentMatch::One(Box::new(found.remove(0))),
        _several => DeploymentMatch::Several(found.into_iter().map(|row| row.id).collect()),
    })
}

/// Reads a deployment.
pub fn deployment(rows: &dyn Rows, id: DeploymentId) -> Result<Option<DeploymentRow>, ProjectionError> {
    match key_of(rows, id)? {
        Some(key) => get(rows, &key),
        None => Ok(None),
    }
}

/// What is known of a release.
pub fn release(rows: &dyn Rows, release: DeploymentId) -> Result<Option<ReleaseRow>, ProjectionError> {
    get(rows, &release_key(release))
}

/// Deployments of a target, newest first.
pub fn newest(rows: &dyn Rows, key: &TargetKey, page: &Page) -> Result<Vec<DeploymentRow>, ProjectionError> {
    let prefix = ID.key(ROW, &[&stream_part(&key.stream())]);
    let before = page.before.map(|before| [&prefix[..], &before.0.to_be_bytes()].concat());
    let mut found = Vec::new();
    rows.scan(&prefix, true, before.as_deref(), &mut |_, value| {
        found.push(decode(value));
        found.len() < page.limit
    })?;
    found.into_iter().collect()
}
