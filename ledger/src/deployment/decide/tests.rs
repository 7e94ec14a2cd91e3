//! The rules as a specification: given a history, when a command or a report comes, then.

use super::super::command::{Command, Deploy, Rollback};
use super::super::effect::{Effect, ReplicaSpec, owed};
use super::super::state::{Ending, TargetState};
use super::super::{evolve, retention};
use super::{NotRestorable, Rejection, decide};
use crate::event::*;
use crate::ids::*;
use crate::outcome::*;
use crate::release::*;

mod agree;
mod history;
mod keeping;
mod restart;
mod rollout;
mod routes;
mod settle;
mod volumes;

/// A target whose world does as requested; the test says where it does not.
struct Target {
    state: TargetState,
    log: Vec<TargetEvent>,
    made: u64,
}

impl Target {
    fn new() -> Self {
        let app = AppName::new("web").expect("a name");
        let target = TargetName::new("production").expect("a name");
        Self { state: TargetState::new(TargetKey { app, target }), log: Vec::new(), made: 0 }
    }

    fn when(&mut self, command: Command) -> Result<Vec<&'static str>, Rejection> {
        let events = decide(&self.state, command)?;
        for event in &events {
            self.state = evolve(self.state.clone(), event);
        }
        let names = events.iter().map(TargetEvent::name).collect();
        self.log.extend(events);
        Ok(names)
    }

    fn next_id(&mut self) -> DeploymentId {
        self.made += 1;
        DeploymentId::from_parts(self.made, u128::from(self.made))
    }

    fn ask(&mut self, config: ConfigSnapshot) -> DeploymentId {
        let id = self.next_id();
        let release = ReleaseSpec { config, config_digest: "d".to_owned() };
        let deploy =
            Deploy { id, at: Timestamp(0), release, git: None, ci: None, engine: None, move_domains: false };
        self.when(Command::Deploy(Box::new(deploy))).expect("accepted");
        id
    }

    fn roll_back(&mut self, to: DeploymentId) -> Result<DeploymentId, Rejection> {
        let id = self.next_id();
        let spec = self.spec_of(to);
        let to = ReleaseRecord { release: to, spec, image: image(), tagged: None };
        let rollback = Rollback {
            id,
            at: Timestamp(0),
            to,
            engine_id: Some("engine".to_owned()),
            changed_secrets: Vec::new(),
            secrets: SecretsFrom::Auto,
            git: None,
            ci: None,
            engine: None,
        };
        self.when(Command::Rollback(Box::new(rollback))).map(|_| id)
    }

    fn spec_of(&self, release: DeploymentId) -> ReleaseSpec {
        let asked = self.log.iter().find_map(|event| match event {
            TargetEvent::DeploymentRequested(e) if e.id == release => Some(e.ask.clone()),
            _other => None,
        });
        match asked {
            Some(DeploymentKind::Deploy { release }) => *release,
            Some(DeploymentKind::Rollback { .. }) | None => {
                ReleaseSpec { config: config(), config_digest: String::new() }
            }
        }
    }

    /// Reports an outcome for the first owed effect that `outcome` answers; false if there is none.
    fn report(&mut self, mut outcome: impl FnMut(&EffectId, &Effect) -> Option<Outcome>) -> bool {
        let found =
            owed(&self.state).into_iter().find_map(|(id, effect)| Some((id.clone(), outcome(&id, &effect)?)));
        let Some((effect, outcome)) = found else { return false };
        let outcome = Box::new(outcome);
        self.when(Command::RecordOutcome { effect, outcome, at: Timestamp(1) })
            .expect("reports are accepted");
        true
    }

    /// Everything goes well until nothing is owed.
    fn finish(&mut self) {
        while self.report(|id, effect| Some(good(id, effect))) {}
        assert_eq!(owed(&self.state), Vec::new());
        assert_eq!(self.state.rollout, None, "every rollout ends");
    }

    /// Like [`finish`](Self::finish), up to the first owed effect that `until` finds.
    fn run_until(&mut self, until: impl Fn(&Effect) -> bool) {
        while !owed(&self.state).iter().any(|(_, effect)| until(effect)) {
            assert!(self.report(|id, effect| Some(good(id, effect))), "the wanted effect is never owed");
        }
    }

    fn deployed(&mut self, config: ConfigSnapshot) -> DeploymentId {
        let id = self.ask(config);
        self.finish();
        assert_eq!(self.state.last_ended, Some((id, Ending::Succeeded)));
        id
    }

    fn failed(&mut self) -> DeploymentId {
        let id = self.ask(config());
        self.run_until(|effect| matches!(effect, Effect::AwaitHealthy { .. }));
        self.report(|_, effect| matches!(effect, Effect::AwaitHealthy { .. }).then(unhealthy));
        self.finish();
        id
    }

    fn tags(&self) -> Vec<DeploymentId> {
        let mut tags: Vec<_> =
            self.state.releases.iter().filter(|k| k.tagged.is_some()).map(|k| k.release).collect();
        tags.sort();
        tags
    }

    fn default(&self) -> Option<DeploymentId> {
        retention::default_target(&self.state, &|_| false).map(|k| k.release)
    }

    fn count(&self, name: &str) -> usize {
        self.log.iter().filter(|e| e.name() == name).count()
    }
}

