//! The command line: help texts, docs/commands.md, man pages and completions all come from here. Runs the
//! parsed command.

use crate::args::Global;
use crate::commands::*;
use crate::error::{Error, Kind};
use crate::output::{self, Reply, progress};
use crate::{settings, signals};
use clap::{CommandFactory, Parser, Subcommand};
use futures_util::future::BoxFuture;
use std::sync::Arc;

/// Deploys containers, rolls back in seconds, and keeps a record that can be checked.
///
/// Reads haloy.yaml, starts the new containers on Docker, and stops the old ones once the new ones
/// are healthy. Every step is an event in an append-only log; what can be rolled back to is
/// computed from it.
#[derive(Debug, Parser)]
#[command(name = "haloy", version, propagate_version = true, max_term_width = 100, after_long_help = EXAMPLES)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "Examples:
  haloy deploy                      deploy the app of ./haloy.yaml
  haloy rollback-targets --explain  what can be restored, what cannot, and why
  haloy rollback                    back to the last good release
  haloy history                     every deployment: who, when, why, how it ended
  haloy demo                        the whole story on this machine, in a minute

Exit codes: haloy help exit-codes";

/// Every command.
#[derive(Debug, Subcommand)]
#[expect(missing_docs, reason = "each variant's help is the doc comment of its arguments")]
pub enum Command {
    Deploy(deploy::Deploy),
    Rollback(rollback::RollbackArgs),
    RollbackTargets(rollback_targets::RollbackTargets),
    Status(status::Status),
    History(history::History),
    Show(show::Show),
    Events(events::Events),
    Logs(logs::Logs),
    Restart(restart::Restart),
    Stop(stop::Stop),
    Tag(tag::Tag),
    Hold(hold::Hold),
    Prune(prune::Prune),
    #[command(hide = true)]
    PruneImages(prune::PruneImages),
    Retention(retention::Retention),
    Settle(settle::Settle),
    Routes(routes::Routes),
    Edge(edge::Edge),
    Verify(verify::Verify),
    Checkpoint(checkpoint::Checkpoint),
    Prove(prove::Prove),
    Key(key::Key),
    Redact(redact::Redact),
    Recover(recover::Recover),
    Backup(backup::Backup),
    Restore(backup::Restore),
    Replay(replay::Replay),
    Targets(targets::Targets),
    ValidateConfig(validate_config::ValidateConfig),
    Config(config::Config),
    Doctor(doctor::Doctor),
    Demo(demo::Demo),
    Completion(generate::Completion),
    Man(generate::Man),
    ExitCodes(generate::ExitCodes),
    Version(generate::Version),
}

/// Runs a command.
pub async fn run(cli: Cli) -> Result<Reply, Error> {
    let Cli { global, command } = cli;
    let options = service_options(&global);
    let waits = options.waits.clone();
    let service = Arc::new(bound(service(options)?));
    let follow = progress::follower(global.progress, global.quiet || silent(&command), "");
    // The edge goes on where its terminal goes away, and handles signals itself.
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
    perform(&cx, command).await
}

async fn perform(cx: &Context, command: Command) -> Result<Reply, Error> {
    match command {
        Command::Deploy(args) => deploy::run(cx, args).await,
        Command::Rollback(args) => rollback::run(cx, args).await,
        Command::RollbackTargets(args) => rollback_targets::run(cx, args).await,
        Command::Status(args) => status::run(cx, args).await,
        Command::History(args) => history::run(cx, args).await,
        Command::Show(args) => show::run(cx, args).await,
        Command::Events(args) => events::run(cx, args).await,
        Command::Logs(args) => logs::run(cx, args).await,
        Command::Restart(args) => restart::run(cx, args).await,
        Command::Stop(args) => stop::run(cx, args).await,
        Command::Tag(args) => tag::run(cx, args).await,
        Command::Hold(args) => hold::run(cx, args).await,
        Command::Retention(args) => retention::run(cx, args).await,
        Command::Prune(args) => prune::run(cx, args).await,
        Command::PruneImages(args) => prune::images(cx, args).await,
        Command::Settle(args) => settle::run(cx, args).await,
        Command::Routes(args) => routes::run(cx, args).await,
        Command::Edge(args) => edge::run(cx, args).await,
        Command::Verify(args) => verify::run(cx, args).await,
        Command::Checkpoint(args) => checkpoint::run(cx, args).await,
        Command::Prove(args) => prove::run(cx, args).await,
        Command::Key(args) => key::run(cx, args).await,
        Command::Redact(args) => redact::run(cx, args).await,
        Command::Recover(args) => recover::run(cx, args).await,
        Command::Backup(args) => backup::run(cx, args).await,
        Command::Restore(args) => backup::restore(cx, args).await,
        Command::Replay(args) => replay::run(cx, args).await,
        Command::Targets(args) => targets::run(cx, args),
        Command::ValidateConfig(args) => validate_config::run(cx, args).await,
        Command::Config(args) => config::run(&args),
        Command::Doctor(args) => doctor::run(cx, args).await,
        Command::Demo(args) => demo::run(cx, args, typed).await,
        Command::Completion(args) => generate::completion(&args, &mut Cli::command()),
        Command::Man(args) => generate::man(&args, Cli::command()),
        Command::Version(_) => Ok(generate::version()),
        Command::ExitCodes(_) => Ok(generate::exit_codes()),
    }
}

/// A command as it would be typed, for the demo.
fn typed<'a>(cx: &'a Context, words: &[&str]) -> Result<BoxFuture<'a, Result<Reply, Error>>, Error> {
    let cli = Cli::try_parse_from(words).map_err(|error| Error::new(Kind::Usage, error.to_string()))?;
    Ok(Box::pin(perform(cx, cli.command)))
}

/// `--no-logs`: as `--quiet`. The command waits all the same, and its exit code is the result.
fn silent(command: &Command) -> bool {
    let deploy = matches!(command, Command::Deploy(args) if args.no_logs);
    deploy || matches!(command, Command::Rollback(args) if args.no_logs)
}
