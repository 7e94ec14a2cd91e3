//! Resolved values for effects: literals from their private rows, secrets from the vault.

use crate::contract::{RegistryLogin, Values};
use crate::ledger_handle::LedgerHandle;
use crate::mask::{MIN_VALUE, Mask, names_a_secret};
use async_trait::async_trait;
use haloy_ledger::Ledger;
use haloy_ledger::ids::DeploymentId;
use haloy_ledger::log::LogError;
use haloy_ledger::outcome::{Failure, FailureCode, FailureReport, Public, Words};
use haloy_ledger::private::PrivateRow;
use haloy_ledger::release::{HookLine, ReleaseSpec, ValueEntry, ValueSource, field};
use haloy_ledger::words;
use std::sync::Arc;

/// Where the values of a release come from, whenever they are needed: now, after a crash, later.
#[async_trait]
pub trait ValueStore: Send + Sync {
    /// The values of a release, with those that a rollback changed where `spec` is its own.
    async fn values(
        &self,
        release: DeploymentId,
        spec: Option<&ReleaseSpec>,
    ) -> Result<Values, FailureReport>;
}

/// The ledger's own: private rows and vault.
#[derive(Clone)]
pub struct LedgerValues(pub LedgerHandle);

#[async_trait]
impl ValueStore for LedgerValues {
    async fn values(
        &self,
        release: DeploymentId,
        spec: Option<&ReleaseSpec>,
    ) -> Result<Values, FailureReport> {
        let spec = spec.cloned();
        self.0.call(move |ledger| read(ledger, release, spec)).await
    }
}

/// The values of a release, read from an open ledger.
pub fn read(
    ledger: &Ledger,
    release: DeploymentId,
    spec: Option<ReleaseSpec>,
) -> Result<Values, FailureReport> {
    let unreadable = |error: LogError| {
        missing(words!("the values of release {} cannot be read", release), error.to_string())
    };
    let row = ledger.release(release).map_err(unreadable)?;
    let private = match &row {
        Some(row) => ledger.log().read_private(row.requested).map_err(unreadable)?,
        None => Vec::new(),
    };
    let spec = spec.or(row.map(|row| row.spec));
    let spec = spec.ok_or_else(|| missing(words!("release {} is not known", release), String::new()))?;
    Reader { ledger, private }.values(&spec)
}

struct Reader<'a> {
    ledger: &'a Ledger,
    private: Vec<PrivateRow>,
}

fn missing(words: Words, detail: String) -> FailureReport {
    // Not cut here: it is masked first.
    FailureReport { cause: Failure::new(FailureCode::ValueMissing, words), detail }
}

/// Values to mask, from those that were read.
#[derive(Default)]
struct Secrets {
    found: Vec<String>,
    /// Written in the file around `${NAME}` of one of the others.
    composed: Vec<String>,
}

impl Secrets {
    /// Of a composed value only the parts from elsewhere are hidden, as if the rest stood alone; all of it,
    /// where those parts cannot be found in it.
    fn mask(self) -> Mask {
        let holds = |text: &String, secret: &String| secret.len() >= MIN_VALUE && text.contains(&**secret);
        let whole = self.composed.iter().filter(|text| !self.found.iter().any(|secret| holds(text, secret)));
        Mask::new(self.found.iter().chain(whole))
    }
}

impl Reader<'_> {
    fn values(&self, spec: &ReleaseSpec) -> Result<Values, FailureReport> {
        let mut values = Values::default();
        let mut secrets = Secrets::default();
        for (entry, number) in spec.config.env.iter().zip(field::ENV..) {
            let value = self.value(entry, number, &mut secrets)?;
            values.env.push((entry.name.clone(), value));
        }
        for (entry, number) in spec.config.image.build.iter().flat_map(|b| &b.args).zip(field::BUILD_ARG..) {
            let value = self.value(entry, number, &mut secrets)?;
            values.build_args.push((entry.name.clone(), value));
        }
        if let Some(auth) = &spec.config.image.registry {
            let username = self.value(&auth.username, field::CREDENTIAL, &mut secrets)?;
            let password = self.value(&auth.password, field::CREDENTIAL + 1, &mut secrets)?;
            secrets.found.push(password.clone());
            values.registry = Some(RegistryLogin { server: auth.server.clone(), username, password });
        }
        for (entry, number) in spec.config.health.headers.iter().zip(field::HEADER..) {
            let value = self.value(entry, number, &mut secrets)?;
            values.health_headers.push((entry.name.clone(), value));
        }
        let release = self.private.iter().find(|row| row.field == field::ARGV);
        let release = release.filter(|_| spec.config.release_command.is_some());
        values.release_command = release.map(|row| row.value.clone());
        let hooks = &spec.config.hooks;
        let lines = |hooks: &[HookLine], first: u32| -> Vec<Option<String>> {
            hooks.iter().zip(field::HOOK + first..).map(|(hook, number)| self.line(hook, number)).collect()
        };
        let before = u32::try_from(hooks.pre_deploy.len()).unwrap_or(u32::MAX);
        values.hooks = (lines(&hooks.pre_deploy, 0), lines(&hooks.post_deploy, before));
        values.mask = Arc::new(secrets.mask());
        Ok(values)
    }

    /// A hook's line: private, or as it was recorded before lines were; none if it was erased.
    fn line(&self, hook: &HookLine, number: u32) -> Option<String> {
        let private = || self.private.iter().find(|row| row.field == number).map(|row| row.value.clone());
        hook.recorded.clone().or_else(private)
    }

    fn value(&self, entry: &ValueEntry, number: u32, secrets: &mut Secrets) -> Result<String, FailureReport> {
        if entry.source == ValueSource::Literal
            && let Some(row) = self.private.iter().find(|row| row.field == number)
        {
            if names_a_secret(&entry.name) {
                secrets.found.push(row.value.clone());
            }
            return Ok(row.value.clone());
        }
        let kept = self.ledger.vault().get(&entry.fingerprint);
        let kept = kept.map_err(|error| {
            missing(words!("the value of {} cannot be read", Public(&entry.name)), error.to_string())
        })?;
        let value = kept.ok_or_else(|| {
            let name = Public(&entry.name);
            missing(words!("the value of {} is not kept any more; deploy again", name), String::new())
        })?;
        let composed = entry.source == ValueSource::Literal && !names_a_secret(&entry.name);
        let secrets = if composed { &mut secrets.composed } else { &mut secrets.found };
        secrets.push(value.clone());
        Ok(value)
    }
}
