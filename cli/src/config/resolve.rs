//! From what the file gives to what is deployed: defaults, rules, values.

use super::around::Surroundings;
use super::checks::{check_server, domains, health, network, resources};
use super::entries::EnvPart;
use super::images::{check_reference, check_registry_tag, image, pick_image, retention};
use super::mounts::volumes;
use super::parts::*;
use super::problem::Mistakes;
use super::read::Spot;
use super::tree::At;
use super::values::{check_all, entry, resolve, resolve_env};
use haloy_executors::mask::names_a_secret;
use haloy_ledger::ids::{AppName, TargetName};
use haloy_ledger::release::*;
use haloy_service::ConfigValue;

/// One target, ready to be deployed.
#[derive(Debug, Clone)]
pub struct TargetConfig {
    /// The app.
    pub app: AppName,
    /// The target.
    pub target: TargetName,
    /// The configuration; its values have no fingerprints yet, only the ledger can make them.
    pub config: ConfigSnapshot,
    /// Environment, in file order.
    pub env: Vec<ConfigValue>,
    /// Build arguments.
    pub build_args: Vec<ConfigValue>,
    /// User name and password of the registry.
    pub credentials: Option<[ConfigValue; 2]>,
    /// Headers of the health probe.
    pub health_headers: Vec<ConfigValue>,
    /// What is allowed, and probably not meant.
    pub warnings: Vec<String>,
    /// Places of settings that only an engine can check.
    pub asked: Asked,
}

/// Place where a target demands something of an engine, if it does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Asked {
    /// `network`.
    pub network: Option<At>,
    /// `resources.cpus`.
    pub cpus: Option<At>,
    /// `image`, where it is built here.
    pub build: Option<At>,
}

impl Asked {
    fn by(part: &TargetPart, image: &ImagePart, build: bool) -> Self {
        let place = |spot: &Option<Spot<String>>| spot.as_ref().map(|spot| spot.at);
        Self { network: place(&part.network), cpus: place(&part.cpus), build: build.then_some(image.at) }
    }
}

/// Longest value of a header.
const MAX_HEADER: usize = 4096;

/// Applies defaults and rules. Notes every mistake; `None` if there was one that leaves no target.
pub fn target(
    name: &Spot<String>,
    part: TargetPart,
    around: &Surroundings<'_>,
    m: &mut Mistakes,
) -> Option<TargetConfig> {
    let before = m.0.len();
    let part = preset(part);
    let (app, target) = names(name, &part, m);
    let mut warnings = Vec::new();
    let image_part = pick_image(&part, around, m);
    check_reference(&image_part, m);
    let retention = if around.whole() { retention(&part, &image_part, m) } else { None };
    let (image, build_args, credentials) = image(app.as_ref(), &part, &image_part, around, m);
    if let (Some(retention), Some(image)) = (&retention, &image) {
        check_registry_tag(retention, image, &image_part, m);
    }
    if around.whole() {
        check_naming(&part, m);
    }
    let env = resolve_env(&part.env, around.sources(), m);
    check_all(&env, &part.env, m);
    warnings.extend(part.env.iter().filter_map(looks_secret));
    let (health, health_headers) = whole_health(&part, around, m);
    let volumes = volumes(&part, around.folder(), m);
    let domains = domains(&part, m);
    let resources = resources(&part, m);
    let server = part.server.as_ref().map(|server| check_server(server, m));
    let network = network(&part, m);
    if m.0.len() > before {
        return None;
    }
    let config = ConfigSnapshot {
        image: image?,
        retention: retention?,
        rollout: part.rollout.as_ref().map_or(RolloutStrategy::Rolling, |spot| spot.value),
        naming: part.naming.as_ref().map_or(NamingStrategy::Dynamic, |spot| spot.value),
        alias: part.alias.clone(),
        replicas: small(&part.replicas, 1),
        port: small(&part.port, 8080),
        health,
        env: env.iter().map(entry).collect(),
        volumes,
        uncovered_volumes: (part.preset == Some(Preset::Database)).then_some(UncoveredVolumes::Refuse),
        network,
        domains,
        acme_email: acme_email(&part).map(Into::into),
        hooks: hooks(&part, around),
        release_command: part.release_command.as_ref().map(release_command),
        init: part.init,
        stop_timeout_seconds: part.stop_timeout_seconds.as_ref().map(|spot| spot.value),
        acme: part.acme,
        supervise: None,
        resources,
        server,
        protected: part.protected.unwrap_or(false),
    };
    let asked = Asked::by(&part, &image_part, config.image.build.is_some());
    Some(TargetConfig {
        app: app?,
        target: target?,
        config,
        env,
        build_args,
        credentials,
        health_headers,
        warnings,
        asked,
    })
}

