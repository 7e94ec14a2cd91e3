//! `haloy edge`.

use super::Context;
use crate::error::{Error, Kind};
use crate::output::Reply;
use crate::settings;
use haloy_edge::{AccessLog, AcmeOptions, ChildInspector, EdgeError, EdgeOptions, EdgeStatus, ReplicaStatus};
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

/// The edge: the process in front of every app that has a domain.
///
/// `haloy deploy` starts it when it is needed and none runs. It serves the routes that it received last,
/// keeps them on disk, and needs neither haloy nor the ledger to go on serving.
#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "Examples:\n  haloy edge run --http 0.0.0.0:80\n  haloy edge status\n  haloy edge upgrade"
)]
pub struct Edge {
    #[command(subcommand)]
    command: EdgeCommand,
}

#[derive(Debug, clap::Subcommand)]
enum EdgeCommand {
    Run(Run),
    Status(Status),
    Reload(Reload),
    Stop(Stop),
    Upgrade(Upgrade),
    Inspector(Inspector),
}

/// Serve in the foreground, until SIGTERM or `haloy edge stop`.
#[derive(Debug, clap::Args)]
struct Run {
    /// Address to listen at for http; repeat it or join addresses with commas
    #[arg(
        long,
        env = settings::EDGE_HTTP,
        value_delimiter = ',',
        default_value = "[::]:80",
        value_name = "ADDRESS"
    )]
    http: Vec<SocketAddr>,
    /// Address to listen at for https; repeat it or join addresses with commas
    #[arg(
        long,
        env = settings::EDGE_HTTPS,
        value_delimiter = ',',
        default_value = "[::]:443",
        value_name = "ADDRESS"
    )]
    https: Vec<SocketAddr>,
    /// Directory of the authority for certificates: a URL, `production` or `staging` of Let's Encrypt
    #[arg(long, env = settings::ACME_DIRECTORY, default_value = "production", value_name = "URL")]
    acme_directory: String,
    /// Certificate of that authority's server, in PEM, where the system does not know it
    #[arg(long, env = settings::ACME_CA, value_name = "FILE")]
    acme_ca: Option<PathBuf>,
    /// Address where Prometheus finds `/metrics` [default: none]
    #[arg(long, env = settings::EDGE_METRICS, value_name = "ADDRESS")]
    metrics: Option<SocketAddr>,
    /// Where a line of JSON for each request goes: `off`, `stdout` or a file, which SIGHUP reopens
    #[arg(long, env = settings::EDGE_ACCESS_LOG, default_value = "off", value_name = "WHERE")]
    access_log: AccessLog,
    /// Folder of its socket and its routes [default: `edge` in the folder of the ledger]
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Take over the sockets of the edge that started this one
    #[arg(long, hide = true)]
    takeover: bool,
    /// Leave the terminal that this was started from
    #[arg(long, hide = true)]
    detached: bool,
}

/// What the edge serves, and requests in flight through each replica.
#[derive(Debug, clap::Args)]
struct Status {}

/// Take over certificates that were put into `certs/own`, and reopen the access log.
#[derive(Debug, clap::Args)]
struct Reload {}

/// End the edge: requests in flight are ended first, new ones are refused.
#[derive(Debug, clap::Args)]
struct Stop {}

/// Let this program take over from the edge that runs, without losing a request.
#[derive(Debug, clap::Args)]
struct Upgrade {}

/// Say where containers are, to the edge that started this.
#[derive(Debug, clap::Args)]
#[command(hide = true)]
struct Inspector {}

pub(crate) async fn run(cx: &Context, args: Edge) -> Result<Reply, Error> {
    match args.command {
        EdgeCommand::Run(args) => serve(cx, args).await,
        EdgeCommand::Status(_) => Ok(reply(&cx.service.edge_status().await?, "serves")),
        EdgeCommand::Inspector(_) => {
            match haloy_executors::docker::inspect_for_edge(Default::default()).await {
                Ok(()) => Ok(Reply::empty("edge-ended/1", String::new())),
                Err(error) => Err(Error::new(Kind::Operational, error.to_string())),
            }
        }
        EdgeCommand::Reload(_) => Ok(reply(&cx.service.edge_reload().await?, "serves")),
        EdgeCommand::Stop(_) => Ok(reply(&cx.service.edge_stop().await?, "leaves")),
        EdgeCommand::Upgrade(_) => {
            let before = cx.service.edge_status().await?;
            let after = cx.service.edge_upgrade().await?;
            let text = format!(
                "edge {} (process {}) serves, {} (process {}) leaves\n",
                after.version, after.pid, before.version, before.pid
            );
            Ok(Reply::one("edge/1", &after, text))
        }
    }
}

