//! The image of a target, how it is obtained, and how its releases are kept.

use super::around::Surroundings;
use super::entries::SourcePart;
use super::glob;
use super::parts::*;
use super::problem::Mistakes;
use super::read::Spot;
use super::reference;
use super::values::{entry, resolve, resolve_env};
use haloy_ledger::ids::{AppName, ImageRef};
use haloy_ledger::release::*;
use haloy_service::ConfigValue;

/// Earlier releases kept where the file does not say.
const DEFAULT_COUNT: u32 = 5;
/// Tags that move: a rollback by name would find something else.
const MUTABLE: [&str; 7] = ["", "latest", "main", "master", "develop", "staging", "production"];

pub fn pick_image(part: &TargetPart, around: &Surroundings<'_>, m: &mut Mistakes) -> ImagePart {
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

pub fn retention(part: &TargetPart, image: &ImagePart, m: &mut Mistakes) -> Option<Retention> {
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

pub fn image(
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
        // Already noted.
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
        let message = format!("`repository` is `{}` and already has a tag", repository.value);
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
pub fn check_registry_tag(retention: &Retention, image: &ImageSpec, part: &ImagePart, m: &mut Mistakes) {
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
