//! Questions that change nothing.

use super::find::{find, keys_or_all};
use super::told::{REDACTED, detail, log_tail, of_deployment, said, warnings};
use super::{Embedded, errors, keeping};
use crate::*;
use haloy_executors::{LogLine, LogQuery, Scope};
use haloy_ledger::Ledger;
use haloy_ledger::deployment::Event;
use haloy_ledger::deployment::retention::prunable as no_rule_keeps;
use haloy_ledger::deployment::state::Ending;
use haloy_ledger::ids::{DeploymentId, Position, TargetKey};
use haloy_ledger::log::envelope_field as field;
use haloy_ledger::projection::{DeploymentRow, DeploymentStatus, Page};
use haloy_ledger::read::{EventFilter, EventView};
use haloy_ledger::release::ConfigSnapshot;

/// A private value of the request of a deployment.
fn private(ledger: &Ledger, position: Position, number: u32) -> Result<Option<String>, Error> {
    let rows = ledger.log().read_private(position).map_err(errors::log)?;
    let value = rows.into_iter().find(|row| row.field == number).map(|row| row.value);
    match value {
        Some(value) => Ok(Some(value)),
        None => {
            let erased = ledger.erased(position).map_err(errors::log)?;
            Ok(erased.contains(&number).then(|| REDACTED.to_owned()))
        }
    }
}

fn tag(reference: &str) -> String {
    let name = reference.rsplit('/').next().unwrap_or(reference);
    name.split_once(':').map_or(name, |(_, tag)| tag).to_owned()
}

