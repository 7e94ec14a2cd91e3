//! Names, pins and holds, and what another retention would keep.

use super::find::{by_name, find_deployment};
use super::{As, Embedded, Open, choose, drive, errors};
use crate::*;
use haloy_ledger::deployment::{Command, retention};
use haloy_ledger::event::field::DETAIL;
use haloy_ledger::event::{AnyEvent, PushedTag, TargetEvent, field::BASIS};
use haloy_ledger::ids::{DeploymentId, ImageRef, ReleaseName, TargetKey, Timestamp};
use haloy_ledger::log::envelope_field as field;
use haloy_ledger::read::View;
use haloy_ledger::release::Retention;
use std::sync::Arc;

/// The one release that a text stands for: a name, an id or a prefix, among some targets or all.
pub fn find_release(
    view: &View<'_>,
    keys: Option<&[TargetKey]>,
    text: &str,
) -> Result<(TargetKey, DeploymentId), Error> {
    if let Some(found) = by_name(view, keys, text)? {
        return Ok(found);
    }
    // Counted back from the current one, where it is clear of which target.
    if let (true, Some([key])) = (text.starts_with('~'), keys) {
        return Ok((key.clone(), choose::nth_before(view, key, text)?));
    }
    let row = find_deployment(view, text)?;
    Ok((TargetKey { app: row.app, target: row.target }, row.release))
}

/// What a name stands for before it moves, so that the user can confirm that.
pub fn tag_preview(view: &View<'_>, request: &TagRequest) -> Result<TagPreview, Error> {
    let keys = request.keys.as_deref();
    let (key, release) = find_release(view, keys, &request.release)?;
    let state = view.state(&key).map_err(errors::log)?;
    let before = state.names.get(&request.name).copied().filter(|before| *before != release);
    Ok(TagPreview { app: key.app.to_string(), target: key.target.to_string(), release, before })
}

pub async fn tag(
    service: &As,
    open: &Open,
    request: TagRequest,
    follow: &Arc<dyn Follow>,
) -> Result<KeptAnswer, Error> {
    let TagRequest { keys, release, name, push, why } = request;
    let wanted = name.clone();
    let (key, release, pushed) = open
        .handle
        .view(move |view| {
            let (key, release) = find_release(view, keys.as_deref(), &release)?;
            let pushed = if push { Some(pushed_tag(view, release, &wanted)?) } else { None };
            Ok::<_, Error>((key, release, pushed))
        })
        .await?;
    let command = Command::Tag { name, release, push: pushed };
    settle_and_drive(service, open, Asked { key, release, command, why }, follow).await
}

/// Where a release's image is in a registry, under another tag.
fn pushed_tag(view: &View<'_>, release: DeploymentId, name: &ReleaseName) -> Result<PushedTag, Error> {
    let record = view.release_record(release).map_err(errors::log)?;
    let image = record.map(|record| record.image);
    let digest = image.as_ref().and_then(|image| Some((image.reference.repository(), image.digest.clone()?)));
    let Some((repository, digest)) = digest else {
        let message =
            format!("release {release} came from no registry, so there is nothing to push a tag to");
        return Err(Error::new(Kind::Usage, message).hint("leave out --push, or build with `push: registry`"));
    };
    let reference = ImageRef::new(format!("{repository}:{name}"));
    let reference = reference.map_err(|error| Error::new(Kind::Usage, error.to_string()))?;
    Ok(PushedTag { reference, digest })
}

pub async fn untag(
    service: &As,
    open: &Open,
    request: UntagRequest,
    follow: &Arc<dyn Follow>,
) -> Result<KeptAnswer, Error> {
    let UntagRequest { keys, name, push, why } = request;
    let wanted = name.clone();
    let found = open.handle.view(move |view| by_name(view, keys.as_deref(), wanted.as_str())).await?;
    let missing =
        || Error::new(Kind::Usage, format!("no release has the name `{name}`")).hint("haloy tag lists them");
    let (key, release) = found.ok_or_else(missing)?;
    let wanted = name.clone();
    let pushed = match push {
        true => Some(open.handle.view(move |view| pushed_tag(view, release, &wanted)).await?.reference),
        false => None,
    };
    let command = Command::Untag { name, pushed };
    settle_and_drive(service, open, Asked { key, release, command, why }, follow).await
}

pub async fn keep(
    service: &As,
    open: &Open,
    request: KeepRequest,
    follow: &Arc<dyn Follow>,
) -> Result<KeptAnswer, Error> {
    let KeepRequest { keys, release, keep, why } = request;
    let (key, release) = open.handle.view(move |view| find_release(view, keys.as_deref(), &release)).await?;
    let command = match keep {
        Keep::Pin => Command::Pin { release, pinned: true },
        Keep::Unpin => Command::Pin { release, pinned: false },
        Keep::Hold => Command::Hold { release, basis: why.reason.clone().unwrap_or_default() },
        Keep::ReleaseHold => Command::ReleaseHold { release },
    };
    settle_and_drive(service, open, Asked { key, release, command, why }, follow).await
}

struct Asked {
    key: TargetKey,
    release: DeploymentId,
    command: Command,
    why: CommandMetadata,
}

