//! From what the file gives to what is deployed: defaults, rules, values.

use super::checks::{check_server, domains, health, network, resources};
use super::entries::{EnvPart, SourcePart};
use super::glob;
use super::mounts::volumes;
use super::parts::*;
use super::problem::Mistakes;
use super::read::Spot;
use super::reference;
use super::tree::At;
use super::values::{ConfigValue, Sources, check_all, resolve, resolve_env};
use haloy_executors::mask::names_a_secret;
use haloy_ledger::ids::{AppName, ImageRef, TargetName};
use haloy_ledger::release::*;
use std::path::Path;

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
    /// Where it says what only an engine can check.
    pub asked: Asked,
}

/// What a target is resolved with.
pub struct Surroundings<'a> {
    /// Folder of the file, variables and secret providers.
    pub sources: Sources<'a>,
    /// Named images.
    pub images: &'a [(String, ImagePart)],
    /// What is looked for.
    pub look: Look,
}

/// Where a target says what an engine must have, if it does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Asked {
    /// `network`.
    pub network: Option<At>,
    /// `resources.cpus`.
    pub cpus: Option<At>,
}

/// What is looked for in a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Everything: the target is to be used.
    Whole,
    /// Mistakes in a file that has some: rules that tie keys together would find the same again elsewhere.
    Incomplete,
    /// The same, and values are not asked for: the command may need none.
    WithoutValues,
}

impl Surroundings<'_> {
    fn whole(&self) -> bool {
        self.look == Look::Whole
    }

    /// Folder of the file.
    fn folder(&self) -> &Path {
        self.sources.folder
    }

    /// Where values come from; none where they are not asked for.
    fn sources(&self) -> Option<&Sources<'_>> {
        (self.look != Look::WithoutValues).then_some(&self.sources)
    }
}

/// Longest value of a header.
const MAX_HEADER: usize = 4096;
/// Earlier releases kept where the file does not say.
const DEFAULT_COUNT: u32 = 5;
/// Tags that move: a rollback by name would find something else.
const MUTABLE: [&str; 7] = ["", "latest", "main", "master", "develop", "staging", "production"];

/// Applies defaults and rules. Notes every mistake; `None` if there was one that leaves no target.
pub fn target(
    name: &Spot<String>,
    part: TargetPart,
    around: &Surroundings<'_>,
    m: &mut Mistakes,
) -> Option<TargetConfig> {
    let before = m.0.len();
    let part = preset(part);
    let app_name = part.name.clone().unwrap_or_else(|| name.clone());
    let app = AppName::new(app_name.value).map_err(|error| m.add(app_name.at, error.to_string())).ok();
    let target = TargetName::new(name.value.clone()).map_err(|error| m.add(name.at, error.to_string())).ok();
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
    let mut health = health(&part, m);
    let health_headers = health_headers(&part, around, m);
    health.headers = health_headers.iter().map(entry).collect();
    let volumes = volumes(&part, around.folder(), m);
    let domains = domains(&part, m);
    let resources = resources(&part, m);
    let server = part.server.as_ref().map(|server| check_server(server, m));
    let network = network(&part, m);
    if m.0.len() > before {
        return None;
    }
    let small = |spot: &Option<Spot<u32>>, default: u16| {
        spot.as_ref().and_then(|spot| u16::try_from(spot.value).ok()).unwrap_or(default)
    };
    let hooks = |list: &Option<Vec<Spot<String>>>| {
        // Its fingerprint is made by the ledger, like that of every value.
        let line = |spot: &Spot<String>| HookLine::new(Fingerprint(String::new()), spot.value.clone());
        list.iter().flatten().map(line).collect::<Vec<HookLine>>()
    };
    let per_domain = part.domains.iter().flatten().find_map(|domain| domain.acme_email.clone());
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
        acme_email: part.acme_email.clone().or(per_domain).map(Into::into),
        hooks: Hooks {
            pre_deploy: hooks(&part.pre_deploy),
            post_deploy: hooks(&part.post_deploy),
            folder: around.folder().display().to_string(),
        },
        release_command: part.release_command.map(|command| ReleaseCommand {
            form: command.form,
            fingerprint: Fingerprint(String::new()),
            line: Some(command.line.into()),
        }),
        init: part.init,
        stop_timeout_seconds: part.stop_timeout_seconds.as_ref().map(|spot| spot.value),
        acme: part.acme,
        supervise: None,
        resources,
        server,
        protected: part.protected.unwrap_or(false),
    };
    let place = |spot: &Option<Spot<String>>| spot.as_ref().map(|spot| spot.at);
    let asked = Asked { network: place(&part.network), cpus: place(&part.cpus) };
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

