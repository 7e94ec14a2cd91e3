//! Where the terms of an authority are: its directory says so (RFC 8555, 7.1.1), and the user wants to know
//! before a certificate is requested.

use super::limits::TERMS_TIME;
use super::options::AcmeOptions;
use haloy_ledger::locks::locked;
use std::sync::{Mutex, MutexGuard};

/// Longest address of terms that is passed on, in bytes.
const LONGEST: usize = 1024;

/// Terms in a directory.
#[derive(Default)]
pub struct Terms(Mutex<Known>);

#[derive(Default, Clone)]
struct Known {
    /// Whether it was queried, with or without success.
    asked: bool,
    at: Option<String>,
}

impl Terms {
    fn lock(&self) -> MutexGuard<'_, Known> {
        locked(&self.0)
    }

    /// Address of the terms, if the directory has one; `None` if it was not queried yet.
    pub fn known(&self) -> Option<Option<String>> {
        let known = self.lock();
        known.asked.then(|| known.at.clone())
    }

    /// Queries the directory, unless it has already answered. Without an answer nothing is known.
    pub async fn learn(&self, options: &AcmeOptions) {
        if self.lock().at.is_some() {
            return;
        }
        let at = tokio::time::timeout(TERMS_TIME, ask(options)).await.ok().flatten();
        *self.lock() = Known { asked: true, at };
    }
}

async fn ask(options: &AcmeOptions) -> Option<String> {
    let mut builder = reqwest::Client::builder().timeout(TERMS_TIME);
    if let Some(root) = &options.root {
        builder =
            builder.add_root_certificate(reqwest::Certificate::from_pem(&std::fs::read(root).ok()?).ok()?);
    }
    let answer = builder.build().ok()?.get(options.directory()).send().await.ok()?;
    let directory: serde_json::Value = answer.error_for_status().ok()?.json().await.ok()?;
    let terms = directory.get("meta")?.get("termsOfService")?.as_str()?;
    // Only what looks like an address, for it is shown to people.
    let plain = terms.len() <= LONGEST && terms.chars().all(|c| c.is_ascii_graphic());
    plain.then(|| terms.to_owned())
}
