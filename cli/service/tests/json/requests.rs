//! Requests, and the values in them.

use super::{ci, git, id, key, name, same, text, why};
use haloy_ledger::event::SecretsFrom;
use haloy_ledger::ids::ImageRef;
use haloy_ledger::release::*;
use haloy_service::*;
use std::time::Duration;

/// A value that is searched for where it must not be.
const CANARY: &str = "canary-5e1f";

fn value(name: &str, source: ValueSource) -> ConfigValue {
    ConfigValue { name: name.to_owned(), source, value: CANARY.to_owned(), secret: true }
}

fn entry(name: &str, source: ValueSource) -> ValueEntry {
    ValueEntry { name: name.to_owned(), source, fingerprint: Fingerprint(String::new()), value: None }
}

fn target() -> TargetRequest {
    let sources = [ValueSource::Env("A".to_owned()), ValueSource::Secret("sops:a:b".to_owned())];
    let [env, secret] = sources;
    let (user, password) = (entry("username", env.clone()), entry("password", secret.clone()));
    let hook = || HookLine { fingerprint: Some(Fingerprint(String::new())), line: None, recorded: None };
    let fingerprint = Fingerprint(String::new());
    let config = ConfigSnapshot {
        image: ImageSpec {
            reference: ImageRef::new("ghcr.io/shop:v1").expect("a reference"),
            pull_policy: PullPolicy::Always,
            build: None,
            registry: Some(RegistryAuth { server: None, username: user, password }),
        },
        retention: Retention {
            strategy: HistoryStrategy::Registry,
            count: 3,
            pattern: Some("v*".to_owned()),
        },
        rollout: RolloutStrategy::BlueGreen,
        naming: NamingStrategy::Dynamic,
        alias: None,
        replicas: 2,
        port: 80,
        health: HealthSpec { headers: vec![entry("H", env.clone())], ..HealthSpec::new("/", 1) },
        env: vec![entry("A", env.clone())],
        volumes: vec!["/a:/b:ro".to_owned()],
        uncovered_volumes: Some(UncoveredVolumes::Refuse),
        network: "haloy".to_owned(),
        domains: vec![Domain { domain: "a.example".to_owned(), aliases: vec!["b.example".to_owned()] }],
        acme_email: None,
        hooks: Hooks { pre_deploy: vec![hook()], post_deploy: vec![hook()], folder: "/srv".to_owned() },
        release_command: Some(ReleaseCommand { form: CommandForm::Shell, fingerprint, line: None }),
        init: Some(true),
        stop_timeout_seconds: Some(5),
        acme: Some(AcmeMode::Off),
        supervise: None,
        resources: Resources { memory_bytes: Some(1), milli_cpus: None },
        server: None,
        protected: true,
    };
    let texts = PrivateTexts {
        pre_deploy: vec![CANARY.to_owned()],
        post_deploy: vec![CANARY.to_owned()],
        release_command: Some(CANARY.to_owned()),
        acme_email: Some(CANARY.to_owned()),
    };
    let values = Values {
        env: vec![value("A", env.clone())],
        build_args: Vec::new(),
        credentials: Some([value("username", env.clone()), value("password", secret)]),
        health_headers: vec![value("H", env)],
        texts,
    };
    TargetRequest { key: key(), config, values }
}

fn deploy() -> DeployRequest {
    DeployRequest { targets: vec![target()], move_domains: true, why: why(), git: git(), ci: ci() }
}

fn rollback() -> RollbackRequest {
    let values = vec![value("A", ValueSource::File("f".to_owned()))];
    let values = Some(ReleaseValues { release: id(), values, unasked: vec![text()] });
    let (to, secrets) = (Some("~2".to_owned()), SecretsFrom::Auto);
    RollbackRequest { key: key(), to, secrets, values, why: why(), git: git(), ci: None }
}

#[test]
fn requests_are_the_same_after_they_were_json() {
    same(deploy());
    same(rollback());
    let (keys, release) = (Some(vec![key()]), text());
    same(CheckRequest { keys: vec![key()], why: why() });
    same(LogsRequest { key: key(), container: Some(text()), tail: Some(3), follow: true });
    same(EventsRequest { from: 7, limit: Some(1), key: Some(key()), kinds: vec![text()], deployment: None });
    same(TagRequest { keys: keys.clone(), release: release.clone(), name: name(), push: true, why: why() });
    same(UntagRequest { keys: keys.clone(), name: name(), push: false, why: why() });
    for keep in [Keep::Pin, Keep::Unpin, Keep::Hold, Keep::ReleaseHold] {
        same(KeepRequest { keys: None, release: release.clone(), keep, why: why() });
    }
    let over = Duration::new(3, 5);
    same(WhatIfRequest { count: 3, strategy: Some(HistoryStrategy::None), over });
    same(StopRequest { key: key(), remove: true, volumes: vec![text()], why: why() });
    same(RestartRequest { key: key(), why: why() });
    same(PruneRequest { key: key(), apply: true, why: why() });
    same(BackupRequest { into: "/a b".into() });
    same(RestoreRequest { from: "/a".into(), older: true, why: why() });
    let published = Some(("/p".into(), vec![text()]));
    same(VerifyRequest { since: 1, against: Some(vec![0, 255]), published });
    let (what, basis) = (text(), text());
    same(RedactRequest { what, fields: vec![(1, 2)], basis, why: why() });
    same((keys, 3_usize));
}

#[test]
fn no_value_is_printed() {
    for printed in [format!("{:?}", deploy()), format!("{:#?}", rollback()), format!("{:?}", target())] {
        assert!(printed.contains("shop") && !printed.contains(CANARY), "{printed}");
    }
    assert!(serde_json::to_string(&deploy()).expect("JSON").contains(CANARY), "they have to get there");
}
