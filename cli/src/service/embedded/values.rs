//! Values on their way into the record: fingerprints for all, private rows for literals, the vault
//! for what came from elsewhere.

use crate::config::{ConfigValue, TargetConfig};
use crate::error::{Error, Kind};
use haloy_ledger::Ledger;
use haloy_ledger::deployment::event::{ChangedSecret, SecretsFrom};
use haloy_ledger::private::Private;
use haloy_ledger::release::*;
use std::collections::BTreeSet;
use std::path::Path;

/// What the entry holds of a private value, with its name.
const COMMITMENT: usize = 48;

/// A configuration with its fingerprints and literals; secret values are in the vault when this returns.
pub fn seal(ledger: &Ledger, target: &TargetConfig) -> Result<ReleaseSpec, Error> {
    let mut config = target.config.clone();
    for (entry, value) in config.env.iter_mut().zip(&target.env) {
        put(ledger, entry, value)?;
    }
    for (entry, value) in config.image.build.iter_mut().flat_map(|b| &mut b.args).zip(&target.build_args) {
        put(ledger, entry, value)?;
    }
    if let (Some(auth), Some([username, password])) = (&mut config.image.registry, &target.credentials) {
        put(ledger, &mut auth.username, username)?;
        put(ledger, &mut auth.password, password)?;
    }
    for hook in config.hooks.pre_deploy.iter_mut().chain(&mut config.hooks.post_deploy) {
        if let Some(Private::Plain(line)) = &hook.line {
            hook.fingerprint = Some(ledger.fingerprints().value(&ValueSource::Literal, line));
        }
    }
    let unreadable = |error: serde_json::Error| Error::new(Kind::Operational, error.to_string());
    let bare = serde_json::to_vec(&config.without_private()).map_err(unreadable)?;
    let size = bare.len() + config.private_fields().len() * COMMITMENT;
    if size > ConfigSnapshot::MAX_BYTES {
        let message = format!(
            "the configuration of {}/{} takes {} bytes, more than the {} that can be recorded",
            target.app,
            target.target,
            size,
            ConfigSnapshot::MAX_BYTES
        );
        return Err(Error::new(Kind::Usage, message).hint("move large values to files: `from: {file: path}`"));
    }
    Ok(ReleaseSpec { config, config_digest: blake3::hash(&bare).to_hex().to_string() })
}

fn put(ledger: &Ledger, entry: &mut ValueEntry, value: &ConfigValue) -> Result<(), Error> {
    entry.fingerprint = ledger.fingerprints().value(&entry.source, &value.value);
    if !value.secret {
        entry.value = Some(value.value.clone().into());
        return Ok(());
    }
    let kept = ledger.vault().put(&entry.fingerprint, &value.value, ledger.entropy());
    kept.map_err(|error| Error::new(Kind::Operational, error.to_string()))
}

/// Asks the sources of a release's values again. Names what changed, and what could not be asked.
pub fn resolve_again(
    ledger: &Ledger,
    spec: &ReleaseSpec,
    from: SecretsFrom,
) -> Result<(Vec<ChangedSecret>, Vec<String>), Error> {
    let (mut changed, mut unasked) = (Vec::new(), Vec::new());
    if from == SecretsFrom::Recorded {
        return Ok((changed, unasked));
    }
    let folder = Path::new(&spec.config.hooks.folder);
    let credentials = spec.config.image.registry.iter().flat_map(|auth| [&auth.username, &auth.password]);
    for entry in spec.config.env.iter().chain(credentials) {
        let value = match &entry.source {
            ValueSource::Literal => continue,
            ValueSource::Env(name) => std::env::var(name).ok(),
            ValueSource::File(path) => std::fs::read_to_string(folder.join(path))
                .ok()
                .map(|text| text.strip_suffix('\n').unwrap_or(&text).to_owned()),
            ValueSource::Secret(_) => None,
        };
        let Some(value) = value else {
            if from == SecretsFrom::Fresh {
                let message = format!("the source of {} cannot be asked here", entry.name);
                let hint = "set it, or restore the recorded value with --secrets recorded";
                return Err(Error::new(Kind::NotRestorable, message).hint(hint));
            }
            unasked.push(entry.name.clone());
            continue;
        };
        let fingerprint = ledger.fingerprints().value(&entry.source, &value);
        if fingerprint != entry.fingerprint {
            let kept = ledger.vault().put(&fingerprint, &value, ledger.entropy());
            kept.map_err(|error| Error::new(Kind::Operational, error.to_string()))?;
            changed.push(ChangedSecret { name: entry.name.clone(), fingerprint });
        }
    }
    Ok((changed, unasked))
}

/// Removes values that no live or restorable release needs. Best effort: what stays is encrypted,
/// and goes next time.
pub fn forget_unused(ledger: &Ledger) {
    let Ok(targets) = ledger.targets() else { return };
    let mut in_use = BTreeSet::new();
    for state in &targets {
        let live = state.current.as_ref().map(|live| &live.spec);
        let rolling = state.rollout.as_ref().map(|rollout| &rollout.spec);
        live.into_iter().chain(rolling).for_each(|spec| fingerprints(spec, &mut in_use));
        for kept in &state.releases {
            match ledger.release(kept.release) {
                Ok(Some(row)) => fingerprints(&row.spec, &mut in_use),
                Ok(None) => {}
                // What cannot be read may be in use.
                Err(_) => return,
            }
        }
    }
    drop(ledger.vault().retain(&in_use));
}

fn fingerprints(spec: &ReleaseSpec, into: &mut BTreeSet<Fingerprint>) {
    let build = spec.config.image.build.iter().flat_map(|build| &build.args);
    let credentials = spec.config.image.registry.iter().flat_map(|auth| [&auth.username, &auth.password]);
    let entries = spec.config.env.iter().chain(build).chain(credentials);
    into.extend(entries.map(|entry| entry.fingerprint.clone()));
}
