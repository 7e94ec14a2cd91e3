//! Real registries for the tests: open, or with a password and TLS, and one behind a proxy that
//! breaks its answers. Started on loopback with ports of their own, ended with the test.

use crate::harness::*;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Password of user `ci` at a registry with a password.
pub const PASSWORD: &str = "secret-pass";
/// The same as bcrypt, the only form that the registry reads.
const HTPASSWD: &str = "ci:$2y$05$abcdefghijklmnopqrstuuwCOGMJGvW9mUhylOie71ybcMVUf/jdO\n";

/// Debian's registry, ended with the test.
pub struct Registry {
    process: Child,
    /// `host:port`.
    pub address: String,
    config: PathBuf,
    folder: PathBuf,
}

impl Registry {
    /// Without password and TLS.
    pub fn open(user: &User) -> Option<Self> {
        Self::start(user, "open", |_, _| String::new())
    }

    /// With user `ci`, a password, and a certificate of an authority of its own.
    pub fn closed(user: &User) -> Option<Self> {
        Self::start(user, "closed", |folder, address| {
            let authority = authority();
            let (certificate, key) = certificate(&authority);
            let write = |name: &str, text: &str| {
                let path = folder.join(name);
                std::fs::write(&path, text).expect("written");
                path.display().to_string()
            };
            // Where Docker and haloy look for authorities, below a folder of the test.
            let trusted = user.folder.path().join("certs.d").join(address);
            std::fs::create_dir_all(&trusted).expect("a folder");
            std::fs::write(trusted.join("ca.crt"), authority.0.pem()).expect("written");
            let (certificate, key) = (write("tls.crt", &certificate), write("tls.key", &key));
            let passwords = write("htpasswd", HTPASSWD);
            format!(
                "  tls: {{certificate: {certificate}, key: {key}}}\nauth:\n  htpasswd: {{realm: test, path: {passwords}}}\n"
            )
        })
    }

    fn start(user: &User, name: &str, more: impl FnOnce(&PathBuf, &str) -> String) -> Option<Self> {
        let folder = user.folder.path().join(format!("registry-{name}"));
        std::fs::create_dir_all(&folder).expect("a folder");
        let (address, config) = (free_address().to_string(), folder.join("registry.yml"));
        let text = format!(
            "version: 0.1\nstorage:\n  filesystem: {{rootdirectory: {}}}\n  delete: {{enabled: true}}\nhttp:\n  addr: \"{address}\"\n{}",
            folder.join("data").display(),
            more(&folder, &address)
        );
        std::fs::write(&config, text).expect("written");
        match serve(&config) {
            Ok(process) => {
                let registry = Self { process, address, config, folder };
                registry.wait();
                Some(registry)
            }
            Err(_) => {
                assert!(std::env::var_os("HALOY_REQUIRE_E2E").is_none(), "docker-registry is not installed");
                eprintln!("SKIPPED: docker-registry is not installed");
                None
            }
        }
    }

    fn wait(&self) {
        for _ in 0..100 {
            if TcpStream::connect(&self.address).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("the registry does not answer at {}", self.address);
    }

    /// Ends it; its content stays.
    pub fn stop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }

    /// Starts it again, as it was.
    pub fn start_again(&mut self) {
        self.process = serve(&self.config).expect("it started before");
        self.wait();
    }

    /// Pushes a version of the test app under a tag, and forgets it on the engine.
    pub fn push(&self, version: &str, tag: &str) -> String {
        let name = format!("{}/org/app:{tag}", self.address);
        docker(&["tag", &format!("{IMAGE}:{version}"), &name]);
        // A folder without helpers: only the logins given here are used.
        let config = self.folder.join("docker");
        std::fs::create_dir_all(&config).expect("a folder");
        let auth = base64(format!("ci:{PASSWORD}").as_bytes());
        let text = format!("{{\"auths\":{{\"{}\":{{\"auth\":\"{auth}\"}}}}}}", self.address);
        std::fs::write(config.join("config.json"), text).expect("written");
        docker(&["--config", &config.display().to_string(), "push", "-q", &name]);
        docker(&["rmi", &name]);
        name
    }

