//! Answers, those of other crates among them.

use super::{failure, id, key, name, same, text};
use haloy_edge::EdgeStatus;
use haloy_executors::{EngineOffer, LogLine};
use haloy_ledger::deployment::state::{Ending, ReplicaPhase};
use haloy_ledger::event::PruneRule;
use haloy_ledger::ids::{Position, Timestamp};
use haloy_ledger::integrity::code::{Code, Fault};
use haloy_ledger::integrity::verify::{Against, Looked, Report};
use haloy_ledger::ledger::{Backup, KeyChange, Recovery, Redacted};
use haloy_ledger::outcome::Condition;
use haloy_ledger::projection::Moved;
use haloy_ledger::read::{NotRestorableReason, PastRollback, SameAs, Verdict};
use haloy_ledger::release::{HistoryStrategy, MadeVolume, Retention, ValueSource};
use haloy_service::*;
use serde_json::json;

fn deployment() -> DeploymentAnswer {
    DeploymentAnswer {
        app: "shop".to_owned(),
        target: "live".to_owned(),
        id: id(),
        release: id(),
        image: text(),
        rollback: true,
        ending: Ending::RolledBack,
        target_unchanged: Some(false),
        cause: Some(failure()),
        detail: Some(text()),
        took_ms: u64::MAX,
        domains: vec![text()],
        addresses: Vec::new(),
        runs: None,
        wanted: 2,
        running: Some(1),
        unseen: None,
        changed_secrets: vec![text()],
        log_tail: vec![text()],
        warnings: vec![Warned { text: text(), lines: vec![text()] }],
        volumes: vec![MadeVolume { path: "/a".to_owned(), volume: "v".to_owned() }],
    }
}

fn history() -> HistoryRow {
    HistoryRow {
        id: id(),
        app: "shop".to_owned(),
        target: "live".to_owned(),
        release: id(),
        rollback: false,
        leaves: Some(id()),
        at: Timestamp(i64::MAX),
        by: None,
        reason: Some(text()),
        ticket: None,
        image: text(),
        digest: None,
        ending: Some(Ending::Cancelled),
        cause: None,
        detail: None,
        took_ms: Some(0),
        commit: Some(text()),
        ci: None,
        position: Position(u64::MAX),
    }
}

/// A row with a payload of every shape, as an older or newer program may have written it.
fn event() -> EventRow {
    let row = json!({
        "position": 3, "revision": 1, "stream": "edge", "kind": "kind 999", "version": 2, "recorded": 5,
        "event_id": "01k", "actor": "ab", "tool": "haloy/1", "correlation": "c", "idempotency_key": null,
        "payload": {"a": [1, -1, 255, 18_446_744_073_709_551_615_u64, null, true, 0.5], "b": {"c": "ü"}},
        "private": [{"field": 3, "value": "ada"}], "redacted": [1], "by": "ada", "sentence": null,
    });
    serde_json::from_value(row).expect("an event")
}

#[test]
fn answers_about_deployments_are_the_same_after_they_were_json() {
    for ending in [Ending::Succeeded, Ending::Failed, Ending::Interrupted, Ending::Refused] {
        same(DeploymentAnswer { ending, ..deployment() });
    }
    let several = Error { several: true, ..Error::new(Kind::Locked, text()).hint(text()) };
    same(several.clone());
    same(Deployed { answers: vec![deployment()], errors: vec![several] });
    let sources = vec![NamedSource { name: text(), source: ValueSource::Literal }];
    let sources = ReleaseSources { release: id(), folder: "/srv".to_owned(), sources };
    same(sources.clone());
    same(RollbackAnswer::Ended(Box::new(deployment())));
    same(RollbackAnswer::Asks(sources));
    same(Choice { release: id(), image: text(), at: Timestamp(0), leaves: None, same: vec![id()] });
    same(history());
    same(event());
    let (changes, log_tail) = (vec![text()], vec![text()]);
    same(ShowAnswer {
        deployment: history(),
        events: vec![event()],
        changes,
        log_tail,
        warnings: Vec::new(),
    });
    let at = Position(1);
    let reasons = [
        NotRestorableReason::Deploying { at },
        NotRestorableReason::NeverGood { at, cause: Some(failure()) },
        NotRestorableReason::Pruned { at, rule: PruneRule::BeyondCount, count: 3 },
        NotRestorableReason::Lost { at, cause: failure() },
        NotRestorableReason::Redacted { at },
        NotRestorableReason::StrategyNone { at },
    ];
    let verdicts = reasons.map(Verdict::NotRestorable).into_iter().chain([Verdict::Current, Verdict::Ready]);
    let releases = verdicts.map(|verdict| TargetRow {
        id: id(),
        version: text(),
        image: text(),
        at: Timestamp(0),
        by: None,
        strategy: HistoryStrategy::Local,
        verdict,
        default: true,
        same: Some(SameAs::Left),
        left: Some((at, Some(text()))),
        names: vec![name()],
        pinned: true,
        held: false,
        moved: Some(Moved { at, now: None }),
        unanswered: Some((at, failure())),
        checked: Some(Timestamp(1)),
    });
    let (strategy, count) = (Some(HistoryStrategy::Local), Some(1));
    let (app, target, releases) = (text(), text(), releases.collect());
    same(TargetsAnswer { app, target, strategy, count, deployments: 2, releases });
    same(ReplayAnswer { events: 1, rows: 2, digest: text(), differences: vec![text()], took_ms: 3 });
}

