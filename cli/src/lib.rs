//! The face of haloy: the command line, its configuration file and its output.
//!
//! Reading order: [`cli`] (every command, and who runs it), [`commands`] (one file each), [`args`] (options
//! that they share), [`config`] (haloy.yaml), [`output`] and [`error`]. What commands talk to is `haloy_service`.

pub mod args;
pub mod cli;
pub mod commands;
pub mod config;
pub mod error;
pub mod facts;
pub mod machine;
pub mod output;
mod places;
pub mod settings;
pub mod signals;
mod suggestions;

use crate::output::{foreign, print_error_line};
use clap::Parser;
use std::io::Write;
use std::process::ExitCode;

/// Parses the command line, runs the command, prints and ends with its exit code.
pub fn run() -> ExitCode {
    tell_panics();
    // A panic that is caught here was already reported, with its place.
    let ended = std::panic::catch_unwind(parse_and_run);
    ExitCode::from(ended.unwrap_or_else(|_| {
        let text = "this is a bug in haloy; what was recorded is safe\nhint: end what is unfinished with: haloy settle";
        print_error_line(&text);
        error::BUG
    }))
}

fn parse_and_run() -> u8 {
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) if !error.use_stderr() => return usage(&error),
        Err(error) => return misunderstood(&suggestions::harmless(error)),
    };
    let format = cli.global.format();
    if let Err(error) = settings::check() {
        return failed(&error, in_json(format));
    }
    // A runtime that cannot be created is the one error without a better answer.
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            print_error_line(&format_args!("no threads could be started: {error}"));
            return error::code(error::Kind::Operational);
        }
    };
    let printed = runtime.block_on(cli::run(cli)).and_then(|reply| reply.print(format));
    printed.unwrap_or_else(|error| failed(&error, in_json(format)))
}

fn in_json(format: output::Format) -> bool {
    matches!(format, output::Format::Json | output::Format::Ndjson)
}

/// A wrong command line. A wrong value in the environment is reported by the name of its variable.
fn misunderstood(error: &clap::Error) -> u8 {
    let json = asks_for_json();
    if let Err(error) = settings::check() {
        return failed(&error, json);
    }
    let code = usage(error);
    if json {
        let told = error.render().to_string();
        let first = told.lines().next().unwrap_or_default().trim_start_matches("error: ");
        print_error(&error::Error::new(error::Kind::Usage, first));
    }
    code
}

fn failed(error: &error::Error, json: bool) -> u8 {
    error::tell(error);
    if json {
        print_error(error);
    }
    error::code(error.kind)
}

/// An error for programs, on stdout: a client that requests JSON reads JSON, however the command ends.
fn print_error(error: &error::Error) {
    let line = foreign::json(&error::json(error).to_string()).into_owned();
    // It is on stderr as well; if stdout is gone nothing can be reported.
    drop(writeln!(std::io::stdout(), "{line}"));
}

/// A command line that is not understood may still say how its answer should be written.
fn asks_for_json() -> bool {
    let given: Vec<String> = std::env::args_os().map(|given| given.to_string_lossy().into_owned()).collect();
    let json = |value: &str| matches!(value, "json" | "ndjson");
    given.iter().any(|given| {
        given == "--json"
            || given.strip_prefix("--output=").is_some_and(json)
            || given.strip_prefix("-o").is_some_and(|value| json(value.trim_start_matches('=')))
    }) || given.windows(2).any(|pair| matches!(&*pair[0], "-o" | "--output") && json(&pair[1]))
}

/// Help, or what is wrong with the command line; that repeats arguments and variables, which may be
/// anything, and may have lines that look like ours.
fn usage(error: &clap::Error) -> u8 {
    if !error.use_stderr() {
        drop(error.print());
        return 0;
    }
    let plain = error.render().to_string();
    let variables = std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("HALOY_"));
    let given = std::env::args_os().chain(variables.map(|(_, value)| value));
    let shown = given.fold(plain.clone(), |shown, given| {
        let given = given.to_string_lossy();
        if given.contains('\n') { shown.replace(&*given, &foreign::line(&given)) } else { shown }
    });
    let shown: String = shown.lines().map(|line| foreign::message(line) + "\n").collect();
    if shown == plain {
        drop(error.print());
    } else {
        drop(write!(std::io::stderr(), "{shown}"));
    }
    error::code(error::Kind::Usage)
}

/// As by default, except for panics that become an error: only the error is reported.
fn tell_panics() {
    let told = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !haloy_ledger::log::panic_is_caught() {
            told(panic);
        }
    }));
}
