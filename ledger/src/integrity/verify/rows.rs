//! Whether the read models are what the log says.

use crate::integrity::code::{Code, Fault};
use crate::log::Stored;
use crate::log::keys::Keyspace;
use crate::projection::{Folding, Projections};
use std::collections::BTreeMap;

/// Compares folded read models with the live ones; those that are behind (of another version of this
/// program) are left for the next open to build.
pub fn compare(folding: Folding, stored: &dyn Stored) -> Result<u64, Fault> {
    let ids = Projections::default().ids();
    let mut live = BTreeMap::new();
    let scanned = stored.scan(Keyspace::Rows, &mut |key, value| {
        if ids.iter().any(|id| key.starts_with(&id.prefix())) {
            live.insert(key.to_vec(), value.to_vec());
        }
        Ok(())
    });
    let unreadable = |error: crate::log::LogError| Fault::new(Code::StoreUnreadable, error.to_string());
    scanned.map_err(unreadable)?;
    let behind: Vec<&str> =
        ids.iter().filter(|id| !live.contains_key(&id.checkpoint())).map(|id| id.name).collect();
    let report = folding.compare(&live).map_err(unreadable)?;
    let difference = report.differences.iter().find(|found| !behind.contains(&found.projection.as_str()));
    match difference {
        Some(found) => {
            let cause = format!("a row of `{}` is {} (key {})", found.projection, found.what, found.key);
            Err(Fault::new(Code::RowsDiffer, cause))
        }
        None => Ok(report.rows),
    }
}
