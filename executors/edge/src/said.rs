//! Errors of libraries in plain words: one function for each library, used wherever its errors leave this
//! crate. Their own texts name their types and options, which do not help users.

use std::error::Error;
use std::io;

/// The system.
pub fn io(error: &io::Error) -> String {
    // A library may have put its own error inside.
    if let Some(inner) = error.get_ref() {
        return match inner.downcast_ref::<rustls::Error>() {
            Some(secured) => tls(secured),
            None => chain(inner).unwrap_or_else(|| inner.to_string()),
        };
    }
    error.to_string()
}

/// rustls.
fn tls(error: &rustls::Error) -> String {
    use rustls::CertificateError as C;
    let words = match error {
        rustls::Error::InvalidCertificate(certificate) => match certificate {
            C::UnknownIssuer => "no authority that is trusted here has signed its certificate",
            C::Expired | C::ExpiredContext { .. } => "its certificate has expired",
            C::NotValidYet | C::NotValidYetContext { .. } => "its certificate is not valid yet",
            C::NotValidForName | C::NotValidForNameContext { .. } => "its certificate is for another name",
            C::Revoked => "its certificate was revoked",
            _other => "its certificate is not valid",
        },
        rustls::Error::InvalidMessage(_) | rustls::Error::InappropriateMessage { .. } => {
            "it does not speak TLS"
        }
        rustls::Error::AlertReceived(_) => "it refused the secure connection",
        rustls::Error::PeerIncompatible(_) => "it and haloy have no version of TLS in common",
        _other => "no secure connection could be made",
    };
    words.to_owned()
}

/// hyper, whose type appears in no signature. Any other error is reported as a lost connection.
pub fn http(error: &(dyn Error + 'static)) -> String {
    if let Some(said) = error.source().and_then(chain) {
        return said;
    }
    let Some(error) = error.downcast_ref::<hyper::Error>() else {
        return "the connection was lost".to_owned();
    };
    let words = if error.is_incomplete_message() || error.is_body_write_aborted() {
        "the connection ended in the middle of an answer"
    } else if error.is_timeout() {
        "no answer in time"
    } else if error.is_parse() {
        "it answered with something that is not HTTP"
    } else if error.is_canceled() || error.is_closed() {
        "the connection was closed"
    } else {
        "the connection was lost"
    };
    words.to_owned()
}

/// serde_json, for foreign text.
pub fn json(error: &serde_json::Error) -> String {
    use serde_json::error::Category;
    let words = match error.classify() {
        Category::Io => return io(&io::Error::from(error.io_error_kind().unwrap_or(io::ErrorKind::Other))),
        Category::Eof => "it ends too early",
        Category::Syntax => "it is not JSON",
        Category::Data => "it is JSON, and not what was asked for",
    };
    format!("{words} (line {}, column {})", error.line(), error.column())
}

/// The innermost cause that has plain words; none otherwise.
pub fn chain(error: &(dyn Error + 'static)) -> Option<String> {
    let mut next = Some(error);
    while let Some(cause) = next {
        if let Some(system) = cause.downcast_ref::<io::Error>() {
            return Some(io(system));
        }
        if let Some(secured) = cause.downcast_ref::<rustls::Error>() {
            return Some(tls(secured));
        }
        if let Some(http_error) = cause.downcast_ref::<hyper::Error>()
            && http_error.source().is_none()
        {
            return Some(http(http_error));
        }
        if let Some(json_error) = cause.downcast_ref::<serde_json::Error>() {
            return Some(json(json_error));
        }
        next = cause.source();
    }
    None
}
