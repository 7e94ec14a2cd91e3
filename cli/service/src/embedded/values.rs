//! Recording values: fingerprints for all, private rows for literals, the vault for values from elsewhere.

use super::{choose, errors};
use crate::{ConfigValue, Error, Kind, NamedSource, ReleaseSources, ReleaseValues, TargetRequest, Values};
use haloy_ledger::Ledger;
use haloy_ledger::event::{ChangedSecret, SecretsFrom};
use haloy_ledger::ids::{DeploymentId, TargetKey};
use haloy_ledger::read::View;
use haloy_ledger::release::*;
use haloy_ledger::secrets::Lease;

/// What the entry holds of a private value, with its name.
const COMMITMENT: usize = 48;
/// Keep values in the vault until the log records that a release needs them.
pub type Leases = Vec<Lease>;

/// A configuration with its fingerprints and literals; secret values are in the vault when this returns.
pub fn seal(ledger: &Ledger, target: TargetRequest) -> Result<(ReleaseSpec, Leases), Error> {
    let TargetRequest { key, mut config, values } = target;
    if !fit(&config, &values) {
        let message = format!("the values of {key} are not those that its configuration asks for");
        return Err(Error::new(Kind::Usage, message));
    }
    let Values { env, build_args, credentials, health_headers, texts } = values;
    let mut leases = Leases::new();
    for (entry, value) in config.env.iter_mut().zip(&env) {
        leases.extend(put(ledger, entry, value)?);
    }
    for (entry, value) in config.image.build.iter_mut().flat_map(|b| &mut b.args).zip(&build_args) {
        leases.extend(put(ledger, entry, value)?);
    }
    if let (Some(auth), Some([username, password])) = (&mut config.image.registry, &credentials) {
        leases.extend(put(ledger, &mut auth.username, username)?);
        leases.extend(put(ledger, &mut auth.password, password)?);
    }
    for (entry, value) in config.health.headers.iter_mut().zip(&health_headers) {
        leases.extend(put(ledger, entry, value)?);
    }
    let fingerprint = |line: &str| ledger.fingerprints().value(&ValueSource::Literal, line);
    if let (Some(command), Some(line)) = (&mut config.release_command, texts.release_command) {
        command.fingerprint = fingerprint(&line);
        command.line = Some(line.into());
    }
    let hooks = config.hooks.pre_deploy.iter_mut().chain(&mut config.hooks.post_deploy);
    for (hook, line) in hooks.zip(texts.pre_deploy.into_iter().chain(texts.post_deploy)) {
        *hook = HookLine::new(fingerprint(&line), line);
    }
    config.acme_email = texts.acme_email.map(Into::into);
    let unreadable = |error: serde_json::Error| {
        let message = format!("the configuration cannot be recorded: {}", haloy_edge::said::json(&error));
        Error::new(Kind::Operational, message)
    };
    let bare = serde_json::to_vec(&config.without_private()).map_err(unreadable)?;
    let size = bare.len() + config.private_fields().len() * COMMITMENT;
    if size > ConfigSnapshot::MAX_BYTES {
        let message = format!(
            "the configuration of {key} takes {size} bytes, more than the {} that can be recorded",
            ConfigSnapshot::MAX_BYTES
        );
        return Err(Error::new(Kind::Usage, message).hint("move large values to files: `from: {file: path}`"));
    }
    Ok((ReleaseSpec { config, config_digest: blake3::hash(&bare).to_hex().to_string() }, leases))
}

fn put(ledger: &Ledger, entry: &mut ValueEntry, value: &ConfigValue) -> Result<Option<Lease>, Error> {
    entry.fingerprint = ledger.fingerprints().value(&entry.source, &value.value);
    if !value.secret {
        entry.value = Some(value.value.clone().into());
        return Ok(None);
    }
    let kept = ledger.vault().put(&entry.fingerprint, &value.value, ledger.entropy());
    kept.map(Some).map_err(|error| Error::new(Kind::Operational, error.to_string()))
}

