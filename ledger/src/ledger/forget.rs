//! Secret values that no release needs any more.

use super::Ledger;
use crate::log::LogError;
use crate::release::{Fingerprint, ReleaseSpec};
use crate::secrets::VaultError;
use std::collections::BTreeSet;

/// Why values that are not needed still exist.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ForgetError {
    /// The values in use could not be determined.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A value could not be removed.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl Ledger {
    /// Removes values that no live or restorable release needs; returns how many. What stays is encrypted,
    /// and goes next time.
    ///
    /// # Errors
    /// If it cannot be known what is in use: then nothing is removed.
    pub fn forget_unused(&self) -> Result<usize, ForgetError> {
        self.vault.retain(|| Ok(self.values_in_use()?))
    }

    fn values_in_use(&self) -> Result<BTreeSet<Fingerprint>, LogError> {
        let mut in_use = BTreeSet::new();
        for state in &self.targets()? {
            let live = state.current.as_ref().map(|live| &live.spec);
            let rolling = state.rollout.as_ref().map(|rollout| &rollout.spec);
            live.into_iter().chain(rolling).for_each(|spec| fingerprints(spec, &mut in_use));
            for kept in &state.releases {
                if let Some(row) = self.release(kept.release)? {
                    fingerprints(&row.spec, &mut in_use);
                }
            }
        }
        Ok(in_use)
    }
}

fn fingerprints(spec: &ReleaseSpec, into: &mut BTreeSet<Fingerprint>) {
    let build = spec.config.image.build.iter().flat_map(|build| &build.args);
    let credentials = spec.config.image.registry.iter().flat_map(|auth| [&auth.username, &auth.password]);
    let entries = spec.config.env.iter().chain(build).chain(credentials);
    into.extend(entries.map(|entry| entry.fingerprint.clone()));
}
