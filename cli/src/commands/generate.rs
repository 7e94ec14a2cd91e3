//! What is generated from the command tree: completions, man pages, the table of exit codes.

use crate::error::{EXIT_CODES, Error, Kind};
use crate::output::Reply;
use std::path::PathBuf;

/// Print the completion script of a shell.
#[derive(Debug, clap::Args)]
pub struct Completion {
    /// Shell
    shell: clap_complete::Shell,
}

/// Write man pages, one per command, into a folder.
#[derive(Debug, clap::Args)]
pub struct Man {
    /// Folder, made where it is missing
    folder: PathBuf,
}

/// Print every exit code and its meaning.
#[derive(Debug, clap::Args)]
#[command(after_long_help = table())]
pub struct ExitCodes {}

/// One line per code.
fn table() -> String {
    EXIT_CODES.iter().map(|(code, meaning)| format!("{code:>3}  {meaning}\n")).collect()
}

pub(crate) fn completion(args: &Completion, tree: &mut clap::Command) -> Result<Reply, Error> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, tree, "haloy", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    Ok(Reply::one("completion/1", &script, script.clone()))
}

pub(crate) fn man(args: &Man, tree: clap::Command) -> Result<Reply, Error> {
    let made =
        std::fs::create_dir_all(&args.folder).and_then(|()| clap_mangen::generate_to(tree, &args.folder));
    made.map_err(|error| Error::new(Kind::Operational, format!("{}: {error}", args.folder.display())))?;
    let text = format!("man pages are in {}", args.folder.display());
    Ok(Reply::one("man/1", &args.folder.display().to_string(), text))
}

/// Print the version, as --version does.
#[derive(Debug, clap::Args)]
pub struct Version {}

/// Version of this program.
pub(crate) fn version() -> Reply {
    let version = env!("CARGO_PKG_VERSION");
    Reply::one("version/1", &version, format!("haloy {version}\n"))
}

pub(crate) fn exit_codes() -> Reply {
    Reply::list("exit-codes/1", EXIT_CODES, table())
}