/// Whether the values are those of the configuration: one without its value would be recorded as if it were empty.
fn fit(config: &ConfigSnapshot, values: &Values) -> bool {
    let Values { env, build_args, credentials, health_headers, texts } = values;
    let same = |entries: &[ValueEntry], values: &[ConfigValue]| {
        let names = entries.iter().map(|entry| (&entry.name, &entry.source));
        names.eq(values.iter().map(|value| (&value.name, &value.source)))
    };
    let args = config.image.build.as_ref().map(|build| build.args.as_slice()).unwrap_or_default();
    same(&config.env, env)
        && same(args, build_args)
        && config.image.registry.is_some() == credentials.is_some()
        && same(&config.health.headers, health_headers)
        && config.release_command.is_some() == texts.release_command.is_some()
        && config.hooks.pre_deploy.len() == texts.pre_deploy.len()
        && config.hooks.post_deploy.len() == texts.post_deploy.len()
}

/// Values of a release whose sources are queried again: all that are not written in the file.
fn asked(spec: &ReleaseSpec) -> impl Iterator<Item = &ValueEntry> {
    let credentials = spec.config.image.registry.iter().flat_map(|auth| [&auth.username, &auth.password]);
    let all = spec.config.env.iter().chain(credentials).chain(&spec.config.health.headers);
    all.filter(|entry| entry.source != ValueSource::Literal)
}

fn sources(release: DeploymentId, spec: &ReleaseSpec) -> ReleaseSources {
    let named = |entry: &ValueEntry| NamedSource { name: entry.name.clone(), source: entry.source.clone() };
    let folder = spec.config.hooks.folder.clone();
    ReleaseSources { release, folder, sources: asked(spec).map(named).collect() }
}

/// The sources that a rollback would query; an error where the log shows that it is not possible.
pub fn rollback_sources(view: &View<'_>, key: &TargetKey, to: Option<&str>) -> Result<ReleaseSources, Error> {
    let release = choose::rollback_choice(view, key, to)?.release;
    let record = view.release_record(release).map_err(errors::log)?;
    let none = || ReleaseSources { release, folder: String::new(), sources: Vec::new() };
    Ok(record.map_or_else(none, |record| sources(release, &record.spec)))
}

/// The values that a rollback to this release was given; or what to ask for, where they are of another release.
pub fn given(
    release: DeploymentId,
    spec: &ReleaseSpec,
    from: SecretsFrom,
    given: Option<ReleaseValues>,
) -> Result<ReleaseValues, ReleaseSources> {
    let nothing = ReleaseValues { release, values: Vec::new(), unasked: Vec::new() };
    if from == SecretsFrom::Recorded {
        return Ok(nothing);
    }
    match given {
        Some(given) if given.release == release => Ok(given),
        Some(_) | None if asked(spec).next().is_none() => Ok(nothing),
        Some(_) | None => Err(sources(release, spec)),
    }
}

/// What is other now than when a release was deployed.
pub struct Changed {
    /// Secrets whose value has changed.
    pub secrets: Vec<ChangedSecret>,
    /// Keep the new values until the rollback is in the log.
    pub leases: Leases,
}

/// Compares the current values of a release's sources with those that it was deployed with. New values are in
/// the vault when this returns.
pub fn changed(ledger: &Ledger, spec: &ReleaseSpec, now: &ReleaseValues) -> Result<Changed, Error> {
    let mut changed = Changed { secrets: Vec::new(), leases: Leases::new() };
    for entry in asked(spec) {
        let same = |value: &&ConfigValue| value.name == entry.name && value.source == entry.source;
        let Some(ConfigValue { value, .. }) = now.values.iter().find(same) else { continue };
        let fingerprint = ledger.fingerprints().value(&entry.source, value);
        if fingerprint != entry.fingerprint {
            let kept = ledger.vault().put(&fingerprint, value, ledger.entropy());
            changed.leases.push(kept.map_err(|error| Error::new(Kind::Operational, error.to_string()))?);
            changed.secrets.push(ChangedSecret { name: entry.name.clone(), fingerprint });
        }
    }
    Ok(changed)
}

/// Removes values that no live or restorable release needs. Best effort: what stays is encrypted,
/// and goes next time.
pub fn forget_unused(ledger: &Ledger) {
    drop(ledger.forget_unused());
}