#[test]
fn answers_about_what_is_kept_are_the_same_after_they_were_json() {
    let (app, target, release) = (text(), text(), id());
    let held = HeldRow { release, hold: true, at: Position(1), by: None, reason: Some(text()) };
    same(held.clone());
    let row = PruneRow { release, tag: text(), rule: PruneRule::HostKeepsCurrent, bytes: Some(1) };
    let (volume, path) = (text(), text());
    let volume = VolumeRow { volume, path, deployment: release, used: true, bytes: None, stays: false };
    same(PruneAnswer {
        app: app.clone(),
        target: target.clone(),
        applied: true,
        artefacts: vec![row],
        volumes: vec![volume],
        bytes: None,
        held: vec![held],
    });
    let failed = vec![text()];
    same(KeptAnswer { app: app.clone(), target: target.clone(), release, changed: true, failed });
    same(TagPreview { app: app.clone(), target: target.clone(), release, before: Some(release) });
    same(Dropped { key: key(), before: 3, after: 1, releases: vec![release] });
    let (deployment, at, position) = (release, Timestamp(1), Position(1));
    same(WhatIfAnswer {
        app,
        target,
        now: Some(Retention { strategy: HistoryStrategy::None, count: 0, pattern: None }),
        strategy: HistoryStrategy::Local,
        count: 1,
        keeps: vec![WhatIfRow { release, image: text() }],
        drops: Vec::new(),
        tags: vec![text()],
        bytes: Some(1),
        past: vec![PastRollback { deployment, release, at, position, possible: false }],
    });
}

#[test]
fn answers_about_what_runs_are_the_same_after_they_were_json() {
    let conditions = [
        Condition::Well,
        Condition::Starting,
        Condition::Unhealthy,
        Condition::Paused,
        Condition::Restarting,
    ];
    let replicas = conditions.map(|condition| ReplicaRow {
        replica: text(),
        phase: ReplicaPhase::Healthy,
        address: None,
        recorded: Some(text()),
        differs: true,
        running: Some(true),
        condition: Some(condition),
        restarts: Some(1),
        container: None,
        out: Some(text()),
    });
    let status = StatusAnswer {
        app: text(),
        target: text(),
        release: Some(id()),
        deployment: None,
        image: None,
        since: Some(Timestamp(1)),
        stopped: false,
        wanted: 2,
        port: Some(80),
        replicas: replicas.into(),
        unfinished: Some((id(), text())),
        last: Some((id(), Ending::Succeeded)),
        domains: vec![text()],
        not_served: None,
        strays: vec![text()],
        unseen: None,
        state: RunState::NotServed,
    };
    same(status);
    same(Finding { what: "disk".into(), ok: false, found: text(), fix: Some(text()) });
    let route = RouteRow {
        domain: text(),
        aliases: vec![text()],
        app: text(),
        target: text(),
        replicas: vec![text()],
        differs: true,
        in_force: false,
        certificate_until: Some(Timestamp(1)),
        certificate_refused: None,
    };
    same(RoutesAnswer { routes: vec![route], generation: Some(1) });
    let networks = ["haloy".to_owned()].into();
    same(EngineOffer { cpus: Some(4), networks, buildkit: true });
    let line = json!({
        "replica": {"deployment": id(), "index": 1}, "at": "2026-11-02T12:00:00.5Z", "stream": "stderr",
        "line": [104, 255], "goes_on": true,
    });
    same(serde_json::from_value::<LogLine>(line).expect("a line"));
    let edge = json!({
        "version": "1", "pid": 1, "http": ["127.0.0.1:80"], "https": [], "certificates": [], "refused": [],
        "authority": null, "unreadable": [], "ledger": null, "generation": 3, "digest": "ab", "routes": 1,
        "replicas": [], "reports": 0, "leaving": false,
    });
    same(serde_json::from_value::<EdgeStatus>(edge).expect("a status"));
}

#[test]
fn answers_about_the_ledger_are_the_same_after_they_were_json() {
    let (origin, verifier_key) = (text(), Some(text()));
    same(CheckpointAnswer { origin, size: 1, root: text(), verifier_key, checkpoint: text() });
    same(ProofRow { position: 1, kind: text(), proof: text() });
    same(KeyRow { purpose: text(), id: text(), verifier_key: None, added: 0, retired: Some(1) });
    same(KeyChange { retired: vec![text()], added: Vec::new() });
    same(Redacted { fields: vec![(Position(1), vec![1, 2])], recorded: Position(2) });
    same(Backup { entries: 1, root: text(), copied: 2 });
    let faults: Vec<Fault> =
        Code::ALL.iter().map(|(code, _)| Fault::new(*code, text()).at(Position(3))).collect();
    let repaired = vec![text()];
    same(Recovery { faults: faults.clone(), repaired, before: 1, after: 2, lost_values: 0 });
    same(Report {
        origin: None,
        entries: 1,
        root: text(),
        proved: 1,
        since: 0,
        signed_by: vec![text()],
        looked_at: vec![Looked { what: "entries".into(), count: 1 }],
        faults,
        against: Some(Against { size: 1, root: text(), today: None, extends: false }),
        bytes: 1,
        newer: Some(text()),
    });
}
