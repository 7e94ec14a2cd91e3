//! A target as the file gives it, before defaults: every field may be left out. The root is the
//! base; a target overrides it.

use super::entries::{EnvPart, SourcePart, env, headers, source_node};
use super::keys;
use super::problem::Mistakes;
use super::read::{Fields, Spot};
use super::tree::{At, Node, Value};
use haloy_ledger::release::*;

#[derive(Debug, Clone)]
pub struct RegistryPart {
    pub server: Option<String>,
    pub username: SourcePart,
    pub password: SourcePart,
}

#[derive(Debug, Clone, Default)]
pub struct BuildPart {
    pub context: Option<Spot<String>>,
    pub dockerfile: Option<Spot<String>>,
    pub platform: Option<String>,
    pub args: Vec<EnvPart>,
    pub push: Option<Spot<bool>>,
}

#[derive(Debug, Clone, Default)]
pub struct HistoryPart {
    pub at: At,
    pub strategy: Option<Spot<HistoryStrategy>>,
    pub count: Option<Spot<u32>>,
    pub pattern: Option<Spot<String>>,
}

#[derive(Debug, Clone, Default)]
pub struct ImagePart {
    pub at: At,
    pub repository: Option<Spot<String>>,
    pub tag: Option<Spot<String>>,
    pub pull_policy: Option<PullPolicy>,
    pub registry: Option<RegistryPart>,
    pub history: Option<HistoryPart>,
    pub build: Option<bool>,
    pub build_config: Option<BuildPart>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    Database,
    Service,
}

#[derive(Debug, Clone)]
pub struct DomainPart {
    pub at: At,
    pub domain: String,
    pub aliases: Vec<Spot<String>>,
    pub acme_email: Option<String>,
}

/// A command as written: a text for a shell, or a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandPart {
    pub form: CommandForm,
    /// The text, or the list as JSON.
    pub line: String,
}

impl CommandPart {
    fn read(fields: &Fields<'_>, m: &mut Mistakes) -> Option<Self> {
        const KEY: &str = "release_command";
        let node = fields.node(KEY)?;
        let before = m.0.len();
        let texts: Vec<String> = fields.texts(KEY, m)?.into_iter().map(|spot| spot.value).collect();
        if m.0.len() > before {
            return None;
        }
        let list = matches!(node.value, Value::List(_));
        match texts.as_slice() {
            [first, ..] if list && !first.trim().is_empty() => {
                let line = serde_json::Value::from(texts).to_string();
                Some(Self { form: CommandForm::Exec, line })
            }
            [line] if !list && !line.trim().is_empty() => {
                Some(Self { form: CommandForm::Shell, line: line.clone() })
            }
            _ => {
                let hint = "write `release_command: bin/migrate`, or delete the line";
                m.add_with_hint(node.at, format!("`{KEY}` names no program"), hint);
                None
            }
        }
    }
}

#[derive(Debug, Clone, Default)]
pub struct TargetPart {
    pub name: Option<Spot<String>>,
    /// What its containers are called on their network: its own name, else its key, else the name of the root.
    pub alias: Option<String>,
    pub server: Option<Spot<String>>,
    pub image: Option<ImagePart>,
    pub history: Option<HistoryPart>,
    pub image_key: Option<Spot<String>>,
    pub rollout: Option<Spot<RolloutStrategy>>,
    pub naming: Option<Spot<NamingStrategy>>,
    pub replicas: Option<Spot<u32>>,
    pub port: Option<Spot<u32>>,
    pub health_check_path: Option<Spot<String>>,
    pub min_ready_seconds: Option<Spot<u32>>,
    pub health_timeout_seconds: Option<Spot<u32>>,
    pub health_check_headers: Option<Vec<EnvPart>>,
    pub stop_timeout_seconds: Option<Spot<u32>>,
    pub init: Option<bool>,
    pub acme: Option<AcmeMode>,
    pub release_command: Option<CommandPart>,
    pub domains: Option<Vec<DomainPart>>,
    pub acme_email: Option<String>,
    pub env: Vec<EnvPart>,
    pub volumes: Option<Vec<Spot<String>>>,
    pub network: Option<Spot<String>>,
    pub pre_deploy: Option<Vec<Spot<String>>>,
    pub post_deploy: Option<Vec<Spot<String>>>,
    pub protected: Option<bool>,
    pub memory: Option<Spot<String>>,
    pub cpus: Option<Spot<String>>,
    pub preset: Option<Preset>,
}

