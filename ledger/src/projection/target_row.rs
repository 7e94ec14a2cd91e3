//! The row of a target: ids only, so that a command reads and writes little.
//!
//! What does not change with every event lies in rows of its own: the configuration of a deployment, put
//! when it is asked for; its image and tag, put when they are known; what is kept of a release, put when
//! that changes. None of these is ever removed: the row of a target says which of them count.

use super::kept_row::StoredRelease;
use super::row_cache::Row;
use super::rows::{ProjectionError, all_raw, decode, get, put};
use super::versions::STATE as ID;
use crate::deployment::TargetState;
use crate::deployment::state::*;
use crate::event::{HookId, SecretsFrom, TargetEvent, step_events};
use crate::ids::*;
use crate::log::{Rows, RowsMut};
use crate::outcome::HookExit;
use crate::release::{MadeVolume, ReleaseSpec, ResolvedImage, Retention, TaggedImage};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Stream → the row.
pub(super) const ROW: u8 = 1;
/// Stream, deployment → [`ReleaseSpec`].
const SPEC: u8 = 6;
/// Stream, deployment → [`Image`].
const IMAGE: u8 = 7;
/// Stream, release → [`RetainedRelease`].
const KEPT: u8 = 8;

/// The state of a target and the revision of its stream that it is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetRow {
    /// Revision of the last event folded.
    pub revision: Revision,
    /// Revision of the event that the last mark was put for; 0 where there is none.
    pub marked: Revision,
    /// The state.
    pub state: TargetState,
}

/// What is known of the image of a deployment.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct Image<'a> {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    image: Option<Cow<'a, ResolvedImage>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tagged: Option<Cow<'a, TaggedImage>>,
}

impl<'a> Image<'a> {
    pub fn of(image: Option<&'a ResolvedImage>, tagged: Option<&'a TaggedImage>) -> Self {
        Self { image: image.map(Cow::Borrowed), tagged: tagged.map(Cow::Borrowed) }
    }
}

/// The row as it is stored.
#[derive(Serialize, Deserialize)]
pub(super) struct Stored<'a> {
    revision: Revision,
    #[serde(default, skip_serializing_if = "none")]
    marked: Revision,
    app: Cow<'a, AppName>,
    target: Cow<'a, TargetName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    current: Option<StoredLive<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rollout: Option<StoredRollout<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stop: Option<Cow<'a, Stop>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    restart: Option<Cow<'a, Restart>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    releases: Vec<DeploymentId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    names: Option<Cow<'a, BTreeMap<ReleaseName, DeploymentId>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    naming: Option<Cow<'a, Naming>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retention: Option<Cow<'a, Retention>>,
    lives: u64,
    routes: Cow<'a, Routes>,
    #[serde(default, skip_serializing_if = "is_empty")]
    strays: Cow<'a, [ReplicaId]>,
    #[serde(default, skip_serializing_if = "is_empty")]
    volumes: Cow<'a, [LeftVolume]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_ended: Option<(DeploymentId, Ending)>,
}

#[derive(Serialize, Deserialize)]
struct StoredLive<'a> {
    deployment: DeploymentId,
    release: DeploymentId,
    replicas: Cow<'a, [Replica]>,
    stopped: bool,
    secrets: SecretsFrom,
    #[serde(default, skip_serializing_if = "is_empty")]
    volumes: Cow<'a, [MadeVolume]>,
}

#[derive(Serialize, Deserialize)]
struct StoredRollout<'a> {
    deployment: DeploymentId,
    requested: Timestamp,
    release: DeploymentId,
    admitted: bool,
    rollback: bool,
    secrets: SecretsFrom,
    direction: Cow<'a, Direction>,
    cancelled: bool,
    interrupted: bool,
    #[serde(default, skip_serializing_if = "is_empty")]
    hooks: Cow<'a, [(HookId, HookExit)]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    release_command: Option<Cow<'a, HookExit>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    network_id: Option<Cow<'a, str>>,
    replicas: Cow<'a, [Replica]>,
    attempts: Cow<'a, BTreeMap<EffectId, u32>>,
}

fn is_empty<T>(list: &[T]) -> bool {
    list.is_empty()
}

/// Whether a row has no mark.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
pub(super) fn none(marked: &Revision) -> bool {
    *marked == Revision(0)
}

impl Row for TargetRow {
    fn load(rows: &dyn Rows, key: &[u8]) -> Result<Option<Self>, ProjectionError> {
        rows.get(key)?.map(|value| joined(decode(&value)?, &InRows { rows, key })).transpose()
    }

    fn save(&self, rows: &mut dyn RowsMut, key: Vec<u8>, at: Position) -> Result<(), ProjectionError> {
        put(rows, key, at, &stored(self))
    }
}

