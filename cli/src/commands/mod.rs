//! One file per command: its arguments, whose docs are the help, and one function.

pub mod backup;
pub mod checkpoint;
pub mod config;
pub mod demo;
pub mod deploy;
pub mod doctor;
pub mod edge;
pub mod events;
pub mod generate;
pub mod history;
pub mod hold;
pub mod key;
pub mod logs;
pub mod prove;
pub mod prune;
pub mod recover;
pub mod redact;
pub mod replay;
pub mod restart;
pub mod retention;
pub mod rollback;
pub mod rollback_targets;
pub mod routes;
mod selecting;
pub mod settle;
pub mod show;
pub mod status;
pub mod stop;
pub mod tag;
pub mod targets;
pub mod validate_config;
pub mod verify;

use crate::cli::{Cli, Command, Global, TargetArgs};
use crate::config::{Guard, Named, is_here};
use crate::error::{Error, Kind};
use crate::machine;
use crate::output::{self, Reply, foreign, progress};
use crate::service::embedded::{EmbeddedOptions, keys_folder, ledger_folder};
use crate::service::{Follow, Service};
use crate::{settings, signals};
use haloy_executors::{Limits, Waits};
use std::io::{BufRead, IsTerminal, Write};
use std::sync::Arc;
use std::time::Duration;

use selecting::{file_if_there, key, keys, keys_known, keys_meant, keys_to_read, selected, selected_with};

/// What every command works with.
pub struct Context {
    /// Options of every command.
    pub global: Global,
    /// What is asked.
    pub service: Arc<dyn Service>,
    /// Is told what happens meanwhile.
    pub follow: Arc<dyn Follow>,
    /// Who is waited for.
    pub waits: Waits,
    /// Colour on stdout.
    pub colour: bool,
}

/// How the service finds its ledger, from options, environment and defaults.
pub fn service_options(global: &Global) -> EmbeddedOptions {
    let limits = Limits { health: settings::seconds(settings::HEALTH_TIMEOUT), ..Limits::default() };
    EmbeddedOptions {
        ledger: global.ledger.clone().unwrap_or_else(ledger_folder),
        keys: keys_folder(),
        publish: global.publish.clone(),
        wait: Duration::from_secs(global.wait),
        accept_clock: global.accept_clock,
        limits,
        waits: Waits::default(),
    }
}

/// Runs a command.
pub async fn run(cli: Cli) -> Result<Reply, Error> {
    let Cli { global, command } = cli;
    let options = service_options(&global);
    let waits = options.waits.clone();
    let service = Arc::new(machine::service(options)?);
    let follow = progress::follower(global.progress, global.quiet || silent(&command), "");
    // The edge goes on where its terminal goes away, and says itself what a signal means to it.
    if !matches!(command, Command::Edge(_)) {
        let told = Arc::clone(&follow);
        signals::listen(move |text| told.note(text));
    }
    tokio::spawn(progress::tell_waits(waits.clone(), Arc::clone(&follow)));
    for misspelt in settings::misspelt() {
        follow.note(&misspelt);
    }
    let colour = output::colour(global.color);
    let cx = Context { global, service, follow, waits, colour };
    match command {
        Command::Deploy(args) => deploy::run(&cx, args).await,
        Command::Rollback(args) => rollback::run(&cx, args).await,
        Command::RollbackTargets(args) => rollback_targets::run(&cx, args).await,
        Command::Status(args) => status::run(&cx, args).await,
        Command::History(args) => history::run(&cx, args).await,
        Command::Show(args) => show::run(&cx, args).await,
        Command::Events(args) => events::run(&cx, args).await,
        Command::Logs(args) => logs::run(&cx, args).await,
        Command::Restart(args) => restart::run(&cx, args).await,
        Command::Stop(args) => stop::run(&cx, args).await,
        Command::Tag(args) => tag::run(&cx, args).await,
        Command::Hold(args) => hold::run(&cx, args).await,
        Command::Retention(args) => retention::run(&cx, args).await,
        Command::Prune(args) => prune::run(&cx, args).await,
        Command::PruneImages(args) => prune::images(&cx, args).await,
        Command::Settle(args) => settle::run(&cx, args).await,
        Command::Routes(args) => routes::run(&cx, args).await,
        Command::Edge(args) => edge::run(&cx, args).await,
        Command::Verify(args) => verify::run(&cx, args).await,
        Command::Checkpoint(args) => checkpoint::run(&cx, args).await,
        Command::Prove(args) => prove::run(&cx, args).await,
        Command::Key(args) => key::run(&cx, args).await,
        Command::Redact(args) => redact::run(&cx, args).await,
        Command::Recover(args) => recover::run(&cx, args).await,
        Command::Backup(args) => backup::run(&cx, args).await,
        Command::Restore(args) => backup::restore(&cx, args).await,
        Command::Replay(args) => replay::run(&cx, args).await,
        Command::Targets(args) => targets::run(&cx, args),
        Command::ValidateConfig(args) => validate_config::run(&cx, args).await,
        Command::Config(args) => config::run(&args),
        Command::Doctor(args) => doctor::run(&cx, args).await,
        Command::Demo(args) => demo::run(&cx, args).await,
        Command::Completion(args) => generate::completion(&args),
        Command::Man(args) => generate::man(&args),
        Command::Version(_) => Ok(generate::version()),
        Command::ExitCodes(_) => Ok(generate::exit_codes()),
    }
}

/// `--no-logs`: as `--quiet`. The command waits all the same, and its exit code says how it ended.
fn silent(command: &Command) -> bool {
    let deploy = matches!(command, Command::Deploy(args) if args.no_logs);
    deploy || matches!(command, Command::Rollback(args) if args.no_logs)
}

/// Asks on a terminal; elsewhere `--yes` is the answer, or an error names it.
pub fn confirm(cx: &Context, question: &str, expected: Option<&str>) -> Result<(), Error> {
    if cx.global.yes {
        return Ok(());
    }
    let stdin = std::io::stdin();
    if !stdin.is_terminal() || !std::io::stderr().is_terminal() {
        return Err(Error::new(Kind::Usage, format!("{question} It is not asked without a terminal."))
            .hint("add --yes"));
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

/// A target of another server is refused, unless this machine stands for it; one that is protected is asked about.
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

/// What became of several targets: what worked is answered, each failure is told, and one failure alone is the
/// error. The code is the common one, or 5 if some worked.
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
    errors.iter().for_each(|error| crate::told(error));
    let code = match errors.split_first() {
        None => 0,
        Some((first, rest)) if answers.is_empty() && rest.iter().all(|error| error.kind == first.kind) => {
            first.kind.code()
        }
        Some(_) => Kind::Partial.code(),
    };
    Ok((answers, code))
}
