//! Crash points: places where a test makes haloy die, to see that the next command settles it.
//!
//! Compiled to nothing without the cargo feature `failpoints`, which no release has. With it,
//! `HALOY_FAILPOINT=NAME` ends the process, without any cleaning up, when it gets to that point, and
//! `HALOY_FAILPOINT_LIST=FILE` notes every point that it gets to.

/// Whether crash points do anything.
pub const ENABLED: bool = cfg!(feature = "failpoints");

/// A place to die at. The name is only made where the feature is on.
#[macro_export]
macro_rules! failpoint {
    ($($name:tt)+) => {
        if $crate::failpoint::ENABLED {
            $crate::failpoint::hit(&format!($($name)+));
        }
    };
}

/// Gets to a crash point.
pub fn hit(name: &str) {
    use std::io::Write;
    if let Ok(list) = std::env::var("HALOY_FAILPOINT_LIST")
        && let Ok(mut file) = std::fs::OpenOptions::new().create(true).append(true).open(list)
    {
        drop(writeln!(file, "{name}"));
    }
    if std::env::var("HALOY_FAILPOINT").is_ok_and(|wanted| wanted == name) {
        // As if killed: no destructor runs, nothing is flushed.
        std::process::abort();
    }
}
