//! `haloy demo`: the whole story, with the real commands.

use super::{Context, bound, service_options};
use crate::args::Global;
use crate::error::{Error, Kind, Shown, code};
use crate::output::{Reply, foreign, progress};
use futures_util::future::BoxFuture;
use haloy_executors::docker::Before;
use haloy_executors::{DockerExecutor, DockerOptions, Faults, SimulatedExecutor};
use haloy_service::Embedded;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Tell the whole story on this machine: deploy, break, roll back, show the record.
///
/// Builds a small app from scratch on Docker, in a ledger of its own, with the real commands, and
/// removes everything afterwards. Needs no network.
#[derive(Debug, clap::Args)]
pub struct Demo {
    /// Leave containers, images and ledger where they are
    #[arg(long)]
    keep: bool,
    /// Run on a simulated engine, without Docker
    #[arg(long)]
    simulated: bool,
}

/// The app: a static binary, compiled by build.rs.
pub const APP: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/demo-app"));
const SLUG: &str = "haloy-demo";
const DOCKERFILE: &str =
    "FROM scratch\nCOPY app /app\nARG VERSION\nENV VERSION=$VERSION\nENTRYPOINT [\"/app\"]\n";

/// Runs a command line as typed; an error if there is no such command.
pub(crate) type Typed =
    for<'a> fn(&'a Context, &[&str]) -> Result<BoxFuture<'a, Result<Reply, Error>>, Error>;

/// Everything that the demo makes, and how it speaks.
struct Stage {
    folder: PathBuf,
    cx: Context,
    typed: Typed,
    docker: Option<Arc<DockerExecutor>>,
    /// What was on the engine under its names; stays.
    before: Before,
    /// In front of every line: empty, or `simulated: `.
    prefix: &'static str,
    keep: bool,
}

pub(crate) async fn run(cx: &Context, args: Demo, typed: Typed) -> Result<Reply, Error> {
    let started = Instant::now();
    let stage = Stage::set(cx, &args, typed).await?;
    let told = stage.tell().await;
    let cleared = stage.clear().await;
    told?;
    cleared?;
    let took = started.elapsed().as_secs_f64();
    Ok(Reply::empty("demo/1", format!("{}the demo took {took:.1} s", stage.prefix)))
}

fn io(error: std::io::Error) -> Error {
    Error::new(Kind::Operational, format!("the folder of the demo: {error}"))
}

impl Stage {
    async fn set(cx: &Context, args: &Demo, typed: Typed) -> Result<Self, Error> {
        let folder = std::env::temp_dir().join(format!("haloy-demo-{}", crate::facts::new_id()));
        std::fs::create_dir_all(&folder).map_err(io)?;
        let prefix = if args.simulated { "simulated: " } else { "" };
        let mut options = service_options(&cx.global);
        options.ledger = folder.join("ledger");
        options.keys = folder.join("keys");
        options.limits.health = Some(Duration::from_secs(4));
        let health = options.limits.health;
        let (service, docker, before) = if args.simulated {
            let engine = Arc::new(SimulatedExecutor::new(1, Faults::default()));
            engine.world().networks.insert(SLUG.to_owned());
            (Embedded::simulated(options, engine), None, Before::default())
        } else {
            let docker = Arc::new(DockerExecutor::new(DockerOptions { health, ..DockerOptions::default() }));
            docker.facts().await.map_err(|error| {
                Error::new(Kind::Operational, error.to_string()).hint(format!(
                    "{}; or see the story without Docker: haloy demo --simulated",
                    error.hint()
                ))
            })?;
            let before = docker.before(SLUG, SLUG).await;
            let before = before.map_err(|error| Error::new(Kind::Operational, error.to_string()))?;
            (Embedded::new(options), Some(docker), before)
        };
        let follow = progress::follower(progress::Mode::Plain, true, prefix);
        let global = Global { yes: true, ..cx.global.clone() };
        let (waits, colour) = (cx.waits.clone(), cx.colour);
        let cx = Context { global, service: Arc::new(bound(service)), follow, waits, colour };
        let stage = Self { folder, cx, typed, docker, before, prefix, keep: args.keep };
        std::fs::write(stage.folder.join("app"), APP).map_err(io)?;
        // Docker keeps the mode of copied files.
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(stage.folder.join("app"), mode).map_err(io)?;
        std::fs::write(stage.folder.join("Dockerfile"), DOCKERFILE).map_err(io)?;
        Ok(stage)
    }

    fn say(&self, text: &str) {
        for line in foreign::lines(text.trim_end()).lines() {
            drop(writeln!(std::io::stdout(), "{}{line}", self.prefix));
        }
    }

    fn headline(&self, text: &str) {
        drop(writeln!(std::io::stdout(), "{}", self.prefix.trim_end()));
        self.say(&format!("# {text}"));
    }

    /// Writes haloy.yaml for this version.
    fn version(&self, version: &str, status: &str) -> Result<(), Error> {
        let text = format!(
            "name: {SLUG}\nnetwork: {SLUG}\nreplicas: 2\nimage:\n  repository: {SLUG}\n  tag: {version}\n  build_config:\n    \
             args:\n      - {{name: VERSION, value: {version}}}\nenv:\n  - {{name: STATUS, value: \"{status}\"}}\n"
        );
        std::fs::write(self.folder.join("haloy.yaml"), text).map_err(io)
    }

