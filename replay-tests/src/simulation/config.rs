//! Seeded configurations.

use super::parts::Random;
use haloy_ledger::ids::ImageRef;
use haloy_ledger::release::*;

/// A plausible configuration, and whether it keeps releases as the others do.
pub fn config(random: &mut Random, registry: bool, varied: bool) -> (ConfigSnapshot, bool) {
    let tag = random.below(6);
    let status = if random.percent(15) { "503" } else { "200" };
    let rollout = match random.below(10) {
        0..=5 => RolloutStrategy::Rolling,
        6..=7 => RolloutStrategy::Replace,
        _other => RolloutStrategy::BlueGreen,
    };
    let mine = if registry { HistoryStrategy::Registry } else { HistoryStrategy::Local };
    let strategy = match random.below(if varied { 8 } else { 80 }) {
        0 => HistoryStrategy::None,
        1 => HistoryStrategy::Registry,
        2 => HistoryStrategy::Local,
        _other => mine,
    };
    let keeps = if varied { 1 + random.below(4) } else { 2 };
    let usual = strategy == mine && keeps == 2;
    let hook = |chance| {
        if random.percent(chance) {
            vec![HookLine::new(Fingerprint("true".to_owned()), "true")]
        } else {
            Vec::new()
        }
    };
    let mut hook = hook;
    let hooks = Hooks { pre_deploy: hook(10), post_deploy: hook(10), folder: String::new() };
    let release_command = random.percent(10).then(|| ReleaseCommand {
        form: CommandForm::Shell,
        fingerprint: Fingerprint("release".to_owned()),
        line: Some(format!("exit {}", u8::from(random.percent(30))).into()),
    });
    let reference = ImageRef::new(format!("registry.local/app:v{tag}")).expect("a reference");
    let config = ConfigSnapshot {
        image: ImageSpec { reference, pull_policy: PullPolicy::Always, build: None, registry: None },
        retention: Retention {
            strategy,
            count: if strategy == HistoryStrategy::None { 0 } else { u16::try_from(keeps).unwrap_or(2) },
            pattern: None,
        },
        rollout,
        naming: NamingStrategy::Dynamic,
        alias: tag.is_multiple_of(2).then(|| "web".to_owned()),
        replicas: 1 + u16::try_from(random.below(3)).unwrap_or(0),
        port: 8080,
        health: HealthSpec::new("/".to_owned(), 0),
        env: vec![ValueEntry {
            name: "STATUS".to_owned(),
            source: ValueSource::Literal,
            fingerprint: Fingerprint(status.to_owned()),
            value: Some(status.to_owned().into()),
        }],
        volumes: Vec::new(),
        network: "haloy".to_owned(),
        domains: super::routes::domains(random),
        acme_email: None,
        hooks,
        release_command,
        init: None,
        stop_timeout_seconds: None,
        acme: None,
        supervise: None,
        uncovered_volumes: None,
        resources: Resources { memory_bytes: None, milli_cpus: None },
        server: None,
        protected: false,
    };
    (config, usual)
}
