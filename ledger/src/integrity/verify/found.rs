//! Whether rows are found by their keys. A scan reads no filters, so that a row may appear in every scan and
//! still be missing for a look-up.

use crate::integrity::code::{Code, Fault};
use crate::log::keys::Keyspace;
use crate::log::{LogError, Stored};

/// Looks up every row, or one of every `step`; returns how many.
pub fn by_key(stored: &dyn Stored, step: u64) -> Result<u64, Fault> {
    let (mut rows, mut asked) = (0u64, 0);
    for space in Keyspace::ALL {
        let scanned = stored.scan(space, &mut |key, _| {
            rows += 1;
            if !rows.is_multiple_of(step) {
                return Ok(());
            }
            asked += 1;
            let lost = || LogError::Store(format!("a row of `{}` is not found by its key", space.name()));
            stored.row(space, key)?.map(drop).ok_or_else(lost)
        });
        scanned.map_err(|error| Fault::new(Code::StoreUnreadable, error.to_string()))?;
    }
    Ok(asked)
}
