//! Questions that change nothing.

use super::find::{find, keys_or_all};
use super::told::{REDACTED, detail, log_tail, of_deployment, said, warnings};
use super::{Embedded, errors, keeping};
use crate::*;
use haloy_executors::{LogLine, LogQuery, Scope};
use haloy_ledger::deployment::retention::prunable as no_rule_keeps;
use haloy_ledger::deployment::state::Ending;
use haloy_ledger::event::{AnyEvent, TargetEvent};
use haloy_ledger::ids::{DeploymentId, Position, TargetKey};
use haloy_ledger::log::envelope_field as field;
use haloy_ledger::projection::{DeploymentRow, DeploymentStatus, Page};
use haloy_ledger::read::{EventFilter, EventView, View};
use haloy_ledger::release::ConfigSnapshot;

/// A private value of the request of a deployment.
fn private(view: &View<'_>, position: Position, number: u32) -> Result<Option<String>, Error> {
    let rows = view.private(position).map_err(errors::log)?;
    let value = rows.into_iter().find(|row| row.field == number).map(|row| row.value);
    match value {
        Some(value) => Ok(Some(value)),
        None => {
            let erased = view.erased(position).map_err(errors::log)?;
            Ok(erased.contains(&number).then(|| REDACTED.to_owned()))
        }
    }
}

fn tag(reference: &str) -> String {
    let name = reference.rsplit('/').next().unwrap_or(reference);
    name.split_once(':').map_or(name, |(_, tag)| tag).to_owned()
}

pub fn rollback_targets(view: &View<'_>, key: &TargetKey, all: bool) -> Result<TargetsAnswer, Error> {
    let state = view.state(key).map_err(errors::log)?;
    let mut releases = Vec::new();
    let page = Page { before: None, limit: 2 };
    let deployments = view.deployments(key, &page).map_err(errors::log)?;
    let kept = match all {
        true => view.candidates(key),
        false => view.kept_candidates(key),
    };
    for candidate in kept.map_err(errors::log)? {
        let row = candidate.row;
        let left = match row.left {
            Some(at) => Some((at, reason_of_rollback(view, at)?)),
            None => None,
        };
        releases.push(TargetRow {
            id: row.release,
            version: tag(&row.reference),
            by: private(view, row.requested, field::ACTOR_NAME)?,
            image: row.reference,
            at: row.at,
            strategy: row.strategy,
            verdict: candidate.verdict,
            default: candidate.default,
            same: candidate.same,
            left,
            names: row.names,
            pinned: row.pinned.is_some(),
            held: row.held.is_some(),
            moved: row.moved,
            unanswered: row.unanswered,
            checked: row.checked.map(|(when, _)| when),
        });
    }
    Ok(TargetsAnswer {
        app: key.app.to_string(),
        target: key.target.to_string(),
        strategy: state.retention.as_ref().map(|retention| retention.strategy),
        count: state.retention.as_ref().map(|retention| retention.count),
        deployments: deployments.len(),
        releases,
    })
}

/// Reason of the rollback that succeeded at a position.
fn reason_of_rollback(view: &View<'_>, at: Position) -> Result<Option<String>, Error> {
    let recorded = view.recorded(at, 1).map_err(errors::log)?;
    let id = recorded.first().and_then(|recorded| match &recorded.event {
        AnyEvent::Target(TargetEvent::DeploymentSucceeded(succeeded)) => Some(succeeded.id),
        _other => None,
    });
    let Some(id) = id else { return Ok(None) };
    match view.deployment(id).map_err(errors::log)? {
        Some(row) => private(view, row.requested, field::REASON),
        None => Ok(None),
    }
}

