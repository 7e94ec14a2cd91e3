//! TLS at the front door: the certificates that there are, and which one a client sees.

use super::certs::{Cert, Certs};
use super::challenges::Acme;
use super::options::{AcmeOptions, EdgeOptions};
use super::routing::Routing;
use haloy_ledger::ports::{Clock, SystemClock};
use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

/// Certificates, and where to get more.
pub struct Tls {
    /// Certificates.
    pub certs: Certs,
    /// Certificates that are being requested.
    pub acme: Acme,
    /// The authority.
    pub authority: AcmeOptions,
    /// Whether there is an address for https: without one no client would see a certificate.
    pub presents: bool,
}

impl Tls {
    /// With the certificates that the folder keeps.
    pub fn open(options: &EdgeOptions) -> std::io::Result<Self> {
        let certs = Certs::open(&options.folder)?;
        let (authority, presents) = (options.acme.clone(), !options.https.is_empty());
        Ok(Self { certs, acme: Acme::default(), authority, presents })
    }

    /// Clients believe the certificate of this name, and there is somewhere to present it.
    pub fn believed(&self, name: &str) -> bool {
        let valid = |cert: &Cert| SystemClock.now() < cert.not_after;
        self.presents && self.certs.get(name).is_some_and(|cert| valid(&cert))
    }

    /// Whether one certificate is for both names.
    pub fn same_certificate(&self, one: &str, other: &str) -> bool {
        match (self.certs.get(one), self.certs.get(other)) {
            (Some(one), Some(other)) => Arc::ptr_eq(&one, &other),
            (_, _) => false,
        }
    }
}

/// Chooses by the name that the client sends.
struct ByName {
    tls: Arc<Tls>,
    routing: Arc<Routing>,
}

impl std::fmt::Debug for ByName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ByName")
    }
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name()?.to_ascii_lowercase();
        if let Some(cert) = self.tls.certs.get(&name) {
            return Some(Arc::clone(&cert.key));
        }
        // Only for routed names: clients that send others learn nothing and cost nothing.
        self.routing.table().get(&name)?;
        self.tls.certs.self_signed(&name)
    }
}

/// TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1.
pub fn acceptor(tls: &Arc<Tls>, routing: &Arc<Routing>) -> Result<TlsAcceptor, rustls::Error> {
    let by_name = ByName { tls: Arc::clone(tls), routing: Arc::clone(routing) };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let mut config = config.with_no_client_auth().with_cert_resolver(Arc::new(by_name));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