impl TargetPart {
    /// Reads what the root and a target have in common.
    pub fn read(fields: &Fields<'_>, m: &mut Mistakes) -> Self {
        let resources = fields.node("resources");
        let resources = resources.and_then(|node| Fields::open(node, "`resources`", keys::RESOURCES, m));
        let limit = |name: &str, m: &mut Mistakes| resources.as_ref().and_then(|r| r.scalar(name, m));
        if let Some(node) = fields.node("api_token") {
            let _checked = source_node(node, "api_token", m);
        }
        Self {
            name: fields.text("name", m),
            alias: None,
            server: fields.text("server", m),
            image: fields.node("image").and_then(|node| ImagePart::read(node, m)),
            history: fields.node("history").and_then(|node| HistoryPart::read(node, m)),
            image_key: fields.text("image_key", m),
            rollout: fields.one_of("deployment_strategy", ROLLOUTS, m),
            naming: fields.one_of("naming_strategy", NAMINGS, m),
            replicas: fields.int("replicas", m),
            port: fields.int("port", m),
            health_check_path: fields.text("health_check_path", m),
            min_ready_seconds: fields.int("min_ready_seconds", m),
            health_timeout_seconds: fields.int("health_timeout_seconds", m),
            health_check_headers: fields
                .node("health_check_headers")
                .map(|_| headers(fields.named("health_check_headers", m), m)),
            stop_timeout_seconds: fields.int("stop_timeout_seconds", m),
            init: fields.bool("init", m),
            acme: acme(fields, m),
            release_command: CommandPart::read(fields, m),
            domains: domains(fields, m),
            acme_email: fields.text("acme_email", m).map(|spot| spot.value),
            env: env(fields, "env", keys::ENV, m),
            volumes: fields.texts("volumes", m),
            network: fields.text("network", m),
            pre_deploy: fields.texts("pre_deploy", m),
            post_deploy: fields.texts("post_deploy", m),
            protected: fields.bool("protected", m),
            memory: limit("memory", m),
            cpus: limit("cpus", m),
            preset: fields.one_of("preset", PRESETS, m).map(|spot| spot.value),
        }
    }

    /// This part over a base: scalars and lists replace, `image` merges by field, `env` by name.
    pub fn over(self, base: &Self) -> Self {
        let base = base.clone();
        // A target that names its own image does not also take the base's key, nor the other way round.
        let own_key = self.image_key.is_some();
        let own_image = self.image.is_some();
        Self {
            name: self.name.or(base.name),
            alias: self.alias,
            server: self.server.or(base.server),
            image: match (self.image, base.image) {
                (Some(own), Some(base)) => Some(own.over(base)),
                (own, base) => own.or(if own_key { None } else { base }),
            },
            history: over_history(self.history, base.history),
            image_key: self.image_key.or(if own_image { None } else { base.image_key }),
            rollout: self.rollout.or(base.rollout),
            naming: self.naming.or(base.naming),
            replicas: self.replicas.or(base.replicas),
            port: self.port.or(base.port),
            health_check_path: self.health_check_path.or(base.health_check_path),
            min_ready_seconds: self.min_ready_seconds.or(base.min_ready_seconds),
            health_timeout_seconds: self.health_timeout_seconds.or(base.health_timeout_seconds),
            health_check_headers: self.health_check_headers.or(base.health_check_headers),
            stop_timeout_seconds: self.stop_timeout_seconds.or(base.stop_timeout_seconds),
            init: self.init.or(base.init),
            acme: self.acme.or(base.acme),
            release_command: self.release_command.or(base.release_command),
            domains: self.domains.or(base.domains),
            acme_email: self.acme_email.or(base.acme_email),
            env: over_env(self.env, base.env),
            volumes: self.volumes.or(base.volumes),
            network: self.network.or(base.network),
            pre_deploy: self.pre_deploy.or(base.pre_deploy),
            post_deploy: self.post_deploy.or(base.post_deploy),
            protected: self.protected.or(base.protected),
            memory: self.memory.or(base.memory),
            cpus: self.cpus.or(base.cpus),
            preset: self.preset.or(base.preset),
        }
    }
}

/// `on` and `off` are truth values to some readers.
fn acme(fields: &Fields<'_>, m: &mut Mistakes) -> Option<AcmeMode> {
    if let Some(Node { value: Value::Bool(on, _), .. }) = fields.node("acme") {
        return Some(if *on { AcmeMode::On } else { AcmeMode::Off });
    }
    fields.one_of("acme", &[("on", AcmeMode::On), ("off", AcmeMode::Off)], m).map(|spot| spot.value)
}

const ROLLOUTS: &[(&str, RolloutStrategy)] = &[
    ("rolling", RolloutStrategy::Rolling),
    ("replace", RolloutStrategy::Replace),
    ("blue-green", RolloutStrategy::BlueGreen),
];
const NAMINGS: &[(&str, NamingStrategy)] =
    &[("dynamic", NamingStrategy::Dynamic), ("static", NamingStrategy::Static)];
const PRESETS: &[(&str, Preset)] = &[("database", Preset::Database), ("service", Preset::Service)];
const POLICIES: &[(&str, PullPolicy)] =
    &[("always", PullPolicy::Always), ("if_missing", PullPolicy::IfMissing), ("never", PullPolicy::Never)];
const STRATEGIES: &[(&str, HistoryStrategy)] = &[
    ("local", HistoryStrategy::Local),
    ("registry", HistoryStrategy::Registry),
    ("none", HistoryStrategy::None),
];

