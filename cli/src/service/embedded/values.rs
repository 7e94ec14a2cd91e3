//! Values on their way into the record: fingerprints for all, private rows for literals, the vault
//! for what came from elsewhere.

use crate::config::{
    ConfigValue, Environment, NoValue, Providers, SourceError, Sources, TargetConfig, ask, check,
};
use crate::error::{Error, Kind};
use haloy_ledger::Ledger;
use haloy_ledger::deployment::event::{ChangedSecret, SecretsFrom};
use haloy_ledger::private::Private;
use haloy_ledger::release::*;
use haloy_ledger::secrets::Lease;
use std::path::Path;

/// What the entry holds of a private value, with its name.
const COMMITMENT: usize = 48;
/// Keep values in the vault until the log says that a release needs them.
pub type Leases = Vec<Lease>;

/// A configuration with its fingerprints and literals; secret values are in the vault when this returns.
pub fn seal(ledger: &Ledger, target: &TargetConfig) -> Result<(ReleaseSpec, Leases), Error> {
    let mut leases = Leases::new();
    let mut config = target.config.clone();
    for (entry, value) in config.env.iter_mut().zip(&target.env) {
        leases.extend(put(ledger, entry, value)?);
    }
    for (entry, value) in config.image.build.iter_mut().flat_map(|b| &mut b.args).zip(&target.build_args) {
        leases.extend(put(ledger, entry, value)?);
    }
    if let (Some(auth), Some([username, password])) = (&mut config.image.registry, &target.credentials) {
        leases.extend(put(ledger, &mut auth.username, username)?);
        leases.extend(put(ledger, &mut auth.password, password)?);
    }
    for (entry, value) in config.health.headers.iter_mut().zip(&target.health_headers) {
        leases.extend(put(ledger, entry, value)?);
    }
    if let Some(command) = &mut config.release_command
        && let Some(Private::Plain(line)) = &command.line
    {
        command.fingerprint = ledger.fingerprints().value(&ValueSource::Literal, line);
    }
    for hook in config.hooks.pre_deploy.iter_mut().chain(&mut config.hooks.post_deploy) {
        if let Some(Private::Plain(line)) = &hook.line {
            hook.fingerprint = Some(ledger.fingerprints().value(&ValueSource::Literal, line));
        }
    }
    let unreadable = |error: serde_json::Error| {
        let message = format!("the configuration cannot be recorded: {}", haloy_edge::said::json(&error));
        Error::new(Kind::Operational, message)
    };
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

/// What the sources of a release's values say now.
#[derive(Default)]
pub struct Resolved {
    /// Secrets whose value is another one.
    pub changed: Vec<ChangedSecret>,
    /// Names of values whose source cannot be asked.
    pub unasked: Vec<String>,
    /// Keep the new values until the rollback is in the log.
    pub leases: Leases,
}

/// For which target the values of a release are asked for again, and where.
pub struct Asking {
    pub target: String,
    pub from: SecretsFrom,
    pub providers: Providers,
}

/// Asks the sources of a release's values again, as a deploy of its target would. Names what changed, and what
/// could not be asked.
pub fn resolve_again(ledger: &Ledger, spec: &ReleaseSpec, asking: &Asking) -> Result<Resolved, Error> {
    let Resolved { mut changed, mut unasked, mut leases } = Resolved::default();
    let Asking { target, from, providers } = asking;
    if *from == SecretsFrom::Recorded {
        return Ok(Resolved::default());
    }
    let folder = Path::new(&spec.config.hooks.folder);
    let environment = Environment::of_process(folder, target);
    let sources = Sources { folder, environment: &environment, providers };
    let credentials = spec.config.image.registry.iter().flat_map(|auth| [&auth.username, &auth.password]);
    for entry in spec.config.env.iter().chain(credentials).chain(&spec.config.health.headers) {
        if entry.source == ValueSource::Literal {
            continue;
        }
        let value = match ask(&entry.source, &sources) {
            Ok(value) => value,
            Err(_) if providers.were_ended() => {
                return Err(Error::new(Kind::Interrupted, "nothing was done"));
            }
            Err(cause) if *from == SecretsFrom::Fresh => {
                let message = format!("the source of {} cannot be asked here: {cause}", entry.name);
                let hint = "set it, or restore the recorded value with --secrets recorded";
                return Err(Error::new(Kind::NotRestorable, message).hint(hint));
            }
            // That it is not set here is what is usual; what is wrong with it is not.
            Err(SourceError::Variable(_, NoValue::NotSet)) => {
                unasked.push(entry.name.clone());
                continue;
            }
            Err(cause) => {
                // One cause may be that of many values: it is told once.
                let cause = format!("({cause})");
                let told = unasked.iter().any(|before| before.ends_with(&cause));
                unasked.push(if told { entry.name.clone() } else { format!("{} {cause}", entry.name) });
                continue;
            }
        };
        check(&entry.name, &entry.source, &value).map_err(|message| Error::new(Kind::Usage, message))?;
        let fingerprint = ledger.fingerprints().value(&entry.source, &value);
        if fingerprint != entry.fingerprint {
            let kept = ledger.vault().put(&fingerprint, &value, ledger.entropy());
            leases.push(kept.map_err(|error| Error::new(Kind::Operational, error.to_string()))?);
            changed.push(ChangedSecret { name: entry.name.clone(), fingerprint });
        }
    }
    Ok(Resolved { changed, unasked, leases })
}

/// Removes values that no live or restorable release needs. Best effort: what stays is encrypted,
/// and goes next time.
pub fn forget_unused(ledger: &Ledger) {
    drop(ledger.forget_unused());
}