pub fn rollback_targets(ledger: &Ledger, key: &TargetKey, all: bool) -> Result<TargetsAnswer, Error> {
    let state = ledger.state(key).map_err(errors::log)?;
    let mut releases = Vec::new();
    let page = Page { before: None, limit: 2 };
    let deployments = ledger.deployments(key, &page).map_err(errors::log)?;
    let kept = match all {
        true => ledger.candidates(key),
        false => ledger.kept_candidates(key),
    };
    for candidate in kept.map_err(errors::log)? {
        let row = candidate.row;
        let left = match row.left {
            Some(at) => Some((at, reason_of_rollback(ledger, at)?)),
            None => None,
        };
        releases.push(TargetRow {
            id: row.release,
            version: tag(&row.reference),
            by: private(ledger, row.requested, field::ACTOR_NAME)?,
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

/// Why the rollback that succeeded at a position was asked for.
fn reason_of_rollback(ledger: &Ledger, at: Position) -> Result<Option<String>, Error> {
    let recorded = ledger.log().read_all(at, 1).map_err(errors::log)?;
    let id = recorded.first().and_then(|recorded| match &recorded.event {
        Event::DeploymentSucceeded(succeeded) => Some(succeeded.id),
        _other => None,
    });
    let Some(id) = id else { return Ok(None) };
    match ledger.deployment(id).map_err(errors::log)? {
        Some(row) => private(ledger, row.requested, field::REASON),
        None => Ok(None),
    }
}

/// How a deployment that ended went. Where its replicas are is for the engine to say.
pub fn answer(ledger: &Ledger, key: &TargetKey, id: DeploymentId) -> Result<DeploymentAnswer, Error> {
    let row = ledger.deployment(id).map_err(errors::log)?;
    let row = row.ok_or_else(|| Error::new(Kind::Operational, format!("deployment {id} is not recorded")))?;
    let state = ledger.state(key).map_err(errors::log)?;
    let DeploymentStatus::Ended { ending, took_ms, ref cause, target_unchanged, .. } = row.status else {
        return Err(
            Error::new(Kind::Operational, format!("deployment {id} has not ended")).hint("haloy settle")
        );
    };
    let live = state.current.as_ref();
    let views = of_deployment(ledger, id)?;
    let log_tail = match ending {
        Ending::Succeeded => Vec::new(),
        Ending::Failed | Ending::RolledBack | Ending::Cancelled | Ending::Interrupted | Ending::Refused => {
            log_tail(ledger, &views)?
        }
    };
    Ok(DeploymentAnswer {
        warnings: warnings(ledger, &row, &views)?,
        app: row.app.to_string(),
        target: row.target.to_string(),
        id,
        release: row.release,
        image: row.reference,
        rollback: row.release != id,
        ending,
        target_unchanged: unchanged(ending, target_unchanged),
        cause: cause.clone(),
        detail: detail(&views),
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

fn history_row(ledger: &Ledger, row: DeploymentRow) -> Result<HistoryRow, Error> {
    let (ending, cause, took_ms) = match row.status {
        DeploymentStatus::Running => (None, None, None),
        DeploymentStatus::Ended { ending, cause, took_ms, .. } => (Some(ending), cause, Some(took_ms)),
    };
    let commit = row.git.as_ref().map(|git| {
        let short: String = git.commit.chars().take(10).collect();
        if git.dirty { format!("{short}+") } else { short }
    });
    Ok(HistoryRow {
        by: private(ledger, row.requested, field::ACTOR_NAME)?,
        reason: private(ledger, row.requested, field::REASON)?,
        ticket: private(ledger, row.requested, field::TICKET)?,
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
    ledger: &Ledger,
    keys: Option<Vec<TargetKey>>,
    limit: usize,
) -> Result<Vec<HistoryRow>, Error> {
    let mut rows = Vec::new();
    for key in keys_or_all(ledger, keys)? {
        let page = Page { before: None, limit };
        for row in ledger.deployments(&key, &page).map_err(errors::log)? {
            rows.push(history_row(ledger, row)?);
        }
    }
    rows.sort_by_key(|row| std::cmp::Reverse(row.position));
    rows.truncate(limit);
    Ok(rows)
}

pub fn show(ledger: &Ledger, prefix: &str) -> Result<ShowAnswer, Error> {
    let row = find(ledger, prefix)?;
    let views = of_deployment(ledger, row.id)?;
    let detail = detail(&views);
    let (log_tail, warnings) = (log_tail(ledger, &views)?, warnings(ledger, &row, &views)?);
    let events = views.into_iter().map(|view| event_row(ledger, view)).collect::<Result<_, _>>()?;
    let changes = changes(ledger, &row)?;
    let deployment = HistoryRow { detail, ..history_row(ledger, row)? };
    Ok(ShowAnswer { deployment, events, changes, log_tail, warnings })
}

/// What the configuration of a deployment changed against the deployment before it.
fn changes(ledger: &Ledger, row: &DeploymentRow) -> Result<Vec<String>, Error> {
    let page = Page { before: Some(row.requested), limit: 1 };
    let before = ledger.deployments(&row.key(), &page).map_err(errors::log)?;
    let Some(before) = before.first() else { return Ok(Vec::new()) };
    let spec = |release| -> Result<Option<ConfigSnapshot>, Error> {
        Ok(ledger.release(release).map_err(errors::log)?.map(|row| row.spec.config))
    };
    match (spec(before.release)?, spec(row.release)?) {
        (Some(before), Some(after)) => Ok(words::config_changes(&before, &after)),
        (None, _) | (_, None) => Ok(Vec::new()),
    }
}

fn event_row(ledger: &Ledger, view: EventView) -> Result<EventRow, Error> {
    let erased = view.redacted.contains(&field::ACTOR_NAME).then(|| REDACTED.to_owned());
    let by = view.private(field::ACTOR_NAME).map(str::to_owned).or(erased);
    // A kind of a newer version has no sentence here; it is shown all the same.
    let recorded = ledger.log().read_all(view.position, 1).ok();
    let sentence =
        recorded.and_then(|recorded| recorded.first().map(|recorded| event::sentence(&recorded.event)));
    let sentence = sentence.map(|sentence| words::with_detail(sentence, said(&view).as_deref()));
    Ok(EventRow { view, by, sentence })
}

pub fn events(ledger: &Ledger, request: &EventsRequest) -> Result<Vec<EventRow>, Error> {
    if let (Some(_), Some(newer)) = (&request.deployment, ledger.newer()) {
        // Which events are of a deployment, the read models say.
        return Err(errors::log(newer.clone()));
    }
    let views = match &request.deployment {
        Some(prefix) => of_deployment(ledger, find(ledger, prefix)?.id)?,
        None => {
            let stream = request.key.as_ref().map(|key| key.stream());
            let filter = EventFilter {
                from: Position(request.from),
                limit: request.limit.unwrap_or(usize::MAX),
                stream,
                kinds: request.kinds.clone(),
                until: None,
            };
            ledger.events(&filter).map_err(errors::log)?
        }
    };
    views.into_iter().map(|view| event_row(ledger, view)).collect()
}

pub fn prunable(ledger: &Ledger, key: &TargetKey) -> Result<PruneAnswer, Error> {
    let state = ledger.state(key).map_err(errors::log)?;
    let known = ledger.artefacts(key).map_err(errors::log)?;
    // What is planned already was not finished: the next prune tries it again.
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
    let held = keeping::held(ledger, key)?;
    let mut volumes = super::volumes::volumes(ledger, key)?;
    volumes.retain(|row| !row.used);
    Ok(PruneAnswer { app, target, applied: false, artefacts, volumes, bytes: None, held })
}

impl Embedded {
    /// What containers wrote, as the engine has it; the ledger says no more than which ones.
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
