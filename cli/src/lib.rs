//! The face of haloy: the command line, its configuration file and its output.
//!
//! Reading order: [`cli`] (every command and option), [`commands`] (one file each), [`config`]
//! (haloy.yaml), [`service`] (what commands talk to), [`output`] and [`error`].

pub mod cli;
pub mod commands;
pub mod config;
pub mod error;
pub mod facts;
pub mod output;
pub mod service;

use clap::Parser;
use std::io::Write;
use std::process::ExitCode;

/// Parses the command line, runs the command, prints and ends with its exit code.
pub fn run() -> ExitCode {
    tell_panics();
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let code = if error.use_stderr() { 2 } else { 0 };
            drop(error.print());
            return ExitCode::from(code);
        }
    };
    // The runtime that cannot be made is the one thing that there is no better answer to.
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: no threads could be started: {error}");
            return ExitCode::from(1);
        }
    };
    let format = cli.global.format();
    match runtime.block_on(commands::run(cli)) {
        Ok(reply) => {
            reply.print(format);
            ExitCode::from(reply.exit)
        }
        Err(error) => {
            drop(writeln!(std::io::stderr(), "error: {error}"));
            ExitCode::from(error.kind.code())
        }
    }
}

/// As always, but for those that become an error: that is told, and nothing else.
fn tell_panics() {
    let told = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !haloy_ledger::log::panic_is_caught() {
            told(panic);
        }
    }));
}