/// The names of the app, which is called like its target where nothing else is said, and of the target.
fn names(name: &Spot<String>, part: &TargetPart, m: &mut Mistakes) -> (Option<AppName>, Option<TargetName>) {
    let app = part.name.clone().unwrap_or_else(|| name.clone());
    let app = AppName::new(app.value).map_err(|error| m.add(app.at, error.to_string())).ok();
    let target = TargetName::new(name.value.clone()).map_err(|error| m.add(name.at, error.to_string())).ok();
    (app, target)
}

/// Address for mail of an authority: one for all domains, whichever of them names it.
fn acme_email(part: &TargetPart) -> Option<String> {
    let per_domain = || part.domains.iter().flatten().find_map(|domain| domain.acme_email.clone());
    part.acme_email.clone().or_else(per_domain)
}

/// A number that its key keeps small.
fn small(spot: &Option<Spot<u32>>, default: u16) -> u16 {
    spot.as_ref().and_then(|spot| u16::try_from(spot.value).ok()).unwrap_or(default)
}

/// Command lines; their fingerprints are made by the ledger, like that of every value.
fn hooks(part: &TargetPart, around: &Surroundings<'_>) -> Hooks {
    let line = |spot: &Spot<String>| HookLine::new(Fingerprint(String::new()), spot.value.clone());
    let lines = |list: &Option<Vec<Spot<String>>>| list.iter().flatten().map(line).collect();
    Hooks {
        pre_deploy: lines(&part.pre_deploy),
        post_deploy: lines(&part.post_deploy),
        folder: around.folder().display().to_string(),
    }
}

fn release_command(command: &CommandPart) -> ReleaseCommand {
    ReleaseCommand {
        form: command.form,
        fingerprint: Fingerprint(String::new()),
        line: Some(command.line.clone().into()),
    }
}

/// When a replica counts as well, with the values of its headers.
fn whole_health(
    part: &TargetPart,
    around: &Surroundings<'_>,
    m: &mut Mistakes,
) -> (HealthSpec, Vec<ConfigValue>) {
    let headers = health_headers(part, around, m);
    (HealthSpec { headers: headers.iter().map(entry).collect(), ..health(part, m) }, headers)
}

/// Headers of the probe, with their values: what a line of a request can hold.
fn health_headers(part: &TargetPart, around: &Surroundings<'_>, m: &mut Mistakes) -> Vec<ConfigValue> {
    let mut headers = Vec::new();
    for header in part.health_check_headers.iter().flatten() {
        let value = resolve(&header.name, &header.value, around.sources(), m);
        let Some(mut value) = value else { continue };
        let fits = value.value.bytes().all(|byte| byte == b'\t' || (b' '..=b'~').contains(&byte));
        if !fits || value.value.len() > MAX_HEADER {
            let message = format!("`{}` has a value that no header can have", header.name);
            let hint = format!("use at most {MAX_HEADER} letters, digits and signs of ASCII, in one line");
            m.note(header.value.at, message, Some(hint), Some(0));
        }
        value.secret |= names_a_secret(&header.name);
        headers.push(value);
    }
    headers
}

/// A preset fills keys that neither target nor root has.
fn preset(mut part: TargetPart) -> TargetPart {
    let Some(preset) = part.preset else { return part };
    let at = At::default();
    part.rollout.get_or_insert(Spot { at, value: RolloutStrategy::Replace });
    part.naming.get_or_insert(Spot { at, value: NamingStrategy::Static });
    let image = part.image.get_or_insert_default();
    image.pull_policy.get_or_insert(PullPolicy::IfMissing);
    if part.history.is_none() && image.history.is_none() {
        let strategy = Some(Spot { at, value: HistoryStrategy::None });
        part.history = Some(HistoryPart { strategy, ..HistoryPart::default() });
    }
    if preset == Preset::Database {
        part.protected.get_or_insert(true);
    }
    part
}

fn check_naming(part: &TargetPart, m: &mut Mistakes) {
    let Some(Spot { at, value: NamingStrategy::Static }) = part.naming else { return };
    if !matches!(part.rollout, Some(Spot { value: RolloutStrategy::Replace, .. })) {
        m.add(at, "`naming_strategy: static` needs `deployment_strategy: replace`: one name, one container");
    }
    if let Some(replicas) = &part.replicas
        && replicas.value > 1
    {
        m.add(replicas.at, "`naming_strategy: static` allows one replica");
    }
}

fn looks_secret(entry: &EnvPart) -> Option<String> {
    let literal = entry.value.source == ValueSource::Literal
        && !entry.value.literal.is_empty()
        && !entry.value.literal.contains("${");
    (names_a_secret(&entry.name) && literal).then(|| {
        format!(
            "{} looks like a secret and is written in the file; use `from: {{env: ...}}` instead",
            entry.name
        )
    })
}
