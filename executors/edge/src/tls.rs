//! TLS at the front door: which certificate a client sees.

use super::shared::Edge;
use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

/// Chooses by the name that the client asks for.
struct ByName(Arc<Edge>);

impl std::fmt::Debug for ByName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ByName")
    }
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name()?.to_ascii_lowercase();
        if let Some(cert) = self.0.certs.get(&name) {
            return Some(Arc::clone(&cert.key));
        }
        // Only for names that are routed: whoever asks for others learns nothing and costs nothing.
        self.0.table().get(&name)?;
        self.0.certs.self_signed(&name)
    }
}

/// TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1.
pub fn acceptor(edge: &Arc<Edge>) -> Result<TlsAcceptor, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let mut config = config.with_no_client_auth().with_cert_resolver(Arc::new(ByName(Arc::clone(edge))));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
