//! From errors of the ledger and the executors to messages for the user.

use crate::{Error, Kind};
use haloy_executors::{DispatchError, ExecutorError};
use haloy_ledger::deployment::Rejection;
use haloy_ledger::edge;
use haloy_ledger::integrity::code::{Code, Fault};
use haloy_ledger::log::{AppendError, LogError};
use haloy_ledger::{ExecuteError, OpenError};

/// What is left to do with a ledger of a newer haloy.
const NEWER: &str = "upgrade haloy; until then, `haloy events`, `checkpoint`, `prove` and `verify` read it";

pub fn executor(error: ExecutorError) -> Error {
    Error::new(Kind::Operational, error.to_string())
}

pub fn dispatch(error: DispatchError) -> Error {
    match error {
        DispatchError::Execute(error) => execute(error),
        DispatchError::Log(error) => log(error),
        DispatchError::Observe(error) => executor(error),
        DispatchError::NoExecutor(_) | DispatchError::Answer(_) => {
            Error::new(Kind::Operational, error.to_string())
        }
    }
}

pub fn execute(error: ExecuteError) -> Error {
    match error {
        ExecuteError::Rejected(rejection) => rejected(&rejection),
        ExecuteError::RejectedAtEdge(rejection) => rejected_at_edge(&rejection),
        ExecuteError::Append(error) => append(error),
        ExecuteError::Log(error) => log(error),
    }
}

fn rejected(rejection: &Rejection) -> Error {
    let message = rejection.to_string();
    match rejection {
        Rejection::RolloutRunning { .. }
        | Rejection::NamingRunning
        | Rejection::StopRunning
        | Rejection::RestartRunning
        | Rejection::GoesBack { .. } => {
            Error::new(Kind::Locked, message).hint("wait, or end what a crash left with: haloy settle")
        }
        Rejection::NotRestorable { .. } | Rejection::AlreadyCurrent { .. } => {
            Error::new(Kind::NotRestorable, message).hint("see what can be: haloy rollback-targets --explain")
        }
        Rejection::NoSuchName { .. } => Error::new(Kind::Usage, message).hint("list them with: haloy tag"),
        Rejection::AlreadyHeld { .. } | Rejection::NotHeld { .. } => {
            Error::new(Kind::Operational, message).hint("list what is held with: haloy hold")
        }
        Rejection::IsStopped => Error::new(Kind::Operational, message)
            .hint("start it with: haloy deploy, or haloy rollback RELEASE"),
        Rejection::NotRunning { .. } | Rejection::NothingRuns | Rejection::AlreadyStopped => {
            Error::new(Kind::Operational, message)
        }
        Rejection::SlugTaken { .. } => {
            Error::new(Kind::Usage, message).hint("give one of the two apps another `name`")
        }
    }
}

fn rejected_at_edge(rejection: &edge::Rejection) -> Error {
    let message = rejection.to_string();
    match rejection {
        edge::Rejection::DomainTaken { alias: false, .. } => Error::new(Kind::Usage, message)
            .hint("remove it there, or take it over with --move-domains; see: haloy routes"),
        edge::Rejection::DomainTaken { alias: true, .. } => {
            Error::new(Kind::Usage, message).hint("remove it from the `aliases` there; see: haloy routes")
        }
    }
}

fn append(error: AppendError) -> Error {
    let message = error.to_string();
    match error {
        AppendError::KeyReused { .. } => {
            Error::new(Kind::Precondition, message).hint("use another --idempotency-key")
        }
        AppendError::NotAKey => Error::new(Kind::Usage, message).hint("use another --idempotency-key"),
        AppendError::Clock { now_ns, last_ns, why } => {
            let at = |ns| crate::time::rfc3339(haloy_ledger::ids::Timestamp(ns));
            let last =
                if last_ns == 0 { String::new() } else { format!(", the last event is of {}", at(last_ns)) };
            Error::new(Kind::Operational, format!("the clock says {}{last}: {why}", at(now_ns)))
                .hint("set the clock of this machine, or vouch for it with --accept-clock; see: haloy doctor")
        }
        AppendError::Log(error) => log(error),
        AppendError::Broken(_) => Error::new(Kind::Operational, message).hint(
            "nothing was acknowledged that is not stored; make room or repair the disk, then: haloy settle",
        ),
        AppendError::Frozen { .. } => Error::new(Kind::Operational, message).hint(
            "bring the keys back from a backup; if they are gone for ever, take new ones: haloy key adopt",
        ),
        AppendError::Conflict { .. }
        | AppendError::TooLarge { .. }
        | AppendError::TooMany { .. }
        | AppendError::NoEvents { .. }
        | AppendError::Closed => Error::new(Kind::Operational, message),
    }
}

pub fn log(error: LogError) -> Error {
    let message = error.to_string();
    match error {
        LogError::Locked { .. } => Error::new(Kind::Locked, message),
        LogError::NewerFormat { .. } | LogError::NewerEntry { .. } => {
            Error::new(Kind::Precondition, format!("the ledger was {message}")).hint(NEWER)
        }
        LogError::Io { .. } => Error::new(Kind::Operational, message)
            .hint("the folder must be writable by this user; another one can be named with --ledger DIR"),
        LogError::Scratch { .. } => Error::new(Kind::Operational, message)
            .hint("make room there, or name another folder with the variable TMPDIR"),
        LogError::Unreadable { .. } | LogError::BadEntry { .. } => Error::new(Kind::Verification, message)
            .hint("see what is still proved: haloy verify; rebuild the store: haloy recover"),
        LogError::Publish { .. } => Error::new(Kind::Operational, message)
            .hint("make room there, or name another folder with --publish DIR"),
        LogError::Encode { .. } | LogError::Projection { .. } | LogError::Store(_) => {
            Error::new(Kind::Operational, message)
        }
    }
}

pub fn open(error: OpenError) -> Error {
    match error {
        OpenError::Log(error) => log(error),
        OpenError::Append(error) => append(error),
        OpenError::Refused(fault) => refused(&fault),
        OpenError::Keys(_) | OpenError::NotALedger => Error::new(Kind::Operational, error.to_string()),
    }
}

fn refused(fault: &Fault) -> Error {
    let message = format!("the ledger is refused: {fault}");
    let hint = match fault.code {
        Code::Fork => {
            "two copies were written to; keep both, and compare them: haloy verify --against CHECKPOINT"
        }
        Code::LogShorter => {
            "if an older copy was put back on purpose: haloy restore; else bring back what is missing with: haloy recover"
        }
        Code::StoreMissing => {
            "if this folder is a backup: haloy restore DIR; else rebuild its store from what is published: haloy recover"
        }
        _other => {
            "nothing was changed; see what is still proved: haloy verify; rebuild it from the published copy: haloy recover"
        }
    };
    Error::new(Kind::Verification, message).hint(hint)
}

impl From<LogError> for Error {
    fn from(error: LogError) -> Self {
        log(error)
    }
}
