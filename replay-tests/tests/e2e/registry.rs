//! Images from a real registry: resolved, pulled by digest, tagged; and rolled back to while it is down.

use crate::harness::*;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Debian's registry, on loopback, ended with the test.
struct Registry {
    process: Child,
    address: String,
}

impl Registry {
    fn start(user: &User) -> Option<Self> {
        let port =
            std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("known").port();
        let address = format!("127.0.0.1:{port}");
        let data = user.folder.path().join("registry");
        let config = user.folder.path().join("registry.yml");
        let text = format!(
            "version: 0.1\nstorage:\n  filesystem: {{rootdirectory: {}}}\nhttp: {{addr: \"{address}\"}}\n",
            data.display()
        );
        std::fs::write(&config, text).expect("written");
        let started = Command::new("docker-registry")
            .arg("serve")
            .arg(&config)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let Ok(process) = started else {
            assert!(std::env::var_os("HALOY_REQUIRE_E2E").is_none(), "docker-registry is not installed");
            eprintln!("SKIPPED: docker-registry is not installed");
            return None;
        };
        let registry = Self { process, address };
        for _ in 0..100 {
            if std::net::TcpStream::connect(&registry.address).is_ok() {
                return Some(registry);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("the registry does not answer at {}", registry.address);
    }

    fn push(&self, version: &str, tag: &str) -> String {
        let name = format!("{}/org/app:{tag}", self.address);
        docker(&["tag", &format!("{IMAGE}:{version}"), &name]);
        docker(&["push", "-q", &name]);
        docker(&["rmi", &name]);
        name
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

#[test]
fn pulled_by_digest_and_rolled_back_to_while_the_registry_is_down() {
    if !engine() {
        return;
    }
    let user = User::new("registry");
    let Some(registry) = Registry::start(&user) else { return };
    let image = registry.push("v1", "stable");
    let deploy = || {
        let text = format!("name: {}\nimage: {image}\n", user.app);
        std::fs::write(user.folder.path().join("haloy.yaml"), text).expect("written");
        user.haloy("deploy")
    };
    deploy().ok();
    // The tag moves: the next deploy takes what it points at now.
    registry.push("v2", "stable");
    deploy().ok();
    assert_eq!(user.answers("default", "/"), ["version v2"]);
    let history = user.haloy("history --json").ok().json();
    let digests: Vec<_> =
        (0..2).map(|row| history["data"][row]["digest"].as_str().expect("a digest")).collect();
    assert!(digests[0].starts_with("sha256:") && digests[0] != digests[1], "{digests:?}");
    let missing = format!("name: {}\nimage: {}/org/app:nowhere\n", user.app, registry.address);
    std::fs::write(user.folder.path().join("haloy.yaml"), missing).expect("written");
    let failed = user.haloy("deploy").exits(3);
    assert!(failed.out.contains("nowhere"), "{}", failed.out);
    drop(registry);
    user.haloy("rollback").ok();
    assert_eq!(user.answers("default", "/"), ["version v1"]);
}
