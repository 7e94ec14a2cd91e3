//! fjall asserts some of what it reads. A damaged file must not end the process, nor show its user threads
//! and lines of source.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Whether a panic of this thread, now, is caught and reported as an error. A panic hook that prints should
/// ignore it.
pub fn panic_is_caught() -> bool {
    GUARDED.get()
}

/// Opens something; turns a panic into an error.
pub(super) fn guarded<T>(open: impl FnOnce() -> T) -> Result<T, String> {
    GUARDED.set(true);
    let opened = catch_unwind(AssertUnwindSafe(open));
    GUARDED.set(false);
    opened.map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no reason was given");
        format!("what was read is not as it must be: {text}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_and_known_to_be_caught_only_while_it_is() {
        assert!(!panic_is_caught());
        assert_eq!(guarded(panic_is_caught), Ok(true));
        let refused = guarded(|| assert_eq!(1, 2, "a length")).expect_err("a panic");
        assert!(refused.contains("a length"), "{refused}");
        assert!(!panic_is_caught());
    }
}
