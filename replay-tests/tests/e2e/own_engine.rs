//! A Docker engine of the test's own, to be killed: beside the one that is there, without touching its
//! networks or firewall.

use crate::harness::*;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// An engine; its containers and itself end with the test.
pub struct OwnEngine {
    process: Option<Child>,
    folder: PathBuf,
    bridge: Bridge,
}

/// A bridge of its own. Without one, dockerd would remove that of the other engine; it would do so when it
/// is started anew with address pools of its own, too. It takes networks that no route of the machine leads
/// to.
struct Bridge(String);

impl Bridge {
    fn new() -> Self {
        static NEXT: std::sync::atomic::AtomicU8 = std::sync::atomic::AtomicU8::new(0);
        let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let bridge = Self(format!("haloy{}t{number}", std::process::id() % 100_000));
        ip(&["link", "add", &bridge.0, "type", "bridge"]);
        ip(&["addr", "add", &format!("10.{}.255.1/24", 203 + number), "dev", &bridge.0]);
        ip(&["link", "set", &bridge.0, "up"]);
        bridge
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        drop(Command::new("ip").args(["link", "del", &self.0]).status());
    }
}

fn ip(arguments: &[&str]) {
    let out = Command::new("ip").args(arguments).output().expect("the ip command");
    assert!(out.status.success(), "ip {arguments:?}: {}", String::from_utf8_lossy(&out.stderr));
}

impl OwnEngine {
    /// Starts one, where this user may.
    pub fn start(user: &User, live_restore: bool) -> Option<Self> {
        if !engine() {
            return None;
        }
        let may = Command::new("sh")
            .args(["-c", "command -v dockerd && command -v ip && test $(id -u) = 0"])
            .output();
        if !may.is_ok_and(|out| out.status.success()) {
            assert!(std::env::var_os("HALOY_REQUIRE_E2E").is_none(), "dockerd cannot be started here");
            eprintln!("SKIPPED: dockerd cannot be started here");
            return None;
        }
        let folder = user.folder.path().join("engine");
        std::fs::create_dir_all(&folder).expect("a folder");
        let config = serde_json::json!({"live-restore": live_restore});
        std::fs::write(folder.join("daemon.json"), config.to_string()).expect("written");
        let mut own = Self { process: None, folder, bridge: Bridge::new() };
        own.serve();
        build_images(&["-H", &own.host()]);
        Some(own)
    }

    /// Address, as DOCKER_HOST wants it.
    pub fn host(&self) -> String {
        format!("unix://{}", self.folder.join("docker.sock").display())
    }

    /// Starts it, also after it was killed.
    pub fn serve(&mut self) {
        // What a killed one leaves: the next would take the numbers for processes that run.
        for left in ["docker.pid", "exec/containerd/containerd.pid"] {
            drop(std::fs::remove_file(self.folder.join(left)));
        }
        let at = |name: &str| self.folder.join(name).display().to_string();
        let log = std::fs::OpenOptions::new().append(true).create(true).open(self.folder.join("log"));
        let log = log.expect("a file");
        let mut command = Command::new("dockerd");
        command.args(["-H", &self.host(), "--config-file", &at("daemon.json"), "--data-root", &at("data")]);
        command.args(["--exec-root", &at("exec"), "--pidfile", &at("docker.pid"), "--log-level", "warn"]);
        command.args(["--bridge", &self.bridge.0, "--iptables=false", "--ip-masq=false"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        self.process = Some(command.spawn().expect("dockerd"));
        let until = Instant::now() + Duration::from_secs(40);
        let answers = || {
            let asked = Command::new("docker").args(["-H", &self.host(), "version"]).output();
            asked.is_ok_and(|out| out.status.success())
        };
        while !answers() {
            let log = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            assert!(Instant::now() < until, "dockerd does not answer: {log}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Ends it as a crash would.
    pub fn kill(&mut self) {
        let mut process = self.process.take().expect("it runs");
        process.kill().expect("killed");
        process.wait().expect("ended");
    }

    /// Containers of a user's app, running or not.
    pub fn containers(&self, user: &User) -> Vec<String> {
        let label = format!("label=haloy.app={}", user.app);
        let list = docker(&["-H", &self.host(), "ps", "-aq", "--filter", &label]);
        list.lines().map(str::to_owned).collect()
    }
}

impl Drop for OwnEngine {
    fn drop(&mut self) {
        if self.process.is_none() {
            self.serve();
        }
        // Otherwise live-restore would leave them behind.
        let host = self.host();
        let quiet = |arguments: &[&str]| Command::new("docker").args(["-H", &host]).args(arguments).output();
        if let Ok(list) = quiet(&["ps", "-aq"]) {
            for id in String::from_utf8_lossy(&list.stdout).lines() {
                drop(quiet(&["rm", "-f", id]));
            }
        }
        drop(quiet(&["network", "rm", "haloy"]));
        let Some(mut process) = self.process.take() else { return };
        // SIGTERM: it ends containerd, which is a process of its own.
        drop(Command::new("kill").arg(process.id().to_string()).status());
        drop(process.wait());
        // It mounts its data on itself, and one that was killed leaves that behind.
        drop(Mounted(self.folder.join("data")));
    }
}