async fn serve(cx: &Context, args: Run) -> Result<Reply, Error> {
    if args.detached {
        // Already the leader of a session is fine.
        let _session = rustix::process::setsid();
    }
    let folder = match args.folder {
        Some(folder) => folder,
        None => super::service_options(&cx.global).edge_folder(),
    };
    let options = EdgeOptions {
        folder,
        http: args.http,
        https: args.https,
        metrics: args.metrics,
        patience: haloy_edge::limits::HEAD_TIME,
        answer: haloy_edge::limits::ANSWER_TIME,
        acme: AcmeOptions { directory: Some(args.acme_directory), root: args.acme_ca },
        checks: Default::default(),
        takeover: args.takeover,
        access_log: args.access_log,
        inspector: Arc::new(ChildInspector::new(inspector())),
    };
    match haloy_edge::run(options).await {
        Ok(()) => Ok(Reply::empty("edge-ended/1", String::new())),
        Err(error) => Err(refusal(error)),
    }
}

/// This very program, also where another was put in its place meanwhile.
fn inspector() -> Vec<OsString> {
    ["/proc/self/exe", "edge", "inspector"].map(OsString::from).to_vec()
}

fn refusal(error: EdgeError) -> Error {
    let message = error.to_string();
    match error {
        EdgeError::Listen { source, .. } if source.kind() == std::io::ErrorKind::PermissionDenied => {
            Error::new(Kind::Operational, message).hint(
                "ports below 1024 need root or CAP_NET_BIND_SERVICE; HALOY_EDGE_HTTP names another address",
            )
        }
        EdgeError::Listen { .. } => Error::new(Kind::Operational, message)
            .hint("see who listens there with `ss -ltnp`; HALOY_EDGE_HTTP names another address"),
        EdgeError::Runs(_) => {
            Error::new(Kind::Operational, message).hint("let this program take over with: haloy edge upgrade")
        }
        EdgeError::AccessLog(_) => Error::new(Kind::Operational, message)
            .hint("--access-log (HALOY_EDGE_ACCESS_LOG) takes off, stdout or the path of a file"),
        EdgeError::Threads(_) | EdgeError::Folder { .. } | EdgeError::Handoff(_) | EdgeError::Tls(_) => {
            Error::new(Kind::Operational, message)
        }
    }
}

fn reply(status: &EdgeStatus, word: &str) -> Reply {
    let listens = status.http.iter().chain(&status.https);
    let http: Vec<String> = listens.map(ToString::to_string).collect();
    let mut text =
        format!("edge {} (process {}) {word} at {}\n", status.version, status.pid, http.join(", "));
    match status.generation {
        Some(generation) => {
            text.push_str(&format!("  {} at generation {generation}\n", count(status.routes, "route")));
        }
        None => text.push_str("  no routes yet\n"),
    }
    for certificate in &status.certificates {
        let ends = crate::output::time::rfc3339(certificate.not_after);
        text.push_str(&format!("  certificate for {} until {ends}\n", certificate.names.join(", ")));
    }
    for refused in &status.refused {
        let again = crate::output::time::rfc3339(refused.next_try);
        text.push_str(&format!(
            "  no certificate for {}: {}; next attempt {again}\n",
            refused.domain, refused.cause
        ));
    }
    for file in &status.unreadable {
        text.push_str(&format!("  no certificate from {file}\n"));
    }
    for replica in &status.replicas {
        text.push_str(&line(replica));
    }
    Reply::one("edge/1", status, text)
}

/// A replica, its place, and known problems.
fn line(status: &ReplicaStatus) -> String {
    let at = status.address.map_or_else(|| "no known address".to_owned(), |at| at.to_string());
    let mut text = format!("  {at}");
    if let Some(subject) = &status.subject {
        let container = subject.container.as_deref().and_then(|id| id.get(..12)).unwrap_or("by its labels");
        let number = subject.replica.index + 1;
        text = format!("  {}/{} replica {number} ({container}) at {at}", subject.app, subject.target);
    }
    if let (Some(now), Some(recorded)) = (status.address, status.recorded)
        && now != recorded
    {
        text.push_str(&format!(", started at {recorded}"));
    }
    text.push_str(&format!(": {} in flight", count(status.in_flight as usize, "request")));
    match &status.doubt {
        Some(doubt) => text.push_str(&format!("; no new connections, {doubt}")),
        None if status.marked => text.push_str("; does not accept connections"),
        None => {}
    }
    if let Some(why) = &status.out {
        text.push_str(&format!("; out of the route: it {why}"));
    }
    text.push('\n');
    text
}

use crate::output::words::count;