/// Gives the command, and applies it to the engine and the registry.
async fn settle_and_drive(
    service: &As,
    open: &Open,
    asked: Asked,
    follow: &Arc<dyn Follow>,
) -> Result<KeptAnswer, Error> {
    let Asked { key, release, command, why } = asked;
    let context = service.context(&why);
    let dispatcher = drive::dispatcher(&service.here, open, follow);
    let driver = open.handle.driver(&key).await;
    drive::settle_first(&dispatcher, &driver, &context, follow).await?;
    let executed = open.handle.execute(&key, command, &context).await.map_err(errors::execute)?;
    follow.recorded(&key, &executed.events);
    dispatcher.drive(&driver, &context).await.map_err(errors::dispatch)?;
    let (from, asked) = (executed.positions.map(|(first, _)| first), key.clone());
    let failed = open.handle.view(move |view| failed_since(view, &asked, from)).await?;
    Ok(KeptAnswer {
        app: key.app.to_string(),
        target: key.target.to_string(),
        release,
        changed: !executed.events.is_empty(),
        failed,
    })
}

/// Effects of the command that were given up: the record stands, the world does not follow it.
fn failed_since(
    view: &View<'_>,
    key: &TargetKey,
    from: Option<haloy_ledger::ids::Position>,
) -> Result<Vec<String>, Error> {
    let Some(from) = from else { return Ok(Vec::new()) };
    let recorded = view.recorded(from, usize::MAX).map_err(errors::log)?;
    let stream = key.stream();
    let causes = recorded.into_iter().filter(|recorded| recorded.envelope.stream == stream);
    causes
        .filter_map(|recorded| match recorded.event {
            AnyEvent::Target(TargetEvent::EffectFailed(e)) => {
                Some((recorded.head.position, e.cause.to_string()))
            }
            _other => None,
        })
        .map(|(at, cause)| {
            let said = view.private(at).map_err(errors::log)?;
            let said = said.into_iter().find(|row| row.field == DETAIL).map(|row| row.value);
            Ok(crate::words::with_detail(cause, said.as_deref()))
        })
        .collect()
}

/// Releases that a new retention would drop beyond what the old one does anyway, per target.
pub fn dropped(view: &View<'_>, wanted: &[(TargetKey, Retention)]) -> Result<Vec<Dropped>, Error> {
    let mut dropped = Vec::new();
    for (key, new) in wanted {
        let state = view.state(key).map_err(errors::log)?;
        let Some(old) = &state.retention else { continue };
        let would = retention::what_if(&state, new).drops;
        let anyway = retention::what_if(&state, old).drops;
        let releases: Vec<DeploymentId> = would.into_iter().filter(|id| !anyway.contains(id)).collect();
        if !releases.is_empty() {
            dropped.push(Dropped { key: key.clone(), before: old.count, after: new.count, releases });
        }
    }
    Ok(dropped)
}

impl Embedded {
    /// What another retention would mean to each target, and how many bytes would come back.
    pub(super) async fn what_if(
        &self,
        keys: Option<Vec<TargetKey>>,
        request: WhatIfRequest,
    ) -> Result<Vec<WhatIfAnswer>, Error> {
        let over = i64::try_from(request.over.as_nanos()).unwrap_or(i64::MAX);
        let since = Timestamp(self.now().0.saturating_sub(over));
        let read = move |view: &View<'_>, key: &TargetKey| what_if(view, key, &request, since);
        let mut answers = self.view_each(keys, read).await?;
        for answer in &mut answers {
            answer.bytes = self.reclaimable(&answer.tags).await.map(|reclaim| reclaim.total);
        }
        Ok(answers)
    }
}

/// What another retention would keep, drop and save, and what it would have cost.
fn what_if(
    view: &View<'_>,
    key: &TargetKey,
    request: &WhatIfRequest,
    since: Timestamp,
) -> Result<WhatIfAnswer, Error> {
    let state = view.state(key).map_err(errors::log)?;
    let now = state.retention.clone();
    let strategy = request.strategy.or(now.as_ref().map(|now| now.strategy));
    let Some(strategy) = strategy else {
        return Err(Error::new(Kind::Operational, format!("nothing was ever deployed to {key}")));
    };
    let retention = Retention { strategy, count: request.count, pattern: None };
    let would = retention::what_if(&state, &retention);
    let past = view.past_rollbacks(key, &retention, since).map_err(errors::log)?;
    let named = |release: DeploymentId| -> Result<WhatIfRow, Error> {
        let row = view.deployment(release).map_err(errors::log)?;
        Ok(WhatIfRow { release, image: row.map(|row| row.reference).unwrap_or_default() })
    };
    let tag = |release: &DeploymentId| state.kept(*release).and_then(|kept| kept.tagged.as_ref());
    Ok(WhatIfAnswer {
        app: key.app.to_string(),
        target: key.target.to_string(),
        now,
        strategy,
        count: request.count,
        keeps: would.keeps.iter().map(|release| named(*release)).collect::<Result<_, _>>()?,
        drops: would.drops.iter().map(|release| named(*release)).collect::<Result<_, _>>()?,
        tags: would.drops.iter().filter_map(tag).map(|tagged| tagged.local_tag.clone()).collect(),
        bytes: None,
        past,
    })
}

/// Releases that are pinned or held, and by whom.
pub fn held(view: &View<'_>, key: &TargetKey) -> Result<Vec<HeldRow>, Error> {
    let mut held = Vec::new();
    for candidate in view.kept_candidates(key).map_err(errors::log)? {
        let row = candidate.row;
        for (place, hold) in [(row.pinned, false), (row.held, true)] {
            let Some(at) = place else { continue };
            let private = view.private(at).map_err(errors::log)?;
            let value = |number| private.iter().find(|row| row.field == number).map(|row| row.value.clone());
            let reason = value(BASIS).filter(|basis| !basis.is_empty()).or_else(|| value(field::REASON));
            held.push(HeldRow { release: row.release, hold, at, by: value(field::ACTOR_NAME), reason });
        }
    }
    Ok(held)
}