pub(super) fn stored(row: &TargetRow) -> Stored<'_> {
    let state = &row.state;
    Stored {
        revision: row.revision,
        marked: row.marked,
        app: Cow::Borrowed(&state.key.app),
        target: Cow::Borrowed(&state.key.target),
        current: state.current.as_ref().map(|live| StoredLive {
            deployment: live.deployment,
            release: live.release,
            replicas: Cow::Borrowed(&live.replicas),
            stopped: live.stopped,
            secrets: live.secrets,
            volumes: Cow::Borrowed(&live.volumes),
        }),
        rollout: match (&state.rollout, &state.proposed) {
            (Some(rollout), _) => Some(stored_rollout(rollout, true)),
            (None, Some(proposed)) => Some(stored_rollout(proposed, false)),
            (None, None) => None,
        },
        stop: state.stop.as_ref().map(Cow::Borrowed),
        restart: state.restart.as_ref().map(Cow::Borrowed),
        releases: state.releases.iter().map(|kept| kept.release).collect(),
        names: Some(&state.names).filter(|names| !names.is_empty()).map(Cow::Borrowed),
        naming: state.naming.as_ref().map(Cow::Borrowed),
        retention: state.retention.as_ref().map(Cow::Borrowed),
        lives: state.lives,
        routes: Cow::Borrowed(&state.routes),
        strays: Cow::Borrowed(&state.strays),
        volumes: Cow::Borrowed(&state.volumes),
        last_ended: state.last_ended,
    }
}

fn stored_rollout(rollout: &Rollout, admitted: bool) -> StoredRollout<'_> {
    StoredRollout {
        deployment: rollout.deployment,
        requested: rollout.requested,
        release: rollout.release,
        admitted,
        rollback: rollout.rollback,
        secrets: rollout.secrets,
        direction: Cow::Borrowed(&rollout.direction),
        cancelled: rollout.cancelled,
        interrupted: rollout.interrupted,
        hooks: Cow::Borrowed(&rollout.hooks),
        release_command: rollout.release_command.as_ref().map(Cow::Borrowed),
        network_id: rollout.network_id.as_deref().map(Cow::Borrowed),
        replicas: Cow::Borrowed(&rollout.replicas),
        attempts: Cow::Borrowed(&rollout.attempts),
    }
}

/// Key of a row beside the one under `key`.
fn beside(key: &[u8], kind: u8, id: DeploymentId) -> Vec<u8> {
    let stream = key.get(ID.key(ROW, &[]).len()..).unwrap_or_default();
    ID.key(kind, &[stream, id.to_string().as_bytes()])
}

pub(super) fn missing(what: &str, id: DeploymentId) -> ProjectionError {
    ProjectionError::Missing(format!("{what} of deployment {id}"))
}

/// Where what a row leaves out is found.
pub(super) trait Beside {
    /// The configuration of a deployment.
    fn spec(&self, id: DeploymentId) -> Result<Arc<ReleaseSpec>, ProjectionError>;
    /// What is known of its image.
    fn image(&self, id: DeploymentId) -> Result<Image<'static>, ProjectionError>;
    /// What is kept of a release.
    fn kept(&self, id: DeploymentId) -> Result<RetainedRelease, ProjectionError>;
}

/// In the rows beside the one under `key`.
pub(super) struct InRows<'a> {
    pub rows: &'a dyn Rows,
    pub key: &'a [u8],
}

impl Beside for InRows<'_> {
    fn spec(&self, id: DeploymentId) -> Result<Arc<ReleaseSpec>, ProjectionError> {
        let spec = get(self.rows, &beside(self.key, SPEC, id))?;
        spec.map(Arc::new).ok_or_else(|| missing("the configuration", id))
    }

    fn image(&self, id: DeploymentId) -> Result<Image<'static>, ProjectionError> {
        Ok(get(self.rows, &beside(self.key, IMAGE, id))?.unwrap_or_default())
    }

    fn kept(&self, id: DeploymentId) -> Result<RetainedRelease, ProjectionError> {
        let kept: Option<StoredRelease<'_>> = get(self.rows, &beside(self.key, KEPT, id))?;
        kept.map(RetainedRelease::from).ok_or_else(|| missing("what is kept", id))
    }
}

