//! What Docker's answers mean. Statuses are ambiguous; the operation and the text decide.

use crate::contract::{ExecutorError, Retry};
use bollard::errors::Error;
use haloy_edge::said;
use haloy_ledger::outcome::{FailureCode, Words};
use haloy_ledger::words;

/// What was being done when an error came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doing {
    /// Asking for or fetching an image.
    Image,
    /// Building one.
    Build,
    /// Starting a container.
    Start,
    /// Anything else.
    Other,
}

/// The error as the engine wrote it, without the library's words around it.
pub(super) fn sentence(error: &Error) -> String {
    match error {
        Error::DockerResponseServerError { message, .. } => message.trim().to_owned(),
        Error::DockerStreamError { error } | Error::DockerContainerWaitError { error, .. } => {
            error.trim().to_owned()
        }
        Error::RequestTimeoutError => "no answer in time".to_owned(),
        Error::IOError { err } => said::io(err),
        Error::HyperResponseError { err } => said::http(err),
        Error::JsonSerdeError { err } => said::json(err),
        Error::JsonDataError { .. } | Error::APIVersionParseError {} | Error::StrParseError { .. } => {
            "it answered with something that cannot be read".to_owned()
        }
        Error::NoHomePathError => {
            "the folder of its certificates is not known; set DOCKER_CERT_PATH".to_owned()
        }
        Error::CertPathError { path } | Error::CertParseError { path } => {
            format!("{} cannot be read", path.display())
        }
        Error::CertMultipleKeys { path, .. } => format!("{} holds more than one key", path.display()),
        Error::SocketNotFoundError(_) => "there is no socket of that name".to_owned(),
        Error::UnsupportedURISchemeError { .. }
        | Error::URLParseError { .. }
        | Error::InvalidURIError { .. }
        | Error::InvalidURIPartsError { .. } => "it is not a valid address".to_owned(),
        other => {
            let causes = std::error::Error::source(other).and_then(said::chain);
            causes.unwrap_or_else(|| "it cannot be queried".to_owned())
        }
    }
}

/// The status of an answer, where there was one.
pub(super) fn status(error: &Error) -> Option<u16> {
    if let Error::DockerResponseServerError { status_code, .. } = error { Some(*status_code) } else { None }
}

/// Whether an error of a start is about the requested address.
pub(super) fn of_address(error: &Error) -> bool {
    let said = sentence(error).to_lowercase();
    let texts =
        ["address already in use", "user specified ip address", "no available ip", "ipam", "static ip"];
    status(error).is_some() && texts.iter().any(|text| said.contains(text))
}

/// Turns an error into what the log keeps, saying when another attempt can help. What the engine wrote
/// stays beside our own words.
pub(super) fn failed(error: &Error, doing: Doing, what: impl Into<Words>) -> ExecutorError {
    let said = sentence(error);
    let (code, retryable) = classify(error, &said.to_lowercase(), doing);
    let what = what.into();
    let words = match status(error) {
        Some(status) => words!("{}: the engine refused it ({})", what, status),
        None if matches!(error, Error::DockerStreamError { .. }) => words!("{}: the engine gave up", what),
        None => words!("{}: the engine did not answer", what),
    };
    ExecutorError::new(code, words).saying(said).retry(Retry::now_if(retryable))
}

fn classify(error: &Error, said: &str, doing: Doing) -> (FailureCode, bool) {
    let says = |texts: &[&str]| texts.iter().any(|text| said.contains(text));
    let answered = status(error).is_some() || matches!(error, Error::DockerStreamError { .. });
    if !answered {
        let permission = says(&["permission denied"]);
        return if permission {
            (FailureCode::EnginePermission, false)
        } else {
            (FailureCode::EngineUnreachable, true)
        };
    }
    if says(&["no space left"]) {
        return (FailureCode::DiskFull, false);
    }
    match doing {
        Doing::Image => image(error, &says),
        Doing::Build => (FailureCode::BuildFailed, false),
        Doing::Start if status(error) == Some(404) && says(&["no such image"]) => {
            (FailureCode::ImageNotFound, false)
        }
        Doing::Start => (FailureCode::StartFailed, false),
        // A conflict clears up: another request is just doing the same.
        Doing::Other => (FailureCode::Other, matches!(status(error), Some(409 | 500..))),
    }
}

fn image(error: &Error, says: &dyn Fn(&[&str]) -> bool) -> (FailureCode, bool) {
    if says(&["unauthorized", "no basic auth", "authentication required", "denied", "incorrect username"]) {
        return (FailureCode::Unauthorized, false);
    }
    if says(&["manifest unknown", "not found", "no such image", "does not exist", "name unknown"])
        || status(error) == Some(404)
    {
        return (FailureCode::ImageNotFound, false);
    }
    if says(&["no matching manifest", "does not match the specified platform"]) {
        return (FailureCode::PlatformMismatch, false);
    }
    let network = [
        "no such host",
        "connection refused",
        "timeout",
        "tls",
        "x509",
        "eof",
        "connection reset",
        "lookup",
        "unreachable",
        "dial tcp",
        "server gave http",
    ];
    if says(&network) {
        return (FailureCode::RegistryUnreachable, true);
    }
    (FailureCode::Other, status(error).is_some_and(|status| status >= 500))
}