    /// Runs a command as it would be typed, and returns its exit code.
    async fn command(&self, line: &str) -> Result<u8, Error> {
        self.say(&format!("$ {line}"));
        let config = self.folder.join("haloy.yaml");
        let mut words: Vec<&str> = line.split(' ').collect();
        let config = config.display().to_string();
        if !["replay", "events", "verify"].iter().any(|whole| line.contains(whole)) {
            words.extend(["--config", &config]);
        }
        let done = (self.typed)(&self.cx, &words)?.await;
        match done {
            Ok(reply) => {
                self.say(reply.text());
                Ok(reply.exit)
            }
            Err(error) => {
                self.say(&format!("error: {}", Shown(&error)));
                Ok(code(error.kind))
            }
        }
    }

    /// A step that must end with this code: a demo that goes wrong must not look as if it did not.
    async fn expect(&self, line: &str, code: u8) -> Result<(), Error> {
        match self.command(line).await? {
            ended if ended == code => Ok(()),
            ended => Err(Error::new(Kind::Verification, format!("`{line}` ended with {ended}, not {code}"))),
        }
    }

    async fn tell(&self) -> Result<(), Error> {
        self.headline("version 1, two replicas, built here from scratch");
        self.version("v1", "200")?;
        self.expect("haloy deploy -m first", 0).await?;
        self.headline("version 2: each old replica goes once a new one is healthy");
        self.version("v2", "200")?;
        self.expect("haloy deploy -m checkout", 0).await?;
        self.headline("version 3 answers 503: it never becomes healthy, and version 2 stays");
        self.version("v3", "503")?;
        self.expect("haloy deploy -m rewrite", 3).await?;
        self.answers("v2").await?;
        self.headline("what can be rolled back to, what cannot, and why");
        self.expect("haloy rollback-targets --explain", 0).await?;
        self.headline("back to version 1");
        self.expect("haloy rollback -m checkout-is-down", 0).await?;
        self.answers("v1").await?;
        self.expect("haloy status", 0).await?;
        self.headline("who did what, when and why: every deployment, and the events behind it");
        self.expect("haloy history", 0).await?;
        self.expect("haloy events", 0).await?;
        self.headline("the same log gives the same answer: every read model rebuilt and compared");
        self.expect("haloy replay", 0).await?;
        self.headline(
            "nothing of it was changed: entries, tree, signed heads, private values and what is published",
        );
        self.expect("haloy verify", 0).await
    }

    /// Queries the app itself, over HTTP, at the address of a replica.
    async fn answers(&self, version: &str) -> Result<(), Error> {
        if self.docker.is_none() {
            return Ok(());
        }
        let status = self.cx.service.status(None).await?;
        let address = status.iter().flat_map(|answer| &answer.replicas).find_map(|row| row.address.clone());
        let address = address.ok_or_else(|| Error::new(Kind::Verification, "no replica has an address"))?;
        self.say(&format!("$ curl {address}"));
        let text = tokio::task::spawn_blocking(move || get(&address)).await;
        let text = text.unwrap_or_else(|error| Err(std::io::Error::other(error))).map_err(io)?;
        self.say(&text);
        if text.trim() == format!("version {version}") {
            return Ok(());
        }
        Err(Error::new(Kind::Verification, format!("it is not {version} that answers")))
    }

    async fn clear(&self) -> Result<(), Error> {
        if self.keep {
            let folder = self.folder.display();
            self.say(&format!(
                "kept: HALOY_LEDGER={folder}/ledger HALOY_KEYS={folder}/keys haloy status --config {folder}"
            ));
            return Ok(());
        }
        if let Some(docker) = &self.docker {
            let ledger =
                self.cx.service.events(haloy_service::EventsRequest { limit: Some(1), ..Default::default() });
            let ledger = ledger.await.ok().and_then(|rows| Some(rows.first()?.view.correlation.clone()));
            // The ledger's first event is correlated with the ledger's own id.
            let ledger = ledger.unwrap_or_default();
            let gone = docker.forget(&ledger, SLUG, SLUG, &self.before).await;
            gone.map_err(|error| Error::new(Kind::Operational, error.to_string()))?;
        }
        remove(&self.folder)?;
        drop(writeln!(std::io::stdout(), "{}", self.prefix.trim_end()));
        self.say("removed: containers, images, network and ledger of the demo (--keep leaves them)");
        Ok(())
    }
}

fn remove(folder: &Path) -> Result<(), Error> {
    std::fs::remove_dir_all(folder).map_err(io)
}

/// The body of an answer, without a client library.
fn get(address: &str) -> std::io::Result<String> {
    use std::io::Read;
    let host = address.trim_start_matches("http://");
    let mut stream = std::net::TcpStream::connect(host)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer.split_once("\r\n\r\n").map_or(answer.clone(), |(_, body)| body.to_owned()))
}
