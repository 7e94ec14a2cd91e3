//! Debian's registry on loopback, for whatever test needs a real one.

use haloy_ledger::ids::{Digest, ImageRef};
use serde_json::json;
use sha2::Digest as _;
use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// Debian's registry on loopback, ended with the test, filled over HTTP.
pub struct Server {
    process: Child,
    pub address: String,
    http: reqwest::Client,
    _folder: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// Reads the head of a request up to its empty line, or what comes of it.
pub fn head(client: &mut impl Read) -> Vec<u8> {
    let (mut seen, mut byte) = (Vec::new(), [0]);
    while !seen.ends_with(b"\r\n\r\n") && client.read(&mut byte).is_ok_and(|read| read == 1) {
        seen.push(byte[0]);
    }
    seen
}

pub fn sha256(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(sha2::Sha256::digest(bytes)))
}

pub fn image(text: String) -> ImageRef {
    ImageRef::new(text).expect("a reference")
}

impl Server {
    pub async fn start() -> Option<Self> {
        drop(rustls::crypto::ring::default_provider().install_default());
        let folder = tempfile::tempdir().expect("a folder");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("known").to_string();
        drop(listener);
        let config = folder.path().join("registry.yml");
        let text = format!(
            "version: 0.1\nstorage:\n  filesystem: {{rootdirectory: {}}}\n  delete: {{enabled: true}}\nhttp: {{addr: \"{address}\"}}\n",
            folder.path().join("data").display()
        );
        std::fs::write(&config, text).expect("written");
        let quiet = || Stdio::null();
        let started =
            Command::new("docker-registry").arg("serve").arg(config).stdout(quiet()).stderr(quiet()).spawn();
        let Ok(process) = started else {
            assert!(std::env::var_os("HALOY_REQUIRE_E2E").is_none(), "docker-registry is not installed");
            eprintln!("SKIPPED: docker-registry is not installed");
            return None;
        };
        let server = Self { process, address, http: reqwest::Client::new(), _folder: folder };
        for _ in 0..100 {
            if TcpStream::connect(&server.address).is_ok() {
                return Some(server);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the registry does not answer");
    }

    async fn blob(&self, bytes: &[u8]) -> String {
        let url = format!("http://{}/v2/app/blobs/uploads/", self.address);
        let answer = self.http.post(url).send().await.expect("an upload");
        let location = answer.headers()["location"].to_str().expect("text").to_owned();
        let digest = sha256(bytes);
        let put = self.http.put(format!("{location}&digest={digest}")).body(bytes.to_vec()).send().await;
        assert_eq!(put.expect("uploaded").status(), 201);
        digest
    }

    pub async fn put(&self, tag: &str, kind: &str, manifest: &serde_json::Value) -> Digest {
        let bytes = serde_json::to_vec(manifest).expect("data");
        let url = format!("http://{}/v2/app/manifests/{tag}", self.address);
        let put = self.http.put(url).header("content-type", kind).body(bytes.clone()).send().await;
        assert_eq!(put.expect("put").status(), 201);
        Digest::new(sha256(&bytes)).expect("a digest")
    }

    /// An image of one empty layer for an architecture.
    pub async fn image(&self, tag: &str, architecture: &str) -> Digest {
        let about = json!({
            "os": "linux", "architecture": architecture, "created": "2026-01-02T03:04:05Z",
            "config": {"Labels": {"org.opencontainers.image.revision": format!("rev-{tag}")}},
        });
        let about = serde_json::to_vec(&about).expect("data");
        let (config, layer) = (self.blob(&about).await, self.blob(b"layer").await);
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": about.len()},
            "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": layer, "size": 5}],
        });
        self.put(tag, MANIFEST, &manifest).await
    }

    pub fn named(&self, tag: &str) -> ImageRef {
        image(format!("{}/app:{tag}", self.address))
    }
}
