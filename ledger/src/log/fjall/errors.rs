//! Errors of fjall, in words for people.

use crate::log::LogError;

pub(super) fn store_error(error: ::fjall::Error) -> LogError {
    LogError::Store(plain(&error))
}

/// fjall shows its errors as debug text; the system's own sentence is what helps.
pub(super) fn plain(error: &::fjall::Error) -> String {
    match error {
        ::fjall::Error::Io(io) => io.to_string(),
        ::fjall::Error::Poisoned => "an earlier write to disk failed".to_owned(),
        ::fjall::Error::Locked => "another process has it".to_owned(),
        ::fjall::Error::InvalidVersion(_) => "it is of another version of the store".to_owned(),
        ::fjall::Error::KeyspaceDeleted => "a part of it was deleted meanwhile".to_owned(),
        other => {
            let mut cause: Option<&(dyn std::error::Error + 'static)> = std::error::Error::source(other);
            while let Some(inner) = cause {
                if let Some(io) = inner.downcast_ref::<std::io::Error>() {
                    return io.to_string();
                }
                cause = inner.source();
            }
            "a part of it is damaged".to_owned()
        }
    }
}