/// An entry whose fingerprint the ledger will make.
fn entry(value: &ConfigValue) -> ValueEntry {
    ValueEntry {
        name: value.name.clone(),
        source: value.source.clone(),
        fingerprint: Fingerprint(String::new()),
        value: None,
    }
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
            m.add_with_hint(header.value.at, message, hint);
        }
        value.secret |= names_a_secret(&header.name);
        headers.push(value);
    }
    headers
}

/// A preset fills what neither target nor root says.
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

fn pick_image(part: &TargetPart, around: &Surroundings<'_>, m: &mut Mistakes) -> ImagePart {
    let own = part.image.clone().unwrap_or_default();
    let Some(key) = &part.image_key else { return own };
    if own.repository.is_some() {
        m.add(key.at, "`image_key` and `image` both name an image; exactly one is needed");
    }
    match around.images.iter().find(|(name, _)| *name == key.value) {
        Some((_, image)) => image.clone(),
        None if !around.whole() => own,
        None => {
            let message = format!("`images` has no `{}`", key.value);
            let names = around.images.iter().map(|(name, _)| name.as_str());
            match super::read::closest(&key.value, names) {
                Some(close) => m.add_with_hint(key.at, message, format!("did you mean `{close}`?")),
                None => m.add(key.at, message),
            }
            own
        }
    }
}

fn retention(part: &TargetPart, image: &ImagePart, m: &mut Mistakes) -> Option<Retention> {
    if let (Some(top), Some(inner)) = (&part.history, &image.history)
        && top.strategy.is_some()
        && inner.strategy.is_some()
    {
        m.add(top.at, "`history` and `image.history` are the same key; one is needed");
        return None;
    }
    let history = part.history.clone().or_else(|| image.history.clone()).unwrap_or_default();
    let strategy = history.strategy.as_ref().map_or(HistoryStrategy::Local, |spot| spot.value);
    let count = history.count.as_ref().map_or(DEFAULT_COUNT, |spot| spot.value);
    let pattern = history.pattern.as_ref().map(|spot| spot.value.clone());
    match (strategy, &pattern) {
        (HistoryStrategy::Registry, None) => {
            m.add_with_hint(
                history.at,
                "history strategy `registry` needs `pattern`, a glob that every tag matches",
                "for tags like v1.2.3 write `pattern: \"v*\"`",
            );
            return None;
        }
        (HistoryStrategy::Registry, Some(text)) if text.trim().is_empty() => {
            m.add(history.at, "`pattern` must not be empty");
        }
        (HistoryStrategy::Registry | HistoryStrategy::Local | HistoryStrategy::None, _) => {}
    }
    let count = if strategy == HistoryStrategy::None { 0 } else { count };
    Some(Retention { strategy, count: u16::try_from(count).unwrap_or(u16::MAX), pattern })
}

type Image = (Option<ImageSpec>, Vec<ConfigValue>, Option<[ConfigValue; 2]>);

fn image(
    app: Option<&AppName>,
    part: &TargetPart,
    image: &ImagePart,
    around: &Surroundings<'_>,
    m: &mut Mistakes,
) -> Image {
    let reference = reference(app, image, around, m);
    let (build, build_args) = build(part, image, around, m);
    let credentials = image.registry.as_ref().and_then(|registry| {
        let mut value = |name: &str, source: &SourcePart| resolve(name, source, around.sources(), m);
        let username = value("registry username", &registry.username);
        let password = value("registry password", &registry.password);
        Some([username?, password?]).map(|mut pair: [ConfigValue; 2]| {
            // A password is a secret wherever it was written.
            pair[1].secret = true;
            pair
        })
    });
    let Some(reference) = reference else { return (None, build_args, credentials) };
    let default = match reference.repository().contains('/') {
        true => PullPolicy::Always,
        false => PullPolicy::IfMissing,
    };
    let registry = credentials.as_ref().map(|[username, password]| RegistryAuth {
        server: image.registry.as_ref().and_then(|registry| registry.server.clone()),
        username: entry(username),
        password: entry(password),
    });
    let pull_policy = image.pull_policy.unwrap_or(default);
    (Some(ImageSpec { reference, pull_policy, build, registry }), build_args, credentials)
}

