//! Context of every command: how it asks and answers.

use crate::args::{Global, TargetArgs};
use crate::config::{Guard, Named, is_here};
use crate::error::{Error, Kind, code, tell};
use crate::output::{foreign, progress};
use crate::places::{keys_folder, ledger_folder};
use crate::{facts, machine};
use crate::{settings, signals};
use haloy_edge::Waits;
use haloy_executors::Limits;
use haloy_service::{As, Embedded, EmbeddedOptions, Entropies, Follow, Machine, Service};
use std::io::{BufRead, IsTerminal, Write};
use std::sync::Arc;
use std::time::Duration;

/// What every command works with.
pub struct Context {
    /// Options of every command.
    pub global: Global,
    /// The service.
    pub service: Arc<dyn Service>,
    /// Receives progress callbacks.
    pub follow: Arc<dyn Follow>,
    /// Services that are waited for.
    pub waits: Waits,
    /// Colour on stdout.
    pub colour: bool,
}

/// How the service finds its ledger, from options, environment and defaults.
pub fn service_options(global: &Global) -> EmbeddedOptions {
    let limits = Limits { health: settings::seconds(settings::HEALTH_TIMEOUT), ..Limits::default() };
    let ledger = global.ledger.clone().unwrap_or_else(ledger_folder);
    EmbeddedOptions {
        publish: global.publish.clone(),
        wait: Duration::from_secs(global.wait),
        accept_clock: global.accept_clock,
        limits,
        docker_timeout: settings::seconds(settings::DOCKER_TIMEOUT),
        registry_timeout: settings::seconds(settings::REGISTRY_TIMEOUT),
        registry_certs: settings::path(settings::REGISTRY_CERTS),
        drain: settings::seconds(settings::DRAIN_TIMEOUT),
        upgrading: progress::upgrading(global.progress, global.quiet),
        ..EmbeddedOptions::new(ledger, keys_folder(), this_machine())
    }
}

/// What the service knows of this process and this machine.
fn this_machine() -> Machine {
    Machine {
        clock: machine::clock(),
        entropy: Entropies {
            ledger: machine::entropy("ledger"),
            ids: machine::entropy("ids"),
            dispatcher: machine::entropy("dispatcher"),
        },
        tool: facts::TOOL.to_owned(),
        process: std::process::id(),
        program: std::env::current_exe().ok(),
        scratch: std::env::temp_dir(),
        memory: machine::memory(),
        at_once: machine::at_once(),
    }
}

/// The service on the engine of this machine.
pub fn service(options: EmbeddedOptions) -> Result<Embedded, Error> {
    match machine::engine() {
        Some(engine) => Ok(Embedded::simulated(options, Arc::new(engine?))),
        None => Ok(Embedded::new(options)),
    }
}

/// The service for the caller of this process; signals interrupt its work.
pub fn bound(service: Embedded) -> As {
    As::new(Arc::new(service), facts::caller(), signals::interrupt().clone())
}

/// Asks on a terminal; elsewhere `--yes` is the answer, or an error names it.
pub fn confirm(cx: &Context, question: &str, expected: Option<&str>) -> Result<(), Error> {
    if cx.global.yes {
        return Ok(());
    }
    let stdin = std::io::stdin();
    if !stdin.is_terminal() || !std::io::stderr().is_terminal() {
        let message = format!("{question} Confirmation needed, but stdin is not a terminal.");
        return Err(Error::new(Kind::Usage, message).hint("pass --yes"));
    }
    let how = expected.map_or("[y/N]".to_owned(), |name| format!("type `{name}`:"));
    drop(write!(std::io::stderr(), "{} {how} ", foreign::line(question)));
    let mut line = String::new();
    let read = stdin.lock().read_line(&mut line);
    let answer = line.trim();
    let agreed = match expected {
        Some(name) => answer == name,
        None => matches!(answer.to_lowercase().as_str(), "y" | "yes"),
    };
    match (read, agreed) {
        (Ok(_), true) => Ok(()),
        (Ok(_) | Err(_), _) => Err(Error::new(Kind::Interrupted, "nothing was done")),
    }
}

/// A target of another server is refused, unless this machine stands for it; a protected target needs a
/// confirmation.
pub fn pass(cx: &Context, args: &TargetArgs, guards: &[Guard], what: &str) -> Result<(), Error> {
    let remote = guards.iter().find_map(|guard| Some((&guard.named, guard.server.as_ref()?)));
    if let Some((Named { target, .. }, server)) = remote.filter(|(_, server)| !args.here && !is_here(server))
    {
        let message =
            format!("target {target} has `server: {server}`, and haloy does not deploy over the network yet");
        return Err(Error::new(Kind::Usage, message).hint(
            "run haloy on that server; --here (or HALOY_HERE=1) says that this machine stands for it",
        ));
    }
    for Guard { named: Named { app, target }, .. } in guards.iter().filter(|guard| guard.protected) {
        confirm(cx, &format!("{app}/{target} is protected. {what}"), Some(app))?;
    }
    Ok(())
}

/// Result of several targets: successes are the answer, each failure is reported, and one failure alone is
/// the error. The code is the common one, or 5 if some succeeded.
pub fn answered<T>(done: Vec<Result<T, Error>>) -> Result<(Vec<T>, u8), Error> {
    let (mut answers, mut errors) = (Vec::new(), Vec::new());
    for one in done {
        match one {
            Ok(answer) => answers.push(answer),
            Err(error) => errors.push(error),
        }
    }
    if let ([], [error]) = (answers.as_slice(), errors.as_slice()) {
        return Err(error.clone());
    }
    errors.iter().for_each(tell);
    let code = match errors.split_first() {
        None => 0,
        Some((first, rest)) if answers.is_empty() && rest.iter().all(|error| error.kind == first.kind) => {
            code(first.kind)
        }
        Some(_) => code(Kind::Partial),
    };
    Ok((answers, code))
}
