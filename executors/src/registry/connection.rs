//! A connection to the registry of one image: its address and its credentials.

use super::login::stored_login;
use super::reference::host;
use crate::contract::{ExecutorError, RegistryLogin};
use crate::limits::REGISTRY_ANSWER;
use crate::mask::Mask;
use crate::said;
use haloy_edge::Waits;
use haloy_ledger::ids::ImageRef;
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
    /// Receives the services that are waited for.
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
    pub(super) client: Client,
    /// For what the library cannot ask: pages of tags, deletion, how long to wait.
    pub(super) plain: reqwest::Client,
    pub(super) auth: RegistryAuth,
    pub(super) host: String,
    pub(super) scheme: &'static str,
    pub(super) password: Option<String>,
    pub(super) options: RegistryOptions,
}

impl Registry {
    /// For the registry of an image. Credentials of the configuration win over those that
    /// `docker login` left.
    pub async fn for_image(
        options: &RegistryOptions,
        image: &ImageRef,
        login: Option<&RegistryLogin>,
    ) -> Result<Self, ExecutorError> {
        // reqwest needs a provider of cryptography; a second installation is not an error.
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
            ExecutorError::new(
                FailureCode::RegistryUnreachable,
                words!("registry {} cannot be queried", Public(&host)),
            )
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

    /// Waits for the registry, and says so.
    pub(super) async fn waiting<T>(&self, answer: impl Future<Output = T>) -> T {
        self.options.waits.during(format!("registry {}", self.host), answer).await
    }

    pub(super) fn url(&self, image: &Reference, rest: &str) -> String {
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
            ExecutorError::new(FailureCode::RegistryUnreachable, "an authority's certificate cannot be read")
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
