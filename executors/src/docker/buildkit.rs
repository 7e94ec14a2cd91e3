//! The user's own `docker build`, where it has BuildKit: with its cache, its mounts and its frontends.

use crate::contract::*;
use crate::mask::{Lines, Tail};
use crate::process::Group;
use haloy_ledger::outcome::FailureCode;
use haloy_ledger::release::BuildSpec;
use haloy_ledger::words;
use std::fmt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;
use tokio::sync::mpsc;

/// How long `docker` may take to report its version.
const HELLO: Duration = Duration::from_secs(10);
/// Bytes of output that are read at once.
const CHUNK: usize = 8 * 1024;
/// Versions of `docker` that bring BuildKit along; later ones have it as a plugin.
const BUILT_IN: std::ops::RangeInclusive<u32> = 18..=22;

/// A `docker` that has BuildKit.
#[derive(Debug, Clone)]
pub(super) struct Cli {
    /// Reported version.
    version: String,
    /// Whether it is the plugin, which can build elsewhere and has to bring the image here.
    plugin: bool,
    /// The engine that it is to use.
    host: String,
}

impl fmt::Display for Cli {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "docker build, {}", self.version)
    }
}

impl Cli {
    /// The one on the PATH, if it has BuildKit.
    pub(super) async fn find(host: &str) -> Option<Self> {
        let cli = |version, plugin| Self { version, plugin, host: host.to_owned() };
        if let Some(version) = said(&["buildx", "version"]).await {
            return Some(cli(version, true));
        }
        let version = said(&["--version"]).await?;
        let major =
            version.split_whitespace().find_map(|word| word.split('.').next()?.parse::<u32>().ok())?;
        BUILT_IN.contains(&major).then(|| cli(version, false))
    }

    pub(super) async fn build(
        &self,
        cx: &EffectContext,
        spec: &BuildSpec,
        local_tag: &str,
    ) -> Result<(), ExecutorError> {
        let mut command = Command::new("docker");
        if self.plugin {
            // Clients up to version 22 have a `build` of their own, which does not know the plugin and its flags.
            command.args(["buildx", "build", "--load"]);
            // As `docker build` does it: on the engine itself, unless the user says otherwise for this command.
            if std::env::var_os("BUILDX_BUILDER").is_none_or(|builder| builder.is_empty()) {
                command.env("BUILDX_BUILDER", "default");
            }
        } else {
            command.arg("build");
        }
        command.arg("--progress=plain").arg("--tag").arg(local_tag);
        command.arg("--file").arg(Path::new(&spec.context).join(&spec.dockerfile));
        if let Some(platform) = &spec.platform {
            command.arg("--platform").arg(platform);
        }
        command.env("DOCKER_BUILDKIT", "1").env("DOCKER_HOST", &self.host).env_remove("DOCKER_CONTEXT");
        for (name, value) in &cx.values.build_args {
            if is_of_docker(name) {
                command.arg("--build-arg").arg(format!("{name}={value}"));
            } else {
                // The value must not appear in a list of processes.
                command.arg("--build-arg").arg(name).env(name, value);
            }
        }
        command.arg("--").arg(&spec.context);
        self.run(cx, command).await
    }

    async fn run(&self, cx: &EffectContext, mut command: Command) -> Result<(), ExecutorError> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.process_group(0).kill_on_drop(true);
        let not_run = |error: std::io::Error| {
            ExecutorError::new(FailureCode::BuildFailed, "docker build could not be run")
                .saying(error.to_string())
        };
        let mut child = command.spawn().map_err(not_run)?;
        // Ends with this future, which is dropped when the build is cancelled or takes too long.
        let group = Group::of(&child);
        let (sender, mut pieces) = mpsc::channel(4);
        let readers = [
            child.stdout.take().map(|out| tokio::spawn(read(out, sender.clone()))),
            child.stderr.take().map(|err| tokio::spawn(read(err, sender.clone()))),
        ];
        drop(sender);
        let mut written = Written::new(cx);
        while let Some(piece) = pieces.recv().await {
            written.push(&piece);
        }
        let status = child.wait().await.map_err(not_run)?;
        group.ended();
        drop(readers);
        let tail = written.finish();
        match status.code() {
            Some(0) => Ok(()),
            Some(code) => {
                let words = words!("the build failed: docker build ended with code {}", code);
                Err(ExecutorError::new(FailureCode::BuildFailed, words).saying(tail))
            }
            None => {
                Err(ExecutorError::new(FailureCode::BuildFailed, "the build failed: docker build was killed")
                    .saying(tail))
            }
        }
    }
}

/// Whether a variable of this name would change what `docker` itself does.
fn is_of_docker(name: &str) -> bool {
    let prefixes = ["DOCKER_", "BUILDX_", "BUILDKIT_", "LD_", "SSH_"];
    ["PATH", "HOME"].contains(&name) || prefixes.iter().any(|prefix| name.starts_with(prefix))
}

async fn read(mut from: impl AsyncRead + Unpin, to: mpsc::Sender<Vec<u8>>) {
    let mut chunk = [0; CHUNK];
    while let Ok(bytes @ 1..) = from.read(&mut chunk).await {
        if to.send(chunk[..bytes].to_vec()).await.is_err() {
            return;
        }
    }
}

/// The first line that `docker` writes, if it ends well.
async fn said(arguments: &[&str]) -> Option<String> {
    let mut command = Command::new("docker");
    command.args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let out = tokio::time::timeout(HELLO, command.output()).await.ok()?.ok()?;
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    out.status.success().then(|| text.lines().next().unwrap_or_default().trim().to_owned())
}

pub(super) fn tell(cx: &EffectContext, line: String) {
    cx.tell(Progress::Line(line));
}

/// Output of a build: reported line by line, masked, and its end kept.
pub(super) struct Written<'a> {
    cx: &'a EffectContext,
    lines: Lines,
    tail: Tail,
}

impl<'a> Written<'a> {
    pub(super) fn new(cx: &'a EffectContext) -> Self {
        Self { cx, lines: Lines::new(cx.values.mask.masker()), tail: Tail::default() }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        let lines = self.lines.push(bytes);
        take(self.cx, &mut self.tail, lines);
    }

    /// The last lines.
    pub(super) fn finish(mut self) -> String {
        take(self.cx, &mut self.tail, self.lines.finish());
        self.tail.text()
    }
}

fn take(cx: &EffectContext, tail: &mut Tail, lines: Vec<String>) {
    for line in lines.into_iter().filter(|line| !line.is_empty()) {
        tell(cx, line.clone());
        tail.push(line);
    }
}
