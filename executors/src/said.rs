//! Errors of libraries in plain words: one function for each library, used wherever its errors leave this
//! crate. Their own texts name their types and options, which do not help users. Those of libraries that the
//! edge uses as well are in [`haloy_edge::said`].

use haloy_edge::said::{chain, io, json};
use std::error::Error;

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
        "it cannot be queried"
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
        E::UrlParseError(_) => "it names an invalid address".to_owned(),
        _other => "it answered with something that cannot be read".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// Words that only readers of the source of a library understand.
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
            for waits in [None, Some(haloy_edge::Waits::default())] {
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
                waits: Some(haloy_edge::Waits::default()),
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
