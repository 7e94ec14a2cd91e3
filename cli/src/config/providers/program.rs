//! Running the program of a provider: without a shell, with no input, in a process group of its own, for so long
//! and for so much output.

use crate::signals;
use haloy_executors::limits::{PROVIDER, PROVIDER_BYTES};
use haloy_executors::process::Group;
use haloy_ledger::locks::locked;
use haloy_service::Work;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Between two looks at a program that runs.
const LOOK: Duration = Duration::from_millis(10);
/// How long the output of a program that ended may stay open, held by something that it started.
const AFTERWARDS: Duration = Duration::from_secs(1);

/// Why a source could not be opened.
pub enum Failed {
    /// Cause and hint.
    Because { cause: String, hint: String },
    /// The program gave a reason; that, and its output, are not masked yet.
    Said { cause: String, said: String, wrote: String, hint: String },
    /// This process was interrupted.
    Ended,
}

/// A program and how to get it.
pub struct Program {
    pub name: &'static str,
    pub install: &'static str,
}

/// One of its outputs, up to a limit.
#[derive(Clone, Default)]
struct Taken(Arc<Mutex<Written>>);

#[derive(Default)]
struct Written {
    bytes: Vec<u8>,
    over: bool,
    ended: bool,
}

impl Taken {
    fn read(&self, from: Option<impl Read + Send + 'static>) {
        let taken = self.clone();
        std::thread::spawn(move || {
            let mut chunk = [0; 8 * 1024];
            let mut from = from;
            while let Some(from) = &mut from
                && let Ok(bytes @ 1..) = from.read(&mut chunk)
            {
                // Output after the limit is read and dropped, so that the program is not blocked.
                taken.with(|written| match written.bytes.len() + bytes > PROVIDER_BYTES {
                    true => written.over = true,
                    false => written.bytes.extend_from_slice(&chunk[..bytes]),
                });
            }
            taken.with(|written| written.ended = true);
        });
    }

    fn with<T>(&self, look: impl FnOnce(&mut Written) -> T) -> T {
        look(&mut locked(&self.0))
    }

    fn text(&self) -> String {
        self.with(|written| String::from_utf8_lossy(&written.bytes).into_owned())
    }
}

impl Program {
    /// Runs it, and returns its output. `again` is the command for a user who wants to see more.
    pub fn run(&self, arguments: &[&str], again: &str) -> Result<String, Failed> {
        let name = self.name;
        let because = |cause: String, hint: String| Failed::Because { cause, hint };
        let work = signals::interrupt().work();
        let mut command = Command::new(name);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.process_group(0).spawn().map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                let cause = format!("the program `{name}` is not in PATH");
                because(cause, format!("install it: {}", self.install))
            }
            _other => because(
                format!("`{name}` could not be started: {error}"),
                "look at its permissions".to_owned(),
            ),
        })?;
        let group = Group::led_by(child.id());
        let (out, err) = (Taken::default(), Taken::default());
        out.read(child.stdout.take());
        err.read(child.stderr.take());
        let ended = wait(&mut child, &work, &out, &err);
        match &ended {
            Ok(_) => group.ended(),
            Err(_) => drop(group),
        }
        // Collected, so that no zombie stays; one that is gone is what is wanted.
        drop(child.wait());
        let run = || format!("see with: {again}");
        match ended? {
            _any if out.with(|written| written.over) => Err(too_much()),
            status if status.success() => {
                match out.with(|written| String::from_utf8(written.bytes.clone())) {
                    Ok(text) => Ok(text),
                    Err(_) => Err(because(format!("`{name}` wrote something that is not UTF-8"), run())),
                }
            }
            status => {
                let cause = format!("`{name}` ended with {}", ending(status));
                Err(Failed::Said { cause, said: err.text(), wrote: out.text(), hint: run() })
            }
        }
    }
}

fn ending(status: ExitStatus) -> String {
    status.code().map_or_else(|| status.to_string(), |code| format!("exit code {code}"))
}

fn too_much() -> Failed {
    let cause = format!("its output is more than the {PROVIDER_BYTES} bytes that are taken");
    Failed::Because { cause, hint: "make a smaller file or item of what is needed".to_owned() }
}

/// Until it has ended, or must.
fn wait(child: &mut Child, work: &Work, out: &Taken, err: &Taken) -> Result<ExitStatus, Failed> {
    let (began, mut status, mut since) = (Instant::now(), None, None);
    loop {
        if work.is_interrupted() {
            return Err(Failed::Ended);
        }
        if status.is_none() {
            status = child.try_wait().map_err(|error| Failed::Because {
                cause: format!("how it ended is unknown: {error}"),
                hint: "try again".to_owned(),
            })?;
        }
        let read = [out, err].iter().all(|taken| taken.with(|written| written.ended));
        if let Some(status) = status {
            let since = *since.get_or_insert_with(Instant::now);
            if read || since.elapsed() > AFTERWARDS {
                return Ok(status);
            }
        } else if out.with(|written| written.over) {
            return Err(too_much());
        } else if began.elapsed() > PROVIDER {
            return Err(Failed::Because {
                cause: format!("it gave no answer within {} s", PROVIDER.as_secs()),
                hint: "run it by hand: it may wait for an answer of yours".to_owned(),
            });
        }
        std::thread::sleep(LOOK);
    }
}
