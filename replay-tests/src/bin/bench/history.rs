//! Histories for big ledgers: targets that deploy again and again, made by the real rules.

use haloy_ledger::deployment::command::Deploy;
use haloy_ledger::deployment::{Command, Effect, TargetState, decide, evolve, owed};
use haloy_ledger::event::TargetEvent;
use haloy_ledger::ids::*;
use haloy_ledger::outcome::*;
use haloy_ledger::ports::{Entropy, SystemEntropy};
use haloy_ledger::release::*;

/// A configuration as people write it.
pub fn config() -> ConfigSnapshot {
    let entry = |number: usize| ValueEntry {
        name: format!("VARIABLE_{number}"),
        source: ValueSource::Literal,
        fingerprint: Fingerprint("0123456789abcdef0123456789abcdef".to_owned()),
        value: Some(format!("the value of variable {number}").into()),
    };
    ConfigSnapshot {
        image: ImageSpec {
            reference: ImageRef::new("ghcr.io/my-org/my-app:v1.2.3").expect("a reference"),
            pull_policy: PullPolicy::Always,
            build: None,
            registry: None,
        },
        retention: Retention { strategy: HistoryStrategy::Local, count: 5, pattern: None },
        rollout: RolloutStrategy::Rolling,
        naming: NamingStrategy::Dynamic,
        alias: None,
        replicas: 2,
        port: 8080,
        health: HealthSpec::new("/health".to_owned(), 0),
        env: (0..8).map(entry).collect(),
        volumes: vec!["data:/data".to_owned()],
        network: "haloy".to_owned(),
        domains: vec![Domain { domain: "my-app.com".to_owned(), aliases: Vec::new() }],
        acme_email: None,
        hooks: Hooks::default(),
        release_command: None,
        init: None,
        stop_timeout_seconds: None,
        acme: None,
        supervise: None,
        uncovered_volumes: None,
        resources: Resources { memory_bytes: None, milli_cpus: None },
        server: None,
        protected: false,
    }
}

/// The next command of a target: the outcome of what it owes, or another deploy.
pub fn next(state: &TargetState) -> Command {
    next_with(state, &config)
}

fn next_with(state: &TargetState, config: &dyn Fn() -> ConfigSnapshot) -> Command {
    let at = Timestamp(0);
    match owed(state).into_iter().next() {
        Some((effect, owed)) => {
            let outcome = Box::new(good(&effect, &owed));
            Command::RecordOutcome { effect, outcome, at }
        }
        None => {
            let entropy: &dyn Entropy = &SystemEntropy;
            let id = DeploymentId::from_parts(1_790_000_000_000, entropy.ulid_bits());
            let mut config = config();
            // A domain belongs to one target.
            for domain in &mut config.domains {
                domain.domain = format!("{}.{}", state.key.target, domain.domain);
            }
            let release = ReleaseSpec { config, config_digest: "d".repeat(64) };
            Command::Deploy(Box::new(Deploy {
                id,
                at,
                release,
                git: None,
                ci: None,
                engine: None,
                move_domains: false,
            }))
        }
    }
}

/// The events of the next command, and the state after them.
pub fn step(state: TargetState) -> (TargetState, Vec<TargetEvent>) {
    step_with(state, &config)
}

/// The same, with a configuration of its own.
pub fn step_with(state: TargetState, config: &dyn Fn() -> ConfigSnapshot) -> (TargetState, Vec<TargetEvent>) {
    let events = decide(&state, next_with(&state, config)).expect("a command that the rules take");
    (events.iter().fold(state, evolve), events)
}

/// Digest of every image.
pub fn digest() -> Digest {
    Digest::new(format!("sha256:{}", "ab".repeat(32))).expect("a digest")
}

fn good(id: &EffectId, effect: &Effect) -> Outcome {
    match effect {
        Effect::ResolveImage { image, .. } => Outcome::ImageResolved(ResolvedImage {
            reference: image.reference.clone(),
            index_digest: None,
            digest: Some(digest()),
            image_id: None,
            platform: "linux/amd64".to_owned(),
            size: Some(1),
            created: None,
            revision: None,
            source: None,
        }),
        Effect::PullImage { .. } => {
            Outcome::ImagePulled { image_id: digest(), bytes: 1, from: PulledFrom::Registry }
        }
        Effect::TagImage { local_tag, image_id, .. } => Outcome::ImageTagged {
            local_tag: local_tag.clone(),
            image_id: image_id.clone(),
            engine_id: "engine".to_owned(),
        },
        Effect::EnsureNetwork { .. } => Outcome::NetworkReady { network_id: "network".to_owned() },
        Effect::StartReplica(spec) => Outcome::ReplicaStarted {
            container_id: id.to_string(),
            address: Some("172.18.0.2".to_owned()),
            fixed: false,
            image_id: spec.image_id.clone(),
            volumes: Vec::new(),
        },
        Effect::AwaitHealthy { .. } => {
            Outcome::ReplicaHealthy { probes: 1, took_ms: 200, how: HealthHow::Http }
        }
        Effect::ApplyRoutes { desired } => Outcome::RoutesApplied {
            generation: 1,
            digest: String::new(),
            domains: desired.domains.clone(),
            routed: desired.replicas(),
        },
        Effect::Drain { .. } => Outcome::ReplicaDrained { left_in_flight: 0, took_ms: 1 },
        Effect::StopReplica { .. } => Outcome::ReplicaStopped { exit_code: Some(0), forced: false },
        Effect::RemoveReplica { .. } => {
            Outcome::ReplicaRemoved { container_id: Some(id.to_string()), volumes: Vec::new() }
        }
        Effect::RemoveVolume { .. } => Outcome::VolumeRemoved { freed: 1 },
        Effect::RemoveLocalTag { .. } => Outcome::LocalTagRemoved { freed: 1, shared: false },
        Effect::BuildImage { .. }
        | Effect::PushImage { .. }
        | Effect::PushTag { .. }
        | Effect::DeleteRegistryTag { .. }
        | Effect::RunHook { .. }
        | Effect::RunReleaseCommand { .. } => Outcome::Failed {
            cause: Failure::new(FailureCode::NotSupported, "not here"),
            detail: String::new(),
        },
    }
}
