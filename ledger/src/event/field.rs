//! Numbers of private fields that belong to one kind of event, not to its configuration.

use crate::private::{FieldNumber, Private};

/// What others wrote about a failure.
pub const DETAIL: u32 = 21;
/// Last lines of a container or hook.
pub const LOG_TAIL: u32 = 22;
/// Why a release is held.
pub const BASIS: u32 = 23;
/// A command line.
pub const ARGV: u32 = 32;

/// What others wrote about a failure, where present, with its number.
pub(super) fn detail(detail: &mut Option<Private>) -> Vec<(FieldNumber, &mut Private)> {
    detail.iter_mut().map(|detail| (DETAIL, detail)).collect()
}
