//! A target of the file as a deploy request to the service.

use super::TargetConfig;
use haloy_ledger::ids::TargetKey;
use haloy_ledger::private::Private;
use haloy_service::{PrivateTexts, TargetRequest, Values};

impl TargetConfig {
    /// The target's key in the ledger.
    pub fn key(&self) -> TargetKey {
        TargetKey { app: self.app.clone(), target: self.target.clone() }
    }

    /// The request to deploy it: values and private texts lie beside the configuration.
    pub fn request(self) -> TargetRequest {
        let key = self.key();
        let Self { mut config, env, build_args, credentials, health_headers, .. } = self;
        let hooks = &mut config.hooks;
        let texts = PrivateTexts {
            pre_deploy: hooks.pre_deploy.iter_mut().filter_map(|hook| taken(&mut hook.line)).collect(),
            post_deploy: hooks.post_deploy.iter_mut().filter_map(|hook| taken(&mut hook.line)).collect(),
            release_command: config.release_command.as_mut().and_then(|command| taken(&mut command.line)),
            acme_email: taken(&mut config.acme_email),
        };
        let values = Values { env, build_args, credentials, health_headers, texts };
        TargetRequest { key, config, values }
    }
}

/// Values of a file are plain.
fn taken(private: &mut Option<Private>) -> Option<String> {
    match private.take() {
        Some(Private::Plain(text)) => Some(text),
        Some(Private::Committed(_)) | None => None,
    }
}