fn reference(
    app: Option<&AppName>,
    image: &ImagePart,
    around: &Surroundings<'_>,
    m: &mut Mistakes,
) -> Option<ImageRef> {
    let repository = match &image.repository {
        Some(repository) => repository.clone(),
        None if builds(image) || around.folder().join("Dockerfile").is_file() => {
            Spot { at: image.at, value: app?.slug() }
        }
        None if !around.whole() => return None,
        None => {
            m.add_with_hint(
                image.at,
                "there is no `image`, and no Dockerfile beside the file",
                "add `image: {repository: ghcr.io/you/app, tag: v1}`",
            );
            return None;
        }
    };
    let text = match &image.tag {
        // Noted already.
        Some(_) if has_tag(&repository.value) => return None,
        Some(tag) => format!("{}:{}", repository.value, tag.value),
        None if has_tag(&repository.value) => repository.value.clone(),
        None => format!("{}:latest", repository.value),
    };
    reference::check(&text).ok()?;
    ImageRef::new(text).map_err(|error| m.add(repository.at, error.to_string())).ok()
}

/// Notes what no engine and no registry takes as a repository or a tag.
pub fn check_reference(image: &ImagePart, m: &mut Mistakes) {
    if let Some(repository) = &image.repository
        && let Err((cause, hint)) = reference::check(&repository.value)
    {
        m.add_with_hint(repository.at, cause, hint);
    }
    let Some(tag) = &image.tag else { return };
    if let Some(repository) = image.repository.as_ref().filter(|spot| has_tag(&spot.value)) {
        let message = format!("`repository` is `{}` and carries a tag already", repository.value);
        m.add_with_hint(tag.at, message, "write the tag once");
    } else if let Err((cause, hint)) = reference::check_tag(&tag.value) {
        m.add_with_hint(tag.at, cause, hint);
    }
}

/// `build: true`, a `build_config`, or no image at all beside a Dockerfile.
fn builds(image: &ImagePart) -> bool {
    image.build.unwrap_or(image.build_config.is_some())
}

fn build(
    part: &TargetPart,
    image: &ImagePart,
    around: &Surroundings<'_>,
    m: &mut Mistakes,
) -> (Option<BuildSpec>, Vec<ConfigValue>) {
    if !builds(image) && image.repository.is_some() {
        return (None, Vec::new());
    }
    let config = image.build_config.clone().unwrap_or_default();
    let context = config.context.as_ref().map_or(".", |spot| spot.value.as_str());
    let folder = around.folder().join(context);
    let at = config.context.as_ref().map_or(image.at, |spot| spot.at);
    let dockerfile = config.dockerfile.as_ref().map_or("Dockerfile", |spot| spot.value.as_str());
    let (own_context, own_dockerfile) = (config.context.is_some(), config.dockerfile.is_some());
    if !folder.is_dir() {
        if around.whole() || own_context {
            m.add(at, format!("the build context {} is no folder", folder.display()));
        }
    } else if !folder.join(dockerfile).is_file() && (around.whole() || own_dockerfile) {
        let at = config.dockerfile.as_ref().map_or(at, |spot| spot.at);
        m.add(at, format!("there is no {dockerfile} in the build context {}", folder.display()));
    }
    let mut parts = config.args.clone();
    parts.extend(part.env.iter().filter(|entry| entry.build_arg).cloned());
    let args = resolve_env(&parts, around.sources(), m);
    let context = folder.canonicalize().unwrap_or(folder).display().to_string();
    let (dockerfile, platform) = (dockerfile.to_owned(), config.platform.clone());
    let spec = BuildSpec {
        context,
        dockerfile,
        platform,
        args: args.iter().map(entry).collect(),
        push: config.push.as_ref().is_some_and(|push| push.value),
    };
    (Some(spec), args)
}

/// A rollback by the registry finds a release by its digest, a person by its tag: so tags must not move.
fn check_registry_tag(retention: &Retention, image: &ImageSpec, part: &ImagePart, m: &mut Mistakes) {
    if retention.strategy != HistoryStrategy::Registry {
        return;
    }
    if image.build.as_ref().is_some_and(|build| !build.push) {
        let message =
            "history strategy `registry` rolls back from a registry, and this image is only built here";
        m.add_with_hint(part.at, message, "add `push: registry` to `build_config`, or use `strategy: local`");
    }
    let at = part.tag.as_ref().or(part.repository.as_ref()).map_or(part.at, |spot| spot.at);
    let tag = image.reference.tag().unwrap_or_default();
    if MUTABLE.contains(&tag) {
        let message = format!("history strategy `registry` needs a tag that never moves, and `{tag}` does");
        m.add_with_hint(at, message, "use one tag per version, such as v1.2.3");
    } else if let Some(pattern) = &retention.pattern
        && !glob::matches(pattern, tag)
    {
        m.add(at, format!("the tag `{tag}` does not match the pattern `{pattern}`"));
    }
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