/// How a deployment that ended went. Where its replicas are is for the engine to say.
pub fn answer(view: &View<'_>, key: &TargetKey, id: DeploymentId) -> Result<DeploymentAnswer, Error> {
    let row = view.deployment(id).map_err(errors::log)?;
    let row = row.ok_or_else(|| Error::new(Kind::Operational, format!("deployment {id} is not recorded")))?;
    let state = view.state(key).map_err(errors::log)?;
    let DeploymentStatus::Ended { ending, took_ms, ref cause, target_unchanged, .. } = row.status else {
        return Err(
            Error::new(Kind::Operational, format!("deployment {id} has not ended")).hint("haloy settle")
        );
    };
    let live = state.current.as_ref();
    let listed = of_deployment(view, id)?;
    let log_tail = match ending {
        Ending::Succeeded => Vec::new(),
        Ending::Failed | Ending::RolledBack | Ending::Cancelled | Ending::Interrupted | Ending::Refused => {
            log_tail(view, &listed)?
        }
    };
    Ok(DeploymentAnswer {
        warnings: warnings(view, &row, &listed)?,
        app: row.app.to_string(),
        target: row.target.to_string(),
        id,
        release: row.release,
        image: row.reference,
        rollback: row.release != id,
        ending,
        target_unchanged: unchanged(ending, target_unchanged),
        cause: cause.clone(),
        detail: detail(&listed),
        took_ms,
        domains: state.routes.domains.iter().map(|routed| routed.domain.clone()).collect(),
        addresses: Vec::new(),
        runs: live.map(|live| live.release),
        wanted: live.filter(|live| !live.stopped).map_or(0, |live| live.spec.config.replicas),
        running: None,
        unseen: None,
        changed_secrets: Vec::new(),
        log_tail,
        volumes: live.iter().flat_map(|live| &live.replicas).flat_map(|r| r.volumes.clone()).collect(),
    })
}

/// Whether an ending leaves its target as it was.
fn unchanged(ending: Ending, recorded: Option<bool>) -> Option<bool> {
    match ending {
        Ending::Succeeded => None,
        Ending::Failed | Ending::RolledBack | Ending::Cancelled | Ending::Interrupted | Ending::Refused => {
            recorded
        }
    }
}

fn history_row(view: &View<'_>, row: DeploymentRow) -> Result<HistoryRow, Error> {
    let (ending, cause, took_ms) = match row.status {
        DeploymentStatus::Running => (None, None, None),
        DeploymentStatus::Ended { ending, cause, took_ms, .. } => (Some(ending), cause, Some(took_ms)),
    };
    let commit = row.git.as_ref().map(|git| {
        let short: String = git.commit.chars().take(10).collect();
        if git.dirty { format!("{short}+") } else { short }
    });
    Ok(HistoryRow {
        by: private(view, row.requested, field::ACTOR_NAME)?,
        reason: private(view, row.requested, field::REASON)?,
        ticket: private(view, row.requested, field::TICKET)?,
        id: row.id,
        app: row.app.to_string(),
        target: row.target.to_string(),
        release: row.release,
        rollback: row.release != row.id,
        leaves: row.leaves,
        at: row.at,
        image: row.reference,
        digest: row.digest.map(|digest| digest.to_string()),
        ending,
        cause,
        detail: None,
        took_ms,
        commit,
        ci: row.ci.map(|ci| format!("{} {}", ci.system, ci.run)),
        position: row.requested,
    })
}

pub fn history(
    view: &View<'_>,
    keys: Option<Vec<TargetKey>>,
    limit: usize,
) -> Result<Vec<HistoryRow>, Error> {
    let mut rows = Vec::new();
    for key in keys_or_all(view, keys)? {
        let page = Page { before: None, limit };
        for row in view.deployments(&key, &page).map_err(errors::log)? {
            rows.push(history_row(view, row)?);
        }
    }
    rows.sort_by_key(|row| std::cmp::Reverse(row.position));
    rows.truncate(limit);
    Ok(rows)
}

pub fn show(view: &View<'_>, prefix: &str) -> Result<ShowAnswer, Error> {
    let row = find(view, prefix)?;
    let listed = of_deployment(view, row.id)?;
    let detail = detail(&listed);
    let (log_tail, warnings) = (log_tail(view, &listed)?, warnings(view, &row, &listed)?);
    let events = listed.into_iter().map(|event| event_row(view, event)).collect::<Result<_, _>>()?;
    let changes = changes(view, &row)?;
    let deployment = HistoryRow { detail, ..history_row(view, row)? };
    Ok(ShowAnswer { deployment, events, changes, log_tail, warnings })
}

