//! Where a request came from.

use std::net::IpAddr;

/// Where a request came from.
#[derive(Debug, Clone, Copy)]
pub struct ClientOrigin {
    /// Address of the client.
    pub client: IpAddr,
    /// Whether it came over TLS.
    pub secure: bool,
}

impl ClientOrigin {
    /// `http` or `https`.
    pub fn scheme(self) -> &'static str {
        if self.secure { "https" } else { "http" }
    }
}