    /// Removes a whole repository behind the registry's back.
    pub fn lose(&mut self) {
        self.stop();
        std::fs::remove_dir_all(self.folder.join("data")).expect("it held something");
        self.start_again();
    }
}

fn serve(config: &PathBuf) -> std::io::Result<Child> {
    Command::new("docker-registry")
        .arg("serve")
        .arg(config)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.stop();
    }
}

pub type Authority = (rcgen::Certificate, rcgen::Issuer<'static, rcgen::KeyPair>);

pub fn authority() -> Authority {
    let key = rcgen::KeyPair::generate().expect("a key");
    let mut params = rcgen::CertificateParams::new(Vec::new()).expect("parameters");
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let certificate = params.self_signed(&key).expect("signed");
    (certificate, rcgen::Issuer::new(params, key))
}

pub fn certificate(authority: &Authority) -> (String, String) {
    let key = rcgen::KeyPair::generate().expect("a key");
    let params = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned(), "localhost".to_owned()])
        .expect("parameters");
    let certificate = params.signed_by(&key, &authority.1).expect("signed");
    (certificate.pem(), key.serialize_pem())
}

/// As config.json has it.
pub fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let all = chunk.iter().fold(0u32, |all, byte| all << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let digit = DIGITS[(all >> (18 - 6 * place) & 63) as usize];
            text.push(if place > chunk.len() { '=' } else { digit.into() });
        }
    }
    text
}

/// What the proxy does to a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// 429 with `Retry-After: 1`, this many times.
    SlowDown(u32),
    /// Takes the request and says nothing.
    Silent,
    /// Cuts the body of every answer in half.
    Truncated,
}

/// A proxy before a registry that breaks its answers.
pub struct Proxy {
    pub address: String,
    fault: Arc<Mutex<Fault>>,
}

impl Proxy {
    pub fn before(registry: &Registry, fault: Fault) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("known").to_string();
        let fault = Arc::new(Mutex::new(fault));
        let (behind, shared) = (registry.address.clone(), Arc::clone(&fault));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (behind, fault) = (behind.clone(), Arc::clone(&shared));
                std::thread::spawn(move || drop(handle(client, &behind, &fault)));
            }
        });
        Self { address, fault }
    }

    pub fn set(&self, fault: Fault) {
        *self.fault.lock().expect("not poisoned") = fault;
    }
}

fn head(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte)? == 1 {
        head.push(byte[0]);
    }
    Ok(head)
}

/// One request for each connection.
fn handle(mut client: TcpStream, behind: &str, fault: &Mutex<Fault>) -> std::io::Result<()> {
    let request = head(&mut client)?;
    let struck = {
        let mut fault = fault.lock().expect("not poisoned");
        let struck = *fault;
        if let Fault::SlowDown(left) = *fault {
            *fault = if left > 1 { Fault::SlowDown(left - 1) } else { Fault::None };
        }
        struck
    };
    match struck {
        Fault::SlowDown(_) => {
            client.write_all(b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        }
        Fault::Silent => {
            std::thread::sleep(Duration::from_secs(30));
            Ok(())
        }
        Fault::None | Fault::Truncated => {
            let mut server = TcpStream::connect(behind)?;
            let request = String::from_utf8_lossy(&request).replacen("\r\n", "\r\nConnection: close\r\n", 1);
            server.write_all(request.as_bytes())?;
            let head = head(&mut server)?;
            let mut body = Vec::new();
            server.read_to_end(&mut body)?;
            client.write_all(&head)?;
            let sent = if struck == Fault::Truncated { body.len() / 2 } else { body.len() };
            client.write_all(&body[..sent])
        }
    }
}