fn digest(of: u8) -> Digest {
    Digest::new(format!("sha256:{}", format!("{of:02x}").repeat(32))).expect("a digest")
}

fn image() -> ResolvedImage {
    ResolvedImage {
        reference: ImageRef::new("web:v1").expect("a reference"),
        index_digest: None,
        digest: Some(digest(1)),
        image_id: Some(digest(2)),
        platform: "linux/amd64".to_owned(),
        size: None,
        created: None,
        revision: None,
        source: None,
    }
}

fn config() -> ConfigSnapshot {
    ConfigSnapshot {
        image: ImageSpec {
            reference: ImageRef::new("web:v1").expect("a reference"),
            pull_policy: PullPolicy::IfMissing,
            build: None,
            registry: None,
        },
        retention: Retention { strategy: HistoryStrategy::Local, count: 2, pattern: None },
        rollout: RolloutStrategy::Rolling,
        naming: NamingStrategy::Dynamic,
        alias: None,
        replicas: 2,
        port: 8080,
        health: HealthSpec::new("/".to_owned(), 0),
        env: Vec::new(),
        volumes: Vec::new(),
        network: "haloy".to_owned(),
        domains: Vec::new(),
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

fn good(id: &EffectId, effect: &Effect) -> Outcome {
    match effect {
        Effect::ResolveImage { .. } => Outcome::ImageResolved(ResolvedImage { image_id: None, ..image() }),
        Effect::BuildImage { .. } => Outcome::ImageBuilt {
            image_id: digest(2),
            context_digest: String::new(),
            dockerfile_digest: String::new(),
            platform: "linux/amd64".to_owned(),
            size: None,
        },
        Effect::PushImage { reference, .. } => {
            Outcome::ImagePushed { reference: reference.clone(), digest: digest(1) }
        }
        Effect::PushTag { reference, digest } => {
            Outcome::ImagePushed { reference: reference.clone(), digest: digest.clone() }
        }
        Effect::DeleteRegistryTag { .. } => Outcome::RegistryTagRemoved,
        Effect::PullImage { .. } => {
            Outcome::ImagePulled { image_id: digest(2), bytes: 1, from: PulledFrom::Registry }
        }
        Effect::TagImage { image_id, local_tag, .. } => Outcome::ImageTagged {
            local_tag: local_tag.clone(),
            image_id: image_id.clone(),
            engine_id: "engine".to_owned(),
        },
        Effect::EnsureNetwork { .. } => Outcome::NetworkReady { network_id: "n".to_owned() },
        Effect::StartReplica(spec) => Outcome::ReplicaStarted {
            container_id: id.to_string(),
            address: Some("10.0.0.1".to_owned()),
            fixed: false,
            image_id: spec.image_id.clone(),
            volumes: made_for(spec),
        },
        Effect::AwaitHealthy { .. } => {
            Outcome::ReplicaHealthy { probes: 1, took_ms: 1, how: HealthHow::Http }
        }
        Effect::ApplyRoutes { desired } => Outcome::RoutesApplied {
            generation: 1,
            digest: String::new(),
            domains: desired.domains.clone(),
            routed: desired.replicas(),
        },
        Effect::Drain { .. } => Outcome::ReplicaDrained { left_in_flight: 0, took_ms: 1 },
        Effect::StopReplica { .. } => Outcome::ReplicaStopped { exit_code: Some(0), forced: false },
        Effect::RemoveReplica { .. } => Outcome::ReplicaRemoved { container_id: None, volumes: Vec::new() },
        Effect::RemoveLocalTag { .. } => Outcome::LocalTagRemoved { freed: 1, shared: false },
        Effect::RemoveVolume { .. } => Outcome::VolumeRemoved { freed: 1 },
        Effect::RunHook { .. } | Effect::RunReleaseCommand { .. } => {
            Outcome::HookFinished { exit: HookExit::Code(0), log_tail: LogTail::default() }
        }
    }
}

/// As an engine does: an image that needs DATA declares `/data`, which gets a volume unless the configuration
/// names one.
fn made_for(spec: &ReplicaSpec) -> Vec<MadeVolume> {
    let declared = if spec.env.iter().any(|name| name == "DATA") { vec!["/data".to_owned()] } else { vec![] };
    let made = |path: String| {
        let before = spec.takes_over.iter().find(|made| made.path == path).cloned();
        before.unwrap_or_else(|| MadeVolume { path, volume: format!("made-for-{}", spec.replica) })
    };
    crate::release::volumes::uncovered(&declared, &spec.volumes).into_iter().map(made).collect()
}

fn unhealthy() -> Outcome {
    Outcome::ReplicaUnhealthy {
        cause: Failure::new(FailureCode::NeverHealthy, "GET / 503 x6"),
        detail: String::new(),
        probes: 6,
        exit_code: None,
        log_tail: LogTail::default(),
    }
}

/// An owed effect fails for good.
fn given_up(target: &mut Target, wanted: impl Fn(&Effect) -> bool) {
    let found = owed(&target.state).into_iter().find(|(_, effect)| wanted(effect));
    let (effect, _) = found.expect("it is owed");
    let cause = Failure::new(FailureCode::EngineUnreachable, "gone");
    let (detail, retryable, at) = (String::new(), false, Timestamp(3));
    target.when(Command::RecordAttempt { effect, cause, detail, retryable, at }).expect("accepted");
}
