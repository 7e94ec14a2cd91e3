//! What every command prints, on stdout and stderr, and its exit code: one file of `snapshots/` for
//! each scenario. `$` is a command, `!` a line of stderr, `=` the exit code. After a change that is
//! meant: `make snapshots`, and read the difference.

mod configuration;
mod coverage;
mod deploying;
mod edge;
mod evidence;
mod from_go;
mod harness;
mod help;
mod hostile;
mod keeping;
mod patience;
mod refused;
mod rolling_back;
mod secrets;
mod signals;
mod terminal;
mod trouble;
