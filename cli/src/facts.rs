//! Actor, origin and basis of a command: read before the command is built.

use crate::machine;
use crate::settings;
use haloy_ledger::event::{CiFacts, GitFacts};
use haloy_ledger::ids::{DeploymentId, Timestamp};
use haloy_ledger::ledger::ActorFacts;
use haloy_ledger::log::{ActorKind, Auth};
use haloy_service::Caller;
use std::path::Path;
use std::process::Command;

/// Program and version, as recorded.
pub const TOOL: &str = concat!("haloy/", env!("CARGO_PKG_VERSION"));

/// An id for something new, from this machine's clock and randomness.
pub fn new_id() -> DeploymentId {
    DeploymentId::from_parts(machine::now().unix_ms(), machine::entropy("ids").ulid_bits())
}

/// The caller of this process.
pub fn caller() -> Caller {
    let ci = ci();
    let (user, auth) = who(ci.is_some());
    // A declared name has the identity known to the system beside it.
    let uid = match &auth {
        Auth::Declared | Auth::CiEnvironment | Auth::None => Some(machine::uid()),
        _known => None,
    };
    let on_behalf =
        variable("GITHUB_ACTOR").or_else(|| variable("GITLAB_USER_LOGIN")).filter(|_| ci.is_some());
    let kind = if ci.is_some() { ActorKind::Ci } else { ActorKind::Person };
    Caller {
        actor: ActorFacts { name: user, kind, auth, on_behalf, uid },
        host: Some(machine::host()),
        address: None,
        tool: TOOL.to_owned(),
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The actor, and how the identity is known. Any user can set a variable: a name from one is declared, and is
/// never recorded as the operating system's own.
fn who(in_ci: bool) -> (Option<String>, Auth) {
    match settings::text(settings::ACTOR) {
        Some(name) => (Some(name), Auth::Declared),
        None if in_ci => (system_user(), Auth::CiEnvironment),
        // The one who called sudo, as sudo says; to the system it is root.
        None => match variable("SUDO_USER") {
            Some(name) => (Some(name), Auth::Declared),
            None => match system_user() {
                Some(name) => (Some(name), Auth::OsUser),
                None => (None, Auth::None),
            },
        },
    }
}

/// The name that the system knows for this user.
fn system_user() -> Option<String> {
    let id = rustix::process::getuid().as_raw().to_string();
    let passwd = std::fs::read_to_string("/etc/passwd").ok()?;
    let line = passwd.lines().find(|line| line.split(':').nth(2) == Some(&id))?;
    line.split(':').next().map(str::to_owned)
}

/// The CI job, as its environment says.
pub fn ci() -> Option<CiFacts> {
    const SYSTEMS: [(&str, &str, &str); 4] = [
        ("GITHUB_ACTIONS", "github", "GITHUB_RUN_ID"),
        ("GITLAB_CI", "gitlab", "CI_PIPELINE_ID"),
        ("JENKINS_URL", "jenkins", "BUILD_TAG"),
        ("BUILDKITE", "buildkite", "BUILDKITE_BUILD_ID"),
    ];
    let (_, system, run) = SYSTEMS.iter().find(|(sign, _, _)| std::env::var_os(sign).is_some())?;
    Some(CiFacts { system: (*system).to_owned(), run: std::env::var(run).unwrap_or_default() })
}

/// The working tree of the configuration file; none where there is no git or no repository.
pub fn git(folder: &Path) -> Option<GitFacts> {
    let ask = |arguments: &[&str]| {
        let out = Command::new("git").arg("-C").arg(folder).args(arguments).output().ok()?;
        out.status.success().then(|| String::from_utf8_lossy(&out.stdout).trim().to_owned())
    };
    let commit = ask(&["rev-parse", "HEAD"])?;
    let branch = ask(&["symbolic-ref", "--short", "-q", "HEAD"]);
    let dirty = ask(&["status", "--porcelain"]).is_some_and(|changes| !changes.is_empty());
    let committed =
        ask(&["show", "-s", "--format=%ct", "HEAD"]).and_then(|seconds| seconds.parse::<i64>().ok());
    let committed = committed.and_then(|seconds| seconds.checked_mul(1_000_000_000)).map(Timestamp);
    Some(GitFacts { commit, branch, dirty, committed })
}