fn over_history(own: Option<HistoryPart>, base: Option<HistoryPart>) -> Option<HistoryPart> {
    match (own, base) {
        (Some(own), Some(base)) => Some(HistoryPart {
            at: own.at,
            strategy: own.strategy.or(base.strategy),
            count: own.count.or(base.count),
            pattern: own.pattern.or(base.pattern),
        }),
        (own, base) => own.or(base),
    }
}

/// Names of the base keep their place; new ones follow.
fn over_env(own: Vec<EnvPart>, base: Vec<EnvPart>) -> Vec<EnvPart> {
    let mut merged = base;
    for entry in own {
        match merged.iter_mut().find(|known| known.name == entry.name) {
            Some(known) => *known = entry,
            None => merged.push(entry),
        }
    }
    merged
}

impl HistoryPart {
    fn read(node: &Node, m: &mut Mistakes) -> Option<Self> {
        let fields = Fields::open(node, "`history`", keys::HISTORY, m)?;
        Some(Self {
            at: node.at,
            strategy: fields.one_of("strategy", STRATEGIES, m),
            count: fields.int("count", m),
            pattern: fields.text("pattern", m),
        })
    }
}

impl ImagePart {
    /// Text is a repository.
    pub fn read(node: &Node, m: &mut Mistakes) -> Option<Self> {
        if let Value::Text(value) = &node.value {
            let repository = Some(Spot { at: node.at, value: value.clone() });
            return Some(Self { at: node.at, repository, ..Self::default() });
        }
        let fields = Fields::open(node, "`image`", keys::IMAGE, m)?;
        let (build, build_table) = match fields.node("build") {
            Some(Node { value: Value::Map(_), .. }) => (Some(true), fields.node("build")),
            _other => (fields.bool("build", m), None),
        };
        let build_config = build_table.or(fields.node("build_config"));
        Some(Self {
            at: node.at,
            repository: fields.text("repository", m),
            tag: fields.scalar("tag", m),
            pull_policy: fields.one_of("pull_policy", POLICIES, m).map(|spot| spot.value),
            registry: fields.node("registry").and_then(|node| registry(node, m)),
            history: fields.node("history").and_then(|node| HistoryPart::read(node, m)),
            build,
            build_config: build_config.and_then(|node| BuildPart::read(node, m)),
        })
    }

    fn over(self, base: Self) -> Self {
        // `repository: other:v2` brings its own tag.
        let own_tag = self.repository.as_ref().is_some_and(|spot| has_tag(&spot.value));
        Self {
            at: self.at,
            repository: self.repository.or(base.repository),
            tag: self.tag.or(if own_tag { None } else { base.tag }),
            pull_policy: self.pull_policy.or(base.pull_policy),
            registry: self.registry.or(base.registry),
            history: over_history(self.history, base.history),
            build: self.build.or(base.build),
            build_config: self.build_config.or(base.build_config),
        }
    }
}

/// Whether a repository has a tag or digest; the port of a registry is not a tag.
pub fn has_tag(repository: &str) -> bool {
    let name = repository.rsplit('/').next().unwrap_or(repository);
    repository.contains('@') || name.contains(':')
}

impl BuildPart {
    fn read(node: &Node, m: &mut Mistakes) -> Option<Self> {
        let fields = Fields::open(node, "`build_config`", keys::BUILD, m)?;
        Some(Self {
            context: fields.text("context", m),
            dockerfile: fields.text("dockerfile", m),
            platform: fields.text("platform", m).map(|spot| spot.value),
            args: env(&fields, "args", keys::ARG, m),
            push: fields.one_of("push", &[("server", false), ("registry", true)], m),
        })
    }
}

fn registry(node: &Node, m: &mut Mistakes) -> Option<RegistryPart> {
    let fields = Fields::open(node, "`image.registry`", keys::REGISTRY, m)?;
    let mut credential = |name: &str| match fields.node(name) {
        Some(node) => source_node(node, name, m),
        None => {
            if !fields.has(name) {
                m.add(fields.at, format!("`image.registry` needs `{name}`"));
            }
            None
        }
    };
    let (username, password) = (credential("username"), credential("password"));
    let server = fields.text("server", m).map(|spot| spot.value);
    Some(RegistryPart { server, username: username?, password: password? })
}

fn domains(fields: &Fields<'_>, m: &mut Mistakes) -> Option<Vec<DomainPart>> {
    let mut domains = Vec::new();
    for node in fields.list("domains", m)? {
        if let Value::Text(domain) = &node.value {
            let domain = domain.clone();
            domains.push(DomainPart { at: node.at, domain, aliases: Vec::new(), acme_email: None });
            continue;
        }
        let Some(entry) = Fields::open(node, "`domains`", keys::DOMAIN, m) else { continue };
        let Some(domain) = entry.text("domain", m) else {
            if !entry.has("domain") {
                let message = "an entry of `domains` has no `domain`";
                m.add_with_hint(node.at, message, "write `- domain: shop.example`");
            }
            continue;
        };
        let aliases = entry.texts("aliases", m).unwrap_or_default();
        let acme_email = entry.text("acme_email", m).map(|spot| spot.value);
        domains.push(DomainPart { at: domain.at, domain: domain.value, aliases, acme_email });
    }
    Some(domains)
}
