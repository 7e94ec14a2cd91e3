//! Registries: what a tag means, whether a digest is there, other tags for it. Types of oci-client
//! stop at this folder's door; layers move through Docker, never through here.
//!
//! Reading order: [`RegistryOptions`] and [`Registry`] (how one is reached), `login` (with whose
//! credentials), `errors` (what its answers mean), `resolve` and `tags` (what is asked).

mod errors;
mod login;
mod resolve;
mod tags;

pub use errors::retry_after;
pub use login::stored_login;

use crate::executor::{ExecutorError, RegistryLogin};
use crate::limits::REGISTRY_ANSWER;
use crate::mask::Mask;
use crate::said;
use crate::waits::Waits;
use errors::{Asked, refused};
use haloy_ledger::ids::{Digest, ImageRef};
use haloy_ledger::outcome::{FailureCode, Public};
use haloy_ledger::words;
use oci_client::client::{Certificate, CertificateEncoding, ClientConfig, ClientProtocol};
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference};
use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

/// How registries are reached.
#[derive(Debug, Clone)]
pub struct RegistryOptions {
    /// Folder with one folder per `host[:port]` that holds `*.crt` of trusted authorities, as Docker
    /// has it: what the engine trusts is trusted here.
    pub certs: PathBuf,
    /// Hosts that are spoken to without TLS, beside loopback.
    pub plain_http: Vec<String>,
    /// Longest wait for one answer, every hop included.
    pub timeout: Duration,
    /// Is told who is waited for.
    pub waits: Waits,
}

impl Default for RegistryOptions {
    fn default() -> Self {
        Self {
            certs: PathBuf::from("/etc/docker/certs.d"),
            plain_http: Vec::new(),
            timeout: REGISTRY_ANSWER,
            waits: Waits::default(),
        }
    }
}

/// A connection to the registry of one image, with one credential: the library keeps the first
/// credential that it sees for ever, so it is never shared between two.
pub struct Registry {
    client: Client,
    /// For what the library cannot ask: pages of tags, deletion, how long to wait.
    plain: reqwest::Client,
    auth: RegistryAuth,
    host: String,
    scheme: &'static str,
    password: Option<String>,
    options: RegistryOptions,
}

impl Registry {
    /// For the registry of an image. Credentials of the configuration win over those that
    /// `docker login` left.
    pub async fn for_image(
        options: &RegistryOptions,
        image: &ImageRef,
        login: Option<&RegistryLogin>,
    ) -> Result<Self, ExecutorError> {
        // reqwest needs a provider of cryptography; a second installation is no error.
        drop(rustls::crypto::ring::default_provider().install_default());
        let host = host(image)?;
        let stored = match login {
            Some(_) => None,
            None => stored_login(image, &options.waits).await?,
        };
        let login = login.or(stored.as_ref());
        let auth = login.map_or(RegistryAuth::Anonymous, |login| {
            RegistryAuth::Basic(login.username.clone(), login.password.clone())
        });
        let authorities = authorities(options, &host)?;
        let plain_http = options.plain_http.contains(&host) || is_loopback(&host) && authorities.is_none();
        let authorities = authorities.unwrap_or_default();
        let unusable = |error: String| {
            refused(FailureCode::RegistryUnreachable, words!("registry {} cannot be asked", Public(&host)))
                .saying(error)
        };
        let plain = plain_client(options, &authorities).map_err(|error| unusable(said::request(&error)))?;
        let config = ClientConfig {
            protocol: if plain_http { ClientProtocol::Http } else { ClientProtocol::Https },
            extra_root_certificates: authorities,
            connect_timeout: Some(options.timeout),
            read_timeout: Some(options.timeout),
            user_agent: USER_AGENT,
            ..ClientConfig::default()
        };
        let client = Client::try_from(config).map_err(|error| unusable(said::registry(&error)))?;
        let scheme = if plain_http { "http" } else { "https" };
        let password = login.map(|login| login.password.clone());
        Ok(Self { client, plain, auth, host, scheme, password, options: options.clone() })
    }

