//! What a registry's answers mean: typed, in one sentence, without a secret.

use super::Registry;
use crate::executor::ExecutorError;
use haloy_ledger::outcome::{Failure, FailureCode};
use oci_client::Reference;
use oci_client::errors::{OciDistributionError, OciErrorCode};
use oci_client::secrets::RegistryAuth;
use std::time::Duration;

/// In the detail of an error: seconds after which the registry may be asked again.
const RETRY_AFTER: &str = "retry-after: ";
/// A registry does not make a deploy wait longer than this.
const LONGEST_WAIT: Duration = Duration::from_secs(120);

/// How long the registry asked to wait, where it did.
pub fn retry_after(error: &ExecutorError) -> Option<Duration> {
    let seconds = error.detail.strip_prefix(RETRY_AFTER)?.parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_WAIT))
}

pub(super) fn refused(code: FailureCode, text: impl Into<String>) -> ExecutorError {
    ExecutorError { cause: Failure::new(code, text), detail: String::new(), retryable: false }
}

/// A question that was asked, to explain its answer.
pub(super) struct Asked<'a> {
    pub(super) registry: &'a Registry,
    pub(super) about: &'a Reference,
}

impl Asked<'_> {
    pub(super) fn silent(&self) -> ExecutorError {
        let seconds = self.registry.options.timeout.as_secs_f32();
        self.unreachable(&format!("no answer within {seconds} s"), true)
    }

    fn unreachable(&self, why: &str, retryable: bool) -> ExecutorError {
        let text = self.masked(format!("registry {}: {why}", self.registry.host));
        ExecutorError { retryable, ..refused(FailureCode::RegistryUnreachable, text) }
    }

    pub(super) async fn failed(&self, error: &OciDistributionError) -> ExecutorError {
        use OciDistributionError as E;
        match error {
            E::UnauthorizedError { .. } | E::AuthenticationFailure(_) => self.unauthorized(),
            E::ServerError { code: 401 | 403, .. } => self.unauthorized(),
            E::ServerError { code: 404, .. } | E::ImageManifestNotFoundError(_) => self.missing(),
            E::ServerError { code: 429, .. } => self.slow_down().await,
            E::ServerError { code, message, .. } => {
                self.unreachable(&format!("it answered {code} {}", message.trim()), *code >= 500)
            }
            E::RegistryError { envelope, .. } => match envelope.errors.first().map(|error| &error.code) {
                Some(OciErrorCode::Toomanyrequests) => self.slow_down().await,
                Some(OciErrorCode::Unauthorized | OciErrorCode::Denied) => self.unauthorized(),
                Some(
                    OciErrorCode::ManifestUnknown
                    | OciErrorCode::NameUnknown
                    | OciErrorCode::NotFound
                    | OciErrorCode::BlobUnknown,
                ) => self.missing(),
                Some(_) | None => self.unreachable(&format!("it answered: {envelope}"), false),
            },
            E::RequestError(error) => self.request(error),
            // What does not add up to its digest was cut or changed on the way.
            E::DigestError(error) => self.unreachable(&format!("a damaged answer: {error}"), true),
            E::JsonError(_) | E::ManifestParsingError(_) | E::VersionedParsingError(_) => {
                self.unreachable(&format!("an answer that cannot be read: {error}"), true)
            }
            other => self.unreachable(&other.to_string(), false),
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
            let why = format!("{deepest}; its authority belongs in {}/ca.crt", folder.display());
            return self.unreachable(&why, false);
        }
        self.unreachable(&deepest, true)
    }

    /// An answer to a request that the library has no call for.
    pub(super) async fn status(&self, status: reqwest::StatusCode) -> ExecutorError {
        match status.as_u16() {
            401 | 403 => self.unauthorized(),
            404 => self.missing(),
            429 => self.slow_down().await,
            code => self.unreachable(&format!("it answered {code}"), code >= 500),
        }
    }

    fn unauthorized(&self) -> ExecutorError {
        let host = &self.registry.host;
        let why = match &self.registry.auth {
            RegistryAuth::Basic(user, _) => format!("it refuses the password of user `{user}`"),
            RegistryAuth::Anonymous | RegistryAuth::Bearer(_) => {
                format!("it asks for credentials: give `image.registry`, or run `docker login {host}`")
            }
        };
        let text = format!("registry {host}: not allowed to read {}: {why}", self.about.repository());
        refused(FailureCode::Unauthorized, self.masked(text))
    }

    fn missing(&self) -> ExecutorError {
        let text = format!("{} is not in registry {}", self.about.whole(), self.registry.host);
        refused(FailureCode::ImageNotFound, text)
    }

    /// The library does not show how long to wait, so the registry is asked once more, for the head only.
    async fn slow_down(&self) -> ExecutorError {
        let which = self.about.digest().or(self.about.tag()).unwrap_or("latest");
        let url = self.registry.url(self.about, &format!("manifests/{which}"));
        let answer = self.registry.plain.head(url).send().await.ok();
        let header = answer.and_then(|answer| answer.headers().get("retry-after").cloned());
        let seconds = header.and_then(|value| value.to_str().ok()?.trim().parse::<u64>().ok());
        let (text, detail) = match seconds {
            Some(seconds) => {
                (format!("asks to slow down (429), again in {seconds} s"), format!("{RETRY_AFTER}{seconds}"))
            }
            None => ("asks to slow down (429)".to_owned(), String::new()),
        };
        ExecutorError { detail, ..self.unreachable(&text, true) }
    }

    /// Registries and proxies repeat what they were sent, sometimes with the password.
    fn masked(&self, text: String) -> String {
        match &self.registry.secret {
            Some(secret) if secret.len() >= 4 => text.replace(secret.as_str(), "***"),
            Some(_) | None => text,
        }
    }
}
