//! Resolved values for effects: literals from their private rows, secrets from the vault.

use crate::executor::{RegistryLogin, Values};
use crate::ledger_handle::LedgerHandle;
use async_trait::async_trait;
use haloy_ledger::Ledger;
use haloy_ledger::ids::DeploymentId;
use haloy_ledger::outcome::{Failure, FailureCode};
use haloy_ledger::private::PrivateRow;
use haloy_ledger::release::{ReleaseSpec, ValueEntry, ValueSource, field};

/// Where the values of a release come from, whenever they are needed: now, after a crash, later.
#[async_trait]
pub trait ValueStore: Send + Sync {
    /// The values of a release, with those that a rollback changed where `spec` is its own.
    async fn values(&self, release: DeploymentId, spec: Option<&ReleaseSpec>) -> Result<Values, Failure>;
}

/// The ledger's own: private rows and vault.
#[derive(Clone)]
pub struct LedgerValues(pub LedgerHandle);

#[async_trait]
impl ValueStore for LedgerValues {
    async fn values(&self, release: DeploymentId, spec: Option<&ReleaseSpec>) -> Result<Values, Failure> {
        let spec = spec.cloned();
        self.0.call(move |ledger| read(ledger, release, spec)).await
    }
}

/// The values of a release, read from an open ledger.
pub fn read(ledger: &Ledger, release: DeploymentId, spec: Option<ReleaseSpec>) -> Result<Values, Failure> {
    let unreadable = |error| missing(format!("the values of release {release} cannot be read: {error}"));
    let row = ledger.release(release).map_err(unreadable)?;
    let private = match &row {
        Some(row) => ledger.log().read_private(row.requested).map_err(unreadable)?,
        None => Vec::new(),
    };
    let spec = spec.or(row.map(|row| row.spec));
    let spec = spec.ok_or_else(|| missing(format!("release {release} is not known")))?;
    Reader { ledger, private }.values(&spec)
}

struct Reader<'a> {
    ledger: &'a Ledger,
    private: Vec<PrivateRow>,
}

fn missing(text: String) -> Failure {
    Failure::new(FailureCode::ValueMissing, text)
}

impl Reader<'_> {
    fn values(&self, spec: &ReleaseSpec) -> Result<Values, Failure> {
        let mut values = Values::default();
        for (entry, number) in spec.config.env.iter().zip(field::ENV..) {
            let value = self.value(entry, number, &mut values.secrets)?;
            values.env.push((entry.name.clone(), value));
        }
        for (entry, number) in spec.config.image.build.iter().flat_map(|b| &b.args).zip(field::BUILD_ARG..) {
            let value = self.value(entry, number, &mut values.secrets)?;
            values.build_args.push((entry.name.clone(), value));
        }
        if let Some(auth) = &spec.config.image.registry {
            let username = self.value(&auth.username, field::CREDENTIAL, &mut values.secrets)?;
            let password = self.value(&auth.password, field::CREDENTIAL + 1, &mut values.secrets)?;
            values.secrets.push(password.clone());
            values.registry = Some(RegistryLogin { server: auth.server.clone(), username, password });
        }
        Ok(values)
    }

    fn value(&self, entry: &ValueEntry, number: u32, secrets: &mut Vec<String>) -> Result<String, Failure> {
        if entry.source == ValueSource::Literal
            && let Some(row) = self.private.iter().find(|row| row.field == number)
        {
            return Ok(row.value.clone());
        }
        let kept = self.ledger.vault().get(&entry.fingerprint);
        let kept = kept.map_err(|error| missing(format!("{}: {error}", entry.name)))?;
        let value = kept.ok_or_else(|| {
            missing(format!("the value of {} is not kept any more; deploy again to give it anew", entry.name))
        })?;
        secrets.push(value.clone());
        Ok(value)
    }
}
