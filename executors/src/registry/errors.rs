//! What a registry's answers mean: typed, in one sentence, without a secret.

use super::Registry;
use crate::contract::{ExecutorError, Retry};
use crate::limits::REGISTRY_PATIENCE;
use crate::said;
use haloy_ledger::outcome::{FailureCode, Public, Words};
use haloy_ledger::words;
use oci_client::Reference;
use oci_client::errors::{OciDistributionError, OciErrorCode};
use oci_client::secrets::RegistryAuth;
use std::future::Future;
use std::time::Duration;

impl Registry {
    /// Waits for an answer, and says what a bad one means.
    pub(super) async fn ask<T>(
        &self,
        about: &Reference,
        answer: impl Future<Output = Result<T, OciDistributionError>>,
    ) -> Result<T, ExecutorError> {
        let asked = Asked { registry: self, about };
        let answer = tokio::time::timeout(self.options.timeout, answer);
        match self.waiting(answer).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(asked.failed(&error).await),
            Err(_) => Err(asked.silent()),
        }
    }
}

/// A request, to explain its answer.
pub(super) struct Asked<'a> {
    pub(super) registry: &'a Registry,
    pub(super) about: &'a Reference,
}

impl Asked<'_> {
    pub(super) fn silent(&self) -> ExecutorError {
        let limit = self.registry.options.timeout.as_millis();
        let limit = u64::try_from(limit).unwrap_or(u64::MAX);
        let words = match limit % 1000 {
            0 => words!("no answer within {} s", limit / 1000),
            _part => words!("no answer within {} ms", limit),
        };
        self.unreachable(words, String::new(), Retry::Now)
    }

    /// In our own words, and in those of the registry or of the connection.
    fn unreachable(&self, why: impl Into<Words>, said: String, retry: Retry) -> ExecutorError {
        let words = words!("registry {}: {}", Public(&self.registry.host), why.into());
        ExecutorError::new(FailureCode::RegistryUnreachable, words).saying(said).retry(retry)
    }

    pub(super) async fn failed(&self, error: &OciDistributionError) -> ExecutorError {
        use OciDistributionError as E;
        match error {
            E::UnauthorizedError { .. } | E::AuthenticationFailure(_) => self.unauthorized(),
            E::ServerError { code: 401 | 403, .. } => self.unauthorized(),
            E::ServerError { code: 404, .. } | E::ImageManifestNotFoundError(_) => self.missing(),
            E::ServerError { code: 429, .. } => self.slow_down().await,
            E::ServerError { code, message, .. } => self.unreachable(
                words!("it answered {}", *code),
                message.trim().to_owned(),
                Retry::now_if(*code >= 500),
            ),
            E::RegistryError { envelope, .. } => match envelope.errors.first().map(|error| &error.code) {
                Some(OciErrorCode::Toomanyrequests) => self.slow_down().await,
                Some(OciErrorCode::Unauthorized | OciErrorCode::Denied) => self.unauthorized(),
                Some(
                    OciErrorCode::ManifestUnknown
                    | OciErrorCode::NameUnknown
                    | OciErrorCode::NotFound
                    | OciErrorCode::BlobUnknown,
                ) => self.missing(),
                Some(_) | None => self.unreachable("it refused", said::registry(error), Retry::Never),
            },
            E::RequestError(error) => self.request(error),
            // An answer that does not match its digest was cut or changed in transit.
            E::DigestError(_) => self.unreachable("a damaged answer", said::registry(error), Retry::Now),
            E::JsonError(_) | E::ManifestParsingError(_) | E::VersionedParsingError(_) => {
                self.unreachable("an answer that cannot be read", String::new(), Retry::Now)
            }
            other => self.unreachable("it cannot be queried", said::registry(other), Retry::Never),
        }
    }

    /// A request that got no answer, or half of one.
    pub(super) fn request(&self, error: &reqwest::Error) -> ExecutorError {
        let mut cause: &dyn std::error::Error = error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        let deepest = cause.to_string();
        if error.is_timeout() {
            return self.silent();
        }
        if deepest.contains("certificate") || deepest.contains("UnknownIssuer") {
            let folder = self.registry.options.certs.join(&self.registry.host);
            let why = said::request(error);
            let said = format!("{why}; its authority belongs in {}/ca.crt", folder.display());
            return self.unreachable("its certificate is not trusted", said, Retry::Never);
        }
        self.unreachable("no answer", said::request(error), Retry::Now)
    }

    /// An answer to a request that the library has no call for.
    pub(super) async fn status(&self, status: reqwest::StatusCode) -> ExecutorError {
        match status.as_u16() {
            401 | 403 => self.unauthorized(),
            404 => self.missing(),
            429 => self.slow_down().await,
            code => {
                self.unreachable(words!("it answered {}", code), String::new(), Retry::now_if(code >= 500))
            }
        }
    }

    fn unauthorized(&self) -> ExecutorError {
        let host = Public(&self.registry.host);
        let words = words!("registry {}: not allowed to read {}", host, Public(self.about.repository()));
        match &self.registry.auth {
            // The name of a user may be private.
            RegistryAuth::Basic(user, _) => {
                let said = format!("it refuses the password of user `{user}`");
                ExecutorError::new(FailureCode::Unauthorized, words).saying(said)
            }
            RegistryAuth::Anonymous | RegistryAuth::Bearer(_) => {
                let words = words!(
                    "{}: it asks for credentials: give `image.registry`, or run `docker login {}`",
                    words,
                    host
                );
                ExecutorError::new(FailureCode::Unauthorized, words)
            }
        }
    }

    fn missing(&self) -> ExecutorError {
        let (image, host) = (self.about.whole(), &self.registry.host);
        let words = words!("{} is not in registry {}", Public(&image), Public(host));
        ExecutorError::new(FailureCode::ImageNotFound, words)
    }

    /// The library does not show how long to wait, so the registry is queried once more, for the head only.
    async fn slow_down(&self) -> ExecutorError {
        let which = self.about.digest().or(self.about.tag()).unwrap_or("latest");
        let url = self.registry.url(self.about, &format!("manifests/{which}"));
        let answer = self.registry.waiting(self.registry.plain.head(url).send()).await.ok();
        let header = answer.and_then(|answer| answer.headers().get("retry-after").cloned());
        let seconds = header.and_then(|value| value.to_str().ok()?.trim().parse::<u64>().ok());
        let (words, retry) = match seconds {
            Some(seconds) => {
                let wait = Duration::from_secs(seconds).min(REGISTRY_PATIENCE);
                (words!("asks to slow down (429), again in {} s", seconds), Retry::After(wait))
            }
            None => ("asks to slow down (429)".into(), Retry::Now),
        };
        self.unreachable(words, String::new(), retry)
    }
}
