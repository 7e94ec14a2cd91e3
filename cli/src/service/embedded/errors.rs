//! From the ledger's and the executors' errors to what a user is told.

use crate::error::{Error, Kind};
use haloy_executors::{DispatchError, ExecutorError};
use haloy_ledger::deployment::Rejection;
use haloy_ledger::log::{AppendError, LogError};
use haloy_ledger::{ExecuteError, OpenError};

pub fn executor(error: ExecutorError) -> Error {
    let told = Error::new(Kind::Operational, error.cause.to_string());
    if error.detail.is_empty() { told } else { told.hint(error.detail) }
}

pub fn dispatch(error: DispatchError) -> Error {
    match error {
        DispatchError::Execute(error) => execute(error),
        DispatchError::Log(error) => log(error),
        DispatchError::Observe(error) => executor(error),
        DispatchError::NoExecutor(_) => Error::new(Kind::Operational, error.to_string()),
    }
}

pub fn execute(error: ExecuteError) -> Error {
    match error {
        ExecuteError::Rejected(rejection) => rejected(&rejection),
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
        Rejection::NotRunning { .. } | Rejection::NothingRuns | Rejection::AlreadyStopped => {
            Error::new(Kind::Operational, message)
        }
        Rejection::DomainTaken { alias: false, .. } => Error::new(Kind::Usage, message)
            .hint("remove it there, or take it over with --move-domains; see: haloy routes"),
        Rejection::DomainTaken { alias: true, .. } => {
            Error::new(Kind::Usage, message).hint("remove it from the `aliases` there; see: haloy routes")
        }
        Rejection::SlugTaken { .. } => {
            Error::new(Kind::Usage, message).hint("give one of the two apps another `name`")
        }
    }
}

fn append(error: AppendError) -> Error {
    let message = error.to_string();
    match error {
        AppendError::KeyReused { .. } => {
            Error::new(Kind::Precondition, message).hint("use another --idempotency-key")
        }
        AppendError::Clock { .. } => Error::new(Kind::Operational, message)
            .hint("set the clock of this machine, or vouch for it with --accept-clock; see: haloy doctor"),
        AppendError::NewerFormat { .. } => Error::new(Kind::Operational, message).hint("upgrade haloy"),
        AppendError::Log(error) => log(error),
        AppendError::Broken(_) => Error::new(Kind::Operational, message).hint(
            "nothing was acknowledged that is not stored; make room or repair the disk, then: haloy settle",
        ),
        AppendError::Conflict { .. }
        | AppendError::TooLarge { .. }
        | AppendError::TooMany { .. }
        | AppendError::Closed => Error::new(Kind::Operational, message),
    }
}

pub fn log(error: LogError) -> Error {
    let message = error.to_string();
    match error {
        LogError::Locked { .. } => Error::new(Kind::Locked, message),
        LogError::NewerEntry { .. } => Error::new(Kind::Operational, message).hint("upgrade haloy"),
        LogError::Io { .. } => Error::new(Kind::Operational, message)
            .hint("the folder must be writable by this user; another one can be named with --ledger DIR"),
        LogError::BadEntry { .. }
        | LogError::Encode { .. }
        | LogError::Projection { .. }
        | LogError::Store(_) => Error::new(Kind::Operational, message),
    }
}

pub fn open(error: OpenError) -> Error {
    match error {
        OpenError::Log(error) => log(error),
        OpenError::Append(error) => append(error),
        OpenError::Keys(_) | OpenError::NotALedger => Error::new(Kind::Operational, error.to_string()),
    }
}