/// A row with what it leaves out.
pub(super) fn joined(stored: Stored<'_>, beside: &dyn Beside) -> Result<TargetRow, ProjectionError> {
    let releases = stored.releases.into_iter().map(|release| beside.kept(release));
    let (proposed, rollout) = match stored.rollout {
        Some(begun) if begun.admitted => (None, Some(joined_rollout(beside, begun)?)),
        Some(proposed) => (Some(joined_rollout(beside, proposed)?), None),
        None => (None, None),
    };
    let state = TargetState {
        key: TargetKey { app: stored.app.into_owned(), target: stored.target.into_owned() },
        current: stored.current.map(|live| joined_live(beside, live)).transpose()?,
        proposed,
        rollout,
        stop: stored.stop.map(Cow::into_owned),
        restart: stored.restart.map(Cow::into_owned),
        releases: releases.collect::<Result<_, ProjectionError>>()?,
        names: stored.names.map(Cow::into_owned).unwrap_or_default(),
        naming: stored.naming.map(Cow::into_owned),
        retention: stored.retention.map(Cow::into_owned),
        lives: stored.lives,
        routes: stored.routes.into_owned(),
        strays: stored.strays.into_owned(),
        volumes: stored.volumes.into_owned(),
        last_ended: stored.last_ended,
    };
    Ok(TargetRow { revision: stored.revision, marked: stored.marked, state })
}

fn joined_live(beside: &dyn Beside, live: StoredLive<'_>) -> Result<Live, ProjectionError> {
    let id = live.deployment;
    let Image { image, tagged } = beside.image(id)?;
    Ok(Live {
        deployment: id,
        release: live.release,
        spec: beside.spec(id)?,
        image: image.ok_or_else(|| missing("the image", id))?.into_owned(),
        tagged: tagged.ok_or_else(|| missing("the tag", id))?.into_owned(),
        replicas: live.replicas.into_owned(),
        stopped: live.stopped,
        secrets: live.secrets,
        volumes: live.volumes.into_owned(),
    })
}

fn joined_rollout(beside: &dyn Beside, rollout: StoredRollout<'_>) -> Result<Rollout, ProjectionError> {
    let id = rollout.deployment;
    let Image { image, tagged } = beside.image(id)?;
    Ok(Rollout {
        deployment: id,
        requested: rollout.requested,
        release: rollout.release,
        spec: beside.spec(id)?,
        rollback: rollout.rollback,
        secrets: rollout.secrets,
        direction: rollout.direction.into_owned(),
        cancelled: rollout.cancelled,
        interrupted: rollout.interrupted,
        hooks: rollout.hooks.into_owned(),
        release_command: rollout.release_command.map(Cow::into_owned),
        image: image.map(Cow::into_owned),
        tagged: tagged.map(Cow::into_owned),
        network_id: rollout.network_id.map(Cow::into_owned),
        replicas: rollout.replicas.into_owned(),
        attempts: rollout.attempts.into_owned(),
    })
}

/// Puts what lies beside a row, as far as the event that led to this state changed it. `kept` is what was
/// kept before, where the event may have changed that.
pub(super) fn put_beside(
    rows: &mut dyn RowsMut,
    key: &[u8],
    (at, event): (Position, &TargetEvent),
    kept: Option<&[RetainedRelease]>,
    state: &TargetState,
) -> Result<(), ProjectionError> {
    if let Some(rollout) = state.rollout.as_ref().or(state.proposed.as_ref()) {
        let id = rollout.deployment;
        if matches!(event, TargetEvent::DeploymentRequested(_)) {
            put(rows, beside(key, SPEC, id), at, rollout.spec.as_ref())?;
        }
        if changes_image(event) {
            let row = Image::of(rollout.image.as_ref(), rollout.tagged.as_ref());
            put(rows, beside(key, IMAGE, id), at, &row)?;
        }
    }
    let Some(before) = kept else { return Ok(()) };
    for kept in state.releases.iter().filter(|kept| !before.contains(kept)) {
        put(rows, beside(key, KEPT, kept.release), at, &StoredRelease::from(kept))?;
    }
    Ok(())
}

/// Whether an event may say what the image of the rollout is, or what it is called.
fn changes_image(event: &TargetEvent) -> bool {
    matches!(
        event,
        TargetEvent::DeploymentRequested(_)
            | TargetEvent::ImageResolved(_)
            | TargetEvent::ImageBuilt(_)
            | TargetEvent::ImagePulled(_)
            | TargetEvent::ImagePushed(_)
            | TargetEvent::ImageTagged(_)
    )
}

/// Whether an event may change what is kept of a release. Most do not, and comparing takes a copy.
pub(super) fn changes_kept(event: &TargetEvent) -> bool {
    let step = matches!(
        event,
        step_events!()
            | TargetEvent::ImageResolved(_)
            | TargetEvent::ImageBuilt(_)
            | TargetEvent::ImagePulled(_)
    );
    !step || matches!(event, TargetEvent::EffectAttemptFailed(_))
}

/// Every target that was ever used, by name.
pub fn targets(rows: &dyn Rows) -> Result<Vec<TargetRow>, ProjectionError> {
    let found = all_raw(rows, &ID.key(ROW, &[]))?;
    found.iter().map(|(key, value)| joined(decode(value)?, &InRows { rows, key })).collect()
}
