//! A user at work: a folder with a haloy.yaml, a ledger, and questions to Docker itself.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::time::Duration;

/// Image of the test app; `:v1` to `:v4` differ in what they answer.
pub const IMAGE: &str = "haloy-e2e-app";

/// Whether there is an engine; made ready once: the images of the test app are built.
pub fn engine() -> bool {
    static READY: OnceLock<bool> = OnceLock::new();
    let ready = *READY.get_or_init(|| {
        let answers = Command::new("docker").args(["version", "--format", "x"]).output();
        if !answers.is_ok_and(|out| out.status.success()) {
            return false;
        }
        build_images();
        true
    });
    if !ready {
        assert!(std::env::var_os("HALOY_REQUIRE_E2E").is_none(), "no Docker engine answers");
        eprintln!("SKIPPED: no Docker engine answers");
    }
    ready
}

/// Makes the images of the test app.
fn build_images() {
    let folder = tempfile::tempdir().expect("a folder");
    let app = folder.path().join("app");
    std::fs::write(&app, haloy::commands::demo::APP).expect("written");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&app, mode).expect("executable");
    let dockerfile = "FROM scratch\nCOPY app /app\nARG V\nENV VERSION=$V\nENTRYPOINT [\"/app\"]\n";
    std::fs::write(folder.path().join("Dockerfile"), dockerfile).expect("written");
    for version in ["v1", "v2", "v3", "v4"] {
        let (tag, arg) = (format!("{IMAGE}:{version}"), format!("V={version}"));
        let context = folder.path().display().to_string();
        docker(&["build", "-q", "-t", &tag, "--build-arg", &arg, &context]);
    }
}

/// Runs docker; fails the test if that fails.
pub fn docker(arguments: &[&str]) -> String {
    let out = Command::new("docker").args(arguments).output().expect("the docker command");
    let (text, error) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success(), "docker {arguments:?}: {error}");
    text.trim().to_owned()
}

/// How a command of haloy ended.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    fn of(out: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let ran =
            Self { code: out.status.code().unwrap_or(-1), out: text(&out.stdout), err: text(&out.stderr) };
        assert_ne!(ran.code, 101, "it panicked: {}", ran.err);
        ran
    }

    /// Output as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}\n{}", self.out, self.err))
    }

    #[track_caller]
    pub fn ok(self) -> Self {
        self.exits(0)
    }

    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout: {}\nstderr: {}", self.out, self.err);
        self
    }
}

/// The binary under test, beside the test itself.
pub fn binary() -> PathBuf {
    let test = std::env::current_exe().expect("a path");
    let binary = test.parent().and_then(Path::parent).map(|folder| folder.join("haloy"));
    binary.filter(|binary| binary.exists()).expect("target/debug/haloy; run: make test")
}

/// One user: an app of its own, a ledger of its own.
pub struct User {
    pub folder: tempfile::TempDir,
    pub app: String,
    /// Where its edge listens, if it comes to need one.
    pub edge: std::net::SocketAddr,
    /// Where it listens for https.
    pub secure: std::net::SocketAddr,
    /// More of the environment of its commands.
    pub environment: Vec<(&'static str, String)>,
}

/// A free address of this machine that no client of a test gets by chance: below the range that the system
/// takes for outgoing connections.
pub fn free_address() -> std::net::SocketAddr {
    static NEXT: std::sync::atomic::AtomicU16 = std::sync::atomic::AtomicU16::new(0);
    for _ in 0..10_000 {
        let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let port = 21_000 + (number + u16::try_from(std::process::id() % 97).unwrap_or(0) * 80) % 10_000;
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], port));
        if std::net::TcpListener::bind(address).is_ok() {
            return address;
        }
    }
    panic!("no port is free");
}

impl User {
    pub fn new(name: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        // Names of tests that run at once, or ran before, must not meet on the engine.
        let unique = folder.path().file_name().map(|name| name.to_string_lossy().to_lowercase());
        let unique: String = unique.unwrap_or_default().chars().filter(char::is_ascii_alphanumeric).collect();
        let app = format!("e2e-{name}-{unique}");
        Self { app, folder, edge: free_address(), secure: free_address(), environment: Vec::new() }
    }

    /// Writes haloy.yaml: its first lines, then what the test adds.
    pub fn config(&self, version: &str, more: &str) -> &Self {
        let text = format!("name: {}\nimage: {IMAGE}:{version}\n{more}", self.app);
        std::fs::write(self.folder.path().join("haloy.yaml"), text).expect("written");
        self
    }

