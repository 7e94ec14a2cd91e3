//! What libraries say of an error, in words for people: one function for each library, used wherever its errors
//! leave this crate. Their own words name their types and options, which help nobody who deploys.

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
pub(crate) fn tls(error: &rustls::Error) -> String {
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

/// hyper.
pub(crate) fn http(error: &hyper::Error) -> String {
    if let Some(said) = error.source().and_then(chain) {
        return said;
    }
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

/// serde_json, of what somebody else wrote.
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

/// reqwest.
pub(crate) fn request(error: &reqwest::Error) -> String {
    if let Some(said) = error.source().and_then(chain) {
        return said;
    }
    let words = if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "it cannot be reached"
    } else if error.is_decode() || error.is_body() {
        "it answered with something that cannot be read"
    } else if error.is_redirect() {
        "it sends from one place to the next without end"
    } else {
        "it cannot be asked"
    };
    words.to_owned()
}

/// oci-client, for what has no sentence of its own.
pub(crate) fn registry(error: &oci_client::errors::OciDistributionError) -> String {
    use oci_client::errors::OciDistributionError as E;
    match error {
        E::RequestError(error) => request(error),
        E::IoError(error) => io(error),
        E::JsonError(error) => json(error),
        E::DigestError(_) => "what it sent is not what its digest says".to_owned(),
        E::RegistryError { envelope, .. } => {
            let told = envelope.errors.iter().map(|error| error.message.trim());
            told.filter(|text| !text.is_empty()).collect::<Vec<_>>().join("; ")
        }
        E::ServerError { message, .. } => message.trim().to_owned(),
        E::RegistryNoDigestError => "it does not say which digest it has".to_owned(),
        E::RegistryNoLocationError => "it does not say where to put an image".to_owned(),
        E::RegistryTokenDecodeError(_) => "its token cannot be read".to_owned(),
        E::UrlParseError(_) => "it names an address that is none".to_owned(),
        _other => "it answered with something that cannot be read".to_owned(),
    }
}

/// The innermost cause that has words for people; none if there is no such.
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// Words that only somebody knows who has read the source of a library.
    const FORBIDDEN: [&str; 22] = [
        "DuplicateKeyPolicy",
        "from_str",
        "client error",
        "Code(",
        "Os {",
        "Error {",
        "Kind",
        "hyper",
        "error trying to connect",
        "error sending request",
        "fjall",
        "serde",
        "rmp",
        "bollard",
        "reqwest",
        "OCI",
        "rustls",
        "InvalidCertificate",
        "UnknownIssuer",
        "Generic error",
        "deserialize",
        "platform_resolver",
    ];

    fn decent(said: &str) {
        let found = FORBIDDEN.iter().find(|word| said.contains(**word));
        assert_eq!(found, None, "{said}");
        assert!(!said.is_empty() && said.len() < 200, "{said}");
    }

    /// Answers one client with these bytes, and closes.
    fn server(answer: &'static [u8]) -> String {
        use std::io::{Read, Write};
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("known").to_string();
        std::thread::spawn(move || {
            for mut client in listener.incoming().flatten() {
                let _read = client.read(&mut [0; 4096]);
                let _written = client.write_all(answer);
            }
        });
        address
    }

    const ANSWERS: [&[u8]; 5] = [
        b"",
        b"what?\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\r\nnever",
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n[]",
    ];

    #[tokio::test]
    async fn requests_that_fail_are_told_in_words_for_people() {
        drop(rustls::crypto::ring::default_provider().install_default());
        let client =
            reqwest::Client::builder().timeout(Duration::from_millis(500)).build().expect("a client");
        let mut urls = vec![
            "http://127.0.0.1:1/".to_owned(),
            "http://no-such-host.invalid/".to_owned(),
            // Nothing at all is answered there.
            "http://10.255.255.1/".to_owned(),
            format!("https://{}/", server(b"plain text")),
        ];
        urls.extend(ANSWERS.map(|answer| format!("http://{}/", server(answer))));
        for url in urls {
            let asked = client.get(&url).send().await;
            let error = match asked {
                Ok(answer) => {
                    answer.json::<std::collections::BTreeMap<String, u8>>().await.expect_err("no map")
                }
                Err(error) => error,
            };
            decent(&request(&error));
            decent(&registry(&oci_client::errors::OciDistributionError::RequestError(error)));
        }
    }

    #[tokio::test]
    async fn an_engine_that_fails_is_told_in_words_for_people() {
        for answer in ANSWERS {
            let address = server(answer);
            for waits in [None, Some(crate::waits::Waits::default())] {
                let options = crate::docker::DockerOptions {
                    host: Some(format!("tcp://{address}")),
                    waits,
                    ..crate::docker::DockerOptions::default()
                };
                let error = crate::docker::DockerExecutor::new(options).facts().await.expect_err("no engine");
                decent(&error.to_string().replace(&address, ""));
            }
        }
        for host in ["tcp://127.0.0.1:1", "tcp://", "unix:///none.sock", "ftp://a", "x"] {
            let options = crate::docker::DockerOptions {
                host: Some(host.to_owned()),
                waits: Some(crate::waits::Waits::default()),
                ..crate::docker::DockerOptions::default()
            };
            let error = crate::docker::DockerExecutor::new(options).facts().await.expect_err("no engine");
            decent(&error.to_string());
        }
    }

    #[test]
    fn registries_certificates_and_documents_are_told_in_words_for_people() {
        use oci_client::errors::OciDistributionError as E;
        use rustls::{CertificateError as C, Error as T};
        for error in [
            E::GenericError(Some("x".to_owned())),
            E::ImageIndexParsingNoPlatformResolverError,
            E::RegistryTokenDecodeError("missing field `token` at line 1".to_owned()),
            E::VersionedParsingError("expected value".to_owned()),
            E::SpecViolationError("x".to_owned()),
            E::RegistryNoDigestError,
            E::UnsupportedSchemaVersionError(1),
        ] {
            decent(&registry(&error));
        }
        for error in [
            T::InvalidCertificate(C::UnknownIssuer),
            T::InvalidCertificate(C::NotValidForName),
            T::InvalidCertificate(C::Expired),
            T::InvalidCertificate(C::BadSignature),
            T::AlertReceived(rustls::AlertDescription::HandshakeFailure),
            T::InvalidMessage(rustls::InvalidMessage::InvalidContentType),
            T::HandshakeNotComplete,
            T::NoCertificatesPresented,
        ] {
            decent(&tls(&error));
            decent(&io(&std::io::Error::other(error)));
        }
        for text in ["", "{", "nul", "{\"a\": }", "[1]"] {
            let error =
                serde_json::from_str::<std::collections::BTreeMap<String, u8>>(text).expect_err("no map");
            decent(&json(&error));
            decent(&io(&std::io::Error::from(error)));
        }
    }
}
