//! Pebble, the test authority of Let's Encrypt: strict, with nonces that it rejects now and then, and
//! a DNS of its own in which every name is this machine.

use crate::harness::*;
use crate::registries::{authority, certificate};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

/// The authority, ended with the test.
pub struct Pebble {
    processes: Vec<Child>,
    folder: PathBuf,
    api: u16,
    management: u16,
    dns: u16,
    dns_management: u16,
    newer: bool,
}

impl Pebble {
    /// Starts one that looks for challenges where the edge of this user listens. Certificates live for
    /// so many seconds.
    pub fn start(user: &User, lives: u32) -> Option<Self> {
        let folder = user.folder.path().join("pebble");
        std::fs::create_dir_all(&folder).expect("a folder");
        let port = || free_address().port();
        let (api, management, dns, dns_management) = (port(), port(), port(), port());
        let authority = authority();
        let (cert, key) = certificate(&authority);
        let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).expect("written");
        write("ca.pem", &authority.0.pem());
        write("cert.pem", &cert);
        write("key.pem", &key);
        let config = serde_json::json!({"pebble": {
            "listenAddress": format!("127.0.0.1:{api}"),
            "managementListenAddress": format!("127.0.0.1:{management}"),
            "certificate": folder.join("cert.pem"),
            "privateKey": folder.join("key.pem"),
            "httpPort": user.edge.port(),
            "tlsPort": user.secure.port(),
            // The first is for older versions of Pebble, the second for newer ones.
            "certificateValidityPeriod": lives,
            "profiles": {"default": {"description": "short", "validityPeriod": lives}},
        }});
        write("pebble.json", &config.to_string());
        let mut pebble =
            Self { processes: Vec::new(), folder, api, management, dns, dns_management, newer: false };
        if pebble.serve().is_none() {
            assert!(std::env::var_os("HALOY_REQUIRE_E2E").is_none(), "pebble is not installed");
            eprintln!("SKIPPED: pebble is not installed");
            return None;
        }
        Some(pebble)
    }

    fn serve(&mut self) -> Option<()> {
        let quiet = |command: &mut Command| {
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()
        };
        let (dns, managed) =
            (format!("127.0.0.1:{}", self.dns), format!("127.0.0.1:{}", self.dns_management));
        let mut names = Command::new("pebble-challtestsrv");
        names.args(["-defaultIPv4", "127.0.0.1", "-defaultIPv6", "", "-http01", "", "-https01", ""]);
        // Newer ones call it differently, and also answer DNS over HTTPS, at a port that many would share.
        let help = Command::new("pebble-challtestsrv").arg("-help").output().ok()?;
        self.newer = String::from_utf8_lossy(&help.stderr).contains("-doh");
        names.args(if self.newer {
            ["-doh", "", "-dnsserver", &dns]
        } else {
            ["-tlsalpn01", "", "-dns01", &dns]
        });
        names.args(["-tlsalpn01", "", "-management", &managed]);
        self.processes.push(quiet(&mut names)?);
        let mut authority = Command::new("pebble");
        authority.arg("-config").arg(self.folder.join("pebble.json")).args(["-dnsserver", &dns, "-strict"]);
        authority.env("PEBBLE_VA_NOSLEEP", "1").env("PEBBLE_WFE_NONCEREJECT", "5");
        let log = std::fs::OpenOptions::new().append(true).create(true).open(self.folder.join("log")).ok()?;
        self.processes
            .push(authority.stdin(Stdio::null()).stdout(log.try_clone().ok()?).stderr(log).spawn().ok()?);
        for port in [self.api, self.management, self.dns_management] {
            let at = SocketAddr::from(([127, 0, 0, 1], port));
            let answers = || TcpStream::connect(at).is_ok();
            let tries = (0..100).any(|_| {
                answers() || {
                    std::thread::sleep(Duration::from_millis(50));
                    false
                }
            });
            assert!(tries, "pebble does not answer at {at}");
        }
        Some(())
    }

    /// Output so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// Whether it was queried for the time of renewal; none if it is too old for that.
    pub fn advised(&self) -> Option<bool> {
        self.newer.then(|| self.log().contains("renewalInfo/"))
    }

    /// Ends it and starts it again: it forgets every account, and has another root.
    pub fn start_again(&mut self) {
        self.end();
        self.serve().expect("it started before");
    }

    fn end(&mut self) {
        for mut process in self.processes.drain(..) {
            drop(process.kill());
            drop(process.wait());
        }
    }

    /// What `haloy edge run` has to know.
    pub fn environment(&self) -> [(&'static str, String); 2] {
        [
            ("HALOY_ACME_DIRECTORY", format!("https://localhost:{}/dir", self.api)),
            ("HALOY_ACME_CA", self.folder.join("ca.pem").display().to_string()),
        ]
    }

    /// Lets a name mean another address.
    pub fn resolve(&self, name: &str, to: &str) {
        let body = serde_json::json!({"host": name, "addresses": [to]}).to_string();
        let mut stream = TcpStream::connect(("127.0.0.1", self.dns_management)).expect("it listens");
        let length = body.len();
        write!(stream, "POST /add-a HTTP/1.0\r\nContent-Length: {length}\r\n\r\n{body}").expect("written");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("answered");
        assert!(answer.contains(" 200 "), "{answer}");
    }

    /// The root of the certificates that it issues.
    pub fn root(&self) -> Vec<u8> {
        let ca = std::fs::read(self.folder.join("ca.pem")).expect("written before");
        let at = SocketAddr::from(([127, 0, 0, 1], self.management));
        let answer = secure_get(at, "localhost", "localhost", &[ca], "/roots/0").expect("it answers");
        let pem = answer.split_once("-----BEGIN").expect("PEM").1;
        format!("-----BEGIN{pem}").into_bytes()
    }
}

impl Drop for Pebble {
    fn drop(&mut self) {
        self.end();
    }
}

/// GET over TLS, believing these roots only. `sni` is the name of the connection.
pub fn secure_get(
    at: SocketAddr,
    sni: &str,
    host: &str,
    roots: &[Vec<u8>],
    path: &str,
) -> std::io::Result<String> {
    let mut stream = tls(at, sni, roots, &[])?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")?;
    let (mut answer, mut chunk) = (Vec::new(), [0; 4096]);
    // A server that closes without TLS's own goodbye has answered all the same.
    while let Ok(count) = stream.read(&mut chunk) {
        if count == 0 {
            break;
        }
        answer.extend_from_slice(&chunk[..count]);
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

type Tls = rustls::StreamOwned<rustls::ClientConnection, TcpStream>;

/// A connection whose certificate was trusted.
pub fn tls(at: SocketAddr, sni: &str, roots: &[Vec<u8>], alpn: &[&[u8]]) -> std::io::Result<Tls> {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, ServerName};
    let mut store = rustls::RootCertStore::empty();
    for root in roots {
        let root = CertificateDer::from_pem_slice(root).expect("PEM");
        store.add(root).expect("a root");
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let mut config = config.expect("versions").with_root_certificates(store).with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    let name = ServerName::try_from(sni.to_owned()).expect("a name");
    let mut connection = rustls::ClientConnection::new(Arc::new(config), name).expect("a client");
    let mut stream = TcpStream::connect_timeout(&at, Duration::from_secs(2))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    while connection.is_handshaking() {
        connection.complete_io(&mut stream)?;
    }
    Ok(rustls::StreamOwned::new(connection, stream))
}

/// Whether a file is readable by others.
pub fn private(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o077 == 0)
}