    pub fn command(&self, line: &str) -> Command {
        let mut command = Command::new(binary());
        command
            .args(line.split_whitespace())
            .current_dir(self.folder.path())
            .env("HALOY_LEDGER", self.folder.path().join("ledger"))
            .env("HALOY_KEYS", self.folder.path().join("keys"))
            .env("HALOY_HEALTH_TIMEOUT", "4")
            .env("HALOY_HERE", "1")
            .env("HALOY_EDGE_HTTP", self.edge.to_string())
            .env("HALOY_EDGE_HTTPS", self.secure.to_string())
            // Nothing listens there: no test contacts a public authority, whatever its domains are.
            .env("HALOY_ACME_DIRECTORY", "https://127.0.0.1:9/directory")
            .env_remove("HALOY_FAILPOINT")
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    pub fn haloy(&self, line: &str) -> Ran {
        Ran::of(&self.command(line).output().expect("haloy runs"))
    }

    pub fn run(&self, command: &mut Command) -> Ran {
        Ran::of(&command.output().expect("haloy runs"))
    }

    /// Deploys a version and returns the id of its release.
    #[track_caller]
    pub fn deploy(&self, version: &str, more: &str) -> String {
        self.config(version, more);
        self.haloy("deploy -o id").ok().out.trim().to_owned()
    }

    /// Ids of the containers of a target, as Docker lists them.
    pub fn containers(&self, target: &str) -> Vec<String> {
        let (app, target) = (format!("label=haloy.app={}", self.app), format!("label=haloy.target={target}"));
        let list = docker(&["ps", "-aq", "--no-trunc", "--filter", &app, "--filter", &target]);
        list.lines().map(str::to_owned).collect()
    }

    /// Addresses of running containers of a target.
    pub fn addresses(&self, target: &str) -> Vec<String> {
        self.containers(target).iter().filter_map(|id| address(id)).collect()
    }

    /// What every running container of a target answers.
    pub fn answers(&self, target: &str, path: &str) -> Vec<String> {
        let mut answers: Vec<String> = self
            .addresses(target)
            .iter()
            .map(|address| get(address, path).unwrap_or_else(|error| format!("{address}: {error}")))
            .collect();
        answers.sort();
        answers
    }

    /// Process of its edge, where one runs.
    pub fn edge_process(&self) -> Option<u32> {
        let ran = Ran::of(&self.command("edge status -o json").output().ok()?);
        if ran.code != 0 {
            return None;
        }
        u32::try_from(ran.json()["data"]["pid"].as_u64()?).ok()
    }

    /// Ends its edge at once, as a crash would.
    pub fn end_edge(&self) {
        if self.folder.path().join("ledger/edge/edge.sock").exists()
            && let Some(process) = self.edge_process()
        {
            drop(Command::new("kill").args(["-9", &process.to_string()]).status());
        }
    }

    /// Our tags on the engine, without the repository.
    pub fn tags(&self) -> Vec<String> {
        let list = docker(&["images", "--format", "{{.Tag}}", &self.app]);
        let mut tags: Vec<String> = list.lines().map(str::to_owned).collect();
        tags.sort();
        tags
    }
}

impl Drop for User {
    fn drop(&mut self) {
        self.end_edge();
        let label = format!("label=haloy.app={}", self.app);
        let quiet = |arguments: &[&str]| Command::new("docker").args(arguments).output();
        let Ok(list) = quiet(&["ps", "-aq", "--filter", &label]) else { return };
        for id in String::from_utf8_lossy(&list.stdout).lines() {
            drop(quiet(&["rm", "-f", id]));
        }
        let Ok(list) = quiet(&["images", "--format", "{{.Repository}}:{{.Tag}}", &self.app]) else { return };
        for tag in String::from_utf8_lossy(&list.stdout).lines() {
            drop(quiet(&["rmi", tag]));
        }
    }
}

/// The address of a running container on haloy's network.
pub fn address(id: &str) -> Option<String> {
    let format = "{{if .State.Running}}{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}{{end}}";
    let out = Command::new("docker").args(["inspect", "-f", format, id]).output().ok()?;
    let address = String::from_utf8_lossy(&out.stdout).trim().to_owned();
    (out.status.success() && !address.is_empty()).then_some(address)
}

/// GET at port 8080 of an address.
pub fn get(address: &str, path: &str) -> std::io::Result<String> {
    use std::io::{Read, Write};
    let at = format!("{address}:8080");
    let at = at.parse().map_err(std::io::Error::other)?;
    let mut stream = std::net::TcpStream::connect_timeout(&at, Duration::from_millis(500))?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    // In one piece: a server may answer and close after the first.
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.trim().to_owned());
    body.ok_or_else(|| std::io::Error::other("no body"))
}

/// A mount point, perhaps mounted more than once; unmounted when this is dropped, also by a test that failed.
pub struct Mounted(pub PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        let unmounted = || Command::new("umount").arg("--lazy").arg(&self.0).output();
        while unmounted().is_ok_and(|out| out.status.success()) {}
    }
}