    /// Registries and proxies repeat what they were sent, sometimes with the password: also with one that
    /// `docker login` left.
    pub fn hide_in(&self, mask: &Mask) {
        mask.learn(&self.password);
    }

    /// Waits for an answer, and says what a bad one means.
    async fn ask<T>(
        &self,
        about: &Reference,
        answer: impl Future<Output = Result<T, oci_client::errors::OciDistributionError>>,
    ) -> Result<T, ExecutorError> {
        let asked = Asked { registry: self, about };
        let answer = tokio::time::timeout(self.options.timeout, answer);
        match self.waiting(answer).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(asked.failed(&error).await),
            Err(_) => Err(asked.silent()),
        }
    }

    /// Waits for the registry, and says so.
    async fn waiting<T>(&self, answer: impl Future<Output = T>) -> T {
        self.options.waits.during(format!("registry {}", self.host), answer).await
    }

    fn url(&self, image: &Reference, rest: &str) -> String {
        format!("{}://{}/v2/{}/{rest}", self.scheme, self.host, image.repository())
    }
}

const USER_AGENT: &str = concat!("haloy/", env!("CARGO_PKG_VERSION"));

fn plain_client(
    options: &RegistryOptions,
    authorities: &[Certificate],
) -> Result<reqwest::Client, reqwest::Error> {
    let mut builder = reqwest::Client::builder().timeout(options.timeout).user_agent(USER_AGENT);
    for authority in authorities {
        builder = builder.add_root_certificate(reqwest::Certificate::from_pem(&authority.data)?);
    }
    builder.build()
}

/// Trusted authorities of a host; none if Docker has no folder for it.
fn authorities(options: &RegistryOptions, host: &str) -> Result<Option<Vec<Certificate>>, ExecutorError> {
    let folder = options.certs.join(host);
    let Ok(entries) = std::fs::read_dir(&folder) else { return Ok(None) };
    let mut found = Vec::new();
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    for path in paths.filter(|path| path.extension().is_some_and(|extension| extension == "crt")) {
        let data = std::fs::read(&path).map_err(|error| {
            let said = format!("{}: {error}", path.display());
            refused(FailureCode::RegistryUnreachable, "an authority's certificate cannot be read")
                .saying(said)
        })?;
        found.push(Certificate { encoding: CertificateEncoding::Pem, data });
    }
    Ok(Some(found))
}

fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The registry that an image comes from: `host[:port]`.
pub fn host(image: &ImageRef) -> Result<String, ExecutorError> {
    Ok(reference(image)?.resolve_registry().to_owned())
}

/// The reference as the library reads it: short names are Docker Hub's.
fn reference(image: &ImageRef) -> Result<Reference, ExecutorError> {
    image.as_str().parse().map_err(|error: oci_client::ParseError| {
        let said = match error {
            oci_client::ParseError::NameContainsUppercase => "names of repositories have no capital letters",
            oci_client::ParseError::NameTooLong => "its name is too long",
            oci_client::ParseError::DigestInvalidLength | oci_client::ParseError::DigestUnsupported => {
                "its digest is not one of SHA-256, SHA-384 or SHA-512"
            }
            _other => "it is written as no reference is",
        };
        refused(FailureCode::ImageNotFound, words!("`{}` is not a valid registry image reference", image))
            .saying(said)
    })
}

/// Another digest of the same repository.
fn at_digest(image: &Reference, digest: &Digest) -> Reference {
    let (registry, repository) = (image.registry().to_owned(), image.repository().to_owned());
    Reference::with_digest(registry, repository, digest.to_string())
}

/// Another tag of the same repository.
fn at_tag(image: &Reference, tag: &str) -> Reference {
    Reference::with_tag(image.registry().to_owned(), image.repository().to_owned(), tag.to_owned())
}
