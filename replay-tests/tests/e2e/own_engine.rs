//! A Docker engine of the test's own, to be killed and restarted. It runs in network, process and mount
//! namespaces of the test's own, and so does the whole test: clients, edge and haloy. An engine beside
//! another one in one network namespace would remove the bridge and the firewall rules of the other.

use crate::harness::*;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The network namespace that a test in namespaces of its own has left; also says that it is in them.
const LEFT: &str = "HALOY_E2E_LEFT";
/// Folder of the engine of such a test.
const FOLDER: &str = "HALOY_E2E_ENGINE";

/// The network namespace of this process.
fn network_namespace() -> String {
    let namespace = std::fs::read_link("/proc/self/ns/net").expect("a network namespace");
    namespace.display().to_string()
}

/// Runs a test in namespaces of its own, where this user may create them. The test program starts itself
/// again there for this one test, which must call this first and do everything else inside of `test`.
///
/// `DOCKER_HOST` of all that it starts is the engine that [`OwnEngine::start`] starts. What the test leaves
/// running ends with its process namespace.
pub fn apart<T: FnOnce()>(test: T) {
    if std::env::var_os(LEFT).is_some() {
        return test();
    }
    let able =
        "command -v dockerd && command -v ip && test $(id -u) = 0 && unshare --net --mount --pid --fork true";
    let may = Command::new("sh").args(["-c", able]).output();
    if !may.is_ok_and(|out| out.status.success()) {
        assert!(std::env::var_os("HALOY_REQUIRE_E2E").is_none(), "a Docker engine cannot be started here");
        eprintln!("SKIPPED: a Docker engine cannot be started here");
        return;
    }
    // The name of a closure: program, modules, test, `{{closure}}`.
    let name = std::any::type_name::<T>();
    let name = name.split_once("::").and_then(|(_, name)| name.strip_suffix("::{{closure}}"));
    let folder = tempfile::tempdir().expect("a folder");
    let host = format!("unix://{}", folder.path().join("docker.sock").display());
    // The shell stays, to reap orphaned processes.
    let inside = "ip link set lo up && \"$0\" --exact \"$@\" --nocapture --include-ignored; exit $?";
    let ran = Command::new("unshare")
        .args(["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", inside])
        .arg(std::env::current_exe().expect("a path"))
        .arg(name.expect("a closure in a test"))
        .envs([(LEFT, network_namespace()), ("DOCKER_HOST", host)])
        .env(FOLDER, folder.path())
        .output();
    let ran = ran.expect("unshare");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    println!("{}", text(&ran.stdout));
    eprintln!("{}", text(&ran.stderr));
    assert!(text(&ran.stdout).contains("1 passed"), "the test failed in its namespaces: see above");
}

/// The engine of a test that is [`apart`].
pub struct OwnEngine {
    process: Option<Child>,
    folder: PathBuf,
}

impl OwnEngine {
    /// Starts it.
    pub fn start(live_restore: bool) -> Self {
        Self::with(&serde_json::json!({"live-restore": live_restore}))
    }

    /// Starts it with more of a configuration.
    pub fn with(config: &serde_json::Value) -> Self {
        let folder = std::env::var_os(FOLDER).expect("the test is apart");
        let mut own = Self { process: None, folder: folder.into() };
        std::fs::write(own.folder.join("daemon.json"), config.to_string()).expect("written");
        own.serve();
        assert!(engine(), "it answers");
        own
    }

    /// Starts it, also after it was killed.
    pub fn serve(&mut self) {
        let left = std::env::var(LEFT).expect("the test is apart");
        assert_ne!(left, network_namespace(), "no engine is started in a network namespace of others");
        // What a killed one leaves: the next would take the numbers for processes that run.
        for left in ["docker.pid", "exec/containerd/containerd.pid"] {
            drop(std::fs::remove_file(self.folder.join(left)));
        }
        let at = |name: &str| self.folder.join(name).display().to_string();
        let log = std::fs::OpenOptions::new().append(true).create(true).open(self.folder.join("log"));
        let log = log.expect("a file");
        let host = std::env::var("DOCKER_HOST").expect("the test is apart");
        let mut command = Command::new("dockerd");
        command.args(["-H", &host, "--config-file", &at("daemon.json"), "--data-root", &at("data")]);
        command.args(["--exec-root", &at("exec"), "--pidfile", &at("docker.pid"), "--log-level", "warn"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        self.process = Some(command.spawn().expect("an engine"));
        let until = Instant::now() + Duration::from_secs(40);
        let answers = || {
            let asked = Command::new("docker").arg("version").output();
            asked.is_ok_and(|out| out.status.success())
        };
        while !answers() {
            let log = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            assert!(Instant::now() < until, "the engine does not answer: {log}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Ends it as a crash would.
    pub fn kill(&mut self) {
        let mut process = self.process.take().expect("it runs");
        process.kill().expect("killed");
        process.wait().expect("ended");
    }

    /// Ends it gracefully, as an upgrade of its package does; its containers end with it, or with
    /// live-restore stay.
    pub fn stop(&mut self) {
        let mut process = self.process.take().expect("it runs");
        let told = Command::new("kill").arg(process.id().to_string()).status();
        assert!(told.is_ok_and(|status| status.success()), "SIGTERM");
        process.wait().expect("ended");
    }
}