/// Changes of the configuration of a deployment against the previous one.
fn changes(view: &View<'_>, row: &DeploymentRow) -> Result<Vec<String>, Error> {
    let page = Page { before: Some(row.requested), limit: 1 };
    let before = view.deployments(&row.key(), &page).map_err(errors::log)?;
    let Some(before) = before.first() else { return Ok(Vec::new()) };
    let spec = |release| -> Result<Option<ConfigSnapshot>, Error> {
        Ok(view.release(release).map_err(errors::log)?.map(|row| row.spec.config))
    };
    match (spec(before.release)?, spec(row.release)?) {
        (Some(before), Some(after)) => Ok(words::config_changes(&before, &after)),
        (None, _) | (_, None) => Ok(Vec::new()),
    }
}

fn event_row(view: &View<'_>, event: EventView) -> Result<EventRow, Error> {
    let erased = event.redacted.contains(&field::ACTOR_NAME).then(|| REDACTED.to_owned());
    let by = event.private(field::ACTOR_NAME).map(str::to_owned).or(erased);
    // A kind of a newer version has no sentence here; it is shown all the same.
    let recorded = view.recorded(event.position, 1).ok();
    let sentence =
        recorded.and_then(|recorded| recorded.first().map(|recorded| event::sentence(&recorded.event)));
    let sentence = sentence.map(|sentence| words::with_detail(sentence, said(&event).as_deref()));
    Ok(EventRow { view: event, by, sentence })
}

pub fn events(view: &View<'_>, request: &EventsRequest) -> Result<Vec<EventRow>, Error> {
    if let (Some(_), Some(newer)) = (&request.deployment, view.newer()) {
        // The read models know the events of a deployment.
        return Err(errors::log(newer.clone()));
    }
    let listed = match &request.deployment {
        Some(prefix) => of_deployment(view, find(view, prefix)?.id)?,
        None => {
            let stream = request.key.as_ref().map(|key| key.stream());
            let filter = EventFilter {
                from: Position(request.from),
                limit: request.limit.unwrap_or(usize::MAX),
                stream,
                kinds: request.kinds.clone(),
                until: None,
            };
            view.events(&filter).map_err(errors::log)?
        }
    };
    listed.into_iter().map(|event| event_row(view, event)).collect()
}

pub fn prunable(view: &View<'_>, key: &TargetKey) -> Result<PruneAnswer, Error> {
    let state = view.state(key).map_err(errors::log)?;
    let known = view.artefacts(key).map_err(errors::log)?;
    // A removal that is already planned was not finished: the next prune tries it again.
    let planned = state.releases.iter().filter_map(|kept| Some((kept.release, kept.pruning?)));
    let artefacts = no_rule_keeps(&state).into_iter().chain(planned).map(|(release, rule)| {
        let row = known.iter().find(|row| row.release == release);
        PruneRow {
            release,
            tag: row.map(|row| row.tag.clone()).unwrap_or_default(),
            rule,
            bytes: row.and_then(|row| row.bytes),
        }
    });
    let artefacts = artefacts.collect();
    let (app, target) = (key.app.to_string(), key.target.to_string());
    let held = keeping::held(view, key)?;
    let mut volumes = super::volumes::volumes(view, key)?;
    volumes.retain(|row| !row.used);
    Ok(PruneAnswer { app, target, applied: false, artefacts, volumes, bytes: None, held })
}

impl Embedded {
    /// Output of containers, from the engine; the ledger only knows which ones.
    pub(super) async fn logs(
        &self,
        request: LogsRequest,
        each: &mut (dyn FnMut(LogLine) + Send),
    ) -> Result<usize, Error> {
        let Some(docker) = &self.docker else { return Ok(0) };
        let Some(ledger) = self.ledger_id().await? else { return Ok(0) };
        let LogsRequest { key, container, tail, follow } = request;
        let query = LogQuery { scope: Scope { ledger, key }, container, tail, follow };
        docker.logs(&query, each).await.map_err(errors::executor)
    }
}
